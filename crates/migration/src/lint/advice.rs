//! What a rule of squawk means under expand, backfill and contract, and what to do instead.

use squawk_linter::Rule;

use super::finding::RuleClass;

/// What is said of a rule; squawk's own words stand where there are none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Advice {
    pub(super) class: RuleClass,
    pub(super) why: Option<&'static str>,
    pub(super) instead: Option<&'static str>,
}

const RENAME: &str = "The version that runs now asks for the old name, and the new one for the new name: one of them fails, \
                      whatever the phase.";
const LATER: &str = "do it in a contract migration, when no live version needs it";
const LATER_BACKUP: &str =
    "do it in a contract migration, after a verified backup, when no live version needs it";

/// What is said of a rule.
pub(super) fn advice(rule: Rule) -> Advice {
    match rule {
        Rule::BanDropColumn
        | Rule::BanDropTable
        | Rule::BanDropSchema
        | Rule::BanDropDatabase
        | Rule::RenamingColumn
        | Rule::RenamingTable
        | Rule::RenamingObject
        | Rule::BanSetSchema
        | Rule::ChangingColumnType
        | Rule::BanTruncateCascade => shape(rule),
        Rule::AddingRequiredField
        | Rule::AddingNotNullableField
        | Rule::AddingFieldWithDefault
        | Rule::AddingForeignKeyConstraint
        | Rule::ConstraintMissingNotValid
        | Rule::DisallowedUniqueConstraint
        | Rule::AddingSerialPrimaryKeyField
        | Rule::RequireConcurrentIndexCreation
        | Rule::RequireConcurrentIndexDeletion
        | Rule::RequireConcurrentPartitionDetach
        | Rule::RequireConcurrentReindex
        | Rule::PreferRepack => lock(rule),
        Rule::BanConcurrentIndexCreationInTransaction
        | Rule::TransactionNesting
        | Rule::BanUncommittedTransaction
        | Rule::RequireLockTimeout
        | Rule::RequireStatementTimeout
        | Rule::RequireTimeoutSettings
        | Rule::BanDuplicateColumnAssignments
        | Rule::IdentifierTooLong
        | Rule::UnusedIgnore => running(rule),
        Rule::PreferBigintOverInt
        | Rule::PreferBigintOverSmallint
        | Rule::PreferIdentity
        | Rule::PreferRobustStmts
        | Rule::PreferTextField
        | Rule::PreferTimestampTz
        | Rule::BanCharField
        | Rule::RequireEnumValueOrdering
        | Rule::RequireTableSchema => own(RuleClass::Style),
        // What remains takes something away, or changes what it means, for the version that runs.
        _ => Advice {
            instead: Some(LATER),
            ..own(RuleClass::Contract)
        },
    }
}

/// squawk's own words.
fn own(class: RuleClass) -> Advice {
    Advice {
        class,
        why: None,
        instead: None,
    }
}

fn said(class: RuleClass, why: &'static str, instead: &'static str) -> Advice {
    Advice {
        class,
        why: Some(why),
        instead: Some(instead),
    }
}

/// Rules about what the running version finds.
fn shape(rule: Rule) -> Advice {
    match rule {
        Rule::BanDropColumn => said(
            RuleClass::Contract,
            "The version that runs now still reads or writes the column, and its values are gone.",
            LATER_BACKUP,
        ),
        Rule::BanDropTable => said(
            RuleClass::Contract,
            "The version that runs now still uses the table, and its rows are gone.",
            LATER_BACKUP,
        ),
        Rule::BanTruncateCascade => said(
            RuleClass::DataLoss,
            "It deletes every row of the table and of every table that refers to it; only a backup brings them back.",
            LATER_BACKUP,
        ),
        Rule::BanDropSchema | Rule::BanDropDatabase => Advice {
            instead: Some(LATER_BACKUP),
            ..own(RuleClass::DataLoss)
        },
        Rule::RenamingColumn => said(
            RuleClass::Breaks,
            RENAME,
            "add a column of the new name (expand), write both and copy the rows (backfill), drop the old one (contract)",
        ),
        Rule::RenamingTable => said(
            RuleClass::Breaks,
            RENAME,
            "keep the name, or rename and make a view of the old name in the same transaction, dropped in a contract migration",
        ),
        Rule::RenamingObject | Rule::BanSetSchema => said(
            RuleClass::Breaks,
            RENAME,
            "make it under the new name (expand) and drop the old one later (contract)",
        ),
        _ => said(
            RuleClass::Contract,
            "Every row may be written again while nobody can read the table, the version that runs now still expects the old \
             type, and a value that does not fit ends the migration.",
            "add a column of the new type (expand), write both and copy the rows (backfill), drop the old one (contract)",
        ),
    }
}

/// Rules about who waits for how long.
fn lock(rule: Rule) -> Advice {
    match rule {
        Rule::AddingRequiredField => said(
            RuleClass::Contract,
            "It fails as soon as the table has a row; where it has none, every INSERT of the version that runs now fails.",
            "give it a DEFAULT that is constant, or let it be NULL, fill it in a backfill, and forbid NULL in a contract \
             migration",
        ),
        Rule::AddingNotNullableField => said(
            RuleClass::Contract,
            "Nobody can read or write the table until all rows are looked at, a row with NULL ends the migration, and the \
             version that runs now may still write NULL.",
            "add CHECK (column IS NOT NULL) NOT VALID, validate it in a later file, and only then SET NOT NULL, which uses it, \
             in a contract migration",
        ),
        Rule::AddingFieldWithDefault => said(
            RuleClass::Lock,
            "The default differs from row to row, so that every row is written again while nobody can read the table.",
            "add the column without it, set the default for new rows by a second ALTER, and fill the old ones in a backfill",
        ),
        Rule::AddingForeignKeyConstraint => said(
            RuleClass::Lock,
            "Nobody can write either table until all rows are compared.",
            "add it NOT VALID, and VALIDATE CONSTRAINT in a later file",
        ),
        Rule::ConstraintMissingNotValid => said(
            RuleClass::Lock,
            "Nobody can write the table until all rows are looked at.",
            "add it NOT VALID, and VALIDATE CONSTRAINT in a later file (not in the same transaction)",
        ),
        Rule::DisallowedUniqueConstraint | Rule::AddingSerialPrimaryKeyField => said(
            RuleClass::Lock,
            "Nobody can read or write the table until the index for it is built.",
            "CREATE UNIQUE INDEX CONCURRENTLY in a file of its own, then ADD CONSTRAINT ... USING INDEX",
        ),
        Rule::RequireConcurrentIndexCreation => said(
            RuleClass::Lock,
            "Nobody can write the table until the index is built.",
            "CREATE INDEX CONCURRENTLY, in a file of its own with `-- portcullis: no-transaction` at its top",
        ),
        Rule::RequireConcurrentIndexDeletion => said(
            RuleClass::Lock,
            "It waits for every transaction on the table, and everybody else waits behind it.",
            "DROP INDEX CONCURRENTLY, in a file of its own with `-- portcullis: no-transaction` at its top",
        ),
        Rule::PreferRepack => said(
            RuleClass::Lock,
            "Nobody can read or write the table until all of it is written again.",
            "use pg_repack, or leave it to autovacuum",
        ),
        _ => own(RuleClass::Lock),
    }
}

/// Rules about how the file is carried out.
fn running(rule: Rule) -> Advice {
    match rule {
        Rule::TransactionNesting | Rule::BanUncommittedTransaction => said(
            RuleClass::Fails,
            "Portcullis begins and ends the transactions: with one more, what is done and what the ledger says could differ. \
             `migrate apply` refuses the file.",
            "take BEGIN and COMMIT out; `-- portcullis: no-transaction` at the top applies statement by statement",
        ),
        Rule::RequireLockTimeout | Rule::RequireTimeoutSettings => said(
            RuleClass::Timeout,
            "It waits for every transaction on the table, and everybody else waits behind it, for as long as that takes.",
            "SET lock_timeout = '5s'; before it. `portcullis migrate apply` sets one by itself; other tools do not",
        ),
        Rule::RequireStatementTimeout => said(
            RuleClass::Timeout,
            "Nothing ends it when it takes longer than anybody expected.",
            "SET statement_timeout before it. `portcullis migrate apply` sets one by itself; other tools do not",
        ),
        Rule::IdentifierTooLong => Advice {
            instead: Some(
                "use a name of at most 63 bytes; PostgreSQL cuts longer ones without an error",
            ),
            ..own(RuleClass::Fails)
        },
        Rule::BanDuplicateColumnAssignments | Rule::BanConcurrentIndexCreationInTransaction => {
            own(RuleClass::Fails)
        }
        _ => own(RuleClass::File),
    }
}

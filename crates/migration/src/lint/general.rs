//! Rules that follow from what Portcullis does with a file, in both dialects.

use crate::{Dialect, Migration, Phase, Statement};

use super::finding::{Finding, RuleClass, Severity};
use super::{at, restrict, rows, tables};

pub(super) fn examine(dialect: Dialect, migration: &Migration) -> Vec<Finding> {
    let mut found = Vec::new();
    for (index, statement) in migration.statements.iter().enumerate() {
        found.extend(rows::examine(migration, index, statement));
        found.extend(restrict::examine(dialect, migration, index, statement));
        found.extend(unbounded_batch(migration, index, statement));
        found.extend(structure_in_backfill(migration, index, statement));
        if dialect == Dialect::Postgres {
            found.extend(fails_in_transaction(migration, index, statement));
            found.extend(after_concurrently(migration, index, statement));
            found.extend(invalid_index_counts(migration, index, statement));
            found.extend(data_may_refuse(migration, index, statement));
            found.extend(truncate(migration, index, statement));
            found.extend(new_enum_value(migration, index, statement));
            found.extend(discards_lock(migration, index, statement));
        }
    }
    found.extend(data_with_structure(dialect, migration));
    found.extend(no_reverse(migration));
    found
}

pub(super) fn is_structure(statement: &Statement) -> bool {
    statement.begins(&["ALTER"]) || statement.begins(&["CREATE"]) || statement.begins(&["DROP"])
}

/// A batch that does not bound itself changes everything in the first round.
fn unbounded_batch(migration: &Migration, index: usize, statement: &Statement) -> Option<Finding> {
    let batch = statement.batch?;
    if statement.has("LIMIT") || statement.has("FETCH") {
        return None;
    }
    let rows = batch.rows;
    let why = format!(
        "Nothing in it keeps a round to {rows} rows: the first one changes everything, and the run ends with an error."
    );
    let instead = format!(
        "choose the rows by a subquery: WHERE id IN (SELECT id FROM ... WHERE still to do LIMIT {rows})"
    );
    let place = at(migration, Some(index));
    Some(place.finding("batch-without-limit", RuleClass::Fails, why, instead))
}

fn structure_in_backfill(
    migration: &Migration,
    index: usize,
    statement: &Statement,
) -> Option<Finding> {
    let is_one = migration.phase == Phase::Backfill && is_structure(statement);
    let temporary = statement.has("TEMP") || statement.has("TEMPORARY");
    (is_one && !temporary).then(|| {
        let why = "A backfill runs beside users, again and again until it is done; a change of structure waits for them, and \
                   makes them wait.";
        let instead = "put it into an expand file before this one, or into a contract file after it";
        let place = at(migration, Some(index));
        let finding = place.finding("structure-in-backfill", RuleClass::Lock, why, instead);
        finding.severity(Severity::Warning)
    })
}

/// What PostgreSQL refuses inside a transaction.
fn fails_in_transaction(
    migration: &Migration,
    index: usize,
    statement: &Statement,
) -> Option<Finding> {
    const ALONE: [&[&str]; 6] = [
        &["VACUUM"],
        &["CREATE", "DATABASE"],
        &["DROP", "DATABASE"],
        &["CREATE", "TABLESPACE"],
        &["DROP", "TABLESPACE"],
        &["ALTER", "SYSTEM"],
    ];
    let is_alone = ALONE.iter().any(|words| statement.begins(words));
    let concurrently = is_structure(statement) || statement.begins(&["REINDEX"]);
    let is_one = is_alone || (concurrently && statement.has("CONCURRENTLY"));
    (migration.in_transaction && is_one).then(|| {
        let why = "PostgreSQL refuses it inside a transaction, and this file is one.";
        let instead =
            "put it into a file of its own, with `-- portcullis: no-transaction` at its top";
        let place = at(migration, Some(index));
        place.finding("fails-in-transaction", RuleClass::Fails, why, instead)
    })
}

/// What stands behind a CONCURRENTLY is not applied when that fails, and what stands before it is.
fn after_concurrently(
    migration: &Migration,
    index: usize,
    statement: &Statement,
) -> Option<Finding> {
    // One that can be repeated does no harm.
    let is_repeatable = statement.begins(&["DROP"]) && statement.find(&["IF", "EXISTS"]).is_some();
    let is_last = index + 1 == migration.statements.len();
    if !statement.has("CONCURRENTLY") || is_repeatable || is_last {
        return None;
    }
    let more = migration.statements.len() - index - 1;
    let noun = if more == 1 {
        "statement stands"
    } else {
        "statements stand"
    };
    let why = format!(
        "{more} {noun} behind it. A build that fails (one open transaction is enough) leaves the file half applied and an \
         invalid index of this name; other tools then fail at every further attempt with \"already exists\"."
    );
    let instead = "give each CONCURRENTLY a file of its own, as its last statement";
    let place = at(migration, Some(index));
    let finding = place.finding(
        "statements-after-concurrently",
        RuleClass::Fails,
        why,
        instead,
    );
    Some(finding.severity(Severity::Warning))
}

/// IF NOT EXISTS takes an invalid index for one.
fn invalid_index_counts(
    migration: &Migration,
    index: usize,
    statement: &Statement,
) -> Option<Finding> {
    let name = statement.concurrent_index()?.name;
    statement.find(&["IF", "NOT", "EXISTS"])?;
    let why = format!(
        "An index {name} that a failed build left invalid counts as existing: the next attempt succeeds, and no query ever \
         uses the index."
    );
    let instead = format!(
        "leave IF NOT EXISTS out, and put DROP INDEX CONCURRENTLY IF EXISTS {name}; before it"
    );
    let place = at(migration, Some(index));
    let class = RuleClass::Fails;
    let finding = place.finding("concurrently-if-not-exists", class, why, instead);
    Some(finding.severity(Severity::Warning))
}

/// JSON that was stored as text may hold what JSONB cannot.
fn data_may_refuse(migration: &Migration, index: usize, statement: &Statement) -> Option<Finding> {
    let at_type = statement
        .find(&["TYPE", "JSONB"])
        .or_else(|| statement.find(&["DATA", "TYPE", "JSONB"]));
    let to_jsonb = at_type.is_some() && statement.begins(&["ALTER", "TABLE"]);
    to_jsonb.then(|| {
        let why = "JSONB cannot hold \\u0000 and JSON can: one row with it ends the migration, on the live database and \
                   not on an empty one.";
        let instead = "look first: SELECT count(*) FROM ... WHERE column::text LIKE '%\\u0000%'; and rehearse on a restored \
                       copy of the real data";
        let place = at(migration, Some(index));
        place.finding("json-to-jsonb", RuleClass::Data, why, instead)
    })
}

fn truncate(migration: &Migration, index: usize, statement: &Statement) -> Option<Finding> {
    statement.begins(&["TRUNCATE"]).then(|| {
        let why = "It deletes every row of the table; only a backup brings them back.";
        let instead =
            "do it in a contract migration once nothing needs the rows, after a verified backup";
        let place = at(migration, Some(index));
        place.finding("ban-truncate", RuleClass::DataLoss, why, instead)
    })
}

/// A value that is added to an enumeration may be used once the transaction that adds it is over.
fn new_enum_value(migration: &Migration, index: usize, statement: &Statement) -> Option<Finding> {
    if !migration.in_transaction || !statement.begins(&["ALTER", "TYPE"]) {
        return None;
    }
    let mut value = statement.find(&["ADD", "VALUE"])? + 2;
    if statement.has_at(value, &["IF", "NOT", "EXISTS"]) {
        value += 3;
    }
    let literal = &statement.parts.get(value)?.text;
    let (name, _) = statement.name_at(2)?;
    if tables::is_new(migration, index, "TYPE", &name) {
        return None;
    }
    // In a string of its own, or inside of a body.
    let uses = |later: &Statement| later.parts.iter().any(|part| part.text.contains(literal));
    let behind = migration.statements.get(index + 1..)?;
    let user = behind.iter().find(|later| uses(later))?;
    let why = format!(
        "The statement on line {} uses the value, and PostgreSQL refuses that until the transaction that adds it is over; \
         this file is one.",
        user.line
    );
    let instead = "put the ALTER TYPE into a file of its own before this one";
    let place = at(migration, Some(index));
    Some(place.finding("new-enum-value-used", RuleClass::Fails, why, instead))
}

/// What ends the lock under which files are applied.
fn discards_lock(migration: &Migration, index: usize, statement: &Statement) -> Option<Finding> {
    let discards = statement.begins(&["DISCARD"]) || statement.has("PG_ADVISORY_UNLOCK_ALL");
    discards.then(|| {
        let why = "It lets the lock of this session go that keeps two migrations from running at once.";
        let instead = "take it out, and take back by RESET what the file has set; `apply` does so by itself behind each file";
        let place = at(migration, Some(index));
        place.finding("discards-lock", RuleClass::Fails, why, instead)
    })
}

/// Rows that are changed in the transaction of a change of structure hold its lock.
fn data_with_structure(dialect: Dialect, migration: &Migration) -> Option<Finding> {
    let alters = |statement: &Statement| statement.begins(&["ALTER", "TABLE"]);
    let statements = &migration.statements;
    let first = statements.iter().position(alters)?;
    if dialect == Dialect::Sqlite || !migration.in_transaction {
        return None;
    }
    let index = (first..statements.len()).find(|at| rows::changes_rows(&statements[*at]))?;
    let why = "It runs in the transaction of the ALTER TABLE before it, so that nobody can read the table until all rows are \
               changed.";
    let instead = "put it into a backfill file of its own, in batches";
    let place = at(migration, Some(index));
    Some(place.finding("backfill-with-structure", RuleClass::Lock, why, instead))
}

fn no_reverse(migration: &Migration) -> Option<Finding> {
    let changes_structure = migration.statements.iter().any(is_structure);
    (migration.reverse.is_none() && changes_structure).then(|| {
        let way = match migration.phase {
            Phase::Contract => "Going back behind it means to restore a backup, and to lose what was written since.",
            _ => "Going back leaves what it added where it is; that is well as long as the old version runs on it.",
        };
        let instead = format!(
            "write {:04}_....down.sql beside it if it can be undone, or ignore this with the reason why it need not be",
            migration.version
        );
        at(migration, None).finding("no-reverse", RuleClass::Reverse, way, instead)
    })
}

//! Rules for SQLite, from its own documentation (lang_altertable.html, lang_transaction.html, pragma.html) and tried on a
//! real one in the driver's tests.
//!
//! They look at the first words of statements and need no grammar: what SQLite can change is a handful of forms.

use crate::{Migration, Statement};

use super::finding::{Finding, Place, RuleClass, Severity};
use super::tables::{altered, named};
use super::{at, tables};

pub(super) fn examine(migration: &Migration) -> Vec<Finding> {
    let mut found = Vec::new();
    for (index, statement) in migration.statements.iter().enumerate() {
        let place = at(migration, Some(index));
        found.extend(unknown(place, statement));
        found.extend(drops(migration, index, place, statement));
        found.extend(alters(migration, index, place, statement));
        found.extend(in_transaction(migration, place, statement));
        found.extend(index_build(migration, index, place, statement));
    }
    found
}

/// What SQLite's statements begin with (lang.html). It has none of some that others have.
const FIRST_WORDS: [&str; 23] = [
    "ALTER",
    "ANALYZE",
    "ATTACH",
    "BEGIN",
    "COMMIT",
    "CREATE",
    "DELETE",
    "DETACH",
    "DROP",
    "END",
    "EXPLAIN",
    "INSERT",
    "PRAGMA",
    "REINDEX",
    "RELEASE",
    "REPLACE",
    "ROLLBACK",
    "SAVEPOINT",
    "SELECT",
    "UPDATE",
    "VACUUM",
    "VALUES",
    "WITH",
];

fn unknown(place: Place<'_>, statement: &Statement) -> Option<Finding> {
    let first = statement.parts.first()?.word.as_str();
    if FIRST_WORDS.contains(&first) {
        return None;
    }
    let (why, instead) = match statement.begins(&["TRUNCATE"]) {
        true => (
            "SQLite has no TRUNCATE; the migration fails here.".to_owned(),
            "DELETE FROM the table in a contract migration, after a verified backup: its rows are gone then",
        ),
        false => (
            format!("SQLite has no statement that begins with {first}; the migration fails here."),
            "write it as SQLite has it, or lint the files for the database that they are for (`--dialect`)",
        ),
    };
    Some(place.finding("syntax", RuleClass::Fails, why, instead))
}

/// Whether a table is made by an earlier statement of the file: nobody uses it yet.
fn is_new(migration: &Migration, before: usize, table: &str) -> bool {
    tables::is_new(migration, before, "TABLE", table)
}

/// The new name of a table that is renamed.
fn renamed_table(statement: &Statement) -> Option<(String, String)> {
    let (table, end) = altered(statement)?;
    let (new, _) = statement
        .has_at(end, &["RENAME", "TO"])
        .then(|| statement.name_at(end + 2))??;
    Some((table, new))
}

fn drops(
    migration: &Migration,
    index: usize,
    place: Place<'_>,
    statement: &Statement,
) -> Option<Finding> {
    if let Some(table) = named(statement, "DROP", "TABLE") {
        let later = &migration.statements[index + 1..];
        let is_put_back = later
            .iter()
            .filter_map(renamed_table)
            .any(|(_, new)| new == table);
        return match (is_new(migration, index, &table), is_put_back) {
            (true, _) => None,
            (false, true) => Some(rebuild(place, &table)),
            (false, false) => Some(place.finding(
                "ban-drop-table",
                RuleClass::Contract,
                "The version that runs now still uses the table, and its rows are gone.",
                "drop it in a contract migration, after a verified backup, when no live version reads or writes it",
            )),
        };
    }
    let (rule, what) = match () {
        () if named(statement, "DROP", "VIEW").is_some() => ("ban-drop-view", "view"),
        () if named(statement, "DROP", "TRIGGER").is_some() => ("ban-drop-trigger", "trigger"),
        () if named(statement, "DROP", "INDEX").is_some() => ("ban-drop-index", "index"),
        () => return None,
    };
    let why = match what {
        "index" => "Queries of the version that runs now may need it; without it they read the whole table.".to_owned(),
        _ => format!("The version that runs now may still need the {what}."),
    };
    let instead = format!("drop the {what} in a contract migration");
    let finding = place.finding(rule, RuleClass::Contract, why, instead);
    let is_slow_only = what == "index" && finding.severity == Severity::Error;
    Some(match is_slow_only {
        true => finding.severity(Severity::Warning),
        false => finding,
    })
}

/// The way to change what ALTER TABLE cannot: make a new table, copy, drop the old one, rename.
fn rebuild(place: Place<'_>, table: &str) -> Finding {
    let why = format!(
        "It makes {table} anew. Nobody can write until all rows are copied; indexes and triggers of the old table are gone \
         with it; and with foreign keys on, dropping it deletes the rows that refer to it by ON DELETE CASCADE."
    );
    let instead = "make the indexes and triggers again, end with PRAGMA foreign_key_check, turn foreign keys off before the \
                   transaction begins (apply does not turn them on), and rehearse how long the copy takes";
    place.finding("table-rebuild", RuleClass::Lock, why, instead)
}

fn alters(
    migration: &Migration,
    index: usize,
    place: Place<'_>,
    statement: &Statement,
) -> Option<Finding> {
    let (table, end) = altered(statement)?;
    if is_new(migration, index, &table) {
        return None;
    }
    if let Some((_, new)) = renamed_table(statement) {
        // The second half of making a table anew.
        let earlier = &migration.statements[..index];
        let dropped = |statement: &Statement| named(statement, "DROP", "TABLE");
        if earlier.iter().filter_map(dropped).any(|old| old == new) {
            return None;
        }
        let why = "The version that runs now asks for the old name, and the new one for the new name: one of them fails, \
                   whatever the phase.";
        let instead = "keep the name, or give the table a view of the other name until no live version needs the old one";
        return Some(place.finding("renaming-table", RuleClass::Breaks, why, instead));
    }
    if statement.has_at(end, &["RENAME"]) {
        let why = "The version that runs now asks for the old name, and the new one for the new name: one of them fails, \
                   whatever the phase.";
        let instead = "add a column of the new name (expand), write both and copy the rows (backfill), drop the old one \
                       (contract)";
        return Some(place.finding("renaming-column", RuleClass::Breaks, why, instead));
    }
    if statement.has_at(end, &["DROP"]) {
        let why = "The version that runs now still reads or writes the column, and its values are gone. SQLite writes every \
                   row of the table again.";
        let instead = "drop it in a contract migration, after a verified backup, when no live version uses it";
        return Some(place.finding("ban-drop-column", RuleClass::Contract, why, instead));
    }
    match statement.has_at(end, &["ADD"]) {
        true => added_column(place, statement),
        false => None,
    }
}

/// What SQLite refuses of a new column, and what the running version cannot fill.
fn added_column(place: Place<'_>, statement: &Statement) -> Option<Finding> {
    let unique = statement.has("UNIQUE") || statement.find(&["PRIMARY", "KEY"]).is_some();
    if unique {
        let why = "SQLite adds no column that is UNIQUE or a PRIMARY KEY: the statement fails.";
        let instead =
            "add the column without it, and make a unique index when its values are there";
        return Some(place.finding("adding-unique-column", RuleClass::Fails, why, instead));
    }
    let is_stored = statement.find_outside(&["STORED"]).is_some()
        && statement.find_outside(&["AS", "("]).is_some();
    if is_stored {
        let why = "SQLite adds no generated column that is STORED: the statement fails.";
        let instead = "make it VIRTUAL, or make the table anew with the column";
        return Some(place.finding("adding-stored-column", RuleClass::Fails, why, instead));
    }
    let default = statement.find(&["DEFAULT"]);
    let value = default.and_then(|at| statement.parts.get(at + 1));
    let is_null = value.is_some_and(|value| value.word == "NULL");
    let not_null = statement.find_outside(&["NOT", "NULL"]).is_some();
    if not_null && (default.is_none() || is_null) {
        let why = "SQLite refuses it as soon as the table has a row. Where it has none, every INSERT of the version that \
                   runs now fails.";
        let instead = "give it a DEFAULT that is a constant, or let it be NULL";
        return Some(place.finding("adding-required-field", RuleClass::Fails, why, instead));
    }
    let computed = ["CURRENT_TIME", "CURRENT_DATE", "CURRENT_TIMESTAMP", "("];
    let value = value?;
    // A constant in parentheses is one.
    let closes = default.is_some_and(|at| statement.has_at(at + 3, &[")"]));
    if value.word == "(" && closes {
        return None;
    }
    computed.contains(&value.word.as_str()).then(|| {
        let why =
            "SQLite refuses a new column with a computed DEFAULT as soon as the table has a row.";
        let instead = "add it without a DEFAULT, and fill it in a backfill";
        place.finding("adding-field-with-default", RuleClass::Fails, why, instead)
    })
}

/// What has no effect, or fails, inside a transaction.
fn in_transaction(
    migration: &Migration,
    place: Place<'_>,
    statement: &Statement,
) -> Option<Finding> {
    if statement.controls_transaction() {
        let why = "Portcullis begins and ends the transactions: with one more, what is done and what the ledger says could \
                   differ. `migrate apply` refuses the file.";
        let instead = "take BEGIN and COMMIT out";
        return Some(place.finding("transaction-nesting", RuleClass::Fails, why, instead));
    }
    if statement.find(&["WRITABLE_SCHEMA"]).is_some() {
        let why = "A wrong character in the schema makes the database unreadable.";
        let instead = "make the table anew and copy the rows";
        return Some(place.finding("writable-schema", RuleClass::DataLoss, why, instead));
    }
    if !migration.in_transaction {
        return None;
    }
    let instead = "put it into a file of its own, with `-- portcullis: no-transaction` at its top";
    if statement.begins(&["VACUUM"]) || statement.begins(&["DETACH"]) {
        let why = "SQLite refuses it inside a transaction, and this file is one.";
        return Some(place.finding("fails-in-transaction", RuleClass::Fails, why, instead));
    }
    let silent = [
        "FOREIGN_KEYS",
        "JOURNAL_MODE",
        "SYNCHRONOUS",
        "PAGE_SIZE",
        "AUTO_VACUUM",
    ];
    let pragma =
        statement.begins(&["PRAGMA"]) && silent.iter().any(|name| statement.has_at(1, &[name]));
    pragma.then(|| {
        let why = "Inside a transaction this PRAGMA fails or is silently without effect, and this file is one.";
        place.finding("fails-in-transaction", RuleClass::Fails, why, instead)
    })
}

fn index_build(
    migration: &Migration,
    index: usize,
    place: Place<'_>,
    statement: &Statement,
) -> Option<Finding> {
    named(statement, "CREATE", "INDEX")?;
    let on = statement.find(&["ON"])?;
    let (table, _) = statement.name_at(on + 1)?;
    let is_rebuilt = migration.statements.iter().filter_map(renamed_table);
    let mut rebuilt = is_rebuilt.map(|(_, new)| new);
    if is_new(migration, index, &table) || rebuilt.any(|new| new == table) {
        return None;
    }
    let why = "Nobody can write while SQLite reads the whole table for it.";
    let instead = "rehearse how long it takes on a copy of the real data, and give writers a busy_timeout that is longer";
    Some(place.finding("index-build", RuleClass::Lock, why, instead))
}

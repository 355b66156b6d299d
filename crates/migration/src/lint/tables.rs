//! What a file makes itself: nobody uses it yet, so that changing it again harms nobody.

use crate::{Migration, Statement};

/// What CREATE or DROP is about: its name, for one kind of thing.
pub(super) fn named(statement: &Statement, verb: &str, thing: &str) -> Option<String> {
    if !statement.begins(&[verb]) {
        return None;
    }
    let mut at = (1..4).find(|at| statement.has_at(*at, &[thing]))? + 1;
    for condition in [&["IF", "NOT", "EXISTS"] as &[&str], &["IF", "EXISTS"]] {
        if statement.has_at(at, condition) {
            at += condition.len();
        }
    }
    statement.name_at(at).map(|(name, _)| name)
}

/// Whether a thing is made by an earlier statement of the file.
pub(super) fn is_new(migration: &Migration, before: usize, thing: &str, name: &str) -> bool {
    let earlier = &migration.statements[..before];
    // IF NOT EXISTS says nothing of whether it was there.
    let surely = |statement: &&Statement| statement.find(&["IF", "NOT", "EXISTS"]).is_none();
    let made = |statement: &Statement| named(statement, "CREATE", thing);
    earlier
        .iter()
        .filter(surely)
        .filter_map(made)
        .any(|made| made == name)
}

/// The columns that the file adds to a table, up to and with a statement, without a DEFAULT: the version that runs leaves them
/// NULL.
pub(super) fn new_columns(migration: &Migration, through: usize, table: &str) -> Vec<String> {
    let statements = migration.statements.iter().take(through + 1);
    let of_table = statements.filter_map(|statement| {
        let (altered, end) = altered(statement)?;
        (altered == table).then_some((statement, end))
    });
    let mut columns = Vec::new();
    for (statement, from) in of_table {
        let mut at = from;
        while let Some(add) = (at..statement.parts.len()).find(|at| statement.has_at(*at, &["ADD"]))
        {
            at = add + 1;
            let is_constraint = CONSTRAINTS.iter().any(|word| statement.has_at(at, &[word]));
            if statement.has_at(at, &["COLUMN"]) {
                at += 1;
            }
            if statement.has_at(at, &["IF", "NOT", "EXISTS"]) {
                at += 3;
            }
            let end = (at..statement.parts.len()).find(|at| statement.has_at(*at, &["ADD"]));
            let has_default = (at..end.unwrap_or(statement.parts.len()))
                .any(|at| statement.has_at(at, &["DEFAULT"]));
            if let (false, false, Some((name, _))) =
                (is_constraint, has_default, statement.name_at(at))
            {
                columns.push(name);
            }
        }
    }
    columns
}

/// What may stand behind ADD and is no column.
const CONSTRAINTS: [&str; 6] = [
    "CONSTRAINT",
    "CHECK",
    "UNIQUE",
    "PRIMARY",
    "FOREIGN",
    "EXCLUDE",
];

/// The table of ALTER TABLE, and where its name ends.
pub(super) fn altered(statement: &Statement) -> Option<(String, usize)> {
    if !statement.begins(&["ALTER", "TABLE"]) {
        return None;
    }
    let mut at = 2;
    for word in [&["IF", "EXISTS"] as &[&str], &["ONLY"]] {
        if statement.has_at(at, word) {
            at += word.len();
        }
    }
    statement.name_at(at)
}

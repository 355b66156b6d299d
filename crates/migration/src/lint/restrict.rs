//! What the version that runs now may no longer do afterwards: values that must be unique or pass a check, rights that are taken
//! away, rows that it does not see any more. Such a change adds something, and breaks what runs all the same.

use crate::{Dialect, Migration, Statement};

use super::finding::{Finding, RuleClass, Severity};
use super::{at, tables};

pub(super) fn examine(
    dialect: Dialect,
    migration: &Migration,
    index: usize,
    statement: &Statement,
) -> Option<Finding> {
    let unique = unique_index(migration, index, statement);
    if dialect == Dialect::Sqlite {
        return unique;
    }
    unique
        .or_else(|| constraint(migration, index, statement))
        .or_else(|| revoked(migration, index, statement))
        .or_else(|| row_security(migration, index, statement))
}

/// A table that the file makes itself, or whose new columns are among those in the parentheses behind a place.
fn is_harmless(
    migration: &Migration,
    index: usize,
    (statement, from): (&Statement, usize),
    table: &str,
) -> bool {
    if tables::is_new(migration, index, "TABLE", table) {
        return true;
    }
    let new = tables::new_columns(migration, index, table);
    let inside = statement.parts.iter().skip(from);
    let mut names = inside.map(crate::statement::Part::plain_name);
    names.any(|name| new.contains(&name))
}

fn unique_index(migration: &Migration, index: usize, statement: &Statement) -> Option<Finding> {
    if !statement.begins(&["CREATE", "UNIQUE", "INDEX"]) {
        return None;
    }
    let mut at_table = statement.find(&["ON"])? + 1;
    if statement.has_at(at_table, &["ONLY"]) {
        at_table += 1;
    }
    let (table, end) = statement.name_at(at_table)?;
    let rebuilt = |later: &Statement| {
        let (_, end) = tables::altered(later)?;
        let renames = later.has_at(end, &["RENAME", "TO"]);
        renames.then(|| later.name_at(end + 2)).flatten()
    };
    let is_rebuilt = migration
        .statements
        .iter()
        .filter_map(rebuilt)
        .any(|(new, _)| new == table);
    if is_rebuilt || is_harmless(migration, index, (statement, end), &table) {
        return None;
    }
    let why = "From then on the version that runs now fails where it writes a value twice, and rows that are there twice end \
               the migration.";
    let instead = "make it in a contract migration, when only a version writes that knows of it; if no version writes a value \
                   twice, ignore this with that reason";
    let place = at(migration, Some(index));
    Some(place.finding("unique-index", RuleClass::Contract, why, instead))
}

/// ADD CONSTRAINT ... CHECK: NOT VALID leaves out the rows that are there, and not those that come.
fn constraint(migration: &Migration, index: usize, statement: &Statement) -> Option<Finding> {
    let (table, end) = tables::altered(statement)?;
    let mut adds = (end..statement.parts.len()).filter(|at| statement.has_at(*at, &["ADD"]));
    let (kind, from) = adds.find_map(|add| {
        let from = match statement.has_at(add + 1, &["CONSTRAINT"]) {
            true => add + 3,
            false => add + 1,
        };
        let mut kinds = ["CHECK", "EXCLUDE", "FOREIGN"].into_iter();
        let kind = kinds.find(|kind| statement.has_at(from, &[kind]))?;
        Some((kind, from))
    })?;
    if is_harmless(migration, index, (statement, from), &table) {
        return None;
    }
    let why = "It holds for every row that is written from then on, NOT VALID or not: the version that runs now fails where it \
               writes one that does not pass.";
    let instead = "add it in a contract migration, when only a version writes that knows of it; if what runs now keeps to it, \
                   ignore this with that reason";
    let place = at(migration, Some(index));
    let finding = place.finding("constraint-on-writes", RuleClass::Contract, why, instead);
    // What refers to nothing is a mistake mostly; what a check forbids is what the new version thinks of.
    Some(
        match kind == "FOREIGN" && finding.severity == Severity::Error {
            true => finding.severity(Severity::Warning),
            false => finding,
        },
    )
}

fn revoked(migration: &Migration, index: usize, statement: &Statement) -> Option<Finding> {
    if !statement.begins(&["REVOKE"]) {
        return None;
    }
    const THINGS: [&str; 7] = [
        "TABLE",
        "FUNCTION",
        "PROCEDURE",
        "ROUTINE",
        "SEQUENCE",
        "SCHEMA",
        "TYPE",
    ];
    if let Some(on) = statement.find(&["ON"]) {
        let thing = THINGS
            .into_iter()
            .find(|thing| statement.has_at(on + 1, &[thing]));
        let named = statement.name_at(on + 1 + usize::from(thing.is_some()));
        let (thing, (name, _)) = (thing.unwrap_or("TABLE"), named?);
        if tables::is_new(migration, index, thing, &name) {
            return None;
        }
    }
    let why =
        "The version that runs now may need the right: what it asks for from then on is refused.";
    let instead = "take it away in a contract migration, when no live version needs it";
    let place = at(migration, Some(index));
    Some(place.finding("revoke", RuleClass::Contract, why, instead))
}

fn row_security(migration: &Migration, index: usize, statement: &Statement) -> Option<Finding> {
    let table = match tables::altered(statement) {
        Some((table, end)) => {
            let enables = ["ENABLE", "FORCE"].into_iter().any(|word| {
                (end..statement.parts.len())
                    .any(|at| statement.has_at(at, &[word, "ROW", "LEVEL", "SECURITY"]))
            });
            enables.then_some(table)?
        }
        None if statement.begins(&["CREATE", "POLICY"]) => {
            statement.find(&["AS", "RESTRICTIVE"])?;
            statement.name_at(statement.find(&["ON"])? + 1)?.0
        }
        None => return None,
    };
    if tables::is_new(migration, index, "TABLE", &table) {
        return None;
    }
    let why = "From then on the version that runs now sees and writes only the rows that a policy lets it have; without a policy \
               for its user it sees none, and says nothing of it.";
    let instead = "let the new version set what its policies ask for first, and do this in a contract migration; if the policies \
                   let the running version's user have every row, ignore this with that reason";
    let place = at(migration, Some(index));
    Some(place.finding("row-level-security", RuleClass::Contract, why, instead))
}

//! Rules about rows that are changed: by the statement itself, or inside of its WITH.

use crate::{Migration, Phase, Statement};

use super::at;
use super::finding::{Finding, RuleClass, Severity};

/// A DELETE, UPDATE or MERGE of a statement, or an INSERT of rows that are read.
struct Change<'s> {
    verb: &'s str,
    /// Whether it says which rows: by a WHERE of its own, not by one of a subquery.
    is_bounded: bool,
}

pub(super) fn changes_rows(statement: &Statement) -> bool {
    let reads = statement.begins(&["INSERT"]) && statement.has("SELECT");
    reads || statement.begins(&["MERGE"]) || !changes(statement).is_empty()
}

/// The DELETEs and UPDATEs of a statement. One begins where the statement does, behind the parenthesis of a WITH, or behind the
/// whole WITH; the words also stand in `FOR UPDATE`, `ON DELETE CASCADE` and so on.
fn changes(statement: &Statement) -> Vec<Change<'_>> {
    let has_with = statement.begins(&["WITH"]);
    let parts = &statement.parts;
    let (mut depth, mut found) = (0_usize, Vec::new());
    for (index, part) in parts.iter().enumerate() {
        let before = index
            .checked_sub(1)
            .map(|before| parts[before].word.as_str());
        let begins = match before {
            None => true,
            Some("(") => has_with,
            Some(")") => has_with && depth == 0,
            Some(_) => false,
        };
        match part.word.as_str() {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            verb @ ("DELETE" | "UPDATE") if begins => found.push(Change {
                verb,
                is_bounded: has_own_where(statement, index),
            }),
            _ => {}
        }
    }
    found
}

/// Whether a WHERE stands behind a place at the same depth of parentheses.
fn has_own_where(statement: &Statement, from: usize) -> bool {
    let mut depth = 0_usize;
    for part in &statement.parts[from..] {
        match part.word.as_str() {
            "(" => depth += 1,
            ")" if depth == 0 => return false,
            ")" => depth -= 1,
            "WHERE" if depth == 0 => return true,
            _ => {}
        }
    }
    false
}

/// DELETE and UPDATE without a WHERE of their own.
pub(super) fn examine(
    migration: &Migration,
    index: usize,
    statement: &Statement,
) -> Option<Finding> {
    let place = at(migration, Some(index));
    let changes = changes(statement);
    let all = |verb: &str| {
        changes
            .iter()
            .any(|one| one.verb == verb && !one.is_bounded)
    };
    let elsewhere = match statement.has("WHERE") {
        true => " The WHERE that is there chooses the rows of a subquery.",
        false => "",
    };
    if all("DELETE") {
        let why = format!(
            "It deletes every row of the table; only a backup brings them back.{elsewhere}"
        );
        let instead = "say which rows by WHERE; if all are meant, do it in a contract migration once nothing needs them";
        return Some(place.finding("delete-without-where", RuleClass::DataLoss, why, instead));
    }
    (all("UPDATE") && statement.batch.is_none()).then(|| {
        let why = format!(
            "It changes every row in one transaction: each stays locked until all are done, and what was there before is \
             gone.{elsewhere}"
        );
        let instead = "put it into a backfill file, with WHERE for the rows that are still to do, a LIMIT, and \
                       `-- portcullis: batch = 1000`";
        place
            .finding("update-without-where", RuleClass::DataLoss, why, instead)
            .severity(match migration.phase {
                Phase::Contract => Severity::Warning,
                _ => Severity::Error,
            })
    })
}

//! Rules that a file turns off, each with a reason: `-- portcullis:ignore RULE: reason` before or in a statement, or
//! `-- portcullis:ignore-file RULE: reason`.

use crate::Migration;
use crate::migration::Ignore;

use super::finding::{Finding, RuleClass, Severity};

/// Takes out what the file ignores, and adds a warning for each rule that is ignored where it does not apply: whoever reads
/// it would believe that it does.
pub(super) fn apply(migration: &Migration, found: Vec<Finding>) -> Vec<Finding> {
    let covers = |ignore: &Ignore, rule: &str, finding: &Finding| {
        rule == finding.rule && (ignore.statement.is_none() || ignore.statement == finding.index)
    };
    let is_ignored = |finding: &Finding| {
        migration.ignores.iter().any(|ignore| {
            let mut rules = ignore.rules.iter();
            rules.any(|rule| covers(ignore, rule, finding))
        })
    };
    let mut kept = Vec::new();
    for ignore in &migration.ignores {
        for rule in &ignore.rules {
            if found.iter().any(|finding| covers(ignore, rule, finding)) {
                continue;
            }
            let place = super::at(migration, None);
            let why = format!("The rule {rule} is ignored here and finds nothing here.");
            let instead = "take the comment away, or look whether the name is right and the comment stands before its \
                           statement";
            let mut unused = place.finding("unused-ignore", RuleClass::File, why, instead);
            unused.line = ignore.line;
            kept.push(unused.severity(Severity::Warning));
        }
    }
    kept.extend(found.into_iter().filter(|finding| !is_ignored(finding)));
    kept
}

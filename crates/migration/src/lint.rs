//! What would hurt if the migrations were applied.
//!
//! Three sources, one list: what is wrong with the files themselves, what squawk says of PostgreSQL's and [`sqlite`] of
//! SQLite's statements, and what follows from the phases ([`general`]). The body of a DO block is examined like the file
//! ([`block`]). Each finding says why it matters and what to do
//! instead; [`ignores`] takes out what the files turn off with a reason.

mod advice;
mod block;
mod finding;
mod general;
mod ignores;
mod postgres;
mod restrict;
mod rows;
mod sqlite;
mod tables;

pub use finding::{Finding, RuleClass, Severity};
pub use postgres::{ServerVersion, ServerVersionError};

use crate::{Dialect, Migration, MigrationSet, SetProblem};
use finding::Place;

/// What a lint is told besides the files.
#[derive(Debug, Clone, Copy, Default)]
pub struct LintOptions {
    /// The PostgreSQL server that the files are for; 15 if it is not said.
    pub server: ServerVersion,
}

/// Everything that is to be said of a set: by file in the order of the set, then by line. `problems` are those that reading
/// it gave.
#[must_use]
pub fn lint(set: &MigrationSet, problems: &[SetProblem], options: LintOptions) -> Vec<Finding> {
    let mut findings: Vec<Finding> = problems.iter().map(Finding::of_problem).collect();
    for migration in &set.migrations {
        findings.extend(examine(set.dialect, migration, options));
        // A way back runs when no traffic is left on the version that needs what it takes away, like a contraction.
        if let Some(reverse) = &migration.reverse {
            let found = examine(set.dialect, reverse, options).into_iter();
            findings.extend(found.filter(|finding| finding.class != RuleClass::Reverse));
        }
    }
    let is = |m: &Migration, file: &str| {
        m.file == file
            || m.reverse
                .as_ref()
                .is_some_and(|reverse| reverse.file == file)
    };
    let order = |file: &str| set.migrations.iter().position(|m| is(m, file));
    findings.sort_by(|a, b| {
        let place = |finding: &Finding| {
            (
                order(&finding.file),
                finding.file.contains(".down."),
                finding.line,
            )
        };
        place(a).cmp(&place(b)).then_with(|| a.rule.cmp(&b.rule))
    });
    findings
}

fn examine(dialect: Dialect, migration: &Migration, options: LintOptions) -> Vec<Finding> {
    let rules = |migration: &Migration| {
        let mut found = match dialect {
            Dialect::Postgres => postgres::examine(migration, options.server),
            Dialect::Sqlite => sqlite::examine(migration),
        };
        found.extend(general::examine(dialect, migration));
        found
    };
    let mut found = rules(migration);
    for index in 0..migration.statements.len() {
        if dialect == Dialect::Postgres {
            found.extend(block::examine(migration, index, rules));
        }
    }
    ignores::apply(migration, found)
}

/// A finding about a statement, or about the file as a whole.
fn at(migration: &Migration, statement: Option<usize>) -> Place<'_> {
    Place {
        migration,
        statement,
        line: None,
    }
}

#[cfg(test)]
mod tests;

//! Plain SQL migrations: which files there are, what is in them, and what would go wrong.
//!
//! [`MigrationSet`] orders files by their number, splits them into [`Statement`]s and reads what their names and comments
//! say: the [`Phase`], whether they run in one transaction, how a backfill is cut into batches. [`lint`] tells what would
//! hurt: PostgreSQL's files are examined by squawk, SQLite's by rules of our own, both by the rules that follow from the
//! phases. Everything here is a function of its input: no files are read and no database is asked.

mod dialect;
mod directive;
mod lint;
mod migration;
mod migration_set;
mod phase;
mod problem;
mod split;
mod statement;
mod token;

pub use dialect::Dialect;
pub use directive::Batch;
pub use lint::{
    Finding, LintOptions, RuleClass, ServerVersion, ServerVersionError, Severity, lint,
};
pub use migration::Migration;
pub use migration_set::MigrationSet;
pub use phase::Phase;
pub use problem::{ProblemKind, SetProblem};
pub use statement::{ConcurrentIndex, Statement, excerpt};

//! Plain SQL migrations, applied with a ledger in the database itself.
//!
//! The table `portcullis_migrations` says which files were applied, with their checksums. A file is carried out in one
//! transaction together with its entry, so that both are there or neither. One that cannot be (`-- portcullis: no-transaction`,
//! batches) is carried out statement by statement: what is done is recorded with each, and what was under way when somebody
//! killed us is known to be in doubt and looked at, never repeated blindly. Two never run at once: PostgreSQL holds an advisory
//! lock, SQLite a lock on a file beside the database.

mod apply;
mod database;
mod driver;
mod error;
mod files;
mod hold;
mod in_steps;
mod ledger;
mod postgres;
mod reverse;
mod server_lint;
mod session;
mod sqlite;
mod standing;
mod watched;

pub use apply::{Applied, ApplyOrder, Doubt, MigrationEvent, apply_migrations};
pub use database::{DatabaseRefused, MigrationDatabase};
pub use driver::SqlMigrationDriver;
pub use error::{FailedStatement, MigrationError, RunBy};
pub use files::{MigrationFiles, MigrationFilesError, read_migration_files};
pub use server_lint::{server_of, server_version};
pub use standing::{Ledger, MigrationStanding, Standing, migration_status};

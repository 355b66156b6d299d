//! What a database must be able to do to be migrated.

use portcullis_migration::ConcurrentIndex;

use super::error::MigrationError;
use super::ledger::Entry;

/// A value for a placeholder.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Number(i64),
    Nothing,
    Text(String),
}

/// How an index of a name is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum IndexState {
    Absent,
    Valid,
    /// With its schema, as it is written in SQL.
    Invalid(String),
}

/// A connection that holds the lock of migrations: PostgreSQL's or SQLite's.
pub(super) trait Session {
    /// Makes the table of the ledger if it is not there.
    async fn make_ledger(&mut self) -> Result<(), sqlx::Error>;
    /// Makes the table of what was reversed if it is not there.
    async fn make_reversals(&mut self) -> Result<(), sqlx::Error>;
    /// What was reversed last of each number, and when, in RFC 3339.
    async fn reversals(&mut self) -> Result<Vec<(u64, String)>, sqlx::Error>;
    /// What the ledger holds, by number; nothing if there is no ledger.
    async fn entries(&mut self) -> Result<Option<Vec<Entry>>, sqlx::Error>;
    /// Begins a transaction that may write.
    async fn begin(&mut self) -> Result<(), sqlx::Error>;
    /// Ends the transaction: what was done in it stays, or nothing of it.
    async fn end(&mut self, keep: bool) -> Result<(), sqlx::Error>;
    /// Carries out one statement of a file, and says how many rows it changed.
    async fn run(&mut self, statement: &str) -> Result<u64, sqlx::Error>;
    /// Changes the ledger, as the user of the connection and within its own bounds whatever a file has set: `TABLE` stands for its name, `NOW` for the time, `$1` and so on for the values.
    async fn write(&mut self, sql: &str, values: Vec<Value>) -> Result<(), sqlx::Error>;
    /// Takes back what a file has set for the session.
    async fn reset(&mut self) -> Result<(), sqlx::Error>;
    /// Indexes that are invalid and not being built, with their schemas.
    async fn invalid_indexes(&mut self) -> Result<Vec<String>, sqlx::Error>;
    /// How an index is.
    async fn index_state(&mut self, index: &ConcurrentIndex) -> Result<IndexState, sqlx::Error>;
    /// Ends the session and lets the lock go.
    async fn close(self);
}

/// Ends a transaction as the outcome of what was done in it wants: what failed leaves nothing.
pub(super) async fn settled<S: Session, T>(
    session: &mut S,
    outcome: Result<T, MigrationError>,
) -> Result<T, MigrationError> {
    match outcome {
        Ok(done) => {
            let committed = session.end(true).await;
            committed.map_err(MigrationError::ledger("commit"))?;
            Ok(done)
        }
        Err(error) => {
            // A lost connection rolls back by itself.
            let _ = session.end(false).await;
            Err(error)
        }
    }
}

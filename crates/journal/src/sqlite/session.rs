//! The connection that writes.
//!
//! SQLite may or may not have ended a transaction that failed, for example on a full disk, so a connection
//! on which anything went wrong is closed and the next write opens a new one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;

use super::file::storage;
use crate::JournalError;
use crate::bounds::CONNECTION_WAIT;

/// The one connection of this opening that writes. Clones share it, so writers of this process queue
/// here and not in SQLite's busy loop.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    path: PathBuf,
    options: Arc<SqliteConnectOptions>,
    /// None while it is in use, and after it failed.
    slot: Arc<Mutex<Option<SqliteConnection>>>,
}

/// One write transaction. Dropping it before its end closes the connection, which undoes it.
pub(super) struct Session<'a> {
    path: &'a Path,
    doing: &'static str,
    slot: MutexGuard<'a, Option<SqliteConnection>>,
    pub(super) connection: SqliteConnection,
}

impl Writer {
    /// Opens the connection.
    pub(super) async fn open(
        path: &Path,
        options: SqliteConnectOptions,
        doing: &'static str,
    ) -> Result<(Self, SqliteConnection), JournalError> {
        let connection = connect(path, &options, doing).await?;
        let writer = Self {
            path: path.to_owned(),
            options: Arc::new(options),
            slot: Arc::default(),
        };
        Ok((writer, connection))
    }

    /// Hands in the connection that [`Writer::open`] gave out.
    pub(super) async fn hand_in(&self, connection: SqliteConnection) {
        *self.slot.lock().await = Some(connection);
    }

    /// Begins a write transaction: nobody else writes to the file until it ends.
    pub(super) async fn begin(&self, doing: &'static str) -> Result<Session<'_>, JournalError> {
        let mut slot = timeout(CONNECTION_WAIT, self.slot.lock())
            .await
            .map_err(|elapsed| storage(&self.path, doing, elapsed))?;
        let connection = match slot.take() {
            Some(connection) => connection,
            None => connect(&self.path, &self.options, doing).await?,
        };
        let mut session = Session {
            path: &self.path,
            doing,
            slot,
            connection,
        };
        session.run("BEGIN IMMEDIATE").await?;
        Ok(session)
    }

    pub(super) async fn close(&self) {
        if let Some(connection) = self.slot.lock().await.take() {
            // What is left in the log is read by the next opening.
            let _ = connection.close().await;
        }
    }
}

impl Session<'_> {
    /// Makes what was written durable.
    pub(super) async fn commit(mut self) -> Result<(), JournalError> {
        self.run("COMMIT").await?;
        *self.slot = Some(self.connection);
        Ok(())
    }

    /// Undoes the transaction because the rules refuse it, and returns why.
    pub(super) async fn refuse(mut self, refusal: JournalError) -> JournalError {
        match self.run("ROLLBACK").await {
            Ok(()) => {
                *self.slot = Some(self.connection);
                refusal
            }
            Err(failure) => failure,
        }
    }

    async fn run(&mut self, statement: &'static str) -> Result<(), JournalError> {
        let done = sqlx::query(statement).execute(&mut self.connection).await;
        done.map(drop)
            .map_err(|source| storage(self.path, self.doing, source))
    }
}

async fn connect(
    path: &Path,
    options: &SqliteConnectOptions,
    doing: &'static str,
) -> Result<SqliteConnection, JournalError> {
    let connected = options.connect().await;
    connected.map_err(|source| storage(path, doing, source))
}

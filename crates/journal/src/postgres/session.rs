//! Connections: opening them within a bound, setting them up, and the one that writes.

use std::sync::Arc;

use sqlx::postgres::{PgConnection, Postgres};
use sqlx::{AssertSqlSafe, Connection, Transaction};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;

use super::failure::Failure;
use crate::bounds::{CONNECT_WAIT, GOODBYE_WAIT, IDLE_IN_TRANSACTION, LOCK_WAIT, OPERATION_WAIT};
use crate::{JournalError, PostgresUrl};

/// The connection that writes. Clones share it, so writers of this process queue here.
#[derive(Clone)]
pub(super) struct Writer {
    url: PostgresUrl,
    /// None while it is in use, and after it was lost.
    slot: Arc<Mutex<Option<PgConnection>>>,
}

/// The use of the writing connection for one operation. Unless it is kept at the end, the connection is
/// closed: whatever was under way on it ends at the server, and nobody gets a connection in an odd state.
pub(super) struct Session<'a> {
    url: &'a PostgresUrl,
    slot: MutexGuard<'a, Option<PgConnection>>,
    connection: PgConnection,
}

impl Writer {
    pub(super) fn new(url: PostgresUrl, connection: PgConnection) -> Self {
        let slot = Arc::new(Mutex::new(Some(connection)));
        Self { url, slot }
    }

    /// Waits for the connection, and opens it anew if it was lost.
    pub(super) async fn session(&self, doing: &'static str) -> Result<Session<'_>, Failure> {
        let mut slot = self.slot.lock().await;
        let connection = match slot.take() {
            Some(connection) => connection,
            None => connect(&self.url, doing, false).await?,
        };
        Ok(Session {
            url: &self.url,
            slot,
            connection,
        })
    }

    pub(super) async fn close(&self) {
        if let Some(connection) = self.slot.lock().await.take() {
            say_goodbye(connection).await;
        }
    }
}

impl Session<'_> {
    /// Begins a transaction that sees what others commit while it waits for a lock.
    pub(super) async fn begin(
        &mut self,
        doing: &'static str,
    ) -> Result<Transaction<'_, Postgres>, Failure> {
        const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
        let begun = self.connection.begin_with(BEGIN).await;
        begun.map_err(|source| Failure::of(self.url, doing, source))
    }

    /// The operation is complete; the next one may use the connection.
    pub(super) fn keep(mut self) {
        *self.slot = Some(self.connection);
    }
}

/// The first connection: says at once what is wrong instead of waiting for the server to come up.
pub(super) async fn connect_once(
    url: &PostgresUrl,
    read_only: bool,
) -> Result<PgConnection, JournalError> {
    let connected = connect(url, "connect", read_only).await;
    connected.map_err(Failure::into_error)
}

async fn connect(
    url: &PostgresUrl,
    doing: &'static str,
    read_only: bool,
) -> Result<PgConnection, Failure> {
    let connecting = async {
        let mut connection = PgConnection::connect_with(url.options()).await?;
        set_up(&mut connection, read_only).await?;
        Ok(connection)
    };
    match timeout(CONNECT_WAIT, connecting).await {
        Ok(connected) => connected.map_err(|source| Failure::of(url, doing, source)),
        Err(elapsed) => Err(Failure::Lost(JournalError::Unreachable {
            place: url.to_string(),
            source: elapsed.into(),
        })),
    }
}

/// Gives a connection its bounds. A holder that freezes inside a transaction must not keep the lease row
/// locked for longer than a lease, hence the limit on idling. `synchronous_commit` is only ever made
/// stricter.
pub(super) async fn set_up(
    connection: &mut PgConnection,
    read_only: bool,
) -> Result<(), sqlx::Error> {
    let statements = format!(
        "SET lock_timeout = {}; SET statement_timeout = {}; \
         SET idle_in_transaction_session_timeout = {}; SET default_transaction_read_only = {}; \
         SELECT set_config('synchronous_commit', 'on', false) \
         WHERE current_setting('synchronous_commit') IN ('off', 'local')",
        LOCK_WAIT.as_millis(),
        OPERATION_WAIT.as_millis(),
        IDLE_IN_TRANSACTION.as_millis(),
        if read_only { "on" } else { "off" },
    );
    // Safe: nothing but numbers and words of this file.
    sqlx::raw_sql(AssertSqlSafe(statements))
        .execute(connection)
        .await?;
    Ok(())
}

/// Closes a connection politely, within a bound; the server copes with a rude end too.
pub(super) async fn say_goodbye(connection: PgConnection) {
    let _ = timeout(GOODBYE_WAIT, connection.close()).await;
}

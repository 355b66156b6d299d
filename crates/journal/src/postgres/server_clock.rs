//! The clock that judges leases.

use sqlx::postgres::PgConnection;

use crate::JournalError;
use crate::entry::check_number;
use crate::lease::LeaseRow;

/// The server's and the caller's clock at one moment.
///
/// The tables hold expiries in the server's time, so that engines with different clocks agree on what has
/// expired. The shared rules and the callers know the caller's time only; expiries are moved between the
/// two by the difference of this moment, which cancels out where they are compared: what is compared is
/// how many milliseconds are left.
#[derive(Clone, Copy, Debug)]
pub(super) struct ServerClock {
    server_ms: u64,
    caller_ms: u64,
}

impl ServerClock {
    /// Reads the server's clock. To be called with the lease row locked: what was read before a wait for
    /// the lock would be too early.
    pub(super) async fn read(
        connection: &mut PgConnection,
        caller_ms: u64,
    ) -> Result<Self, sqlx::Error> {
        const SELECT: &str =
            "SELECT CAST(floor(extract(epoch FROM clock_timestamp()) * 1000) AS bigint)";
        let (signed,): (i64,) = sqlx::query_as(SELECT).fetch_one(connection).await?;
        let server_ms = u64::try_from(signed).unwrap_or(0);
        Ok(Self {
            server_ms,
            caller_ms,
        })
    }

    /// A stored lease in the caller's time. An expiry before the caller's time began becomes 0.
    pub(super) fn to_caller(self, row: LeaseRow) -> LeaseRow {
        let expires_ms = shift(row.expires_ms, self.server_ms, self.caller_ms);
        LeaseRow { expires_ms, ..row }
    }

    /// A lease as it is stored.
    pub(super) fn to_server(self, row: LeaseRow) -> Result<LeaseRow, JournalError> {
        let expires_ms = shift(row.expires_ms, self.caller_ms, self.server_ms);
        check_number("expires_ms", expires_ms)?;
        Ok(LeaseRow { expires_ms, ..row })
    }
}

/// A time of one clock as a time of another that shows `to` when the first shows `from`.
fn shift(time: u64, from: u64, to: u64) -> u64 {
    if time >= from {
        to.saturating_add(time - from)
    } else {
        to.saturating_sub(from - time)
    }
}

#[cfg(test)]
mod tests;

//! Transactions of others that have been open for long.
//!
//! `CREATE INDEX CONCURRENTLY` waits for the end of every transaction that began before it, and a lock of a migration for
//! every one that holds another on the table: one forgotten session, idle in a transaction, stops a migration until it is
//! given up, and leaves an index behind that is half made. So they are named beforehand.

use super::PostgresProblem;
use super::session::Session;
use crate::OpenTransaction;

/// Of sessions of others' users a plain user sees neither times nor states, so those are not told. A prepared transaction has no
/// session and holds its locks until somebody ends it. What anybody runs is not read: it may hold personal data.
const OPEN: &str = "SELECT 'session ' || pid || ' of ' || coalesce(usename::text, '?') \
      || coalesce(' (' || nullif(application_name, '') || ')', '') \
      || CASE WHEN state LIKE 'idle in transaction%' THEN ', idle in a transaction' ELSE '' END, \
     (extract(epoch FROM clock_timestamp() - xact_start) * 1000)::int8 AS open_ms \
     FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
     AND backend_type = 'client backend' AND xact_start IS NOT NULL \
     UNION ALL SELECT 'the prepared transaction ' || quote_literal(gid) || ' of ' || owner::text, \
     (extract(epoch FROM clock_timestamp() - prepared) * 1000)::int8 \
     FROM pg_prepared_xacts WHERE database = current_database() ORDER BY open_ms DESC";

/// Those that have been open for at least so many milliseconds, the oldest first.
pub(super) async fn open_for(
    session: &mut Session,
    at_least_ms: u64,
) -> Result<Vec<OpenTransaction>, PostgresProblem> {
    let rows: Vec<(String, i64)> = session
        .rows("look for open transactions", OPEN, &[])
        .await?;
    let open = rows.into_iter().map(|(of, open_ms)| OpenTransaction {
        of,
        open_ms: u64::try_from(open_ms).unwrap_or(0),
    });
    Ok(open.filter(|one| one.open_ms >= at_least_ms).collect())
}

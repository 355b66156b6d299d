//! PostgreSQL: a session that looks at `pg_locks`.

use portcullis_migration::{Dialect, excerpt};
use sqlx::Connection;
use sqlx::postgres::PgConnection;

use super::mode::LockMode;
use super::tracker::{Seen, Tracker};
use crate::MigrationDatabase;
use crate::bounds::MIGRATION_CONNECT_TIMEOUT;
use crate::causes::with_causes;

/// Tables that were there before: nobody waits for what a migration makes itself. Their sizes are asked now, for asking later
/// would wait for the very locks that are looked for.
const TABLES: &str = "\
    SELECT c.oid::bigint, n.nspname::text, c.relname::text, t.relname::text, \
           CASE WHEN c.relkind IN ('r', 'm', 't') THEN pg_total_relation_size(c.oid) END \
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
    LEFT JOIN pg_index i ON i.indexrelid = c.oid LEFT JOIN pg_class t ON t.oid = i.indrelid \
    WHERE c.relkind IN ('r', 'p', 'm', 'v', 'i', 'I') AND n.nspname <> 'information_schema' \
    AND n.nspname NOT LIKE 'pg\\_%' AND coalesce(t.relname, c.relname) NOT LIKE 'portcullis\\_migrations%'";

const LOCKS: &str = "\
    SELECT l.pid, l.virtualtransaction, l.relation::bigint, l.mode, a.query \
    FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid \
    WHERE l.locktype = 'relation' AND l.granted AND l.pid <> pg_backend_pid() AND a.backend_type = 'client backend' \
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())";

type TableRow = (i64, String, String, Option<String>, Option<i64>);
type LockRow = (i32, String, i64, String, Option<String>);

/// A session that looks.
pub(super) struct PostgresEye {
    connection: PgConnection,
}

impl PostgresEye {
    /// Connects, and tells `tracker` which tables there are.
    pub(super) async fn open(
        database: &MigrationDatabase,
        tracker: &mut Tracker,
    ) -> Result<PostgresEye, String> {
        let Some(options) = database.server() else {
            return Err("it is no database on a server".to_owned());
        };
        let options = options
            .clone()
            .application_name("portcullis locks")
            .options([("statement_timeout", "10s")]);
        let connecting = PgConnection::connect_with(&options);
        let mut connection = tokio::time::timeout(MIGRATION_CONNECT_TIMEOUT, connecting)
            .await
            .map_err(|_| "no answer".to_owned())?
            .map_err(|error| with_causes(&error))?;
        let tables: Vec<TableRow> = sqlx::query_as(TABLES)
            .fetch_all(&mut connection)
            .await
            .map_err(|error| with_causes(&error))?;
        for (oid, schema, name, of, bytes) in tables {
            let within = |name: &str| match schema.as_str() {
                "public" => name.to_owned(),
                other => format!("{other}.{name}"),
            };
            let shown = match of {
                None => within(&name),
                Some(table) => format!("index {name} of {}", within(&table)),
            };
            let bytes = bytes.and_then(|bytes| u64::try_from(bytes).ok());
            tracker.know(oid, &shown, bytes);
        }
        Ok(PostgresEye { connection })
    }

    /// The locks that others hold now.
    pub(super) async fn look(&mut self) -> Result<Vec<Seen>, String> {
        let rows: Vec<LockRow> = sqlx::query_as(LOCKS)
            .fetch_all(&mut self.connection)
            .await
            .map_err(|error| with_causes(&error))?;
        let seen = rows.into_iter().filter_map(|row| {
            let (pid, transaction, relation, mode, query) = row;
            Some(Seen {
                holder: format!("{pid} {transaction}"),
                relation,
                mode: LockMode::of_catalogue(&mode)?,
                statement: query.unwrap_or_default(),
            })
        });
        Ok(seen.collect())
    }

    pub(super) async fn close(self) {
        let _ = self.connection.close().await;
    }
}

/// A statement of somebody's in one line, without the values in it.
pub(super) fn shown(statement: &str) -> String {
    excerpt(statement, Dialect::Postgres)
}

//! PostgreSQL's side: the session, its advisory lock and its catalogue.

use portcullis_migration::ConcurrentIndex;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection};

use super::database::MigrationDatabase;
use super::error::MigrationError;
use super::ledger::{COLUMNS, Entry, TABLE, entry};
use super::session::{IndexState, Session, Value};
use crate::bounds::MIGRATION_CONNECT_TIMEOUT;

/// The first half of the advisory lock's key, "port" in ASCII; the second is made from the ledger's schema.
const LOCK_CLASS: i32 = 0x706f_7274;

/// How PostgreSQL's index catalogue is asked: invalid, and not being built by anybody now.
const INVALID: &str = "\
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.relkind = 'i' AND NOT i.indisvalid \
    AND NOT EXISTS (SELECT 1 FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)";

/// What a file may have set that must not count for the ledger: another user, bounds, and whether a commit waits until it is
/// durable. It is taken back for the rest of a transaction.
const AS_CONNECTED: &str = "\
    SET LOCAL session_authorization TO DEFAULT; SET LOCAL role TO DEFAULT; SET LOCAL lock_timeout TO DEFAULT; \
    SET LOCAL statement_timeout TO DEFAULT; SET LOCAL synchronous_commit TO DEFAULT";

/// A connection to PostgreSQL.
pub(super) struct PostgresSession {
    connection: PgConnection,
    /// Whether a transaction of ours is open.
    in_transaction: bool,
    /// The ledger, with its schema: files may change the search path.
    table: String,
}

impl PostgresSession {
    /// A connection that holds the lock, with the bounds on waiting and running, in milliseconds.
    pub(super) async fn to_change(
        options: &PgConnectOptions,
        database: &MigrationDatabase,
        (lock_timeout_ms, statement_timeout_ms): (u64, u64),
    ) -> Result<PostgresSession, MigrationError> {
        // As settings of the connection they are also what RESET ALL goes back to.
        let options = options.clone().options([
            ("lock_timeout", lock_timeout_ms.to_string()),
            ("statement_timeout", statement_timeout_ms.to_string()),
        ]);
        let mut session = PostgresSession::to_look(&options, database).await?;
        session.lock(database).await?;
        Ok(session)
    }

    /// A connection without the lock.
    pub(super) async fn to_look(
        options: &PgConnectOptions,
        database: &MigrationDatabase,
    ) -> Result<PostgresSession, MigrationError> {
        let unreachable = |source| MigrationError::Unreachable {
            place: database.to_string(),
            source,
        };
        let connecting = PgConnection::connect_with(options);
        let mut connection = tokio::time::timeout(MIGRATION_CONNECT_TIMEOUT, connecting)
            .await
            .map_err(|late| unreachable(sqlx::Error::Io(late.into())))?
            .map_err(unreachable)?;
        let schema =
            sqlx::query_scalar::<_, Option<String>>("SELECT quote_ident(current_schema())");
        let schema = schema.fetch_one(&mut connection).await;
        let schema = schema.map_err(MigrationError::ledger("ask for the schema"))?;
        let schema = schema.unwrap_or_else(|| "public".to_owned());
        Ok(PostgresSession {
            connection,
            in_transaction: false,
            table: format!("{schema}.{TABLE}"),
        })
    }

    /// The server's version as a number, 150004 for 15.4.
    pub(super) async fn server_version(mut self) -> Result<u32, sqlx::Error> {
        let sql = "SELECT current_setting('server_version_num')::int";
        let number = sqlx::query_scalar::<_, i32>(sql).fetch_one(&mut self.connection);
        let number = number.await?;
        self.close().await;
        Ok(number.unsigned_abs())
    }

    async fn lock(&mut self, database: &MigrationDatabase) -> Result<(), MigrationError> {
        let failed = MigrationError::ledger("take the lock");
        let key = "SELECT pg_try_advisory_lock($1, hashtext($2))";
        let taken = sqlx::query_scalar::<_, bool>(key)
            .bind(LOCK_CLASS)
            .bind(&self.table)
            .fetch_one(&mut self.connection)
            .await
            .map_err(&failed)?;
        if taken {
            return Ok(());
        }
        let who = "SELECT 'pid ' || a.pid || ', since ' || \
                   to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') \
                   FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid \
                   WHERE l.locktype = 'advisory' AND l.granted AND l.classid = $1::bigint::oid \
                   AND l.objid = (hashtext($2)::bigint & 4294967295)::oid \
                   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        let holder = sqlx::query_scalar::<_, Option<String>>(who)
            .bind(i64::from(LOCK_CLASS))
            .bind(&self.table)
            .fetch_optional(&mut self.connection)
            .await
            .map_err(failed)?;
        Err(MigrationError::Busy {
            place: database.to_string(),
            holder: holder.flatten(),
        })
    }

    async fn put(&mut self, sql: &str, values: Vec<Value>) -> Result<(), sqlx::Error> {
        let sql = self.filled(sql);
        let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(false);
        for value in values {
            query = match value {
                Value::Number(number) => query.bind(number),
                Value::Nothing => query.bind(None::<i64>),
                Value::Text(text) => query.bind(text),
            };
        }
        query.execute(&mut self.connection).await.map(drop)
    }

    fn filled(&self, sql: &str) -> String {
        let sql = sql.replace("TABLE", &self.table);
        sql.replace("NOW", "clock_timestamp()")
    }
}

impl Session for PostgresSession {
    async fn make_ledger(&mut self) -> Result<(), sqlx::Error> {
        // Asked first, since a user who may only write rows may not make tables.
        if self.entries().await?.is_some() {
            return Ok(());
        }
        let sql = format!(
            "CREATE TABLE {} (version bigint PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL, phase text NOT NULL, \
             started_at timestamptz NOT NULL, applied_at timestamptz, duration_ms bigint, \
             portcullis_version text NOT NULL, statements_done bigint NOT NULL, done_sha256 text NOT NULL, \
             under_way bigint, rows_changed bigint NOT NULL)",
            self.table
        );
        self.run(&sql).await.map(drop)
    }

    async fn make_reversals(&mut self) -> Result<(), sqlx::Error> {
        let table = format!("{}_reversed", self.table);
        let there = sqlx::query_scalar::<_, bool>("SELECT to_regclass($1) IS NOT NULL");
        if there.bind(&table).fetch_one(&mut self.connection).await? {
            return Ok(());
        }
        let sql = format!(
            "CREATE TABLE {table} (version bigint NOT NULL, name text NOT NULL, sha256 text NOT NULL, \
             applied_at timestamptz, reversed_at timestamptz NOT NULL, reverse_sha256 text NOT NULL, \
             portcullis_version text NOT NULL)"
        );
        self.run(&sql).await.map(drop)
    }

    async fn reversals(&mut self) -> Result<Vec<(u64, String)>, sqlx::Error> {
        let table = format!("{}_reversed", self.table);
        let there = sqlx::query_scalar::<_, bool>("SELECT to_regclass($1) IS NOT NULL");
        if !there.bind(&table).fetch_one(&mut self.connection).await? {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT version, to_char(max(reversed_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') \
             FROM {table} GROUP BY version"
        );
        let rows: Vec<(i64, String)> = sqlx::query_as(AssertSqlSafe(sql))
            .fetch_all(&mut self.connection)
            .await?;
        Ok(rows
            .into_iter()
            .map(|(version, at)| (version.unsigned_abs(), at))
            .collect())
    }

    async fn entries(&mut self) -> Result<Option<Vec<Entry>>, sqlx::Error> {
        let there = sqlx::query_scalar::<_, bool>("SELECT to_regclass($1) IS NOT NULL");
        let there = there.bind(&self.table).fetch_one(&mut self.connection);
        if !there.await? {
            return Ok(None);
        }
        let time = "to_char(applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS applied_at";
        let columns = COLUMNS.replace("applied_at", time);
        let sql = format!("SELECT {columns} FROM {} ORDER BY version", self.table);
        let rows = sqlx::query(AssertSqlSafe(sql)).persistent(false);
        let rows = rows.fetch_all(&mut self.connection).await?;
        rows.iter().map(entry).collect::<Result<_, _>>().map(Some)
    }

    async fn begin(&mut self) -> Result<(), sqlx::Error> {
        self.run("BEGIN").await?;
        self.in_transaction = true;
        Ok(())
    }

    async fn end(&mut self, keep: bool) -> Result<(), sqlx::Error> {
        self.in_transaction = false;
        let sql = if keep { "COMMIT" } else { "ROLLBACK" };
        self.run(sql).await.map(drop)
    }

    async fn run(&mut self, statement: &str) -> Result<u64, sqlx::Error> {
        // The simple protocol: outside of a transaction it begins none of its own.
        let sql = sqlx::raw_sql(AssertSqlSafe(statement.to_owned()));
        Ok(sql.execute(&mut self.connection).await?.rows_affected())
    }

    async fn write(&mut self, sql: &str, values: Vec<Value>) -> Result<(), sqlx::Error> {
        if self.in_transaction {
            self.run(AS_CONNECTED).await?;
            return self.put(sql, values).await;
        }
        // A file may also have set that transactions only read.
        self.run("BEGIN READ WRITE").await?;
        let outcome = async {
            self.run(AS_CONNECTED).await?;
            self.put(sql, values).await
        };
        let outcome = outcome.await;
        self.end(outcome.is_ok()).await.and(outcome)
    }

    async fn reset(&mut self) -> Result<(), sqlx::Error> {
        let sql = "RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL";
        self.run(sql).await.map(drop)
    }

    async fn invalid_indexes(&mut self) -> Result<Vec<String>, sqlx::Error> {
        let sql = format!(
            "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) {INVALID} ORDER BY 1"
        );
        let names = sqlx::query_scalar(AssertSqlSafe(sql)).persistent(false);
        names.fetch_all(&mut self.connection).await
    }

    async fn index_state(&mut self, index: &ConcurrentIndex) -> Result<IndexState, sqlx::Error> {
        let sql = "SELECT i.indisvalid, quote_ident(n.nspname) || '.' || quote_ident(c.relname) \
                   FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
                   WHERE c.relname = $1 AND i.indrelid = to_regclass($2)";
        let found: Option<(bool, String)> = sqlx::query_as(sql)
            .bind(&index.name)
            .bind(&index.table)
            .fetch_optional(&mut self.connection)
            .await?;
        Ok(match found {
            None => IndexState::Absent,
            Some((true, _)) => IndexState::Valid,
            Some((false, index)) => IndexState::Invalid(index),
        })
    }

    async fn close(self) {
        let _ = self.connection.close().await;
    }
}

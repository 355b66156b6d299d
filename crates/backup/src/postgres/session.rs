//! Sessions of our own with a server, and what its errors mean.

use std::time::Duration;

use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Connection, Executor};
use tokio::time::timeout;

use super::{PostgresAddress, PostgresProblem};
use crate::bounds::{POSTGRES_CONNECT_S, POSTGRES_LOCK_S, POSTGRES_MAJOR_MIN};

/// How values are written as text, the same in every session whatever the database or the user has set: the
/// content of two databases is compared by it.
const SETTINGS: &str = "SET search_path = ''; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres'; \
    SET TimeZone = 'UTC'; SET extra_float_digits = 3; SET bytea_output = 'hex'; SET xmlbinary = 'base64'; \
    SET row_security = off; SET standard_conforming_strings = on; SET statement_timeout = 0; \
    SET idle_in_transaction_session_timeout = 0; SET default_transaction_read_only = off;";

/// From this version on a server can look whether the client of a query is still there.
const LOOKS_FOR_ITS_CLIENT: u32 = 14;
const LOOK_FOR_CLIENT: &str = "SET client_connection_check_interval = '10s'";

/// Databases that may be asked about others, in the order in which they are tried.
const MAINTENANCE: [&str; 2] = ["postgres", "template1"];

/// An open session.
pub(super) struct Session {
    pub(super) connection: PgConnection,
    /// Host, port and database.
    pub(super) place: String,
    /// The first number of the server's version.
    pub(super) major: u32,
    /// The server's version, for example `15.18 (Debian 15.18-0+deb12u1)`.
    pub(super) version: String,
}

impl Session {
    /// Opens a session with the database of the address.
    pub(super) async fn open(address: &PostgresAddress) -> Result<Self, PostgresProblem> {
        let place = address.to_string();
        let failed = |error| failed("open a session", &place, &error);
        let options = address.options();
        let opening = async {
            let mut connection = PgConnection::connect_with(&options).await?;
            let lock = format!("SET lock_timeout = '{POSTGRES_LOCK_S}s'");
            connection.execute(SETTINGS).await?;
            connection.execute(AssertSqlSafe(lock)).await?;
            Ok(connection)
        };
        let limit = Duration::from_secs(POSTGRES_CONNECT_S);
        let connection = timeout(limit, opening)
            .await
            .map_err(|_| PostgresProblem::Unreachable {
                place: place.clone(),
                why: format!("no answer within {POSTGRES_CONNECT_S} s"),
            })?
            .map_err(failed)?;
        let mut session = Self {
            connection,
            place,
            major: 0,
            version: String::new(),
        };
        let number: i32 = session
            .value("SELECT current_setting('server_version_num')::int4")
            .await?;
        session.major = u32::try_from(number).unwrap_or(0) / 10_000;
        session.version = session
            .value("SELECT current_setting('server_version')")
            .await?;
        if session.major >= LOOKS_FOR_ITS_CLIENT {
            // A query of hours goes on otherwise when this program is killed. Not every system can do it.
            let _ = session
                .run("have its client looked for", LOOK_FOR_CLIENT)
                .await;
        }
        if session.major < POSTGRES_MAJOR_MIN {
            return Err(PostgresProblem::ServerTooOld {
                place: session.place,
                found: session.version,
            });
        }
        Ok(session)
    }

    /// Opens a session with another database of the same server, from which `address`'s own may be renamed.
    pub(super) async fn beside(address: &PostgresAddress) -> Result<Self, PostgresProblem> {
        let mut refused = None;
        for database in MAINTENANCE
            .iter()
            .filter(|name| **name != address.database())
        {
            match Self::open(&address.with_database(database)).await {
                Err(
                    error @ (PostgresProblem::DatabaseMissing { .. }
                    | PostgresProblem::AccessRefused { .. }
                    | PostgresProblem::NoRight { .. }),
                ) => refused = Some(error),
                other => return other,
            }
        }
        Err(refused.unwrap_or_else(|| PostgresProblem::DatabaseMissing {
            place: address.with_database(MAINTENANCE[0]).to_string(),
        }))
    }

    /// Carries a statement out.
    pub(super) async fn run(
        &mut self,
        doing: &'static str,
        statement: &str,
    ) -> Result<(), PostgresProblem> {
        let statement = AssertSqlSafe(statement.to_owned());
        let done = self.connection.execute(sqlx::raw_sql(statement)).await;
        done.map(drop)
            .map_err(|error| failed(doing, &self.place, &error))
    }

    /// All rows of a query.
    pub(super) async fn rows<T>(
        &mut self,
        doing: &'static str,
        query: &str,
        parameters: &[&str],
    ) -> Result<Vec<T>, PostgresProblem>
    where
        T: for<'r> sqlx::FromRow<'r, PgRow> + Send + Unpin,
    {
        let mut asked = sqlx::query_as::<_, T>(AssertSqlSafe(query.to_owned())).persistent(false);
        for parameter in parameters {
            asked = asked.bind(*parameter);
        }
        let rows = asked.fetch_all(&mut self.connection).await;
        rows.map_err(|error| failed(doing, &self.place, &error))
    }

    /// The one value of a query.
    pub(super) async fn value<T>(&mut self, query: &str) -> Result<T, PostgresProblem>
    where
        (T,): for<'r> sqlx::FromRow<'r, PgRow> + Send + Unpin,
    {
        let rows: Vec<(T,)> = self.rows("read", query, &[]).await?;
        rows.into_iter()
            .next()
            .map(|(value,)| value)
            .ok_or_else(|| PostgresProblem::Failed {
                doing: "read",
                place: self.place.clone(),
                why: "there was no answer".to_owned(),
            })
    }

    /// Says goodbye. Without it the server would note a lost connection, and nothing else.
    pub(super) async fn close(self) {
        let _ = timeout(
            Duration::from_secs(POSTGRES_CONNECT_S),
            self.connection.close(),
        )
        .await;
    }
}

/// What an error of the server or of the connection means, by its SQLSTATE (PostgreSQL manual, appendix A).
pub(super) fn failed(doing: &'static str, place: &str, error: &sqlx::Error) -> PostgresProblem {
    let place = place.to_owned();
    let (code, why) = match error {
        sqlx::Error::Database(error) => (
            error.code().map(|code| code.into_owned()),
            error.message().to_owned(),
        ),
        sqlx::Error::Io(error) => {
            let why = error.to_string();
            return PostgresProblem::Unreachable { place, why };
        }
        sqlx::Error::Tls(error) => {
            let why = format!("TLS failed: {error}");
            return PostgresProblem::Unreachable { place, why };
        }
        // What it holds is of the driver's own making, and never what was sent.
        other => (None, other.to_string()),
    };
    match code.as_deref().unwrap_or_default() {
        "3D000" => PostgresProblem::DatabaseMissing { place },
        "55P03" => PostgresProblem::Busy { doing, place },
        "42501" => PostgresProblem::NoRight {
            doing: doing.to_owned(),
            why,
        },
        "57P01" | "57P02" | "57P03" | "53300" => PostgresProblem::Unreachable { place, why },
        code if code.starts_with("28") => PostgresProblem::AccessRefused { place, why },
        code if code.starts_with("08") => PostgresProblem::Unreachable { place, why },
        _ => PostgresProblem::Failed { doing, place, why },
    }
}

/// A name as an identifier of SQL.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as a literal of SQL, whatever `standard_conforming_strings` is.
pub(super) fn literal(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    match text.contains('\\') {
        true => format!(" E'{}'", doubled.replace('\\', "\\\\")),
        false => format!("'{doubled}'"),
    }
}

//! Where a database is. The password stays inside.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;

const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];
const PARAMETERS: [&str; 8] = [
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "port",
    "application_name",
    "options",
];

/// The address of a PostgreSQL database: `postgres://USER@HOST:PORT/DATABASE?sslmode=verify-full`.
///
/// The password comes from `PGPASSWORD`, from `~/.pgpass` (or `PGPASSFILE`), or from the URL. `Display`
/// and `Debug` show host, port and database only.
///
/// With `sslmode=verify-full` the server's certificate is checked against `sslrootcert` and the system's
/// certificates. The default is `prefer`: encrypted if the server can, but not checked.
#[derive(Clone)]
pub struct PostgresUrl {
    options: Arc<PgConnectOptions>,
    host: String,
    database: String,
}

/// A text that is no address of a database. It does not repeat the text, which may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the address of the journal's database is not usable: {why}; \
     expected postgres://USER@HOST:PORT/DATABASE, with the password in PGPASSWORD or ~/.pgpass"
)]
pub struct UrlRefused {
    /// What is wrong with it.
    pub why: String,
}

impl PostgresUrl {
    /// Whether a text is meant as the address of a PostgreSQL database.
    #[must_use]
    pub fn is_meant_by(text: &str) -> bool {
        SCHEMES.iter().any(|scheme| text.starts_with(scheme))
    }

    /// Reads an address.
    ///
    /// # Errors
    /// [`UrlRefused`] if it is not one, names no database, or has a parameter that is not known.
    pub fn new(text: &str) -> Result<Self, UrlRefused> {
        let refused = |why: &str| UrlRefused {
            why: why.to_owned(),
        };
        if !Self::is_meant_by(text) {
            return Err(refused("it does not begin with postgres://"));
        }
        // An unknown parameter would be ignored and its value logged by the driver.
        let parameters = text.split_once('?').map_or("", |(_, rest)| rest);
        for parameter in parameters.split('&').filter(|text| !text.is_empty()) {
            let name = parameter.split('=').next().unwrap_or_default();
            if !PARAMETERS.contains(&name) {
                let known = PARAMETERS.join(", ");
                let why = format!("it has an unknown parameter after '?' (known: {known})");
                return Err(refused(&why));
            }
        }
        let options: PgConnectOptions = text
            .parse()
            .map_err(|_| refused("it cannot be read as an address, or a parameter has no value"))?;
        let options = match options.get_application_name() {
            Some(_) => options,
            None => options.application_name("portcullis"),
        };
        let options = options.disable_statement_logging();
        let database = options
            .get_database()
            .ok_or_else(|| refused("it names no database"))?
            .to_owned();
        let host = match options.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => options.get_host().to_owned(),
        };
        Ok(Self {
            options: Arc::new(options),
            host,
            database,
        })
    }

    pub(crate) fn options(&self) -> &PgConnectOptions {
        &self.options
    }
}

impl FromStr for PostgresUrl {
    type Err = UrlRefused;

    fn from_str(text: &str) -> Result<Self, UrlRefused> {
        Self::new(text)
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = self.options.get_port();
        write!(f, "postgres://{}:{port}/{}", self.host, self.database)
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresUrl({self})")
    }
}

#[cfg(test)]
mod tests;

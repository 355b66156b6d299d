//! Where the database is. What is secret of it stays inside.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use portcullis_migration::Dialect;
use portcullis_rollout::{StoreLocation, StoreRef, ValueSource};
use secrecy::ExposeSecret;
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;

use crate::resolve_secret;

/// What sqlx knows behind the `?` of a URL; it logs the values of others.
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

/// A database that is migrated. `Display` and `Debug` show host, port and name, or the file.
#[derive(Clone)]
pub struct MigrationDatabase {
    pub(super) kind: DatabaseKind,
}

#[derive(Clone)]
pub(super) enum DatabaseKind {
    Postgres(Box<PgConnectOptions>),
    Sqlite(PathBuf),
}

/// A reference that leads to no database. Never says what was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the database `{reference}`: {why}")]
pub struct DatabaseRefused {
    /// The reference, or what is said in place of a URL that was given in clear.
    pub reference: String,
    /// What is wrong.
    pub why: String,
}

impl MigrationDatabase {
    /// The database that `reference` leads to: `env:NAME`, `file:PATH` or `cmd:PROGRAM` with `postgres://...` or
    /// `sqlite:PATH` in it, or `sqlite:PATH` itself, which has no secret. Relative paths start at `folder`.
    ///
    /// # Errors
    /// When it is a URL in clear, has no value, or the value is no address of a database.
    pub async fn of(reference: &str, folder: &Path) -> Result<MigrationDatabase, DatabaseRefused> {
        if let Some(path) = reference.strip_prefix("sqlite:") {
            return Ok(sqlite(path, folder));
        }
        let refused = |why: String| DatabaseRefused {
            reference: ValueSource::shown(reference),
            why,
        };
        if !ValueSource::of(reference).is_reference() {
            return Err(DatabaseRefused {
                reference: "(given in clear)".to_owned(),
                why: "others can see what stands on a command line; expected env:NAME, file:PATH, 'cmd:PROGRAM ARGUMENT' \
                      (in quotes, as one word) or sqlite:PATH"
                    .to_owned(),
            });
        }
        let resolved = resolve_secret(reference, folder).await;
        let resolved = resolved.map_err(|error| refused(error.why.to_string()))?;
        match resolved.expose_secret().strip_prefix("sqlite:") {
            Some(path) => Ok(sqlite(path, folder)),
            None => postgres(resolved.expose_secret()).map_err(refused),
        }
    }

    /// The database that a store is.
    ///
    /// # Errors
    /// When it is none, or its reference has no value or leads to none.
    pub async fn of_store(store: &StoreRef) -> Result<MigrationDatabase, DatabaseRefused> {
        let refused = |why: String| DatabaseRefused {
            reference: store.name.clone(),
            why,
        };
        match &store.location {
            StoreLocation::Sqlite { path } => Ok(MigrationDatabase {
                kind: DatabaseKind::Sqlite(path.clone()),
            }),
            StoreLocation::Postgres {
                url,
                folder,
                database,
                ..
            } => {
                let resolved = resolve_secret(url, folder).await;
                let resolved = resolved.map_err(|error| refused(error.why.to_string()))?;
                let mut found = postgres(resolved.expose_secret()).map_err(refused)?;
                if let (DatabaseKind::Postgres(options), Some(name)) = (&mut found.kind, database) {
                    **options = options.as_ref().clone().database(name);
                }
                Ok(found)
            }
            StoreLocation::File { .. }
            | StoreLocation::Directory { .. }
            | StoreLocation::Redis { .. } => Err(refused(
                "it is no database of SQL, so SQL files cannot change it".to_owned(),
            )),
        }
    }

    /// How its server is reached; nothing for a file.
    pub(crate) fn server(&self) -> Option<&PgConnectOptions> {
        match &self.kind {
            DatabaseKind::Postgres(options) => Some(options),
            DatabaseKind::Sqlite(_) => None,
        }
    }

    /// Whose SQL it takes.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        match self.kind {
            DatabaseKind::Postgres(_) => Dialect::Postgres,
            DatabaseKind::Sqlite(_) => Dialect::Sqlite,
        }
    }
}

fn sqlite(path: &str, folder: &Path) -> MigrationDatabase {
    let path = path.strip_prefix("//").unwrap_or(path);
    MigrationDatabase {
        kind: DatabaseKind::Sqlite(folder.join(path)),
    }
}

fn postgres(url: &str) -> Result<MigrationDatabase, String> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err("its value is neither postgres://... nor sqlite:PATH".to_owned());
    }
    let parameters = url.split_once('?').map_or("", |(_, rest)| rest);
    let name = |parameter: &str| parameter.split('=').next().unwrap_or_default().to_owned();
    let mut names = parameters.split('&').filter(|text| !text.is_empty());
    if !names.all(|parameter| PARAMETERS.contains(&name(parameter).as_str())) {
        let known = PARAMETERS.join(", ");
        return Err(format!(
            "the URL has an unknown parameter after '?' (known: {known})"
        ));
    }
    // The parser's words may quote the URL with its password.
    let options = PgConnectOptions::from_str(url).map_err(|_| {
        "the URL cannot be read; expected postgres://USER@HOST:PORT/DATABASE".to_owned()
    })?;
    let options = options
        .application_name("portcullis migrate")
        .disable_statement_logging();
    Ok(MigrationDatabase {
        kind: DatabaseKind::Postgres(Box::new(options)),
    })
}

impl fmt::Display for MigrationDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            DatabaseKind::Postgres(options) => {
                let (host, port) = (options.get_host(), options.get_port());
                let database = options.get_database().unwrap_or("postgres");
                write!(f, "postgres://{host}:{port}/{database}")
            }
            DatabaseKind::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
        }
    }
}

impl fmt::Debug for MigrationDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MigrationDatabase({self})")
    }
}

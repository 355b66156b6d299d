//! Where the configured journal is: the file in the state folder, or a PostgreSQL database.

use std::path::{Path, PathBuf};

use portcullis_config::{Config, JournalConfig};
use portcullis_journal::{JournalError, JournalLocation, PostgresUrl, StoredJournal};
use secrecy::ExposeSecret;

use crate::command_error::{CommandError, ErrorCode, Exit};
use crate::state_folder::StateFolder;

/// The journal's location. The address of a database may be a reference to a secret, which is read here.
///
/// # Errors
/// When the reference cannot be read, or what it refers to is no address of a database.
pub(crate) async fn locate(config: &Config) -> Result<JournalLocation, CommandError> {
    match &config.state.journal {
        JournalConfig::Sqlite => Ok(JournalLocation::File(file(config))),
        JournalConfig::Postgres(address) => {
            let folder = config.file.parent().unwrap_or(Path::new(""));
            let refused = |error: &dyn std::error::Error| {
                CommandError::because(Exit::Usage, "`state.journal` cannot be used", error)
                    .code(ErrorCode::BadValue)
            };
            let resolved = portcullis_driver::resolve_secret(address.expose(), folder).await;
            let address = resolved.map_err(|error| refused(&error))?;
            let url = PostgresUrl::new(address.expose_secret()).map_err(|error| refused(&error))?;
            Ok(JournalLocation::Postgres(url))
        }
    }
}

/// The journal for reading; `None` when there is none yet.
///
/// # Errors
/// When it cannot be found, reached or read.
pub(crate) async fn open_read_only(
    config: &Config,
) -> Result<Option<(JournalLocation, StoredJournal)>, CommandError> {
    let location = locate(config).await?;
    let opened = StoredJournal::open_read_only(&location).await;
    let journal = opened.map_err(|error| unreadable(&error))?;
    Ok(journal.map(|journal| (location, journal)))
}

/// The error of a journal that cannot be opened or read: the same code in every command.
pub(crate) fn unreadable(error: &JournalError) -> CommandError {
    let made = CommandError::of(Exit::Failed, error).code(ErrorCode::JournalUnreadable);
    match out_of_reach(error) {
        Some(hint) => made.hint(hint),
        None => made,
    }
}

/// What to do about a journal that may be whole and cannot be reached; `None` for others.
pub(crate) fn out_of_reach(error: &JournalError) -> Option<&'static str> {
    match error {
        JournalError::Unreachable { .. } => Some(
            "nothing can be released until the database answers, and nothing is lost; see that it runs and \
             that the address in state.journal is right",
        ),
        JournalError::NotTrusted { .. }
        | JournalError::AccessRefused { .. }
        | JournalError::DatabaseMissing { .. }
        | JournalError::PermissionDenied { .. }
        | JournalError::UrlRefused(_) => {
            Some("mend the access to the database; the journal itself was not looked at")
        }
        _ => None,
    }
}

/// The journal's file, if it is kept in one and the file is missing.
pub(crate) fn missing_file(config: &Config) -> Option<PathBuf> {
    match &config.state.journal {
        JournalConfig::Sqlite => {
            Some(file(config)).filter(|file| matches!(file.try_exists(), Ok(false)))
        }
        JournalConfig::Postgres(_) => None,
    }
}

/// Why nobody can say whether the journal's file is there, if it is kept in one.
pub(crate) fn hidden_file(config: &Config) -> Option<std::io::Error> {
    match &config.state.journal {
        JournalConfig::Sqlite => file(config).try_exists().err(),
        JournalConfig::Postgres(_) => None,
    }
}

fn file(config: &Config) -> PathBuf {
    StateFolder::new(&config.state.folder).journal()
}

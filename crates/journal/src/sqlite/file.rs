//! The file itself: creating it, connecting to it, and what its failures mean.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};

use super::head;
use crate::JournalError;
use crate::bounds::{BUSY_TIMEOUT, CONNECTION_WAIT, FILE_CACHE_KIB, ROWS_AHEAD};

pub(super) fn connect_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        // A negative number is KiB, a positive one pages.
        .pragma("cache_size", format!("-{FILE_CACHE_KIB}"))
        .filename(path)
        .busy_timeout(BUSY_TIMEOUT)
        .row_buffer_size(ROWS_AHEAD)
        .foreign_keys(true)
}

pub(super) fn pool(connections: u32) -> SqlitePoolOptions {
    // A connection to a file does not go stale, so none is tested or replaced for its age.
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(CONNECTION_WAIT)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
}

/// Makes sure that the file exists and that only its owner may use it. SQLite gives the log files
/// beside it the same permissions. The folder is synced, or a new file could vanish with the power.
pub(super) fn create_private(path: &Path) -> io::Result<()> {
    match OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
    {
        Ok(file) => {
            file.sync_all()?;
            head::sync_folder_of(path)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let permissions = fs::metadata(path)?.permissions();
            if permissions.mode() & 0o077 != 0 {
                fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
            }
            Ok(())
        }
        Err(error) => Err(error),
    }
}

pub(super) fn storage(
    path: &Path,
    doing: &'static str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> JournalError {
    let source = source.into();
    let path = path.display().to_string();
    if is_damage(source.as_ref()) {
        JournalError::Damaged { path, source }
    } else {
        JournalError::Storage {
            doing,
            path,
            source,
        }
    }
}

/// Whether SQLite found its own file damaged. The codes are from its list of result codes: CORRUPT,
/// NOTADB, IOERR_SHORT_READ, and the extended forms of CORRUPT.
fn is_damage(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    let code = error
        .downcast_ref::<sqlx::Error>()
        .and_then(sqlx::Error::as_database_error)
        .and_then(|error| error.code());
    let code = code.and_then(|code| code.parse::<u32>().ok());
    code.is_some_and(|code| matches!(code & 0xff, 11 | 26) || code == 522)
}

/// Whether SQLite could not open a file that it needs, such as its log's index on a disk that takes no
/// new files. 14 is CANTOPEN in its list of result codes.
pub(super) fn is_cannot_open(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    let code = code.and_then(|code| code.parse::<u32>().ok());
    code.is_some_and(|code| code & 0xff == 14)
}

/// Whether there is a log with something in it beside the file.
pub(super) fn has_log(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    fs::metadata(PathBuf::from(log)).is_ok_and(|log| log.len() > 0)
}

//! The file of a map: which placeholder stands for which value.

use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use portcullis_mask::{Mapping, Snapshot};

use crate::command_error::{CommandError, ErrorCode, Exit};

/// The mapping in a file; `None` when there is no such file.
pub(super) fn read(file: &Path) -> Result<Option<Mapping>, CommandError> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            let message = format!("the map {} cannot be read", file.display());
            return Err(CommandError::coded(ErrorCode::NotFound, message).cause(error.to_string()));
        }
    };
    let broken = |why: String| {
        let message = format!("{} is no map of `portcullis mask`", file.display());
        CommandError::coded(ErrorCode::BadValue, message).cause(why)
    };
    // What serde says quotes a place, never a value of ours; what it quotes of other files is cut away.
    let place =
        |error: serde_json::Error| format!("line {}, column {}", error.line(), error.column());
    let snapshot: Snapshot = serde_json::from_str(&text).map_err(|error| broken(place(error)))?;
    let mapping = Mapping::from_snapshot(snapshot, super::UNLIMITED);
    mapping.map(Some).map_err(|error| broken(error.to_string()))
}

/// Finds out whether the map could be written now.
pub(super) fn check_writable(file: &Path) -> Result<(), CommandError> {
    let fresh = fresh(file);
    let made = std::fs::OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(&fresh);
    let gone = made.and_then(|_| std::fs::remove_file(&fresh));
    gone.map_err(|error| failed(file, &error))
}

/// Where a map is written before it takes its place.
fn fresh(file: &Path) -> PathBuf {
    let mut fresh = file.as_os_str().to_owned();
    fresh.push(format!(".{}.new", std::process::id()));
    PathBuf::from(fresh)
}

fn failed(file: &Path, error: &std::io::Error) -> CommandError {
    let message = format!("the map {} cannot be written", file.display());
    let made = CommandError::new(Exit::Failed, message).code(ErrorCode::FileUnwritable);
    made.cause(error.to_string())
}

/// Writes a mapping, all of it or nothing, readable by its owner alone.
pub(super) fn write(file: &Path, mapping: &Mapping) -> Result<(), CommandError> {
    let fresh = fresh(file);
    let content = serde_json::to_vec_pretty(&mapping.snapshot());
    let content = content.map_err(|error| failed(file, &error.into()))?;
    let written = std::fs::OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(&fresh)
        .and_then(|mut opened| {
            opened.write_all(&content)?;
            opened.sync_all()
        })
        .and_then(|()| std::fs::rename(&fresh, file));
    written.map_err(|error| {
        let _ = std::fs::remove_file(&fresh);
        let hint =
            "what was printed cannot be put back without it: print it again with another --map";
        failed(file, &error).hint(hint)
    })
}

//! Library files on disk: reading within a limit, writing in one piece, one writer at a time.

use std::fs::{File, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

use serde_json::{Value, json};

use super::{Library, LibraryError};
use crate::bounds::LIBRARY_MAX_BYTES;

/// The right to change libraries in a folder, held until it is dropped or the process ends.
#[derive(Debug)]
pub(crate) struct Lock {
    _folder: File,
}

impl Lock {
    /// Locks the folder of a library file. Readers are not affected.
    pub(crate) fn take(library: &Path) -> Result<Self, LibraryError> {
        let folder = folder_of(library);
        let explain = |source| LibraryError::Io {
            action: "lock",
            path: folder.to_owned(),
            source,
        };
        let file = File::open(folder).map_err(explain)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _folder: file }),
            Err(TryLockError::WouldBlock) => Err(LibraryError::Locked {
                folder: folder.to_owned(),
            }),
            Err(TryLockError::Error(source)) => Err(explain(source)),
        }
    }
}

/// Reads a library file as text.
pub(crate) fn read_text(path: &Path) -> Result<String, LibraryError> {
    let explain = |source| LibraryError::Io {
        action: "read",
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(explain)?;
    let mut text = String::new();
    file.take(LIBRARY_MAX_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(explain)?;
    if text.len() as u64 > LIBRARY_MAX_BYTES {
        return Err(LibraryError::TooLarge {
            path: path.to_owned(),
            bytes_max: LIBRARY_MAX_BYTES,
        });
    }
    Ok(text)
}

/// Replaces a file in one step: whoever opens it sees the old content or the new, never a mixture,
/// and after a power failure too. The permissions of the replaced file are kept.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<(), LibraryError> {
    let folder = folder_of(path);
    let explain = |source| LibraryError::Io {
        action: "write",
        path: path.to_owned(),
        source,
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut file = tempfile::Builder::new()
        .prefix(&format!(".{name}."))
        .suffix(".new")
        .tempfile_in(folder)
        .map_err(explain)?;
    file.write_all(content).map_err(explain)?;
    if let Ok(old) = path.metadata() {
        file.as_file()
            .set_permissions(old.permissions())
            .map_err(explain)?;
    } else {
        make_readable(file.as_file()).map_err(explain)?;
    }
    file.as_file().sync_all().map_err(explain)?;
    file.persist(path).map_err(|error| explain(error.error))?;
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(explain)
}

/// The text of a library: one line per image, so that two versions compare well.
pub(crate) fn to_text(library: &Library) -> Result<String, serde_json::Error> {
    let mut document = serde_json::to_value(library)?;
    let lists = ["images", "queue"].map(|list| (list, document[list].take()));
    let mut text = serde_json::to_string_pretty(&document)?;
    text.push('\n');
    for (list, items) in lists {
        let empty = format!("\n  \"{list}\": null");
        let filled = format!("\n  \"{list}\": {}", lines_of(&items)?);
        text = text.replacen(&empty, &filled, 1);
    }
    Ok(text)
}

fn lines_of(items: &Value) -> Result<String, serde_json::Error> {
    let lines: Vec<String> = items
        .as_array()
        .into_iter()
        .flatten()
        .map(|item| Ok(format!("\n    {}", serde_json::to_string(item)?)))
        .collect::<Result<_, serde_json::Error>>()?;
    if lines.is_empty() {
        return Ok(json!([]).to_string());
    }
    Ok(format!("[{}\n  ]", lines.join(",")))
}

fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// Temporary files are private; a library is not.
#[cfg(unix)]
fn make_readable(file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn make_readable(_file: &File) -> std::io::Result<()> {
    Ok(())
}

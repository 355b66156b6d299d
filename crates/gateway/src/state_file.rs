//! The file that keeps every service's split and epoch over a restart.
//!
//! It is written to a temporary name, flushed to the disk and renamed, so that there is always one
//! whole version. A file that cannot be understood stops the start: serving without it would forget
//! which release serves and which epochs are fenced off.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use portcullis_api::gateway::Split;
use serde::{Deserialize, Serialize};

/// The version of the file's schema that this code writes and reads.
const SCHEMA_VERSION: u32 = 1;

/// Everything that survives a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SavedState {
    schema_version: u32,
    /// By service. Services that are not served any more stay, so that their epochs are not
    /// forgotten.
    pub(crate) services: BTreeMap<String, SavedService>,
}

/// What survives of one service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SavedService {
    /// The highest epoch seen.
    pub(crate) epoch: u64,
    /// How often the split was changed.
    pub(crate) changes: u64,
    /// When it was changed last, milliseconds since the Unix epoch.
    pub(crate) changed_at_ms: u64,
    /// The split in force.
    pub(crate) split: Option<Split>,
}

/// Why the saved state cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateFileError {
    /// The file exists and cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file is not what the gateway wrote.
    #[error(
        "{} is damaged; put an intact copy in its place, or move it away to start without any split",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where and how.
        #[source]
        source: serde_json::Error,
    },
    /// The file was written by another version.
    #[error(
        "{} has schema version {found}, and this gateway reads version 1: start it with the version \
         of Portcullis that wrote the file",
        path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// A split in the file is not valid.
    #[error("{}: the split of service `{service}` is not valid: {reason}", path.display())]
    Split {
        /// The file.
        path: PathBuf,
        /// The service.
        service: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl Default for SavedState {
    fn default() -> Self {
        SavedState {
            schema_version: SCHEMA_VERSION,
            services: BTreeMap::new(),
        }
    }
}

impl SavedState {
    /// Reads the file; without one, nothing is saved yet.
    pub(crate) fn read(path: &Path) -> Result<SavedState, StateFileError> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => {
                return Err(StateFileError::Read {
                    path: path.to_owned(),
                    source,
                });
            }
        };
        let state: SavedState =
            serde_json::from_slice(&text).map_err(|source| StateFileError::Damaged {
                path: path.to_owned(),
                source,
            })?;
        if state.schema_version != SCHEMA_VERSION {
            let found = state.schema_version;
            return Err(StateFileError::Version {
                path: path.to_owned(),
                found,
            });
        }
        Ok(state)
    }

    /// Replaces the file; when this returns, the new version is on the disk.
    pub(crate) fn write(&self, path: &Path) -> Result<(), StateFileError> {
        replace(path, self).map_err(|source| StateFileError::Write {
            path: path.to_owned(),
            source,
        })
    }
}

/// Replaces a file with the JSON of `content`, whole or not at all; when this returns, it is on the disk.
pub(crate) fn replace(path: &Path, content: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_vec_pretty(content)?;
    text.push(b'\n');
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let temporary = PathBuf::from(name);
    let mut file = File::create(&temporary)?;
    file.write_all(&text)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    sync_folder_of(path)
}

/// Makes what was renamed or made in the folder of `path` durable.
pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests;

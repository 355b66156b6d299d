//! The commands that back up a store of any tool and put it back.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The commands of a store, as a plan refers to them. Variables may be references to secrets, which are resolved when a
/// command is run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreCommands {
    /// Writes the data to its standard output.
    pub backup: Vec<String>,
    /// Reads the data from its standard input and puts it in place of what there is.
    pub restore: Vec<String>,
    /// Reads the data from its standard input and exits with 0 if it can be restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Vec<String>>,
    /// Prints how many bytes the store has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Vec<String>>,
    /// Prints one word that is the same when the content is the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Vec<String>>,
    /// Whether the backup command writes the same bytes when the content is the same.
    #[serde(default)]
    pub repeats: bool,
    /// Variables that are set for them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// The folder they run in, and at which relative paths in references start.
    pub folder: PathBuf,
    /// How long each may take.
    pub timeout_ms: u64,
    /// Where it is noted what was put back.
    pub memory: PathBuf,
    /// Whether they heed the variable with the folder of a copy.
    #[serde(default)]
    pub copies: bool,
    /// What stands for the store in the commands of a release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// The folder of a copy, if this is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<PathBuf>,
}

impl StoreCommands {
    /// What stands for the store in the command of a release; nothing if nothing does.
    pub(super) fn place(&self) -> Option<&Path> {
        self.copy.as_deref().or(self.path.as_deref())
    }

    /// The same commands, aimed at a copy in this folder, if they know copies.
    pub(super) fn aimed_at(&self, copy: PathBuf) -> StoreCommands {
        StoreCommands {
            copy: self.copies.then_some(copy),
            ..self.clone()
        }
    }
}

//! The folders above a store, which a lost machine does not have yet.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::restore::{exists, failed};
use crate::BackupError;
use crate::durable::{folder_of, sync_folder};

/// The permission bits of a folder that is made, less the umask: those above a store are for its service too.
const FOLDER_MODE: u32 = 0o755;

/// Folders that were missing and were made. Those that stayed empty go when this is dropped, unless [`Self::keep`] is
/// called.
pub(super) struct FoldersAbove(Vec<PathBuf>);

impl FoldersAbove {
    /// Makes the folders above `path` that are missing, durably.
    ///
    /// # Errors
    /// [`BackupError::Target`] if one cannot be made. Those that were made go again.
    pub(super) fn make(path: &Path) -> Result<Self, BackupError> {
        let mut missing = Vec::new();
        let mut folder = folder_of(path);
        while !exists(folder)? {
            missing.push(folder);
            folder = folder_of(folder);
        }
        let mut made = Self(Vec::new());
        for folder in missing.into_iter().rev() {
            match DirBuilder::new().mode(FOLDER_MODE).create(folder) {
                Ok(()) => made.0.push(folder.to_owned()),
                // Somebody else made it meanwhile, and it is theirs.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(failed("make the folder", folder, source)),
            }
            let above = folder_of(folder);
            sync_folder(above).map_err(|source| failed("sync", above, source))?;
        }
        Ok(made)
    }

    /// They stay. Gives which these are, the outermost first.
    pub(super) fn keep(mut self) -> Vec<PathBuf> {
        std::mem::take(&mut self.0)
    }
}

impl Drop for FoldersAbove {
    fn drop(&mut self) {
        for folder in self.0.iter().rev() {
            // One that somebody put something into stays.
            let _ = fs::remove_dir(folder);
        }
    }
}

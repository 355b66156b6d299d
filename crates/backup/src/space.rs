//! How much may still be written to a disk, and whether that is enough for all that is going to be written there.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::BackupError;
use crate::vault::failed_to;

/// What this process may still write to the disk on which a folder lies, in bytes.
///
/// # Errors
/// [`BackupError::Vault`] if that cannot be measured.
pub fn free_bytes_of(folder: &Path) -> Result<u64, BackupError> {
    let space = rustix::fs::statvfs(folder)
        .map_err(|error| failed_to("measure the free space of", folder, error.into()))?;
    Ok(space.f_bavail.saturating_mul(space.f_frsize))
}

/// What is going to be there at the same time, disk by disk. Stores, vault and copies may share one, and then what each needs
/// alone says nothing.
#[derive(Clone, Debug, Default)]
pub struct DisksNeeded {
    /// By the number of the device.
    disks: BTreeMap<u64, DiskNeeded>,
}

/// What is going to be written to one disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskNeeded {
    /// A folder that lies on it: the first that was asked for, or the nearest above it that is there.
    pub folder: PathBuf,
    /// How much is going to be written, in bytes.
    pub needed_bytes: u64,
    /// What this process may still write there, in bytes.
    pub free_bytes: u64,
    /// What is going to be written, in words, in the order in which it was asked for.
    pub what: Vec<String>,
}

impl DiskNeeded {
    /// Whether all of it fits.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.needed_bytes <= self.free_bytes
    }

    /// What is left of the disk afterwards; less than nothing if it does not fit.
    fn spare(&self) -> i128 {
        i128::from(self.free_bytes) - i128::from(self.needed_bytes)
    }
}

impl DisksNeeded {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds so many bytes to what is written into a folder. One that is missing will be made on the disk of the nearest
    /// above it.
    ///
    /// # Errors
    /// [`BackupError::Vault`] if the disk cannot be measured.
    pub fn add(&mut self, folder: &Path, bytes: u64, what: &str) -> Result<(), BackupError> {
        let nowhere = match folder.is_absolute() {
            true => Path::new("/"),
            false => Path::new("."),
        };
        let there = folder.ancestors().find(|folder| folder.is_dir());
        let folder = there.unwrap_or(nowhere);
        let metadata = folder
            .metadata()
            .map_err(|error| failed_to("measure the free space of", folder, error))?;
        let disk = match self.disks.entry(metadata.dev()) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => entry.insert(DiskNeeded {
                folder: folder.to_owned(),
                needed_bytes: 0,
                free_bytes: free_bytes_of(folder)?,
                what: Vec::new(),
            }),
        };
        disk.needed_bytes = disk.needed_bytes.saturating_add(bytes);
        disk.what.push(what.to_owned());
        Ok(())
    }

    /// The disk on which the least is left: if all of it fits there, it fits everywhere. `None` if nothing is written.
    #[must_use]
    pub fn tightest(&self) -> Option<&DiskNeeded> {
        self.disks.values().min_by_key(|disk| disk.spare())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_on_one_disk_is_added_up_there() {
        let folder = tempfile::tempdir().unwrap();
        let mut needed = DisksNeeded::new();
        assert_eq!(needed.tightest(), None);
        needed
            .add(&folder.path().join("not/there/yet"), 3, "the copy")
            .unwrap();
        needed.add(folder.path(), 4, "the backup").unwrap();
        let disk = needed.tightest().unwrap();
        assert_eq!((disk.needed_bytes, disk.fits()), (7, true));
        assert_eq!(disk.folder, folder.path());
        assert_eq!(disk.what, ["the copy", "the backup"]);
        needed
            .add(folder.path(), u64::MAX, "more than there is")
            .unwrap();
        assert!(!needed.tightest().unwrap().fits());
    }

    #[test]
    fn the_disk_that_is_told_is_the_one_with_the_least_left() {
        let disk = |folder: &str, needed_bytes, free_bytes| DiskNeeded {
            folder: folder.into(),
            needed_bytes,
            free_bytes,
            what: Vec::new(),
        };
        let disks = [
            (1, disk("/large", 900, 1_000)),
            (2, disk("/small", 5, 4)),
            (3, disk("/spare", 0, 10)),
        ];
        let mut needed = DisksNeeded {
            disks: disks.into(),
        };
        assert_eq!(needed.tightest().unwrap().folder, Path::new("/small"));
        needed.disks.remove(&2);
        assert_eq!(needed.tightest().unwrap().folder, Path::new("/spare"));
    }
}

//! A folder for what is not finished, and clearing away what was left by whoever died over it.
//!
//! Such a folder may hold the whole data of a store in the clear, so it must not stay. Whoever makes one keeps a lock of the system on
//! it, which ends with the process, however it ends: what has our name and no lock is abandoned. No clock is asked.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FlockOperation, Mode, OFlags, flock, openat};
use tempfile::TempDir;

use super::{TEMPORARY_PREFIX, TEMPORARY_SUFFIX};

/// A folder that only its owner may look into. It is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct PrivateFolder {
    folder: TempDir,
    _lock: File,
}

impl PrivateFolder {
    /// Makes one in `parent`, whose name begins with `prefix`.
    pub(crate) fn new(parent: &Path, prefix: &str) -> io::Result<Self> {
        loop {
            let folder = tempfile::Builder::new()
                .prefix(prefix)
                .suffix(TEMPORARY_SUFFIX)
                .permissions(Permissions::from_mode(0o700))
                .tempdir_in(parent)?;
            let lock = File::open(folder.path());
            match lock.and_then(|lock| Ok((is_ours(&lock)?, lock))) {
                Ok((true, lock)) => {
                    return Ok(Self {
                        folder,
                        _lock: lock,
                    });
                }
                // Somebody cleared it away before it was locked.
                Ok((false, _)) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Takes the lock of what was just made, and says whether it is still there.
pub(super) fn is_ours(made: &File) -> io::Result<bool> {
    // On a file system without locks nobody clears anything away either.
    let _ = flock(made, FlockOperation::NonBlockingLockShared);
    Ok(made.metadata()?.nlink() > 0)
}

/// Removes what is unfinished in `parent` and that nobody works on any more, and says what that was.
pub(crate) fn clear_abandoned(parent: &Path) -> io::Result<Vec<PathBuf>> {
    let mut cleared = Vec::new();
    for entry in fs::read_dir(parent)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !name.starts_with(TEMPORARY_PREFIX) || !name.ends_with(TEMPORARY_SUFFIX) {
            continue;
        }
        // Neither a link nor a pipe of somebody else is followed or waited for.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let Ok(file) = openat(CWD, &path, flags, Mode::empty()).map(File::from) else {
            continue;
        };
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            continue;
        }
        let removed = match file.metadata()? {
            of if of.is_dir() => fs::remove_dir_all(&path),
            of if of.is_file() => fs::remove_file(&path),
            _ => continue,
        };
        match removed {
            Ok(()) => cleared.push(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(cleared)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::durable::temporary_file;

    #[test]
    fn only_what_nobody_holds_is_cleared_away() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        let held = PrivateFolder::new(at, TEMPORARY_PREFIX).unwrap();
        fs::write(held.path().join("copy"), "data").unwrap();
        let mode = fs::metadata(held.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        let file = temporary_file(at).unwrap();
        let left = at.join(".portcullis-abcdef.tmp");
        fs::create_dir_all(left.join("data/dump")).unwrap();
        let archive = at.join(".portcullis-ghijkl.tmp");
        fs::write(&archive, "half").unwrap();
        for other in ["notes.tmp", ".portcullis-kept"] {
            fs::write(at.join(other), "somebody's").unwrap();
        }
        std::os::unix::fs::symlink("notes.tmp", at.join(".portcullis-link.tmp")).unwrap();
        let mut cleared = clear_abandoned(at).unwrap();
        cleared.sort();
        assert_eq!(cleared, [left, archive]);
        assert!(held.path().join("copy").exists() && file.path().exists());
        assert!(at.join(".portcullis-link.tmp").is_symlink());
        let path = held.path().to_owned();
        drop(held);
        assert!(!path.exists());
    }
}

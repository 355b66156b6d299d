//! Restoring a store in place: prepare beside, verify, swap, keep what was replaced.
//!
//! | store | swap | moment without the store |
//! |---|---|---|
//! | file | hard link of the old data to the kept name, then rename over it | none |
//! | file, links refused by the system | as a directory | none, or as below |
//! | directory | the new data goes to the kept name, then the two names are exchanged | none |
//! | directory, exchange unknown to the file system | two renames | between the two |
//! | SQLite database | what is in its log is put into the file, what still lies beside it is kept too, then as a file | none |
//! | bucket | what differs is kept, then put or removed, object by object | none; some are old and some new meanwhile |
//! | Chroma database | as a directory, when nobody has a file of it open | as a directory |
//! | PostgreSQL database | two renames in one transaction of the server | new sessions wait for it |
//! | Redis database | two databases of the server change numbers | none |
//!
//! A crash at any point is repaired by calling again with the same time: what was done already is
//! recognised by its content and by the names.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::folders_above::FoldersAbove;
use super::restore::{exists, failed, rename_to_free};
use super::{Turn, Vault, failed_to};
use crate::durable::{RESTORE_PREFIX, folder_of, sync_folder};
use crate::on_disk::{OnDisk, Shape};
use crate::remote::InBackup;
use crate::scan::location;
use crate::store::Held;
use crate::{
    BackupError, BackupName, Location, Store, StoreManifest, chroma, sqlite, store_digest,
};

/// Milliseconds are part of it: two restores within one second keep what they replaced apart.
const KEPT_TIME_FORMAT: &str = "%Y%m%dT%H%M%S.%3fZ";

/// A store whose data was put back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// Where the replaced data is kept; None if there was none.
    pub kept: Option<Kept>,
    /// The digest of the store now, equal to that of the backup.
    pub digest: String,
    /// How many entries could not be given back to their owner, because this process may not.
    pub owners_not_set: u64,
    /// How many extended attributes could not be set, because this process or the file system may not.
    pub attributes_not_set: u64,
    /// The folders above the store that were missing and were made, the outermost first.
    pub folders_made: Vec<PathBuf>,
}

/// Where replaced data is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// At this path, `<path>.replaced-<UTC time>` with milliseconds.
    Path(PathBuf),
    /// In the database of this name on the same server, `<name>_replaced_<UTC time>` with milliseconds; of Redis its
    /// number.
    Database(String),
    /// As copies below this address, `s3://BUCKET/PREFIX.portcullis-replaced-<UTC time>/`.
    Objects(String),
    /// By the bucket, as older versions; the object at this address lists them.
    Versions(String),
    /// What the backup command of the store wrote before; its restore command takes it back.
    Output(PathBuf),
    /// It could not be kept: the backup command failed, for this reason.
    Nothing(String),
}

impl Kept {
    /// The path, if it is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Path(path) | Self::Output(path) => Some(path),
            Self::Database(_) | Self::Objects(_) | Self::Versions(_) | Self::Nothing(_) => None,
        }
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Database(name) => write!(f, "the database {name}"),
            Self::Objects(url) => f.write_str(url),
            Self::Versions(note) => write!(f, "older versions, listed in {note}"),
            Self::Output(path) => {
                write!(f, "{}, which the restore command reads", path.display())
            }
            Self::Nothing(why) => write!(f, "nothing: {why}"),
        }
    }
}

impl Vault {
    /// Puts the data of a backup in the place of the store's data, in one step. `now` becomes part
    /// of the name under which the replaced data is kept. Calling again with the same `now`
    /// completes what a crash interrupted, and does nothing if it was done.
    ///
    /// A store behind a server or a tool is put back by one at a time: others with this vault wait for it.
    ///
    /// A program that has a file of the store open keeps the old one: stop it before, or have it
    /// open the file again. An SQLite database that a program has open is not replaced; sessions with a
    /// PostgreSQL database are ended.
    ///
    /// Folders above a store on the disk that are missing are made, as on a new machine.
    ///
    /// # Errors
    /// Those of [`Vault::restore`]; [`BackupError::StoreInUse`] if a database is open, as far as that can be
    /// known; [`BackupError::KindDiffers`] if the store is of another kind
    /// than its backup; [`BackupError::KeptNameTaken`] if the name to keep the old data under is in
    /// use for something else.
    pub fn restore_in_place(
        &self,
        name: &BackupName,
        store: &Store,
        now: Timestamp,
    ) -> Result<Replaced, BackupError> {
        let wanted = &self.wanted(name, store)?;
        let on_disk = match store.held() {
            Held::Disk(on_disk) => on_disk,
            Held::Server(remote) => {
                let turn = Turn::to_write(self.root(), &remote.turn());
                let turn = turn.map_err(|source| failed_to("lock", self.root(), source))?;
                let backup = InBackup {
                    vault: self,
                    name,
                    wanted,
                    turn: Some(&turn),
                };
                return remote.replace(&backup, now);
            }
        };
        let swap = Swap::new(&on_disk, now);
        let replaced = |kept: bool, (owners_not_set, attributes_not_set)| Replaced {
            kept: kept.then(|| Kept::Path(swap.kept.clone())),
            digest: wanted.digest.clone(),
            owners_not_set,
            attributes_not_set,
            folders_made: Vec::new(),
        };
        let before = swap.look(store, &wanted.digest)?;
        match before {
            Before::Done => return Ok(replaced(true, (0, 0))),
            Before::Prepared => {
                swap.put_aside(store, &on_disk)?;
                swap.exchange(&swap.kept)?;
                swap.sync()?;
                return Ok(replaced(true, (0, 0)));
            }
            Before::Untouched | Before::Linked | Before::Gap | Before::Absent => {}
        }
        let folders = FoldersAbove::make(&swap.live)?;
        let staged = self.stage(name, &store.name, folder_of(&swap.live))?;
        // Last, so that nothing of the old database was touched if the backup turns out to be no good.
        swap.put_aside(store, &on_disk)?;
        match (before, wanted.kind.shape()) {
            (Before::Gap | Before::Absent, _) => rename_to_free(&staged.data, &swap.live)?,
            (_, Shape::File) => swap.replace_file(&staged.data)?,
            (_, Shape::Directory) => swap.replace_by_exchange(&staged.data)?,
        }
        swap.sync()?;
        let done = replaced(
            !matches!(before, Before::Absent),
            (staged.owners_not_set, staged.attributes_not_set),
        );
        Ok(Replaced {
            folders_made: folders.keep(),
            ..done
        })
    }

    /// What the backup has of a store, which must be of the same kind.
    pub(crate) fn wanted(
        &self,
        name: &BackupName,
        store: &Store,
    ) -> Result<StoreManifest, BackupError> {
        let manifest = self.manifest(name)?;
        let Some(wanted) = manifest.store(&store.name) else {
            return Err(BackupError::UnknownStore {
                name: name.clone(),
                store: store.name.clone(),
                known: manifest
                    .stores
                    .into_iter()
                    .map(|store| store.name)
                    .collect(),
            });
        };
        if wanted.kind != store.kind() {
            return Err(BackupError::KindDiffers {
                store: store.name.clone(),
                expected: wanted.kind,
                found: store.kind(),
            });
        }
        Ok(wanted.clone())
    }
}

/// What an earlier, interrupted call may have left.
#[derive(Clone, Copy)]
enum Before {
    /// The store is there and nothing has the kept name.
    Untouched,
    /// The store is in place and the old data is kept: nothing to do.
    Done,
    /// The new data has the kept name and only the exchange is missing.
    Prepared,
    /// The old file has both names and only the rename is missing.
    Linked,
    /// The old data was moved away and nothing has taken its place.
    Gap,
    /// There is no store and no kept data.
    Absent,
}

struct Swap {
    live: PathBuf,
    kept: PathBuf,
}

impl Swap {
    fn new(store: &OnDisk, now: Timestamp) -> Self {
        let live = location(store);
        let mut kept = OsString::from(&live);
        kept.push(format!(".replaced-{}", now.strftime(KEPT_TIME_FORMAT)));
        Self {
            live,
            kept: kept.into(),
        }
    }

    fn look(&self, store: &Store, wanted: &str) -> Result<Before, BackupError> {
        match (exists(&self.live)?, exists(&self.kept)?) {
            (false, false) => return Ok(Before::Absent),
            (false, true) => return Ok(Before::Gap),
            (true, false) => {
                // Only to refuse a link, or a thing of another kind, before anything is done.
                store.size()?;
                return Ok(Before::Untouched);
            }
            (true, true) => {}
        }
        if store.kind().shape() == Shape::File && self.same_file()? {
            return Ok(Before::Linked);
        }
        if store_digest(store)? == wanted {
            return Ok(Before::Done);
        }
        let kept = store.moved_to(self.kept.clone());
        if store_digest(&kept).is_ok_and(|digest| digest == wanted) {
            return Ok(Before::Prepared);
        }
        Err(BackupError::KeptNameTaken {
            path: self.kept.clone(),
        })
    }

    /// Makes a database ready to be replaced. A file or a folder needs nothing.
    fn put_aside(&self, store: &Store, on_disk: &OnDisk) -> Result<(), BackupError> {
        match store.location {
            Location::Sqlite { .. } => sqlite::put_aside(on_disk, &self.kept),
            Location::Chroma { .. } => chroma::put_aside(on_disk),
            Location::File { .. }
            | Location::Directory { .. }
            | Location::Postgres { .. }
            | Location::Redis { .. }
            | Location::Bucket { .. }
            | Location::Command { .. } => Ok(()),
        }
    }

    fn same_file(&self) -> Result<bool, BackupError> {
        let look = |path: &Path| {
            fs::symlink_metadata(path).map_err(|source| failed("look at", path, source))
        };
        let (live, kept) = (look(&self.live)?, look(&self.kept)?);
        Ok(live.dev() == kept.dev() && live.ino() == kept.ino())
    }

    fn replace_file(&self, data: &Path) -> Result<(), BackupError> {
        match fs::hard_link(&self.live, &self.kept) {
            Ok(()) => {}
            // Linked by an earlier call; `look` made sure that it is the same file.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && self.same_file()? => {}
            // No links on this file system, or none to a file of somebody else.
            Err(error) if refuses_links(&error) => return self.replace_by_exchange(data),
            Err(source) => return Err(failed("keep the replaced data as", &self.kept, source)),
        }
        // The old data is durable under its second name before the first is taken from it.
        self.sync()?;
        fs::rename(data, &self.live).map_err(|source| failed("replace", &self.live, source))
    }

    fn replace_by_exchange(&self, data: &Path) -> Result<(), BackupError> {
        rename_to_free(data, &self.kept)?;
        self.exchange(&self.kept)
    }

    /// The new data, at `new`, and the store change names.
    fn exchange(&self, new: &Path) -> Result<(), BackupError> {
        match renameat_with(CWD, new, CWD, &self.live, RenameFlags::EXCHANGE) {
            Ok(()) => Ok(()),
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => self.rename_twice(new),
            Err(error) => Err(failed("replace", &self.live, error.into())),
        }
    }

    /// For file systems that cannot exchange names: there is a moment without the store.
    fn rename_twice(&self, new: &Path) -> Result<(), BackupError> {
        let folder = folder_of(&self.live);
        let aside = tempfile::Builder::new()
            .prefix(RESTORE_PREFIX)
            .tempdir_in(folder)
            .map_err(|source| failed("create a folder in", folder, source))?;
        let data = aside.path().join("data");
        rename_to_free(new, &data)?;
        rename_to_free(&self.live, &self.kept)?;
        let outcome = rename_to_free(&data, &self.live);
        if outcome.is_err() {
            // Back to how it was. If this fails too, a second call finds the gap and closes it.
            let _ = fs::rename(&self.kept, &self.live);
        }
        outcome
    }

    fn sync(&self) -> Result<(), BackupError> {
        let folder = folder_of(&self.live);
        sync_folder(folder).map_err(|source| failed("sync", folder, source))
    }
}

fn refuses_links(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported | io::ErrorKind::TooManyLinks
    )
}

#[cfg(test)]
mod tests;

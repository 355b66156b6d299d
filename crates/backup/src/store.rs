//! Data that a release may change.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::bounds::ATTEMPTS_MAX;
use crate::bucket::{Bucket, BucketAddress};
use crate::capture::{Unsettled, capture};
use crate::command::Commands;
use crate::durable::{RESTORE_PREFIX, folder_of};
use crate::on_disk::{OnDisk, Shape};
use crate::postgres::{Database, PostgresAddress};
use crate::redis::{Instance, RedisAddress};
use crate::remote::Remote;
use crate::scan::{ItemKind, Scan};
use crate::{BackupError, OpenTransaction, StoreCommands, StoreManifest, chroma, sqlite};

/// A named piece of data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// Its name: 1 to 63 characters of `a-z`, `0-9` and `-`, unique within a service.
    pub name: String,
    /// What it is and where.
    pub location: Location,
}

/// What a store is and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// One regular file. It may be replaced by renaming while it is backed up.
    File {
        /// Where it is. The path itself must not be a symbolic link; the folders above it may be.
        path: PathBuf,
    },
    /// A folder with everything in it.
    Directory {
        /// Where it is, as for a file.
        path: PathBuf,
    },
    /// An SQLite database. It may be in use while it is backed up, and must not be while it is restored.
    Sqlite {
        /// Where the database file is, as for a file. `-wal`, `-shm` and `-journal` beside it belong to it.
        path: PathBuf,
    },
    /// The folder of a Chroma vector database. It may be in use while it is backed up, and must not be while it is
    /// restored.
    Chroma {
        /// Where the folder with `chroma.sqlite3` is, as for a file.
        path: PathBuf,
    },
    /// A PostgreSQL database. It may be in use while it is backed up; sessions are ended when it is replaced.
    Postgres {
        /// Where it is, with the password.
        address: PostgresAddress,
        /// How many sessions dump and restore at a time, 1 to 64.
        jobs: u32,
    },
    /// The objects of a bucket below a prefix. They may be used while they are backed up, and must not be written to
    /// while they are put back.
    Bucket {
        /// Where they are, with the keys.
        address: BucketAddress,
    },
    /// A database of a Redis or Valkey server. It may be in use while it is backed up and while it is replaced.
    Redis {
        /// Where it is, with the password.
        address: RedisAddress,
        /// A copy of it in this folder is meant, which has a server of its own.
        copy: Option<PathBuf>,
    },
    /// The data of any tool, which commands back up and restore.
    Command {
        /// The commands.
        commands: Box<StoreCommands>,
    },
}

/// What a store is, as manifests and messages say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreKind {
    /// One regular file.
    File,
    /// A folder with everything in it.
    Directory,
    /// An SQLite database.
    Sqlite,
    /// The folder of a Chroma vector database.
    Chroma,
    /// A PostgreSQL database.
    Postgres,
    /// The objects of a bucket below a prefix.
    Bucket,
    /// A database of a Redis or Valkey server.
    Redis,
    /// The data of any tool, which commands back up and restore.
    Command,
}

/// How large a store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreSize {
    /// How many files, directories and links it has.
    pub entries: u64,
    /// How many bytes its files have.
    pub bytes: u64,
}

impl fmt::Display for StoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::Sqlite => "sqlite database",
            Self::Chroma => "chroma database",
            Self::Postgres => "postgresql database",
            Self::Bucket => "bucket",
            Self::Redis => "redis database",
            Self::Command => "store of commands",
        })
    }
}

impl Store {
    /// A store of one file.
    #[must_use]
    pub fn file(name: &str, path: PathBuf) -> Self {
        Self {
            name: name.to_owned(),
            location: Location::File { path },
        }
    }

    /// A store of a folder.
    #[must_use]
    pub fn directory(name: &str, path: PathBuf) -> Self {
        Self {
            name: name.to_owned(),
            location: Location::Directory { path },
        }
    }

    /// A store that is an SQLite database.
    #[must_use]
    pub fn sqlite(name: &str, path: PathBuf) -> Self {
        Self {
            name: name.to_owned(),
            location: Location::Sqlite { path },
        }
    }

    /// A store that is the folder of a Chroma vector database.
    #[must_use]
    pub fn chroma(name: &str, path: PathBuf) -> Self {
        Self {
            name: name.to_owned(),
            location: Location::Chroma { path },
        }
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> StoreKind {
        match self.location {
            Location::File { .. } => StoreKind::File,
            Location::Directory { .. } => StoreKind::Directory,
            Location::Sqlite { .. } => StoreKind::Sqlite,
            Location::Chroma { .. } => StoreKind::Chroma,
            Location::Postgres { .. } => StoreKind::Postgres,
            Location::Bucket { .. } => StoreKind::Bucket,
            Location::Redis { .. } => StoreKind::Redis,
            Location::Command { .. } => StoreKind::Command,
        }
    }

    /// Where it is on the disk; None for a database on a server.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match &self.location {
            Location::File { path }
            | Location::Directory { path }
            | Location::Sqlite { path }
            | Location::Chroma { path } => Some(path),
            Location::Postgres { .. }
            | Location::Redis { .. }
            | Location::Bucket { .. }
            | Location::Command { .. } => None,
        }
    }

    /// Where it is, for people: a path, or host, port and database.
    #[must_use]
    pub fn place(&self) -> String {
        match &self.location {
            Location::File { path }
            | Location::Directory { path }
            | Location::Sqlite { path }
            | Location::Chroma { path } => path.display().to_string(),
            Location::Postgres { address, .. } => address.to_string(),
            Location::Bucket { address } => address.to_string(),
            Location::Redis {
                copy: Some(folder), ..
            } => folder.display().to_string(),
            Location::Redis { address, .. } => address.to_string(),
            Location::Command { commands } => {
                let place = commands.copy.as_ref().or(commands.path.as_ref());
                let program = || commands.backup.first().cloned().unwrap_or_default();
                place.map_or_else(program, |path| path.display().to_string())
            }
        }
    }

    /// A store that is a PostgreSQL database.
    #[must_use]
    pub fn postgres(name: &str, address: PostgresAddress, jobs: u32) -> Self {
        Self {
            name: name.to_owned(),
            location: Location::Postgres { address, jobs },
        }
    }

    /// A store that is the objects of a bucket.
    #[must_use]
    pub fn bucket(name: &str, address: BucketAddress) -> Self {
        Self {
            name: name.to_owned(),
            location: Location::Bucket { address },
        }
    }

    /// A store that is a database of a Redis or Valkey server.
    #[must_use]
    pub fn redis(name: &str, address: RedisAddress) -> Self {
        Self {
            name: name.to_owned(),
            location: Location::Redis {
                address,
                copy: None,
            },
        }
    }

    /// The same store at another path. A database on a server has none and stays where it is.
    #[must_use]
    pub fn moved_to(&self, path: PathBuf) -> Self {
        Self {
            name: self.name.clone(),
            location: match &self.location {
                Location::File { .. } => Location::File { path },
                Location::Directory { .. } => Location::Directory { path },
                Location::Sqlite { .. } => Location::Sqlite { path },
                Location::Chroma { .. } => Location::Chroma { path },
                Location::Postgres { .. }
                | Location::Redis { .. }
                | Location::Bucket { .. }
                | Location::Command { .. } => self.location.clone(),
            },
        }
    }

    /// How large it is now, without reading its files.
    ///
    /// # Errors
    /// [`BackupError::StoreRefused`] if it is missing, of another kind or holds something that
    /// cannot be backed up; [`BackupError::StoreUnreadable`] if it cannot be read.
    pub fn size(&self) -> Result<StoreSize, BackupError> {
        let on_disk = match self.held() {
            Held::Disk(on_disk) => on_disk,
            Held::Server(remote) => return remote.size(),
        };
        let mut size = StoreSize {
            entries: 0,
            bytes: 0,
        };
        Scan::each(&on_disk, &mut |item| {
            size.entries += 1;
            if item.kind == ItemKind::File {
                size.bytes = size.bytes.saturating_add(item.stamp.size);
            }
        })?;
        if let Location::Sqlite { path } = &self.location {
            let log = std::fs::metadata(sqlite::beside(path, "-wal")).map_or(0, |log| log.len());
            size.bytes = size.bytes.saturating_add(log);
        }
        Ok(size)
    }

    /// How large it is now, and whether a backup of it could begin: a database is opened and asked.
    ///
    /// # Errors
    /// Those of [`Store::size`], and of a database [`BackupError::DatabaseBusy`],
    /// [`BackupError::DatabaseFailed`] and [`BackupError::DatabaseDamaged`].
    pub fn examine(&self) -> Result<StoreSize, BackupError> {
        let size = self.size()?;
        match (&self.location, self.held()) {
            (Location::Sqlite { .. }, Held::Disk(on_disk)) => sqlite::examine(&on_disk)?,
            (Location::Chroma { .. }, Held::Disk(on_disk)) => chroma::examine(&on_disk)?,
            (_, Held::Server(remote)) => remote.examine()?,
            (_, Held::Disk(_)) => {}
        }
        Ok(size)
    }

    /// Whether the rights are there to rehearse on a copy of this store, and to put a backup into its place. Nothing is
    /// changed.
    ///
    /// # Errors
    /// Those of the store's kind, with which right is missing.
    pub fn may_be_restored(&self) -> Result<(), BackupError> {
        match self.held() {
            Held::Disk(_) => Ok(()),
            Held::Server(remote) => remote.may_be_restored(),
        }
    }

    /// Transactions that others have had open in it for at least so many milliseconds, the oldest first: a migration may wait
    /// for them. Only databases on a server tell; of those whose sessions its user may not look at nothing is known.
    ///
    /// # Errors
    /// [`BackupError::Postgres`] if the server cannot be asked.
    pub fn open_transactions(&self, at_least_ms: u64) -> Result<Vec<OpenTransaction>, BackupError> {
        match self.held() {
            Held::Disk(_) => Ok(Vec::new()),
            Held::Server(remote) => remote.open_transactions(at_least_ms),
        }
    }

    /// What a backup needs at most beside its entries, in bytes: a database is copied before it is packed.
    pub(crate) fn bytes_needed(&self, size: StoreSize) -> u64 {
        match self.location {
            Location::File { .. } | Location::Directory { .. } | Location::Bucket { .. } => {
                size.bytes
            }
            Location::Sqlite { .. }
            | Location::Chroma { .. }
            | Location::Postgres { .. }
            | Location::Redis { .. }
            | Location::Command { .. } => size.bytes.saturating_mul(2),
        }
    }

    /// What Portcullis made beside this store and that is not in use: copies of rehearsals on its server, and what a
    /// restore that was cut off left behind. Beside a store on the disk these are the paths of folders, those of a restore
    /// that is under way among them.
    ///
    /// # Errors
    /// [`BackupError::Postgres`] if the server cannot be asked; [`BackupError::Target`] if the folder cannot be listed.
    pub fn leftovers(&self) -> Result<Vec<String>, BackupError> {
        match self.held() {
            Held::Disk(on_disk) => left_beside(&on_disk.path),
            Held::Server(remote) => remote.leftovers(),
        }
    }

    /// Removes the data of this store, which must be a copy that Portcullis made. If there is none, nothing happens;
    /// nor for a store on the disk.
    ///
    /// # Errors
    /// [`BackupError::Postgres`] if it was not made by Portcullis, or the server refuses.
    pub fn drop_copy(&self) -> Result<(), BackupError> {
        match self.held() {
            Held::Disk(_) => Ok(()),
            Held::Server(remote) => remote.drop_copy(),
        }
    }

    /// A store that commands back up and restore.
    #[must_use]
    pub fn command(name: &str, commands: StoreCommands) -> Self {
        Self {
            name: name.to_owned(),
            location: Location::Command {
                commands: Box::new(commands),
            },
        }
    }

    /// Whether it can be told whether the store is as in a backup. Of a tool that prints no digest it is only known
    /// whether its restore command ended with code 0.
    #[must_use]
    pub fn tells_its_content(&self) -> bool {
        match self.commands() {
            Some(commands) => commands.tell_content(),
            None => true,
        }
    }

    /// The commands of the store, if it is one of commands.
    pub(crate) fn commands(&self) -> Option<Commands<'_>> {
        match &self.location {
            Location::Command { commands } => Some(Commands {
                store: &self.name,
                commands,
            }),
            _ => None,
        }
    }

    /// The store as what it is on the disk or on a server.
    pub(crate) fn held(&self) -> Held<'_> {
        let (shape, path) = match &self.location {
            Location::File { path } | Location::Sqlite { path } => (Shape::File, path),
            Location::Directory { path } | Location::Chroma { path } => (Shape::Directory, path),
            Location::Postgres { address, jobs } => {
                return Held::Server(Box::new(Database {
                    store: &self.name,
                    address,
                    jobs: *jobs,
                }));
            }
            Location::Bucket { address } => {
                return Held::Server(Box::new(Bucket {
                    store: &self.name,
                    address,
                }));
            }
            Location::Redis { address, copy } => {
                return Held::Server(Box::new(Instance {
                    store: &self.name,
                    address,
                    copy: copy.as_deref(),
                }));
            }
            Location::Command { commands } => {
                return Held::Server(Box::new(Commands {
                    store: &self.name,
                    commands,
                }));
            }
        };
        Held::Disk(OnDisk {
            name: self.name.clone(),
            shape,
            path: path.clone(),
        })
    }
}

/// The folders in which restores beside `path` prepared their copies, and were cut off.
fn left_beside(path: &Path) -> Result<Vec<String>, BackupError> {
    let folder = folder_of(path);
    let failed = |source| BackupError::Target {
        doing: "list",
        path: folder.to_owned(),
        source,
    };
    let mut left = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry
            .file_name()
            .to_string_lossy()
            .starts_with(RESTORE_PREFIX)
        {
            left.push(entry.path().display().to_string());
        }
    }
    left.sort();
    Ok(left)
}

/// Where the data of a store is held.
pub(crate) enum Held<'a> {
    /// In a file or a folder.
    Disk(OnDisk),
    /// Behind a server or a tool.
    Server(Box<dyn Remote + 'a>),
}

/// The digest of what a store holds now, to compare with that of a backup.
///
/// * A file store: the SHA-256 of the file, as `sha256sum` prints it.
/// * A directory store: the SHA-256 over one line for each entry below its root, sorted by the
///   bytes of the path:
///   `file <size> <sha256> <path>`, `directory 0 - <path>`, or
///   `symlink <length of target> <sha256 of target> <path>`, each ended by a line feed, with the
///   path escaped as [`crate::RelativePath`] documents. Modes, owners and times do not count.
/// * An SQLite database: that of its content, see [`crate::SqliteContent`]. It is read in one transaction, so
///   it is that of one moment. How the content lies in pages does not count.
/// * A Chroma database: as a directory store, with the line `database <digest of its content> chroma.sqlite3` for its
///   SQLite database, and none for what SQLite has beside that.
/// * A PostgreSQL database: that of its content, see [`crate::PostgresContent`], of one moment too.
/// * A bucket: the SHA-256 over one line for each object, see [`crate::BucketContent`].
///
/// * A database of a Redis server: that of its content, see [`crate::RedisContent`], of one moment too. Keys that expire
///   are gone later: compare with [`store_digest_against`].
/// * A store of commands: the SHA-256 of `digest <word>` with a line feed, of the word that its digest command prints;
///   where there is none, that of what its backup command writes. Of a store that can tell neither it is that of the
///   backup that was put back last, see [`Store::tells_its_content`].
///
/// # Errors
/// [`BackupError::StoreChanged`] if it keeps changing while it is read,
/// [`BackupError::DatabaseBusy`] and [`BackupError::DatabaseFailed`] for a database, and the errors of
/// [`Store::size`].
pub fn store_digest(store: &Store) -> Result<String, BackupError> {
    let on_disk = match (&store.location, store.held()) {
        (Location::Sqlite { .. }, Held::Disk(on_disk)) => return sqlite::live_digest(&on_disk),
        (Location::Chroma { .. }, Held::Disk(on_disk)) => return chroma::live_digest(&on_disk),
        (_, Held::Server(remote)) => return remote.live_digest(),
        (_, Held::Disk(on_disk)) => on_disk,
    };
    let mut changed = None;
    for _ in 0..ATTEMPTS_MAX {
        match capture(&on_disk, None) {
            Ok(manifest) if manifest.steady => return Ok(manifest.digest),
            Ok(_) => changed = Some(on_disk.path.clone()),
            Err(Unsettled::Changed(path)) => changed = Some(path),
            Err(Unsettled::Failed(error)) => return Err(error),
        }
    }
    Err(BackupError::StoreChanged {
        store: store.name.clone(),
        path: changed.unwrap_or(on_disk.path),
        attempts: ATTEMPTS_MAX,
    })
}

/// The digest of what a store holds now, as a manifest counts it: that of the manifest if nothing differs but what time
/// alone has changed, such as keys that have expired since.
///
/// # Errors
/// Those of [`store_digest`].
pub fn store_digest_against(store: &Store, wanted: &StoreManifest) -> Result<String, BackupError> {
    match store.held() {
        Held::Server(remote) if store.kind() == wanted.kind => remote.digest_against(wanted),
        _ => store_digest(store),
    }
}

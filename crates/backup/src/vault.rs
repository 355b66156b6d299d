//! The folder in which backups are kept, and finding them there.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::bounds::ENTRY_OVERHEAD_BYTES;
use crate::durable::{TEMPORARY_PREFIX, TEMPORARY_SUFFIX, clear_abandoned, folder_of, sync_folder};
use crate::{BackupError, BackupName, Encryption, Manifest, Protection, Sealed, Store};

mod create;
mod emptied;
mod folders_above;
mod form;
mod hold;
mod manifest_file;
mod put_back;
mod ready;
mod remove;
mod replace;
mod restore;
mod turn;
mod verify;

pub use create::{Backup, BackupRequest};
pub use emptied::Emptied;
pub(crate) use form::{Form, SUFFIXES, SUMS_SUFFIX};
pub use hold::Hold;
pub use remove::Removed;
pub use replace::{Kept, Replaced};
pub use restore::{Restored, RestoredCopy};
pub(crate) use restore::{Staged, exists, rename_to_free};
pub(crate) use turn::Turn;
pub use verify::{RecordedSums, Verified};

/// A local folder of backups, readable by its owner only.
///
/// Several processes may use the same vault at the same time: a name is given to one of them.
#[derive(Clone, Debug)]
pub struct Vault {
    root: PathBuf,
    encryption: Encryption,
}

/// One backup in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupSummary {
    /// Its name.
    pub name: BackupName,
    /// When it was made, from its name.
    pub created_at: Timestamp,
    /// The size of its archive in bytes; 0 if there is none.
    pub bytes: u64,
    /// What can be said without reading the archive.
    pub state: BackupState,
    /// Whether it was read back and found in order the last time that it was verified.
    pub verified: bool,
    /// Who can read it, if it is encrypted.
    pub sealed: Option<Sealed>,
    /// Whether and why a person wants it kept.
    pub protection: Option<Protection>,
}

/// What can be said of a backup without reading its archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackupState {
    /// All three files are there, the manifest can be read and the archive is as long as it was. Of an encrypted one
    /// that no key opens nothing else is known: no release, no reason and no stores.
    Complete {
        /// The release that was running.
        release: Option<String>,
        /// Why it was made.
        reason: String,
        /// The names of its stores.
        stores: Vec<String>,
    },
    /// It cannot be used.
    Broken {
        /// What is missing or wrong.
        why: String,
    },
}

/// What a backup would need, and what there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// An upper estimate of the size of a new backup: the data as if it did not compress at all.
    pub needed_bytes: u64,
    /// What this process may still write to the disk of the vault.
    pub free_bytes: u64,
}

impl Vault {
    /// Opens the vault, and makes its folder (mode 0700) if it is missing: for those who make
    /// backups.
    ///
    /// # Errors
    /// [`BackupError::NoFolderForVault`] if the folder that it would be in is missing;
    /// [`BackupError::VaultTooOpen`] if others may look into it; [`BackupError::Vault`] if it cannot be made or read.
    pub fn open_or_create(root: &Path) -> Result<Self, BackupError> {
        let failed = |doing, source| failed_to(doing, root, source);
        match DirBuilder::new().mode(0o700).create(root) {
            Ok(()) => sync_folder(folder_of(root)).map_err(|error| failed("sync", error))?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(BackupError::NoFolderForVault {
                    vault: root.to_owned(),
                    folder: folder_of(root).to_owned(),
                });
            }
            Err(error) => return Err(failed("create the vault", error)),
        }
        Self::open(root)
    }

    /// Opens a vault that exists: a missing one is not made, because a wrong path or a disk that is
    /// not mounted must not pass for an empty vault.
    ///
    /// # Errors
    /// [`BackupError::NoVault`] if there is none; [`BackupError::VaultTooOpen`] if others may look
    /// into it; [`BackupError::Vault`] if it cannot be read.
    pub fn open(root: &Path) -> Result<Self, BackupError> {
        let failed = |doing, source| failed_to(doing, root, source);
        let metadata = fs::metadata(root).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => BackupError::NoVault {
                path: root.to_owned(),
            },
            _ => failed("open the vault", error),
        })?;
        if !metadata.is_dir() {
            let error = io::Error::from(io::ErrorKind::NotADirectory);
            return Err(failed("open the vault", error));
        }
        let mode = metadata.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(BackupError::VaultTooOpen {
                path: root.to_owned(),
                mode,
            });
        }
        Ok(Self {
            root: root.to_owned(),
            encryption: Encryption::default(),
        })
    }

    /// A vault that is not there now, for whoever has to go on without it: nothing is made, and whatever needs it fails
    /// until it is there.
    #[must_use]
    pub fn absent(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            encryption: Encryption::default(),
        }
    }

    /// The same vault with keys: new backups are encrypted for the recipients, and encrypted ones read with the
    /// identities. What is in it already stays as it is.
    #[must_use]
    pub fn with_encryption(self, encryption: Encryption) -> Self {
        Self { encryption, ..self }
    }

    /// The keys.
    #[must_use]
    pub fn encryption(&self) -> &Encryption {
        &self.encryption
    }

    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Every backup in the vault, newest first by the time in its name. A backup that cannot be
    /// used is listed as [`BackupState::Broken`]; unfinished temporary files and files that are
    /// not Portcullis's are not listed.
    ///
    /// # Errors
    /// [`BackupError::Vault`] if the folder cannot be read.
    pub fn list(&self) -> Result<Vec<BackupSummary>, BackupError> {
        let names = self.names()?.into_iter();
        Ok(names.map(|name| self.summary(name)).collect())
    }

    /// The names of everything in the vault that is or may have been a backup, newest first.
    fn names(&self) -> Result<Vec<BackupName>, BackupError> {
        let mut names = BTreeSet::new();
        for file in self.files()? {
            let Some(file) = file.file_name().and_then(|name| name.to_str()) else {
                continue;
            };
            let stem = SUFFIXES.iter().find_map(|suffix| file.strip_suffix(suffix));
            if let Some(Ok(_)) = stem.map(str::parse::<BackupName>) {
                names.extend(stem.map(str::to_owned));
            }
        }
        let mut names: Vec<BackupName> =
            names.iter().filter_map(|name| name.parse().ok()).collect();
        // By time; the name only breaks ties, so that the order is always the same.
        names.sort_by(|a, b| {
            b.created_at()
                .cmp(&a.created_at())
                .then_with(|| a.as_str().cmp(b.as_str()))
        });
        Ok(names)
    }

    /// The newest usable backup of exactly this service and environment. With `verified_only`,
    /// candidates are verified newest first until one passes, which reads their archives.
    ///
    /// # Errors
    /// [`BackupError::Vault`] if the folder cannot be read. A backup that does not verify is
    /// passed over and no error.
    pub fn latest(
        &self,
        service: &str,
        environment: &str,
        verified_only: bool,
    ) -> Result<Option<BackupSummary>, BackupError> {
        Ok(self.list()?.into_iter().find(|summary| {
            summary.name.service() == service
                && summary.name.environment() == environment
                && matches!(summary.state, BackupState::Complete { .. })
                && (!verified_only || self.verify(&summary.name).is_ok())
        }))
    }

    /// The manifest that lies beside the archive. It is not verified.
    ///
    /// # Errors
    /// [`BackupError::UnknownBackup`], [`BackupError::Incomplete`], or [`BackupError::Damaged`] if
    /// it cannot be used.
    pub fn manifest(&self, name: &BackupName) -> Result<Manifest, BackupError> {
        self.check_complete(name)?;
        let file = self.manifest_file(name)?;
        Manifest::from_json(&file.json, name).map_err(|why| BackupError::Damaged {
            name: name.clone(),
            damages: vec![crate::Damage::ManifestUnreadable { why }],
        })
    }

    /// Whether a complete backup of this name was made for this reason. Of an encrypted one that no key opens its record
    /// tells it.
    #[must_use]
    pub fn was_made_for(&self, name: &BackupName, reason: &str) -> bool {
        match self.manifest(name) {
            Ok(manifest) => manifest.reason == reason,
            Err(BackupError::NoKey { .. }) => {
                self.record(name).is_some_and(|record| record.is_of(reason))
            }
            Err(_) => false,
        }
    }

    /// What a backup of these stores would need at most, and what is free.
    ///
    /// # Errors
    /// The errors of [`Store::examine`], and [`BackupError::Vault`].
    pub fn space(&self, stores: &[Store]) -> Result<Space, BackupError> {
        let mut needed_bytes = ENTRY_OVERHEAD_BYTES;
        for store in stores {
            let size = store.examine()?;
            let overhead = size.entries.saturating_mul(ENTRY_OVERHEAD_BYTES);
            needed_bytes = needed_bytes
                .saturating_add(store.bytes_needed(size))
                .saturating_add(overhead);
        }
        Ok(Space {
            needed_bytes,
            free_bytes: self.free_bytes()?,
        })
    }

    /// Removes what backups and restores left in the vault that were killed, and says what that was: copies of databases in the
    /// clear, dumps, halves of archives. What somebody works on stays.
    ///
    /// # Errors
    /// [`BackupError::Vault`] if the vault cannot be read, or something cannot be removed.
    pub fn clear_abandoned(&self) -> Result<Vec<PathBuf>, BackupError> {
        let cleared = clear_abandoned(&self.root);
        cleared.map_err(|source| failed_to("clear", &self.root, source))
    }

    /// The unfinished files that crashed processes left behind. They are harmless and may be
    /// removed while no backup is being made.
    ///
    /// # Errors
    /// [`BackupError::Vault`] if the folder cannot be read.
    pub fn leftovers(&self) -> Result<Vec<PathBuf>, BackupError> {
        let mut files = self.files()?;
        files.retain(|file| {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(TEMPORARY_PREFIX) && name.ends_with(TEMPORARY_SUFFIX)
        });
        files.sort();
        Ok(files)
    }

    pub(crate) fn archive_path(&self, name: &BackupName) -> PathBuf {
        self.archive_path_in(name, self.form(name))
    }

    pub(crate) fn manifest_path(&self, name: &BackupName) -> PathBuf {
        self.manifest_path_in(name, self.form(name))
    }

    pub(crate) fn archive_path_in(&self, name: &BackupName, form: Form) -> PathBuf {
        self.root.join(format!("{name}{}", form.archive()))
    }

    pub(crate) fn manifest_path_in(&self, name: &BackupName, form: Form) -> PathBuf {
        self.root.join(format!("{name}{}", form.manifest()))
    }

    /// Whether the backup is encrypted: an encrypted archive or manifest has its name.
    pub(crate) fn form(&self, name: &BackupName) -> Form {
        let there = |path: PathBuf| fs::symlink_metadata(path).is_ok();
        match there(self.archive_path_in(name, Form::Age))
            || there(self.manifest_path_in(name, Form::Age))
        {
            true => Form::Age,
            false => Form::Plain,
        }
    }

    pub(crate) fn protection_path(&self, name: &BackupName) -> PathBuf {
        self.root.join(format!("{name}{PROTECTION_SUFFIX}"))
    }

    pub(crate) fn record_path(&self, name: &BackupName) -> PathBuf {
        self.root.join(format!("{name}{RECORD_SUFFIX}"))
    }

    pub(crate) fn sums_path(&self, name: &BackupName) -> PathBuf {
        self.root.join(format!("{name}{SUMS_SUFFIX}"))
    }

    /// All three files must be there.
    pub(crate) fn check_complete(&self, name: &BackupName) -> Result<(), BackupError> {
        let paths = [
            self.archive_path(name),
            self.manifest_path(name),
            self.sums_path(name),
        ];
        let mut missing = Vec::new();
        for path in &paths {
            match fs::symlink_metadata(path) {
                Ok(metadata) if metadata.is_file() => {}
                Ok(metadata) if metadata.is_symlink() => {
                    missing.push((path, "is a link, which is not followed"));
                }
                Ok(_) => missing.push((path, "is no file")),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    missing.push((path, "is missing"));
                }
                Err(source) => return Err(failed_to("look at", path, source)),
            }
        }
        if missing.len() == paths.len() {
            if matches!(self.root.try_exists(), Ok(false)) {
                return Err(BackupError::NoVault {
                    path: self.root.clone(),
                });
            }
            return Err(BackupError::UnknownBackup {
                name: name.clone(),
                vault: self.root.clone(),
            });
        }
        if let Some((path, what)) = missing.first().copied() {
            let missing = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            return Err(BackupError::Incomplete {
                name: name.clone(),
                missing,
                what,
            });
        }
        Ok(())
    }

    pub(crate) fn free_bytes(&self) -> Result<u64, BackupError> {
        crate::free_bytes_of(&self.root)
    }

    fn files(&self) -> Result<Vec<PathBuf>, BackupError> {
        let failed = |source| failed_to("list", &self.root, source);
        let listing = fs::read_dir(&self.root).map_err(failed)?;
        listing
            .map(|entry| entry.map(|entry| entry.path()).map_err(failed))
            .collect()
    }

    fn summary(&self, name: BackupName) -> BackupSummary {
        let bytes = fs::metadata(self.archive_path(&name)).map_or(0, |metadata| metadata.len());
        let record = self.record(&name);
        let written = record.as_ref().map_or(bytes, |record| record.archive_bytes);
        let manifest = self.manifest(&name);
        let sealed = (self.form(&name) == Form::Age).then(|| Sealed {
            recipients: record
                .clone()
                .map(|record| record.recipients)
                .unwrap_or_default(),
            opens: manifest.is_ok(),
        });
        // One that no key opens is as whole as its files tell.
        let closed = matches!(manifest, Err(BackupError::NoKey { .. }));
        let state = match manifest.map(Some).or_else(|error| match closed {
            true => Ok(None),
            false => Err(error),
        }) {
            Ok(_) if bytes != written => BackupState::Broken {
                why: format!(
                    "damaged: the archive has {bytes} bytes, and {written} were written; use another one"
                ),
            },
            Ok(_) if record.as_ref().is_some_and(|record| record.damaged) => BackupState::Broken {
                why:
                    "damaged: it did not read back whole when it was verified last; use another one"
                        .to_owned(),
            },
            Ok(Some(manifest)) => BackupState::Complete {
                release: manifest.release,
                reason: manifest.reason,
                stores: manifest
                    .stores
                    .into_iter()
                    .map(|store| store.name)
                    .collect(),
            },
            Ok(None) => BackupState::Complete {
                release: None,
                reason: String::new(),
                stores: Vec::new(),
            },
            Err(error) => BackupState::Broken {
                why: error.to_string(),
            },
        };
        // A note that cannot be read protects: removing it is the only way to find out that it should have.
        let protection = self.protection(&name).unwrap_or_else(|error| {
            Some(Protection {
                reason: format!("its note cannot be read: {error}"),
                by: "somebody".to_owned(),
                since: name.created_at(),
            })
        });
        BackupSummary {
            created_at: name.created_at(),
            protection,
            sealed,
            name,
            bytes,
            verified: matches!(state, BackupState::Complete { .. })
                && record.is_some_and(|record| record.verified),
            state,
        }
    }
}

/// Not one of [`SUFFIXES`]: a record alone is not even the remains of a backup.
const RECORD_SUFFIX: &str = ".record.json";
/// Not one of [`SUFFIXES`] either.
const PROTECTION_SUFFIX: &str = ".protection.json";

pub(crate) fn failed_to(doing: &'static str, path: &Path, source: io::Error) -> BackupError {
    BackupError::Vault {
        doing,
        path: path.to_owned(),
        source,
    }
}

/// Reads a whole file, but no more than `limit` bytes of it.
pub(crate) fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, BackupError> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| {
        crate::durable::forget_cached(&file);
        // Growing step by step, a large one would be there nearly twice.
        let length = file.metadata()?.len().min(limit).saturating_add(1);
        bytes.reserve_exact(usize::try_from(length).unwrap_or(0));
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes)
    });
    read.map_err(|source| failed_to("read", path, source))?;
    if bytes.len() as u64 > limit {
        let source = io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("more than {limit} bytes"),
        );
        return Err(failed_to("read", path, source));
    }
    Ok(bytes)
}

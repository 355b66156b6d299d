//! Making a backup.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{Form, Hold, Vault, failed_to};
use crate::archive::ArchiveWriter;
use crate::backup_name::is_plain_name;
use crate::bounds::ATTEMPTS_MAX;
use crate::capture::{Unsettled, capture};
use crate::durable::{folder_of, place, sync_folder, temporary_file};
use crate::manifest::{MANIFEST_FORMAT, Manifest};
use crate::record::Record;
use crate::sealed::SealedWriter;
use crate::store::Held;
use crate::sums::Sums;
use crate::{BackupError, BackupName, Location, Store, StoreManifest, chroma, sqlite};

/// What to note about a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupRequest {
    /// The service; part of the name.
    pub service: String,
    /// The environment; part of the name.
    pub environment: String,
    /// When it is made; to the second, part of the name.
    pub created_at: Timestamp,
    /// The release that is running, if one is.
    pub release: Option<String>,
    /// Why it is made, for people who look for it later.
    pub reason: String,
}

/// A backup that was made. It is complete and durable; whether it can be read back is for
/// [`Vault::verify`] to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Its name.
    pub name: BackupName,
    /// What is in it.
    pub manifest: Manifest,
    /// Where the archive is.
    pub archive: PathBuf,
    /// The size of the archive in bytes.
    pub bytes: u64,
    /// The SHA-256 of the archive.
    pub archive_sha256: String,
    /// The SHA-256 of the manifest.
    pub manifest_sha256: String,
}

impl Vault {
    /// Backs up the stores, one after the other, in one archive.
    ///
    /// If it fails or the process dies, no backup of that name is listed as complete.
    ///
    /// # Errors
    /// [`BackupError::NameTaken`] if there is one of that name; [`BackupError::StoreChanged`] if a
    /// file is written to at each of three attempts; [`BackupError::VaultFull`] if there is no
    /// room; [`BackupError::StoreRefused`] for a store that is missing or holds a socket, pipe or
    /// device; [`BackupError::VaultOverlaps`], [`BackupError::StoresRefused`],
    /// [`BackupError::Name`], [`BackupError::StoreUnreadable`] and those of [`Vault::open`] as they
    /// say.
    pub fn create(&self, request: &BackupRequest, stores: &[Store]) -> Result<Backup, BackupError> {
        let name = BackupName::new(&request.service, &request.environment, request.created_at)?;
        check_names(stores)?;
        // One that was away when this began may have come back open to others.
        Self::open(&self.root)?;
        for store in stores {
            self.check_apart(store)?;
        }
        self.check_free(&name)?;
        // What was left by somebody who was killed holds data in the clear, and room.
        self.clear_abandoned()?;
        let mut attempts = 0;
        loop {
            attempts += 1;
            match self.attempt(&name, request, stores).map_err(|why| *why) {
                Ok(backup) => return Ok(backup),
                Err((_, Unsettled::Changed(_))) if attempts < ATTEMPTS_MAX => {}
                Err((store, Unsettled::Changed(path))) => {
                    return Err(BackupError::StoreChanged {
                        store,
                        path,
                        attempts,
                    });
                }
                Err((_, Unsettled::Failed(error))) => return Err(self.explain(error)),
            }
        }
    }

    /// One attempt; an error comes with the name of the store at which it happened.
    fn attempt(
        &self,
        name: &BackupName,
        request: &BackupRequest,
        stores: &[Store],
    ) -> Result<Backup, Box<(String, Unsettled)>> {
        let vault = |error: BackupError| Box::new((String::new(), Unsettled::Failed(error)));
        let temporary = temporary_file(&self.root)
            .map_err(|source| vault(failed_to("create a file in", &self.root, source)))?;
        let clone = || {
            let cloned = temporary.as_file().try_clone();
            cloned.map_err(|source| vault(failed_to("write", &self.root, source)))
        };
        let handle = clone()?;
        // Until the `.sha256` is there, what has its name already looks like the remains of a crash.
        // The lock moves with the file when that gets its name.
        let _hold = Hold::of_new(clone()?);
        let archive_path = self.archive_path_in(name, self.new_form());
        let mut archive =
            ArchiveWriter::new(handle, &archive_path, &self.encryption).map_err(vault)?;
        let mut manifest = Manifest {
            format: MANIFEST_FORMAT,
            name: name.clone(),
            service: request.service.clone(),
            environment: request.environment.clone(),
            created_at: request.created_at,
            release: request.release.clone(),
            reason: request.reason.clone(),
            portcullis_version: env!("CARGO_PKG_VERSION").to_owned(),
            stores: Vec::new(),
        };
        for store in stores {
            let captured = self.capture(store, &mut archive);
            manifest
                .stores
                .push(captured.map_err(|why| Box::new((store.name.clone(), why)))?);
        }
        let json = manifest.to_json().map_err(|error| {
            vault(failed_to(
                "write",
                &self.manifest_path(name),
                io::Error::other(error),
            ))
        })?;
        let stored = self
            .seal(&json)
            .map_err(|source| vault(failed_to("write", &self.manifest_path(name), source)))?;
        let written = archive.finish(&json).map_err(vault)?;
        let backup = Backup {
            name: name.clone(),
            manifest,
            archive: archive_path,
            bytes: written.bytes,
            archive_sha256: written.sha256,
            manifest_sha256: hex::encode(Sha256::digest(&stored)),
        };
        drop(written.file);
        self.publish_new(&backup, temporary, &stored)
            .map_err(vault)?;
        Ok(backup)
    }

    /// How new backups are written.
    fn new_form(&self) -> Form {
        match self.encryption.encrypts() {
            true => Form::Age,
            false => Form::Plain,
        }
    }

    /// The manifest as it lies beside the archive: paths may be personal data, and digests tell small files.
    fn seal<'j>(&self, json: &'j [u8]) -> io::Result<Cow<'j, [u8]>> {
        if !self.encryption.encrypts() {
            return Ok(Cow::Borrowed(json));
        }
        let mut writer = SealedWriter::new(Vec::new(), &self.encryption)?;
        writer.write_all(json)?;
        writer.finish().map(Cow::Owned)
    }

    fn capture(
        &self,
        store: &Store,
        archive: &mut ArchiveWriter,
    ) -> Result<StoreManifest, Unsettled> {
        match (&store.location, store.held()) {
            (Location::Sqlite { .. }, Held::Disk(on_disk)) => {
                Ok(sqlite::capture(&on_disk, archive, &self.root)?)
            }
            (Location::Chroma { .. }, Held::Disk(on_disk)) => {
                Ok(chroma::capture(&on_disk, archive, &self.root)?)
            }
            (_, Held::Disk(on_disk)) => capture(&on_disk, Some(archive)),
            (_, Held::Server(remote)) => remote.capture(archive, &self.root),
        }
    }

    fn publish_new(
        &self,
        backup: &Backup,
        archive: tempfile::NamedTempFile,
        stored: &[u8],
    ) -> Result<(), BackupError> {
        let name = &backup.name;
        let sums = Sums {
            archive: backup.archive_sha256.clone(),
            manifest: backup.manifest_sha256.clone(),
        };
        let manifest = self.prepare(stored)?;
        let form = self.new_form();
        let sums_text = sums.format(name, form);
        let record = Record::new(backup.bytes, sums_text.as_bytes());
        let record = match form {
            Form::Plain => record,
            Form::Age => record.sealed(self.encryption.recipients(), &backup.manifest.reason),
        };
        self.publish((name, form), (archive, manifest), &sums_text, &record)
    }

    /// Takes a backup in that was fetched from elsewhere and has the checksums of its `.sha256`. It counts as not verified.
    pub(crate) fn admit(
        &self,
        name: &BackupName,
        form: Form,
        files: (tempfile::NamedTempFile, tempfile::NamedTempFile),
        (sums_text, archive_bytes): (&str, u64),
    ) -> Result<(), BackupError> {
        let record = Record::new(archive_bytes, sums_text.as_bytes());
        self.publish((name, form), files, sums_text, &record)
    }

    /// Gives the three files their names, the `.sha256` last.
    fn publish(
        &self,
        (name, form): (&BackupName, Form),
        (archive, manifest): (tempfile::NamedTempFile, tempfile::NamedTempFile),
        sums_text: &str,
        record: &Record,
    ) -> Result<(), BackupError> {
        let sums = self.prepare(sums_text.as_bytes())?;
        let mut placed = Placed(Vec::new());
        let files = [
            (archive, self.archive_path_in(name, form)),
            (manifest, self.manifest_path_in(name, form)),
            (sums, self.sums_path(name)),
        ];
        let last = self.sums_path(name);
        for (file, path) in files {
            if path == last {
                // The name is ours now. The record must be there when the backup is complete, and the
                // others durable under their names.
                self.save_record(name, record)?;
                placed.0.push(self.record_path(name));
                self.sync()?;
            }
            place(file, &path).map_err(|source| match source.kind() {
                io::ErrorKind::AlreadyExists => self.taken(name),
                _ => failed_to("write", &path, source),
            })?;
            placed.0.push(path);
        }
        self.sync()?;
        placed.0.clear();
        Ok(())
    }

    fn prepare(&self, content: &[u8]) -> Result<tempfile::NamedTempFile, BackupError> {
        temporary_file(&self.root)
            .and_then(|mut file| file.write_all(content).map(|()| file))
            .map_err(|source| failed_to("write a file in", &self.root, source))
    }

    pub(crate) fn sync(&self) -> Result<(), BackupError> {
        sync_folder(&self.root).map_err(|source| failed_to("sync", &self.root, source))
    }

    fn taken(&self, name: &BackupName) -> BackupError {
        BackupError::NameTaken {
            name: name.clone(),
            vault: self.root.clone(),
        }
    }

    pub(crate) fn check_free(&self, name: &BackupName) -> Result<(), BackupError> {
        match self.check_complete(name) {
            Err(BackupError::UnknownBackup { .. }) => Ok(()),
            Ok(()) | Err(BackupError::Incomplete { .. }) => Err(self.taken(name)),
            Err(other) => Err(other),
        }
    }

    /// A vault in a store would back itself up; a store in the vault would be cleared with it.
    fn check_apart(&self, store: &Store) -> Result<(), BackupError> {
        let Some(path) = store.path() else {
            return Ok(());
        };
        // A path that cannot be resolved is missing; reading the store says so better.
        let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let (vault, resolved) = (real(&self.root), real(path));
        if vault.starts_with(&resolved) || resolved.starts_with(&vault) {
            return Err(BackupError::VaultOverlaps {
                store: store.name.clone(),
                path: path.to_owned(),
                vault: self.root.clone(),
            });
        }
        Ok(())
    }

    /// Tells a full disk from other failures. By now the unfinished files are gone.
    fn explain(&self, error: BackupError) -> BackupError {
        match error {
            BackupError::Vault { source, .. }
                if matches!(
                    source.kind(),
                    io::ErrorKind::StorageFull
                        | io::ErrorKind::QuotaExceeded
                        | io::ErrorKind::FileTooLarge
                ) =>
            {
                let free_bytes = self.free_bytes().unwrap_or(0);
                BackupError::VaultFull {
                    path: self.root.clone(),
                    free_bytes,
                    source,
                }
            }
            other => other,
        }
    }
}

/// Files that have their names already; removed again if the rest fails.
struct Placed(Vec<PathBuf>);

impl Drop for Placed {
    fn drop(&mut self) {
        for path in self.0.iter().rev() {
            // If even this fails, what stays is listed as broken: its .sha256 is missing.
            let _ = fs::remove_file(path);
        }
        if let Some(path) = self.0.first() {
            let _ = sync_folder(folder_of(path));
        }
    }
}

fn check_names(stores: &[Store]) -> Result<(), BackupError> {
    let mut names = BTreeSet::new();
    let refused = |why| Err(BackupError::StoresRefused { why });
    if stores.is_empty() {
        return refused("no store is given; name at least one".to_owned());
    }
    for store in stores {
        if !is_plain_name(&store.name) {
            return refused(format!(
                "the store name {:?} has other characters than a-z, 0-9 and '-', or not 1 to 63",
                store.name
            ));
        }
        if !names.insert(&store.name) {
            return refused(format!("the store name {:?} is given twice", store.name));
        }
    }
    Ok(())
}

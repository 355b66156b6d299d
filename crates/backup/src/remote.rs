//! Stores that are no path on this disk: data behind a server or a tool.
//!
//! A new kind of store is one more implementation of [`Remote`], one more [`crate::Location`] and one more
//! [`crate::StoreKind`]. What holds for each of them:
//!
//! * What goes into the archive is ordinary files, which a person can read with ordinary tools.
//! * The digest of a manifest is one that [`Remote::live_digest`] finds again after a restore, so that anybody can ask
//!   later whether a store is as in a backup.
//! * What was made for a copy or by a restore that was cut off has a mark of ours, and nothing without it is ever
//!   removed.
//! * Whatever [`Remote::replace`] replaces is kept under a name that it says.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;

use crate::archive::ArchiveWriter;
use crate::capture::Unsettled;
use crate::vault::{Staged, Turn};
use crate::{
    BackupError, BackupName, OpenTransaction, Replaced, Since, StoreManifest, StoreSize, Vault,
};

/// A store behind a server or a tool.
pub(crate) trait Remote {
    /// What tells it from all other stores, so that nobody puts something into its place while another one does.
    fn turn(&self) -> String;

    /// How large it is now, without reading it.
    fn size(&self) -> Result<StoreSize, BackupError>;

    /// Whether a backup of it could begin: tools, rights and versions are there.
    fn examine(&self) -> Result<(), BackupError>;

    /// Whether the rights are there to copy it beside itself and to put a copy into its place.
    fn may_be_restored(&self) -> Result<(), BackupError> {
        Ok(())
    }

    /// Whether [`Remote::replace`] could begin: server, tools, rights and room are there, as far as that can be told while
    /// nothing is changed.
    fn can_be_replaced(&self, backup: &InBackup<'_>) -> Result<(), BackupError>;

    /// Transactions of others that have been open for at least so many milliseconds, the oldest first.
    fn open_transactions(&self, _at_least_ms: u64) -> Result<Vec<OpenTransaction>, BackupError> {
        Ok(Vec::new())
    }

    /// The digest of what it holds now, to compare with that of a manifest.
    fn live_digest(&self) -> Result<String, BackupError>;

    /// What it holds, thing by thing: see [`crate::StoreOutline`].
    fn things(&self) -> Result<BTreeMap<String, String>, BackupError> {
        let content = self.live_digest()?;
        Ok(BTreeMap::from([("the content".to_owned(), content)]))
    }

    /// The digest of what it holds now as that manifest counts it: the manifest's own if nothing differs but what time
    /// alone has changed.
    fn digest_against(&self, _wanted: &StoreManifest) -> Result<String, BackupError> {
        self.live_digest()
    }

    /// Writes what it holds to the archive and describes it. What has to lie somewhere until it is packed lies in a
    /// private folder in `vault`.
    fn capture(
        &self,
        archive: &mut ArchiveWriter,
        vault: &Path,
    ) -> Result<StoreManifest, Unsettled>;

    /// How it differs now from what a backup has of it.
    fn since(&self, wanted: &StoreManifest) -> Result<Since, BackupError>;

    /// What Portcullis made beside it that is not in use: copies, and what a restore that was cut off left behind.
    fn leftovers(&self) -> Result<Vec<String>, BackupError>;

    /// Removes this store, which must be a copy that Portcullis made. If there is none, nothing happens.
    fn drop_copy(&self) -> Result<(), BackupError>;

    /// Puts what a backup has to the place of this store, where nothing must be, and marks it as a copy. If anything
    /// fails, nothing of it stays.
    fn restore_copy(&self, backup: &InBackup<'_>) -> Result<(), BackupError>;

    /// Puts what a backup has into the place of what this store holds, which is kept under a name with `now` in it.
    /// Calling it again with the same `now` completes what was cut off.
    fn replace(&self, backup: &InBackup<'_>, now: Timestamp) -> Result<Replaced, BackupError>;

    /// Looks at a restored copy with the store's own means. The caller compares the digest.
    fn examine_copy(&self, wanted: &StoreManifest) -> Result<RemoteExamined, BackupError>;
}

/// What was found in a restored copy.
pub(crate) struct RemoteExamined {
    /// The digest of what it holds.
    pub(crate) digest: String,
    /// How many tables and rows it has, if it has some.
    pub(crate) rows: Option<(u64, u64)>,
    /// The checks that were made, in words.
    pub(crate) checks: Vec<String>,
}

/// A store as a backup has it.
pub(crate) struct InBackup<'a> {
    /// The vault of the backup.
    pub(crate) vault: &'a Vault,
    /// The name of the backup.
    pub(crate) name: &'a BackupName,
    /// What the manifest says of the store.
    pub(crate) wanted: &'a StoreManifest,
    /// That nobody else puts something into its place. A copy is its maker's alone.
    pub(crate) turn: Option<&'a Turn>,
}

impl InBackup<'_> {
    /// Unpacks the files of the store into a private folder in the vault, verified, until it is dropped.
    pub(crate) fn unpack(&self) -> Result<Staged, BackupError> {
        let folder = self.vault.root();
        self.vault.stage(self.name, &self.wanted.name, folder)
    }

    /// The same, but what was written is neither synced nor read back from the disk: for those who put it into the store and
    /// then compare what the store holds with the manifest.
    pub(crate) fn unpack_to_compare(&self) -> Result<Staged, BackupError> {
        let folder = self.vault.root();
        self.vault
            .stage_passing(self.name, &self.wanted.name, folder)
    }
}

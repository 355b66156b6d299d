//! What can go wrong with backups.

use std::io;
use std::path::PathBuf;

use crate::{
    BackupName, BucketProblem, CommandProblem, ContinuousProblem, Damage, NameRefused,
    PostgresProblem, RedisProblem, StoreKind,
};

/// What can go wrong with backups.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A name that is no name of a backup, or a service or environment that cannot be part of one.
    #[error(transparent)]
    Name(#[from] NameRefused),
    /// A store's name is refused, given twice, or no store is given at all.
    #[error("the stores cannot be backed up: {why}")]
    StoresRefused {
        /// What is wrong.
        why: String,
    },
    /// There is a backup of that name, or the remains of one.
    #[error("the vault {vault} already has a backup {name}; make it again a second later")]
    NameTaken {
        /// The name.
        name: BackupName,
        /// The vault.
        vault: PathBuf,
    },
    /// There is no such backup.
    #[error("the vault {vault} has no backup {name}; list what it has")]
    UnknownBackup {
        /// The name.
        name: BackupName,
        /// The vault.
        vault: PathBuf,
    },
    /// The backup was never completed, or a part of it was removed.
    #[error("the backup {name} is not complete: {missing} {what}; use another one")]
    Incomplete {
        /// The name.
        name: BackupName,
        /// The missing file.
        missing: String,
        /// How it is missing: it is not there, or it is a link or a folder.
        what: &'static str,
    },
    /// The backup is not what was written.
    #[error(
        "the backup {name} is damaged and must not be restored: {}",
        list(damages)
    )]
    Damaged {
        /// The name.
        name: BackupName,
        /// Everything that was found, at most twenty.
        damages: Vec<Damage>,
    },
    /// The backup is encrypted, and no key that is configured opens it.
    #[error("the backup {name} is encrypted{needed}, and cannot be read: {why}")]
    NoKey {
        /// The name.
        name: BackupName,
        /// For whom, as far as is noted.
        needed: String,
        /// Why no key opens it.
        why: String,
    },
    /// The files of an encrypted backup are those that were written, and nobody looked into them. It does not count as
    /// verified.
    #[error(
        "the backup {name} is whole, but was not read through, so it does not count as verified: its files have the \
         checksums that were written, and {why}"
    )]
    NotReadThrough {
        /// The name.
        name: BackupName,
        /// The SHA-256 of the archive.
        archive_sha256: String,
        /// The SHA-256 of the manifest beside it.
        manifest_sha256: String,
        /// Why it could not be read.
        why: String,
    },
    /// The backup has no store of that name.
    #[error("the backup {name} has no store {store:?}; it has {}", known.join(", "))]
    UnknownStore {
        /// The backup.
        name: BackupName,
        /// The store that was asked for.
        store: String,
        /// The stores that it has.
        known: Vec<String>,
    },
    /// The store has another kind than its backup.
    #[error("store {store:?} is a {found}, and the backup holds a {expected}")]
    KindDiffers {
        /// The store.
        store: String,
        /// The kind in the backup.
        expected: StoreKind,
        /// The kind that was given.
        found: StoreKind,
    },
    /// The store is missing, of another kind, or holds something that cannot be backed up.
    #[error("store {store:?} cannot be backed up: {}: {why}", path.display())]
    StoreRefused {
        /// The store.
        store: String,
        /// The path at fault.
        path: PathBuf,
        /// What it is, and what was expected.
        why: String,
    },
    /// The store cannot be read.
    #[error("cannot read {} of store {store:?}; check its permissions", path.display())]
    StoreUnreadable {
        /// The store.
        store: String,
        /// The path at fault.
        path: PathBuf,
        /// The failure.
        #[source]
        source: io::Error,
    },
    /// A file was written to at each attempt to read it.
    #[error(
        "store {store:?} keeps changing: {} changed while it was read, {attempts} times; \
         stop what writes to it, or have it written by renaming; an SQLite database is copied while it is used as a store of its \
         own, of kind \"sqlite\"",
        path.display()
    )]
    StoreChanged {
        /// The store.
        store: String,
        /// The file that changed last.
        path: PathBuf,
        /// How often it was tried.
        attempts: u32,
    },
    /// Chroma wrote an index anew during each attempt to copy it together with the database that fits it.
    #[error(
        "store {store:?} keeps changing: Chroma wrote {} anew during each of {attempts} attempts to copy it with the \
         database that fits it; pause writes to it while it is backed up",
        path.display()
    )]
    SegmentsChanging {
        /// The store.
        store: String,
        /// The file or folder that changed last.
        path: PathBuf,
        /// How often it was tried.
        attempts: u32,
    },
    /// The vault cannot be used.
    #[error("cannot {doing} {}; check that the vault exists and may be written to", path.display())]
    Vault {
        /// What was attempted.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The failure.
        #[source]
        source: io::Error,
    },
    /// The vault cannot be made, because the folder that it would be in is missing.
    #[error(
        "the vault {} cannot be made, because there is no folder {}; `portcullis init` makes the state folder, and if \
         it should be there, see whether its disk is mounted and `state` names it",
        vault.display(), folder.display()
    )]
    NoFolderForVault {
        /// The vault.
        vault: PathBuf,
        /// The folder.
        folder: PathBuf,
    },
    /// There is no vault.
    #[error(
        "there is no vault at {}; the first backup makes it (`portcullis backup create`), and if there \
         should be one, see whether its disk is mounted and `state.vault` names it",
        path.display()
    )]
    NoVault {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The backup is being made, read or restored, so it cannot be removed now.
    #[error("the backup {name} is in use now; try again when that is over")]
    InUse {
        /// The name.
        name: BackupName,
    },
    /// A person wants it kept.
    #[error(
        "the backup {name} is protected by {by}: {reason}; `portcullis backup unprotect {name}` ends that"
    )]
    Protected {
        /// The name.
        name: BackupName,
        /// Who protected it.
        by: String,
        /// Why.
        reason: String,
    },
    /// The disk of the vault is full, or a quota or limit is reached. Nothing is left behind.
    #[error(
        "the vault {} is full ({free_bytes} bytes free): make room or use another vault",
        path.display()
    )]
    VaultFull {
        /// The vault.
        path: PathBuf,
        /// What is free now, after the unfinished files were removed.
        free_bytes: u64,
        /// The failure.
        #[source]
        source: io::Error,
    },
    /// Others may look into the vault, which holds copies of all data.
    #[error("the vault {} is open to others (mode {mode:04o}); run: chmod 700 {}", path.display(), path.display())]
    VaultTooOpen {
        /// The vault.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The vault lies in a store, or a store in the vault.
    #[error(
        "store {store:?} ({}) and the vault {} lie in each other; move the vault elsewhere",
        path.display(),
        vault.display()
    )]
    VaultOverlaps {
        /// The store.
        store: String,
        /// Where the store is.
        path: PathBuf,
        /// Where the vault is.
        vault: PathBuf,
    },
    /// There is something where the restored copy should go.
    #[error("{} exists; a restore goes to a path where nothing is", path.display())]
    TargetExists {
        /// The path.
        path: PathBuf,
    },
    /// The restored copy cannot be written or put in place.
    #[error("cannot {doing} {}; check permissions, free space and that it is no mount point", path.display())]
    Target {
        /// What was attempted.
        doing: &'static str,
        /// The path.
        path: PathBuf,
        /// The failure.
        #[source]
        source: io::Error,
    },
    /// What was written and read back is not what the backup holds.
    #[error(
        "the restored copy differs at {path}: expected {expected}, found {found}; check the disk"
    )]
    RestoredDiffers {
        /// The path below the store.
        path: String,
        /// What the manifest says.
        expected: String,
        /// What was read back.
        found: String,
    },
    /// A database was locked for too long.
    #[error(
        "store {store:?}: the database {} was locked by another program for more than {waited_s} s; \
         try again when it writes less, or set it to journal_mode = WAL",
        path.display()
    )]
    DatabaseBusy {
        /// The store.
        store: String,
        /// The database.
        path: PathBuf,
        /// How long was waited, in seconds.
        waited_s: u64,
    },
    /// A database answered with a failure.
    #[error("store {store:?}: cannot {doing} {}: {why}", path.display())]
    DatabaseFailed {
        /// The store.
        store: String,
        /// What was attempted.
        doing: &'static str,
        /// The database.
        path: PathBuf,
        /// What the database said.
        why: String,
    },
    /// A database has damage of its own, so that a backup of it would be none.
    #[error(
        "store {store:?}: the database {} is damaged: {}; put a backup back, or recover it with \
         `sqlite3 {} .recover`",
        path.display(),
        findings.join("; "),
        path.display()
    )]
    DatabaseDamaged {
        /// The store.
        store: String,
        /// The database.
        path: PathBuf,
        /// What its own check found, at most a few findings.
        findings: Vec<String>,
    },
    /// The indexes of a Chroma database are not whole, so that a backup of it would be none.
    #[error(
        "store {store:?}: the indexes beside {} are not whole: {}; put a backup back, or add the records to a new \
         collection",
        path.display(),
        findings.join("; ")
    )]
    IndexDamaged {
        /// The store.
        store: String,
        /// The database.
        path: PathBuf,
        /// What is missing or too short, at most a few findings.
        findings: Vec<String>,
    },
    /// A database is open, so that replacing it would take writes away from whoever has it open.
    #[error(
        "store {store:?}: {} is open in {by}, which would go on writing to the replaced data; stop that \
         first",
        path.display()
    )]
    StoreInUse {
        /// The store.
        store: String,
        /// The database.
        path: PathBuf,
        /// Who has it open, as far as that can be known.
        by: String,
    },
    /// A PostgreSQL database cannot be backed up or put back.
    #[error("store {store:?}: {problem}")]
    Postgres {
        /// The store.
        store: String,
        /// What is in the way.
        problem: PostgresProblem,
    },
    /// The objects of a bucket cannot be backed up or put back.
    #[error("store {store:?}: {problem}")]
    Bucket {
        /// The store.
        store: String,
        /// What is in the way.
        problem: Box<BucketProblem>,
    },
    /// A database of a Redis server cannot be backed up or put back.
    #[error("store {store:?}: {problem}")]
    Redis {
        /// The store.
        store: String,
        /// What is in the way.
        problem: RedisProblem,
    },
    /// A store of commands cannot be backed up or put back.
    #[error("store {store:?}: {problem}")]
    Command {
        /// The store.
        store: String,
        /// What is in the way.
        problem: Box<CommandProblem>,
    },
    /// The continuous archive of a PostgreSQL database cannot be written, or not be recovered from.
    #[error("store {store:?}: {problem}")]
    Continuous {
        /// The store.
        store: String,
        /// What is in the way.
        problem: Box<ContinuousProblem>,
    },
    /// The name under which the replaced data would be kept is in use.
    #[error("{} exists, so the replaced data cannot be kept there; restore a second later", path.display())]
    KeptNameTaken {
        /// The path.
        path: PathBuf,
    },
}

fn list(damages: &[Damage]) -> String {
    damages
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

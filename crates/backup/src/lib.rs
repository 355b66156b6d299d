//! Backups of the data that a release may change: make, verify, list, restore.
//!
//! What holds here:
//!
//! * **A backup is complete or it is none.** Archive, manifest and checksums are written under
//!   temporary names, synced and renamed; the `.sha256` comes last, so its presence means that the
//!   backup is complete.
//! * **Verified means read back.** [`Vault::verify`] reads every byte of the archive from the disk
//!   again and compares each file with the manifest; a restore does the same and re-reads what it
//!   wrote.
//! * **What is in use is not removed.** Whoever makes or reads a backup holds a lock on its archive;
//!   [`Vault::remove`] refuses then. It removes the `.sha256` first, so that what a crash leaves
//!   behind is never taken for a backup.
//! * **A restore never leaves a hole.** [`Vault::restore_in_place`] prepares the data beside the
//!   store, verifies it, and swaps it in one step; what it replaced stays under a name.
//! * **Nothing outside a store is read or written.** Symbolic links are kept as links and never
//!   followed; paths that leave their folder are refused.
//! * **No clock is read for a decision.** Times come in as parameters; only durations are measured.
//!
//! All functions block: call them where blocking is allowed.
//!
//! * **A database is never copied as a file.** SQLite copies it, of one moment and while it is used, and
//!   checks the copy; one that a program has open is not replaced under it. PostgreSQL dumps it as it is at one
//!   moment; it is replaced by two renames in one transaction. Redis writes down what it holds at one moment, and
//!   exchanges two of its databases.
//!
//! # On disk
//! docs/guide/restore-by-hand.md restores a backup with `tar`, `zstd`, `sqlite3` and
//! `pg_restore` alone.
//!
//! `<vault>/<name>.tar.zst` holds `stores/<store>/<path>` for each store and, last,
//! `manifest.json`; plain `tar` and `zstd` can read it (it is compressed in several frames, one after the other). `<name>.manifest.json` is the same manifest
//! again. `<name>.sha256` covers both and is accepted by `sha256sum -c` run in the vault. Owners,
//! modes, modification times, extended attributes and hard links are kept; a file with holes is read as zeros, and gets
//! holes again when it is restored. An SQLite
//! database is one file: what was in its log is in it. A PostgreSQL database is `dump`, a dump of `pg_dump`, with
//! `roles.sql` and `database.sql` beside it. A database of a Redis server is `dump.rdb`.
//! An encrypted backup has `<name>.tar.zst.age` and `<name>.manifest.json.age`, which `age --decrypt` turns into the two
//! above; `<name>.sha256` covers them as they lie there.
//! `<name>.record.json` says how long the archive is and whether it was read back in order; a backup
//! without it is whole, and counts as not verified. `<name>.protection.json` is there while a person
//! protects it, and `<name>.put-back.json` once a rollout has put stores back from it.

mod already_read;
mod archive;
mod backup_name;
mod bounds;
mod bucket;
mod capture;
mod chroma;
mod clock;
mod cloud;
mod command;
mod copies;
mod damage;
mod durable;
mod encryption;
mod error;
mod examine;
mod extended_attributes;
mod hashing;
mod holes;
mod manifest;
mod octal;
mod on_disk;
mod open_transaction;
mod outline;
mod postgres;
mod process_output;
mod protection;
mod read_ahead;
mod record;
mod redis;
mod relative_path;
mod remote;
mod retention;
mod row_set;
mod runtime;
mod scan;
mod sealed;
mod since;
mod space;
mod sqlite;
mod store;
mod sums;
mod table_entry;
mod vault;

pub use backup_name::{BackupName, NameRefused};
pub use bucket::{
    BucketAddress, BucketContent, BucketProblem, ObjectAttributes, ObjectEntry, bucket_url,
};
pub use cloud::{CloudAddress, CloudCredentials};
pub use command::{COPY_VARIABLE, CommandContent, CommandProblem, CommandVariables, StoreCommands};
pub use copies::{Copied, Copies, CopyError, CopyLock, CopyProblem, CopyReadBack, Stop};
pub use damage::Damage;
pub use encryption::{Encryption, KeyRefused, NewKey, Sealed};
pub use error::BackupError;
pub use examine::{CopyExamined, examine_copy};
pub use extended_attributes::ExtendedAttributes;
pub use manifest::{
    DirectoryEntry, FileEntry, HardLinkEntry, LinkTarget, MANIFEST_FORMAT, Manifest, StoreManifest,
    SymlinkEntry,
};
pub use open_transaction::OpenTransaction;
pub use outline::StoreOutline;
pub use postgres::{
    Amcheck, ArchiveIdentity, ArchiveLock, ArchivePoint, ArchiveStanding, ArchiveVerification,
    BaseBackup, ClusterExamined, ContinuousArchive, ContinuousProblem, ContinuousPruned,
    ContinuousSource, ContinuousVerified, FetchedCluster, LogGap, Lsn, PointLimits, Received,
    RecoveredCluster, RecoveryOrder, RecoveryPlace, RecoveryRange, clear_left_recoveries,
};
pub use postgres::{
    DatabaseGrant, DatabaseSetting, DatabaseSettings, DefinitionsEntry, ExtensionEntry,
    PostgresAddress, PostgresContent, PostgresProblem, SequenceEntry,
};
pub use protection::Protection;
pub use redis::{ExpiringEntry, RedisAddress, RedisContent, RedisProblem};
pub use relative_path::{PathRefused, RelativePath};
pub use retention::{Decision, Keep, Retention, retention};
pub use since::{Since, TableSince};
pub use space::{DiskNeeded, DisksNeeded, free_bytes_of};
pub use sqlite::SqliteContent;
pub use store::{Location, Store, StoreKind, StoreSize, store_digest, store_digest_against};
pub use table_entry::TableEntry;
pub use vault::{
    Backup, BackupRequest, BackupState, BackupSummary, Emptied, Hold, Kept, RecordedSums, Removed,
    Replaced, Restored, RestoredCopy, Space, Vault, Verified,
};

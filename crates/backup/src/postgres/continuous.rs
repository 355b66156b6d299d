//! Continuous archives: base backups of a cluster and all write-ahead log since, to recover to any moment.
//!
//! A dump is of one moment, and what was committed later is lost with the server. The archive has the write-ahead log as
//! it is written: `pg_receivewal` receives it with a replication slot ([`ContinuousArchive::receive`]), and
//! `pg_basebackup` copies the cluster now and then ([`ContinuousArchive::take_base`]). From both any moment in between
//! is recovered ([`ContinuousArchive::recover`]), and it is measured up to which moment everything is there.
//!
//! # On disk
//! In the vault, `SERVICE_ENVIRONMENT_STORE.continuous/`:
//!
//! * `archive.json`: which cluster this is of; `standing.json`: up to when everything is there;
//!   `received.txt`: the same for each segment; `verified.json`: what reading it back found the last time;
//!   `damaged.json`: the files of the log that were found damaged, which nobody counts on.
//! * `base/ID/`: `base.tar.zst`, the copy as `pg_basebackup --format=tar` writes it, with `backup_manifest` as its last
//!   file; `base.json`, what is known of it; `SHA256SUMS`, for `sha256sum -c`; and `damaged.txt` once it was found so.
//!   The folder gets its name when it is complete and was read back.
//! * `wal/SEGMENT-SHA256.zst` and `wal/TIMELINE.history-SHA256.zst`: write-ahead log, with the checksum of the file in its
//!   name.
//! * `incoming/`: the folder of `pg_receivewal`, with the segment that is being received.
//!
//! docs/guide/restore-by-hand.md recovers such an archive with `tar`, `zstd` and `postgres` alone.

mod archive;
mod base;
mod base_check;
mod base_content;
mod chain;
mod fetched;
mod history;
mod inventory;
mod log_reader;
mod lsn;
mod marks;
mod point;
mod problem;
mod range;
mod receive;
mod recover;
mod recovered;
mod segment;
mod segment_file;
mod server;
mod source;
mod standing;
mod survey;
mod tail;
mod take_base;
mod verify;

pub use archive::{ArchiveIdentity, ArchiveLock, ContinuousArchive};
pub use base::BaseBackup;
pub use chain::LogGap;
pub use fetched::FetchedCluster;
pub use lsn::Lsn;
pub use point::{ArchivePoint, ArchiveVerification, PointLimits};
pub use problem::ContinuousProblem;
pub use range::RecoveryRange;
pub use receive::Received;
pub use recover::{RecoveryOrder, RecoveryPlace, clear_left_recoveries};
pub use recovered::{ClusterExamined, RecoveredCluster};
pub use source::ContinuousSource;
pub use standing::ArchiveStanding;
pub use take_base::ContinuousPruned;
pub use verify::ContinuousVerified;

use history::TimelineHistory;
use segment::Segment;
use source::Slot;

#[cfg(test)]
mod tests;

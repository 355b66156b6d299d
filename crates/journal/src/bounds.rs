//! Every bound of this crate, in one place.

use std::time::Duration;

/// The longest body of a record, in bytes. A plan with a few hundred steps needs less than a tenth
/// of it; anything longer belongs in a file whose digest is recorded.
pub const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The longest name of a lease holder or of the author of a record, in bytes.
pub const NAME_BYTES_MAX: usize = 256;

/// The longest scope, in bytes: the limit of a DNS label, so that a service name fits anywhere.
pub const SCOPE_BYTES_MAX: usize = 63;

/// How long a statement waits for another process that is writing before it fails as busy.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections that read at the same time. Writes have one connection of their own.
pub(crate) const READERS_MAX: u32 = 4;

/// How long a task waits for a free connection.
pub(crate) const CONNECTION_WAIT: Duration = Duration::from_secs(30);

/// Pages of the file that each SQLite connection keeps in memory, in KiB; SQLite's own default is 2,000. A
/// chain is read from one end to the other, so what was read before does not help.
pub(crate) const FILE_CACHE_KIB: u32 = 512;

/// How many entries one statement reads; `verify` holds as many in memory at a time. More makes neither
/// faster, and on a server each statement stays far within its bound.
pub(crate) const PAGE_ENTRIES: u64 = 128;

/// Rows that SQLite's thread may be ahead of the reader: a page, or the two would wake each other up for
/// every few rows.
pub(crate) const ROWS_AHEAD: usize = 128;

/// After how many appends the head that is kept beside an SQLite file is synced at the latest; every
/// lease operation syncs it too. A power cut may set it back by as many.
pub(crate) const HEADS_UNSYNCED_MAX: u64 = 64;

/// To how many bytes SQLite's write-ahead log is cut back after a checkpoint. A checkpoint comes every
/// 1,000 pages of 4 KiB, so the log stays at about this size.
pub(crate) const LOG_BYTES_KEPT: u64 = 4 * 1024 * 1024;

/// How long connecting to a server may take.
pub(crate) const CONNECT_WAIT: Duration = Duration::from_secs(5);

/// How long a server has to come back in the middle of an operation before the operation fails. Less
/// than the time of a lease: after it somebody else may have taken over anyway.
pub(crate) const RECOVERY_WAIT: Duration = Duration::from_secs(10);

/// How long to wait between two attempts to reach a server.
pub(crate) const RECONNECT_PAUSE: Duration = Duration::from_millis(100);

/// How long one attempt of an operation on a server may take, all statements together.
pub(crate) const OPERATION_WAIT: Duration = Duration::from_secs(15);

/// How long a statement on a server waits for a lock: somebody else's transaction on the same scope.
pub(crate) const LOCK_WAIT: Duration = Duration::from_secs(10);

/// After how long a server ends a transaction whose client does nothing. A holder that froze in the
/// middle of one keeps its lease row locked for no longer than this.
pub(crate) const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(5);

/// How long saying goodbye to a server may take.
pub(crate) const GOODBYE_WAIT: Duration = Duration::from_secs(2);

/// The largest number that a signed 64-bit column takes: times, sequence numbers and epochs.
pub(crate) const NUMBER_MAX: u64 = i64::MAX as u64;

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

/// How many entries `verify` holds in memory at a time.
pub(crate) const VERIFY_PAGE_ENTRIES: u64 = 512;

/// The largest number that a signed 64-bit column takes: times, sequence numbers and epochs.
pub(crate) const NUMBER_MAX: u64 = i64::MAX as u64;

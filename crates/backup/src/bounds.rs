//! Every bound of this crate, in one place.

/// How often a backup is begun anew because a file changed while it was read.
pub(crate) const ATTEMPTS_MAX: u32 = 3;

/// How much is read or written at a time.
pub(crate) const CHUNK_BYTES: usize = 128 * 1024;

/// The largest manifest that is read: about a million files.
pub(crate) const MANIFEST_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// The largest `.sha256` file that is read; a real one has less than 1 KiB.
pub(crate) const SUMS_BYTES_MAX: u64 = 64 * 1024;

/// The longest name of a service, environment or store: the limit of a DNS label.
pub(crate) const NAME_BYTES_MAX: usize = 63;

/// What an entry costs beside its content: tar headers, padding and its lines in both manifests.
pub(crate) const ENTRY_OVERHEAD_BYTES: u64 = 4096;

/// How many problems of one backup are listed.
pub(crate) const DAMAGES_MAX: usize = 20;

/// zstd's own default: photographs do not compress anyway, and JSON does well at any level.
pub(crate) const COMPRESSION_LEVEL: i32 = 3;

/// The largest record that is read; a real one has less than 200 bytes.
pub(crate) const RECORD_BYTES_MAX: u64 = 64 * 1024;

/// How long a lock of another program on an SQLite database is waited for, in milliseconds.
pub(crate) const SQLITE_PATIENCE_MS: u64 = if cfg!(test) { 500 } else { 30_000 };

/// How long SQLite itself waits for one lock, in milliseconds; waiting goes on until
/// [`SQLITE_PATIENCE_MS`].
pub(crate) const SQLITE_BUSY_MS: u64 = 2_000;

/// How long the pause between two looks at a locked database is, in milliseconds.
pub(crate) const SQLITE_PAUSE_MS: u64 = 20;

/// How many pages of an SQLite database are copied at a time: 4 MiB of the usual pages.
pub(crate) const SQLITE_PAGES_AT_ONCE: i32 = 1024;

/// After how many pages copied in vain, as a multiple of those of the database, its writers are made to wait.
pub(crate) const SQLITE_RESTARTS_MAX: u64 = 3;

/// How many findings about a damaged database are told.
pub(crate) const FINDINGS_MAX: usize = 5;

/// How many programs that have a database open are named.
pub(crate) const OPENERS_MAX: usize = 5;

/// How long a program may keep a database open that is to be replaced, in milliseconds.
pub(crate) const SQLITE_CLOSED_WITHIN_MS: u64 = 5_000;

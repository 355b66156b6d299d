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

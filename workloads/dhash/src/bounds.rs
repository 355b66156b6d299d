//! Every limit of the service, in one place.

use std::time::Duration;

/// What a decoder may use for one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The largest image, in pixels.
    pub pixels_max: u64,
    /// The most memory that a decoder may plan for, in bytes.
    pub memory_max_bytes: u64,
    /// The largest file, in bytes.
    pub file_max_bytes: u64,
}

/// Limits for the files of a library: one at a time per core, named by the operator.
pub const FILE_LIMITS: Limits = Limits {
    pixels_max: 200_000_000,
    memory_max_bytes: 2 << 30,
    file_max_bytes: 512 << 20,
};

/// Limits for an image sent in a request: from anybody, several at once.
pub const REQUEST_LIMITS: Limits = Limits {
    pixels_max: 64_000_000,
    memory_max_bytes: 512 << 20,
    file_max_bytes: 32 << 20,
};

/// The most scans of a progressive JPEG; real encoders write about ten.
pub(crate) const JPEG_SCANS_MAX: usize = 500;

/// The largest library file, in bytes (about four million images).
pub(crate) const LIBRARY_MAX_BYTES: u64 = 1 << 30;

/// How long a request body may take to arrive.
pub(crate) const BODY_READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Images that may wait for a core before `/hash` answers 503, per core.
pub(crate) const WAITING_PER_CORE: usize = 8;

/// The `Retry-After` of a 503, in seconds.
pub(crate) const RETRY_AFTER_SECONDS: &str = "1";

/// The radius of a look-up that names none.
pub(crate) const RADIUS_DEFAULT: u32 = 10;

/// The matches of a look-up that names no limit.
pub(crate) const LOOKUP_LIMIT_DEFAULT: usize = 20;

/// The most matches that one look-up may ask for.
pub(crate) const LOOKUP_LIMIT_MAX: usize = 1000;

/// How long a stopping service waits for requests in flight.
pub(crate) const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);

/// How often the library file is looked at for changes.
pub(crate) const RELOAD_INTERVAL: Duration = Duration::from_secs(1);

/// Extractions kept for `/metrics/dhash`.
pub(crate) const WINDOW_SAMPLES_MAX: usize = 1000;

/// The age at which an extraction leaves the window of `/metrics/dhash`.
pub(crate) const WINDOW_AGE_MAX: Duration = Duration::from_secs(300);

/// Failures that an error or a report spells out; the rest is counted.
pub(crate) const FAILURES_SHOWN_MAX: usize = 20;

//! Every size, count and time that the policies do not leave to their settings.

/// Keys that one limit counts apart, at most. A key takes 16 bytes, about 19 with its table, so one
/// limit takes 5 MiB at most. What happens beyond it is said at [`crate::protect::Limit`].
pub const LIMIT_KEYS_MAX: usize = 262_144;
/// Parts of a limit's table, each behind a lock of its own.
pub(super) const LIMIT_SHARDS: usize = 64;
/// Buckets of one part that all keys beyond the bound share.
pub(super) const LIMIT_SPARE_BUCKETS: usize = 64;
/// How often one part of a full table is looked through for keys whose buckets are full again.
pub(super) const LIMIT_SWEEP_MS: u64 = 100;
/// Addresses in `X-Forwarded-For` or `Forwarded` that are looked at, from the right.
pub(super) const FORWARDED_HOPS_MAX: usize = 64;
/// Bytes of an API key, at most; a longer one is not looked up.
pub(super) const API_KEY_BYTES_MAX: usize = 256;
/// Bytes of the file with API keys, at most.
pub(super) const API_KEY_FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bytes of a token, at most.
pub(super) const TOKEN_BYTES_MAX: usize = 16 * 1024;
/// Bytes of a key set, at most.
pub(super) const JWKS_BYTES_MAX: usize = 1024 * 1024;
/// Keys of a key set, at most.
pub(super) const JWKS_KEYS_MAX: usize = 256;
/// How long fetching a key set may take in all.
pub(super) const JWKS_FETCH_TIMEOUT_MS: u64 = 5_000;
/// How long a key set is used before it is fetched again.
pub const JWKS_FRESH_MS: u64 = 10 * 60 * 1000;
/// How long after a fetch the next one may start because a token names an unknown key.
pub const JWKS_REFRESH_PAUSE_MS: u64 = 30 * 1000;
/// Bytes at the start of an uploaded file that are held back until its type is known.
pub const UPLOAD_LOOK_AHEAD_BYTES: usize = 8 * 1024;
/// Bytes of the header fields of one part of a form, at most.
pub(super) const PART_HEAD_BYTES_MAX: usize = 8 * 1024;
/// Parts of a form, at most.
pub(super) const PARTS_MAX: u32 = 1_000;
/// Bytes of a boundary between parts (RFC 2046, 5.1.1).
pub(super) const BOUNDARY_BYTES_MAX: usize = 70;
/// Characters of a request id that is kept.
pub(super) const REQUEST_ID_BYTES_MAX: usize = 128;
/// Bytes of `tracestate` that are passed on (W3C Trace Context, 3.3.1.5: at least 512).
pub(super) const TRACESTATE_BYTES_MAX: usize = 512;
/// Members of `tracestate` (W3C Trace Context, 3.3.1.1).
pub(super) const TRACESTATE_MEMBERS_MAX: usize = 32;
/// Parameters of one header value, or of one element of `Forwarded`, that are read: they are compared
/// with each other.
pub(super) const PARAMETERS_MAX: usize = 32;
/// How often a writer of the file with API keys tries to be the only one.
pub(super) const API_KEY_LOCK_TRIES: u32 = 60;
/// The pause between two such tries.
pub(super) const API_KEY_LOCK_PAUSE_MS: u64 = 50;

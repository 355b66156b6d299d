//! Every size and limit of this crate that is not a key of the file.

/// Bytes of a configuration file: room for several hundred releases. A larger one is surely another
/// file.
pub(crate) const CONFIG_BYTES_MAX: usize = 256 * 1024;
/// Problems that are kept; further ones are only counted.
pub(crate) const PROBLEMS_MAX: usize = 100;
/// Characters of a source line that a rendered problem shows.
pub(crate) const SOURCE_LINE_CHARS_MAX: usize = 120;
/// Characters of a found value that a message quotes.
pub(crate) const QUOTED_CHARS_MAX: usize = 60;
/// The longest duration that the file can ask for, in milliseconds: seven days. Longer ones are slips
/// of the unit.
pub(crate) const DURATION_MS_MAX: u64 = 7 * 24 * 60 * 60 * 1000;
/// Characters of a service's, environment's or store's name: what a host name's label may have.
pub(crate) const NAME_CHARS_MAX: usize = 63;
/// Characters of a release's version.
pub(crate) const VERSION_CHARS_MAX: usize = 64;
/// Bytes of a Unix socket's path on Linux, without the closing zero (`sun_path` in unix(7)).
pub(crate) const SOCKET_PATH_BYTES_MAX: usize = 107;
/// The smallest chance of being wrong that a gate can have: one in a million. With less hardly any traffic would be enough.
pub(crate) const CHANCE_MIN: f64 = 1e-6;
/// The largest quantile of times: one answer in ten thousand is slower. No gate sees enough of rarer ones.
pub(crate) const QUANTILE_MAX: f64 = 0.9999;
/// The longest limit of a time in a gate's rule, in milliseconds: an hour. Longer ones are slips of the unit.
pub(crate) const LATENCY_MS_MAX: u64 = 60 * 60 * 1000;
/// The longest age of a backup and the longest time to recover in that the file can ask for, in milliseconds: a year.
pub(crate) const AGE_MS_MAX: u64 = 366 * 24 * 60 * 60 * 1000;
/// The longest that a run of a schedule can be put off at random, in milliseconds: a day.
pub(crate) const JITTER_MS_MAX: u64 = 24 * 60 * 60 * 1000;
/// How many runs of a schedule are looked at to find the shortest and the longest pause between two.
pub(crate) const RUNS_LOOKED_AT: usize = 400;
/// The shortest lease, in milliseconds: a shorter one would expire while its holder waits for a disk.
pub(crate) const LEASE_MS_MIN: u64 = 3_000;
/// How long an answer of the shared server may be waited for, at most, in milliseconds: every request that a
/// limit counts waits for it, so a server that hangs would hold up all of them.
pub(crate) const SHARED_TIMEOUT_MS_MAX: u64 = 1_000;
/// How far clocks may differ, at most, in milliseconds: for so long a token is believed after its end.
pub(crate) const SKEW_MS_MAX: u64 = 10 * 60 * 1000;
/// The largest size that the file can ask for, in bytes: a tebibyte. Larger ones are slips of the unit.
pub(crate) const BYTES_MAX: u64 = 1024 * 1024 * 1024 * 1024;
/// The smallest limit of a request's head, in bytes: less has no room for a cookie and a token.
pub(crate) const HEAD_BYTES_MIN: u64 = 1024;
/// The largest limit of a request's head, in bytes; it is kept in memory for each connection.
pub(crate) const HEAD_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// The largest limit of header lines in a request.
pub(crate) const HEADERS_MAX: u64 = 10_000;
/// Attempts of one request, at most.
pub(crate) const ATTEMPTS_MAX: u64 = 5;
/// The largest weight of an upstream's server.
pub(crate) const WEIGHT_MAX: u64 = 1_000;
/// Characters of a host's name (RFC 1035, 2.3.4, without the closing dot).
pub(crate) const HOST_CHARS_MAX: usize = 253;
/// Bytes of a file that are read to tell its kind; a key set or a certificate is far smaller.
pub(crate) const LOOKED_AT_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// The smallest and largest body that a mask may take, in bytes: it is kept in memory as a whole.
pub(crate) const MASKED_BODY_BYTES_MIN: u64 = 1024;
pub(crate) const MASKED_BODY_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// The least and the most text of a request that a named-entity model may read, in bytes: a large one takes a second for
/// two KiB.
pub(crate) const MODEL_TEXT_BYTES_MIN: u64 = 1024;
pub(crate) const MODEL_TEXT_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// The most different values that one conversation may be allowed: all of them are read with each of its requests.
pub(crate) const CONVERSATION_VALUES_MAX: u64 = 1_000_000;
/// The least memory for all conversations, in bytes: less has no room for a few of them.
pub(crate) const CONVERSATIONS_BYTES_MIN: u64 = 1024 * 1024;
/// Characters of the name of a mask's own entity; it becomes part of placeholders.
pub(crate) const ENTITY_CHARS_MAX: usize = 40;
/// Bytes of a file of words for a mask: more than 100,000 names. Larger ones would fill the memory once they are compiled.
pub(crate) const WORDS_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// The shortest and longest time that a conversation can be kept, in milliseconds: a minute and ten years.
pub(crate) const CONVERSATION_TTL_MS_MIN: u64 = 60 * 1000;
pub(crate) const CONVERSATION_TTL_MS_MAX: u64 = 3_650 * 24 * 60 * 60 * 1000;
/// The longest that a request can wait for a closed service to open, in milliseconds: ten minutes. Clients and what is
/// between them give up before.
pub(crate) const HOLD_MAX_MS: u64 = 10 * 60 * 1000;
/// The longest after which a client that was refused can be asked to come again, in milliseconds: a day.
pub(crate) const RETRY_AFTER_MAX_MS: u64 = 24 * 60 * 60 * 1000;

/// The shortest time that a lock of a rehearsed migration can be held to: shorter ones cannot be told from the pause between
/// two looks.
pub(crate) const LONGEST_LOCK_MIN_MS: u64 = 50;
/// The longest.
pub(crate) const LONGEST_LOCK_MAX_MS: u64 = 60 * 60 * 1000;

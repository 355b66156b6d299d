//! Every timeout, queue and size that the gateway does not leave to its settings.

/// How long a client may pause in the middle of sending a body, or of taking one.
pub(crate) const CLIENT_STALL_TIMEOUT_MS: u64 = 60_000;
/// Read buffer of one connection, which also bounds one frame of a streamed body.
pub(crate) const CONNECTION_BUFFER_BYTES_MAX: usize = 256 * 1024;
/// Length of the listener's queue.
pub(crate) const LISTEN_BACKLOG: i32 = 1024;
/// Pause after the system refused to accept (no free file descriptors), before trying again.
pub(crate) const ACCEPT_RETRY_MS: u64 = 50;
/// Idle upstream connections that a worker keeps for one arm.
pub(crate) const POOL_IDLE_PER_ARM_MAX: usize = 256;
/// How long an idle upstream connection is kept: below the five seconds after which common
/// application servers close theirs, so that reuse seldom meets a closing connection.
pub(crate) const POOL_IDLE_TIMEOUT_MS: u64 = 4_000;
/// How long a shared connection to an arm is kept without a request. HTTP/2 says goodbye before it closes,
/// so this may be longer.
pub(crate) const SHARED_IDLE_TIMEOUT_MS: u64 = 60_000;
/// How often idle upstream connections are looked through.
pub(crate) const POOL_SWEEP_MS: u64 = 500;
/// How often deadlines are looked at: the precision of every timeout on the data path.
pub(crate) const TICK_MS: u64 = 50;
/// While draining: how long idle client connections stay open, so that a request that is on its way
/// is still answered (with `Connection: close`). A hand-over may ask for longer.
pub(crate) const DRAIN_LINGER_MS: u64 = 1_000;
/// While a successor acts: how often the saved splits are looked at, which it alone changes then.
pub(crate) const FOLLOW_MS: u64 = 100;
/// Arms outside the split whose counters are kept for the status, per service.
pub(crate) const ARMS_REMEMBERED: usize = 16;
/// How long a change of a split waits for the first health checks of its arms.
pub(crate) const HEALTH_WAIT_MAX_MS: u64 = 10_000;
/// Body of a request to the admin API.
pub(crate) const ADMIN_BODY_BYTES_MAX: usize = 64 * 1024;
/// The longest text of a refusal by the HTTP library that the admin API passes on.
pub(crate) const ADMIN_REFUSAL_BYTES_MAX: usize = 4 * 1024;
/// What `Retry-After` says when no release serves yet, in seconds.
pub(crate) const RETRY_AFTER_S: &str = "1";
/// Bytes that a client may send on a stream before an arm has taken some.
pub(crate) const HTTP2_STREAM_WINDOW_BYTES: u32 = 256 * 1024;
/// Bytes that a client may send on all streams of a connection before some were taken.
pub(crate) const HTTP2_CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
/// Bytes of an answer that wait on one stream for the client.
pub(crate) const HTTP2_SEND_BUFFER_BYTES_MAX: usize = 256 * 1024;
/// Streams that a client opened and reset before they were looked at (CVE-2023-44487); with more of them
/// the connection is closed.
pub(crate) const HTTP2_RESETS_PENDING_MAX: usize = 20;
/// How often a silent HTTP/2 client is asked whether it is there.
pub(crate) const HTTP2_PING_PAUSE_MS: u64 = 20_000;
/// How long it may take to say so.
pub(crate) const HTTP2_PING_TIMEOUT_MS: u64 = 10_000;
/// How often certificates are looked at for changes.
pub(crate) const TLS_LOOK_MS: u64 = 1_000;
/// How long a client may take until it is known which protocol it speaks, TLS included.
pub(crate) const HELLO_TIMEOUT_MS: u64 = 10_000;
/// Header fields that an answer of an arm may have.
pub(crate) const ANSWER_HEADERS_MAX: usize = 200;
/// Over how long the rate of a request's body is measured.
pub(crate) const BODY_RATE_WINDOW_MS: u64 = 10_000;
/// The longest bypass.
pub(crate) const BYPASS_MS_MAX: u64 = 24 * 60 * 60 * 1000;
/// The longest reason for a bypass, and the longest name of whoever asks for one.
pub(crate) const BYPASS_TEXT_BYTES_MAX: usize = 500;
/// How often it is looked whether a bypass is over: the precision of its end.
pub(crate) const BYPASS_LOOK_MS: u64 = 100;
/// How far a clock may be set back while a bypass is in force. Set back further, the bypass ends, because
/// nobody knows then when it should.
pub(crate) const BYPASS_CLOCK_BACK_MAX_MS: u64 = 60_000;

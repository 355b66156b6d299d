//! Every timeout, queue and size that the gateway does not leave to its settings.

use crate::keep_alive::Probes;

/// How long a pause of writes may last, in milliseconds: then the gateway ends it.
pub(crate) const PAUSE_MS_MAX: u64 = 600_000;
/// Gateways that may follow this one.
pub(crate) const FOLLOWERS_MAX: usize = 64;
/// A follower that was not heard for so long is gone: nothing waits for it any more.
pub(crate) const FOLLOWER_LOST_MS: u64 = 10_000;
/// The longest report of a follower, in bytes: its counters, with a histogram for each arm.
pub(crate) const FOLLOWER_BYTES_MAX: usize = 1024 * 1024;
/// Requests for a reload of the configuration that wait for their turn.
pub(crate) const RELOADS_WAITING_MAX: usize = 4;
/// Read buffer of one connection, which also bounds one frame of a streamed body.
pub(crate) const CONNECTION_BUFFER_BYTES_MAX: usize = 256 * 1024;
/// What is read at once of an answer that is not long; the pieces of a long one grow up to the limit above.
pub(crate) const UPSTREAM_BUFFER_BYTES: usize = 8 * 1024;
/// The line before a chunk of an answer, with its extensions.
pub(crate) const CHUNK_LINE_BYTES_MAX: usize = 16 * 1024;
/// The fields behind the last chunk of an answer.
pub(crate) const ANSWER_TRAILER_BYTES_MAX: usize = 16 * 1024;
/// How the system finds out that a client is gone.
pub(crate) const CLIENT_PROBES: Probes = Probes {
    after_s: 60,
    pause_s: 15,
    most: 4,
};
/// Length of the listener's queue.
pub(crate) const LISTEN_BACKLOG: i32 = 1024;
/// Pause after the system refused to accept (no free file descriptors), before trying again.
pub(crate) const ACCEPT_RETRY_MS: u64 = 50;
/// Idle upstream connections that a worker keeps for one endpoint.
pub(crate) const POOL_IDLE_PER_ENDPOINT_MAX: usize = 256;
/// How long an idle upstream connection is kept: below the five seconds after which common
/// application servers close theirs, so that reuse seldom meets a closing connection.
pub(crate) const POOL_IDLE_TIMEOUT_MS: u64 = 4_000;
/// How long a shared connection to an endpoint is kept without a request. HTTP/2 says goodbye before it closes,
/// so this may be longer.
pub(crate) const SHARED_IDLE_TIMEOUT_MS: u64 = 60_000;
/// Connections that requests share which a worker has to one endpoint, when the server takes fewer streams on one than
/// there are requests. Further requests wait for a stream.
pub(crate) const SHARED_PER_ENDPOINT_MAX: usize = 16;
/// How soon a kept connection must break for it to count as one that the server closed because it was idle. Such a
/// close is on its way when the request is, so it is there within a round trip; a server that breaks off later may
/// have been at work.
pub(crate) const RESEND_WITHIN_MS: u64 = 250;
/// How often idle upstream connections are looked through.
pub(crate) const POOL_SWEEP_MS: u64 = 500;
/// How often deadlines are looked at: the precision of every timeout on the data path.
pub(crate) const TICK_MS: u64 = 50;
/// How long a client's HTTP/1.1 connection is idle before what it needs for requests is given back. Long
/// enough that a client that goes on at once never pays for it.
pub(crate) const PARK_AFTER_MS: u64 = 1_000;
/// While draining: how long idle client connections stay open, so that a request that is on its way
/// is still answered (with `Connection: close`). A hand-over may ask for longer.
pub(crate) const DRAIN_LINGER_MS: u64 = 1_000;
/// While a successor acts: how often the saved splits are looked at, which it alone changes then.
pub(crate) const FOLLOW_MS: u64 = 100;
/// Arms outside the split whose counters are kept for the status, per service.
pub(crate) const ARMS_REMEMBERED: usize = 16;
/// How long a change of a split waits for the first health checks of its arms.
pub(crate) const HEALTH_WAIT_MAX_MS: u64 = 10_000;
/// Connections for metrics at once, on an address of their own.
pub(crate) const METRICS_CONNECTIONS_MAX: usize = 32;
/// How long one of them may take, from its first byte to its last.
pub(crate) const METRICS_TIMEOUT_MS: u64 = 10_000;
/// Body of a request to the admin API.
pub(crate) const ADMIN_BODY_BYTES_MAX: usize = 64 * 1024;
/// The longest text of a refusal by the HTTP library that the admin API passes on.
pub(crate) const ADMIN_REFUSAL_BYTES_MAX: usize = 4 * 1024;
/// What `Retry-After` says when no release serves yet, in seconds.
pub(crate) const RETRY_AFTER_S: u64 = 1;
/// Bytes that a client may send on a stream before an arm has taken some.
pub(crate) const HTTP2_STREAM_WINDOW_BYTES: u32 = 256 * 1024;
/// Bytes that a client may send on all streams of a connection before some were taken.
pub(crate) const HTTP2_CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
/// Bytes of an answer that wait on one stream for the client.
pub(crate) const HTTP2_SEND_BUFFER_BYTES_MAX: usize = 256 * 1024;
/// The longest piece of an answer that is given to one stream at once: the size of a frame, if the client does not ask
/// for larger ones.
pub(crate) const HTTP2_PIECE_BYTES_MAX: usize = 16 * 1024;
/// Streams that a client opened and reset before they were looked at (CVE-2023-44487); with more of them
/// the connection is closed.
pub(crate) const HTTP2_RESETS_PENDING_MAX: usize = 20;
/// How often a silent HTTP/2 client is asked whether it is there.
pub(crate) const HTTP2_PING_PAUSE_MS: u64 = 20_000;
/// How long it may take to say so.
pub(crate) const HTTP2_PING_TIMEOUT_MS: u64 = 10_000;
/// How often a silent HTTP/2 server is asked whether it is there while requests wait for it. gRPC servers end
/// connections on which they are asked more often than every five minutes without data in between.
pub(crate) const UPSTREAM_PING_PAUSE_MS: u64 = 310_000;
/// How the system finds out that a server is gone. It costs the server nothing.
pub(crate) const SERVER_PROBES: Probes = Probes {
    after_s: 15,
    pause_s: 5,
    most: 3,
};
/// How often certificates are looked at for changes.
pub(crate) const TLS_LOOK_MS: u64 = 1_000;
/// How long before its end a certificate is warned of.
pub(crate) const TLS_END_WARNING_MS: u64 = 14 * 24 * 60 * 60_000;
/// How often it is.
pub(crate) const TLS_END_TOLD_MS: u64 = 24 * 60 * 60_000;
/// How long a client may take until it is known which protocol it speaks, TLS included.
pub(crate) const HELLO_TIMEOUT_MS: u64 = 10_000;
/// Header fields that an answer of an arm may have.
pub(crate) const ANSWER_HEADERS_MAX: usize = 200;
/// Over how long the rate of a request's body is measured.
pub(crate) const BODY_RATE_WINDOW_MS: u64 = 10_000;
/// The bytes of a request's body that are kept so that it can be sent again; a longer one is sent once.
pub(crate) const BODY_KEPT_BYTES_MAX: usize = 64 * 1024;
/// Mirrored requests that a worker has under way to a canary; further ones are not mirrored.
pub(crate) const SHADOWS_MAX: usize = 64;
/// How long a mirrored request may take, its answer's body included.
pub(crate) const SHADOW_TIMEOUT_MS: u64 = 60_000;
/// The bytes of a mirrored answer that are read before it is dropped.
pub(crate) const SHADOW_ANSWER_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// How long making a connection to the shared server may take, with its greeting and a first probe.
pub(crate) const SHARED_CONNECT_TIMEOUT_MS: u64 = 2_000;
/// Pause before the first attempt to reach the shared server again; it doubles with every failure.
pub(crate) const SHARED_RETRY_MIN_MS: u64 = 100;
/// The longest such pause.
pub(crate) const SHARED_RETRY_MAX_MS: u64 = 5_000;
/// How long the shared server has to be up until the pause begins small again.
pub(crate) const SHARED_STEADY_MS: u64 = 10_000;
/// Questions to the shared server that wait in one worker to be written.
pub(crate) const SHARED_QUEUE_MAX: usize = 1_024;
/// Lines of one kind that a worker writes into the log within [`LINES_WINDOW_MS`]; of further ones only their number.
pub(crate) const LINES_OF_A_KIND_MAX: u32 = 10;
/// See [`LINES_OF_A_KIND_MAX`].
pub(crate) const LINES_WINDOW_MS: u64 = 1_000;
/// Requests whose spans wait to be sent; further ones are dropped and counted.
pub(crate) const SPANS_QUEUE_MAX: usize = 4096;
/// How long a collector of traces may take to answer.
pub(crate) const COLLECTOR_ANSWER_TIMEOUT_MS: u64 = 10_000;
/// An answer of the collector that is longer is not read.
pub(crate) const COLLECTOR_ANSWER_BYTES_MAX: usize = 64 * 1024;
/// How long an open connection to the collector is kept without a batch.
pub(crate) const COLLECTOR_IDLE_TIMEOUT_MS: u64 = 30_000;
/// How long a span waits at most for others before it is sent.
pub(crate) const SPANS_GATHER_MS: u64 = 1_000;
/// Requests of one batch for the collector.
pub(crate) const SPANS_BATCH_MAX: usize = 512;
/// How often a batch is sent before it is given up.
pub(crate) const SPANS_TRIES_MAX: u32 = 4;
/// The pause before a batch is sent again; it doubles.
pub(crate) const SPANS_PAUSE_MS: u64 = 500;
/// The longest pause that a collector may ask for.
pub(crate) const SPANS_PAUSE_MAX_MS: u64 = 30_000;
/// How long it may take to send the spans that are left at the end.
pub(crate) const SPANS_FLUSH_MS: u64 = 3_000;
/// The bytes of a request's body that are read and thrown away so that the connection can go on, when the request is
/// answered without it.
pub(crate) const UNREAD_BYTES_MAX: u64 = 64 * 1024;
/// How long that may take.
pub(crate) const UNREAD_TIMEOUT_MS: u64 = 1_000;
/// How long a connection that ends in the middle of a request's body is still read from, so that the client sees the
/// answer.
pub(crate) const LINGER_TIMEOUT_MS: u64 = 3_000;
/// How long to wait after the first failure to get a certificate by ACME; each further one doubles it. So
/// at most four orders begin within an hour, fewer than any public authority's limit on failures.
pub(crate) const ACME_BACKOFF_MIN_MS: u64 = 5 * 60_000;
/// The longest of these waits.
pub(crate) const ACME_BACKOFF_MAX_MS: u64 = 6 * 60 * 60_000;
/// How long an authority's own `Retry-After` may put off the next order.
pub(crate) const ACME_RETRY_AFTER_MAX_MS: u64 = 7 * 24 * 60 * 60_000;
/// How long an order may take, from the account to the certificate.
pub(crate) const ACME_ORDER_TIMEOUT_MS: u64 = 5 * 60_000;
/// How long an order is asked for after the challenges are set up, and again for the certificate.
pub(crate) const ACME_POLL_TIMEOUT_MS: u64 = 120_000;
/// The first pause between two such questions; each is longer by half than the one before.
pub(crate) const ACME_POLL_PAUSE_MS: u64 = 500;
/// How long one request to an ACME authority may take.
pub(crate) const ACME_REQUEST_TIMEOUT_MS: u64 = 30_000;
/// The longest answer of an ACME authority.
pub(crate) const ACME_ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// How much of an authority's reason is told.
pub(crate) const ACME_REASON_CHARS_MAX: usize = 400;
/// How often an authority is asked when it would have a certificate renewed (RFC 9773), at most.
pub(crate) const ACME_QUESTION_PAUSE_MIN_MS: u64 = 60 * 60_000;
/// How often, at least; also after a question that got no answer.
pub(crate) const ACME_QUESTION_PAUSE_MAX_MS: u64 = 24 * 60 * 60_000;
/// The longest sleep until the clock is looked at again, which may have been set meanwhile.
pub(crate) const ACME_LOOK_MS: u64 = 60 * 60_000;
/// The longest bypass.
pub(crate) const BYPASS_MS_MAX: u64 = 24 * 60 * 60 * 1000;
/// The longest reason for a bypass, and the longest name of whoever asks for one.
pub(crate) const BYPASS_TEXT_BYTES_MAX: usize = 500;
/// How often it is looked whether a bypass is over: the precision of its end.
pub(crate) const BYPASS_LOOK_MS: u64 = 100;
/// How far a clock may be set back while a bypass is in force. Set back further, the bypass ends, because
/// nobody knows then when it should.
pub(crate) const BYPASS_CLOCK_BACK_MAX_MS: u64 = 60_000;
/// The longest answer to a health check in gRPC; a good one has 7 bytes.
pub(crate) const HEALTH_ANSWER_BYTES_MAX: usize = 4_096;
/// How long a browser keeps the cookie that ties its user to a release, in seconds: longer than rollouts take.
pub(crate) const STICKY_COOKIE_MAX_AGE_S: u64 = 30 * 24 * 60 * 60;
/// For how long a request waits for its turn, and is masked anew because others changed its conversation meanwhile; then
/// it is refused, and may come again.
pub(crate) const MASKING_TURN_MS_MAX: u64 = 15_000;
/// The longest pause before a request is masked anew because another process changed its conversation meanwhile.
pub(crate) const MASKING_PAUSE_MS_MAX: u64 = 64;
/// How often a conversation that is under an older key is read anew because somebody else changes it meanwhile.
pub(crate) const CONVERSATION_MOVES_MAX: u32 = 5;
/// A longer body is looked into on a thread of its own: so long that a worker can be busy with the rest in one go, which
/// takes it about a millisecond.
pub(crate) const MASKING_INLINE_BYTES_MAX: usize = 64 * 1024;
/// How long a request waits for others that a model reads, in milliseconds; then it is refused, and may come again.
pub(crate) const MASKING_MODEL_WAIT_MS_MAX: u64 = 30_000;
/// The room that a body which is looked into has before anything of it has come; it grows with what comes.
pub(crate) const MASKING_BODY_BYTES_BEGIN: u64 = 64 * 1024;
/// Entries of a list of conversations into which values are put back; further ones pass as they are.
pub(crate) const MASKING_LISTED_MAX: usize = 200;
/// The longest answer that is read whole so that values can be put back into it; a longer one is refused.
pub(crate) const MASKING_ANSWER_BYTES_MAX: usize = 32 * 1024 * 1024;
/// How long the store of conversations may take to say how it is.
pub(crate) const MASKING_LOOK_MS: u64 = 2_000;
/// How often it is noted how many requests were masked, for the error rate of late.
pub(crate) const MASKING_SAMPLE_MS: u64 = 10_000;
/// How many of these notes are kept: five minutes.
pub(crate) const MASKING_SAMPLES_MAX: usize = 30;
/// How many requests there must be for their error rate to say something.
pub(crate) const MASKING_RATE_REQUESTS_MIN: u64 = 10;
/// The error rate, in percent, above which masking is not healthy.
pub(crate) const MASKING_ERROR_PERCENT_MAX: f64 = 10.0;
/// How often what was masked is written to the audit.
pub(crate) const MASKING_AUDIT_MS: u64 = 60_000;
/// The most lines that one worker adds to the audit each time; conversations and clients beyond are told together.
pub(crate) const MASKING_AUDIT_LINES_MAX: usize = 1_000;
/// The size at which a file of the audit is put aside.
pub(crate) const MASKING_AUDIT_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// How many of these are kept; older ones are deleted.
pub(crate) const MASKING_AUDIT_FILES_MAX: u32 = 4;
/// The longest body of a server that is asked for its version; a good one has some hundred bytes.
pub(crate) const DETECT_BYTES_MAX: usize = 64 * 1024;
/// How many bytes of values are put back into a whole answer, or into a stream with one piece that came: a placeholder of a
/// few bytes may stand for a long value, and an answer may repeat it as often as somebody asks for.
pub(crate) const MASKING_RESTORED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How many bits remember which routing keys had an error while a canary is in the split: 16 KiB. With ten thousand
/// such keys one of 25 is taken for another.
pub(crate) const FIRST_ERROR_BITS: usize = 1 << 17;

/// How many requests of a closed service wait at a time; further ones are refused at once.
pub(crate) const HELD_MAX: usize = 1_024;

//! Which requests a route takes, and what becomes of them.

use std::sync::Arc;

use super::{CorsConfig, SecurityHeaders, UploadConfig};

/// One way through the gateway. Of the routes that take a request, the most specific one is used: an
/// exact host before `*.name` before none, then an exact path before the longest prefix before none,
/// then more conditions before fewer, then the earlier in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteConfig {
    /// Its name, different from all others; it names counters, log lines and errors.
    pub name: Arc<str>,
    /// Hosts that it takes, in lower case and without a port; empty takes all.
    pub hosts: Vec<HostPattern>,
    /// Paths that it takes.
    pub path: PathPattern,
    /// Methods that it takes, in capitals; empty takes all.
    pub methods: Vec<String>,
    /// Headers that a request must have. Names are in lower case.
    pub headers: Vec<HeaderCondition>,
    /// What becomes of its requests.
    pub to: RouteTarget,
    /// How a request is changed before it is sent on.
    pub rewrite: RewriteConfig,
    /// How long an answer may take.
    pub timeouts: RouteTimeouts,
    /// The largest body that is taken, in bytes; a larger one is answered with 413.
    pub body_bytes_max: u64,
    /// When a request is sent again.
    pub retries: RetryConfig,
    /// How much may be under way at once.
    pub capacity: CapacityConfig,
    /// Names of the limits that its requests count against, all of them.
    pub limits: Vec<Arc<str>>,
    /// The name of the policy that says who may use it; `None` admits everybody.
    pub access: Option<Arc<str>>,
    /// The name of the mask that says what is hidden in its requests; `None` hides nothing.
    pub mask: Option<Arc<str>>,
    /// Which pages of other origins may use it; `None` leaves CORS to the release.
    pub cors: Option<CorsConfig>,
    /// Which headers its answers get for the protection of browsers.
    pub security_headers: SecurityHeaders,
    /// What may be uploaded; `None` looks at nothing.
    pub upload: Option<UploadConfig>,
}

/// A host, or all hosts below one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostPattern {
    /// `api.example.org`.
    Exact(String),
    /// `*.example.org`, kept as `.example.org`: any number of labels before it, at least one.
    Below(String),
}

/// Which paths are meant. Paths are compared as they are sent, after `.` and `..` were refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathPattern {
    /// Any path.
    Any,
    /// This path and those below it: `/v1` takes `/v1`, `/v1/` and `/v1/x`, not `/v10`.
    Prefix(String),
    /// This path alone.
    Exact(String),
}

/// A header that a request must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderCondition {
    /// Its name in lower case.
    pub name: String,
    /// The value that one of its lines must have; `None` takes any.
    pub value: Option<String>,
}

/// What becomes of a route's requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteTarget {
    /// They go to the guarded service, divided between its releases.
    Service,
    /// They go to the upstream of this name.
    Upstream(Arc<str>),
    /// They are answered with a redirect.
    Redirect(RedirectConfig),
}

/// An answer that sends the client elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectConfig {
    /// Where to. `{host}`, `{path}` and `{query}` (with its question mark, or empty) stand for those of
    /// the request.
    pub location: String,
    /// 301, 302, 303, 307 or 308.
    pub status: u16,
}

/// How a request is changed before it is sent on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RewriteConfig {
    /// What the route's prefix is replaced by; `None` leaves the path alone. Without a prefix it is put
    /// before the path.
    pub prefix: Option<String>,
    /// The `Host` that is sent; `None` sends the client's.
    pub host: Option<String>,
}

/// How long an answer may take. Each is in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteTimeouts {
    /// Until a connection is accepted.
    pub connect_ms: u64,
    /// From the end of the request to the answer's head.
    pub first_byte_ms: u64,
    /// Between two pieces of the answer's body.
    pub idle_ms: u64,
    /// From the request's head to the end of the answer, which for a change of protocol is its head; `None` sets no
    /// limit, as streams need.
    pub whole_ms: Option<u64>,
}

/// When a request is sent again, to another server if there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryConfig {
    /// Attempts in all, 1..=5. A request that was not sent at all is always tried once more.
    pub attempts_max: u32,
    /// Retries as a share of the requests of the last ten seconds, in percent, 0..=100; beyond it nothing
    /// is retried, so that retries do not bring down what is left.
    pub budget_percent: u32,
    /// Answers for which an idempotent request is sent again; of 502, 503, 504 and 429.
    pub statuses: Vec<u16>,
    /// After how many milliseconds without an answer an idempotent request is also sent to another
    /// server, the first answer wins; `None` never does.
    pub hedge_after_ms: Option<u64>,
}

/// How much may be under way at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapacityConfig {
    /// Requests under way; `None` sets no limit.
    pub in_flight_max: Option<u32>,
    /// Requests that wait for their turn; the next one is answered with 503.
    pub queue_max: u32,
    /// How long one may wait, in milliseconds; then it is answered with 503.
    pub queue_timeout_ms: u64,
}

//! The gateway in front of the service.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::Listen;

mod access;
mod browser;
mod clients;
mod conversations;
mod limit;
mod mask;
mod observe;
mod route;
mod tls;
mod upstream;

pub use access::{AccessConfig, ApiKeysConfig, JwksSource, JwtAlgorithm, JwtConfig};
pub use browser::{CorsConfig, SecurityHeaders, UploadConfig};
pub use clients::ClientsConfig;
pub use conversations::{ConversationStore, ConversationsConfig};
pub use limit::{LimitConfig, LimitKey};
pub use mask::{
    BuiltInSearch, CluesConfig, DatasetRequests, DictionaryConfig, DictionaryWords, DifyApi,
    LeakAction, MaskApplication, MaskConfig, MaskFault, ModelConfig, PlaceholderForm,
    RecognizerConfig, SearchConfig, UnknownMessage, WordsError,
};
pub(crate) use mask::{is_known, read_words};
pub use observe::{
    AccessLogConfig, AccessLogPlace, LoggedPaths, MetricsConfig, SharedConfig, TracesConfig,
};
pub use route::{
    CapacityConfig, HeaderCondition, HostPattern, PathPattern, RedirectConfig, RetryConfig,
    RewriteConfig, RouteConfig, RouteTarget, RouteTimeouts,
};
pub use tls::{
    AcmeChallenge, AcmeConfig, CertificateConfig, ClientCertificates, TlsConfig, TlsVersion,
};
pub use upstream::{
    EjectConfig, ServerWeight, UpstreamChoice, UpstreamConfig, UpstreamProtocol, UpstreamTls,
};

/// Where clients connect, and how they are divided between two releases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayConfig {
    /// Where clients connect; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where the gateway's own interface is reached; a TCP address is always on loopback.
    pub admin: Listen,
    /// What ties a user to one release while a split is in force.
    pub sticky: StickyConfig,
    /// Whether a request with the header `canary: true` goes to the canary whatever the weight.
    pub force_header: bool,
    /// How the gateway finds out whether a release is healthy.
    pub health: HealthConfig,
    /// Users that always get the canary: values of what `sticky` ties them by.
    pub canary_users: Vec<String>,
    /// Of every hundred requests, how many are also sent to the canary, whose answer is compared and thrown
    /// away; 0..=100. Only requests that change nothing (GET and HEAD).
    pub shadow_percent: u8,
    /// What becomes of a request that no route takes.
    pub unknown: UnknownRequest,
    /// What clients may do.
    pub clients: ClientsConfig,
    /// TLS towards clients; `None` speaks plain text only.
    pub tls: Option<TlsConfig>,
    /// Servers besides the service.
    pub upstreams: Vec<UpstreamConfig>,
    /// Ways through the gateway, in the order of the file. Without any, every request goes to the
    /// service.
    pub routes: Vec<RouteConfig>,
    /// Rate limits, by name.
    pub limits: Vec<LimitConfig>,
    /// Policies of who may use a route, by name.
    pub access: Vec<AccessConfig>,
    /// What is hidden from applications, by name.
    pub masks: Vec<MaskConfig>,
    /// The name of the mask for requests that no route takes and that go to the service, so for all when there are no
    /// routes; `None` hides nothing in them.
    pub default_mask: Option<Arc<str>>,
    /// Where it is kept what was hidden; of no use without masks.
    pub conversations: ConversationsConfig,
    /// The log of requests.
    pub log: AccessLogConfig,
    /// Metrics.
    pub metrics: MetricsConfig,
    /// Traces; `None` sends none.
    pub traces: Option<TracesConfig>,
    /// What is shared with other gateways; `None` keeps everything here.
    pub shared: Option<SharedConfig>,
}

/// What becomes of a request that no route takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownRequest {
    /// It goes to the service.
    Service,
    /// It is answered with 421 if no route has its host, with 404 otherwise.
    Refuse,
}

/// What ties a user to one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StickyConfig {
    /// A cookie that the gateway issues.
    Cookie {
        /// The cookie's name.
        name: String,
    },
    /// The value of a request header.
    Header {
        /// The header's name.
        name: String,
    },
    /// The client's IP address.
    Address,
}

/// How health is checked: `GET` of a path, any 2xx answer passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthConfig {
    /// The path, beginning with a slash; that of the service's ready check unless the file says
    /// otherwise.
    pub path: String,
    /// Pause between two checks, in milliseconds.
    pub interval_ms: u64,
    /// How long one check may take, in milliseconds.
    pub timeout_ms: u64,
    /// Failed checks in a row after which a release is unhealthy; at least 1.
    pub unhealthy_after: u32,
    /// Passed checks in a row after which it is healthy again; at least 1.
    pub healthy_after: u32,
}

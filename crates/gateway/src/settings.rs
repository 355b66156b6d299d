//! What the gateway is told when it starts. Plain values: reading and checking a configuration file
//! is the binary's business.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use portcullis_config::{
    AccessConfig, AccessLogConfig, AccessLogPlace, CapacityConfig, ClientsConfig, LimitConfig,
    LoggedPaths, MaskConfig, MetricsConfig, PathPattern, RetryConfig, RewriteConfig, RouteConfig,
    RouteTarget, RouteTimeouts, SecurityHeaders, TlsConfig, TracesConfig, UnknownRequest,
    UpstreamConfig, UpstreamProtocol,
};
use secrecy::SecretString;

use crate::masking::MaskModels;

/// Everything a gateway needs to start.
#[derive(Debug, Clone)]
pub struct GatewaySettings {
    /// Where clients connect. Port 0 takes a free one, see [`crate::Gateway::listen_address`].
    pub listen: SocketAddr,
    /// Where the admin API listens.
    pub admin: AdminListen,
    /// The file that keeps splits and epochs over a restart (JSON, replaced atomically). Its folder
    /// must exist.
    pub state_file: PathBuf,
    /// What clients may do.
    pub clients: ClientsConfig,
    /// TLS on a second address; `None` speaks plain text only.
    pub tls: Option<TlsConfig>,
    /// What is told about requests.
    pub observe: ObserveSettings,
    /// Worker threads, each with its own listener; 0 means one per core.
    pub workers: usize,
    /// The guarded services. A single one gets every request that no route takes elsewhere; of several, each
    /// gets the requests whose `Host` is the service's name or begins with it and a dot.
    pub services: Vec<ServiceSettings>,
    /// The routes, and what they name.
    pub routing: RoutingSettings,
    /// A server that several gateways share; `None` counts everything here.
    pub shared: Option<SharedSettings>,
    /// Where it is kept what was hidden.
    pub conversations: ConversationSettings,
}

/// A Redis or Valkey server that several gateways share.
#[derive(Debug, Clone)]
pub struct SharedSettings {
    /// Its URL, which may have a password in it.
    pub url: SecretString,
    /// What every key begins with.
    pub prefix: String,
    /// How long an answer of it may take, in milliseconds; then limits are counted here alone.
    pub timeout_ms: u64,
}

/// The routes, and what they name: as the configuration has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutingSettings {
    /// In the order of the file. Without any, every request goes to the service.
    pub routes: Vec<RouteConfig>,
    /// What becomes of a request that no route takes.
    pub unknown: UnknownRequest,
    /// Servers besides the services.
    pub upstreams: Vec<UpstreamConfig>,
    /// Rate limits.
    pub limits: Vec<LimitConfig>,
    /// Policies of who may use a route.
    pub access: Vec<AccessConfig>,
    /// What is hidden from applications; routes name them.
    pub masks: Vec<MaskConfig>,
    /// The models that `masks` name.
    pub models: MaskModels,
    /// The name of the mask for requests that no route takes; `None` hides nothing in them.
    pub default_mask: Option<Arc<str>>,
}

impl Default for RoutingSettings {
    /// Every request goes to the service.
    fn default() -> RoutingSettings {
        RoutingSettings {
            routes: Vec::new(),
            unknown: UnknownRequest::Service,
            upstreams: Vec::new(),
            limits: Vec::new(),
            access: Vec::new(),
            masks: Vec::new(),
            models: MaskModels::default(),
            default_mask: None,
        }
    }
}

/// Where it is kept which placeholder stands for which value. Of no use without masks: then nothing is opened.
#[derive(Debug, Clone)]
pub struct ConversationSettings {
    /// Where.
    pub keep: ConversationPlace,
    /// How long a conversation is kept after its last use, in milliseconds.
    pub ttl_ms: u64,
    /// The most different values of one conversation; a request with more is refused.
    pub values_max: u32,
}

/// Where conversations are kept.
#[derive(Debug, Clone)]
pub enum ConversationPlace {
    /// In this process; a restart forgets them, and so does a hand-over to a successor.
    Memory {
        /// The most conversations; the oldest go first.
        conversations_max: u32,
        /// The most memory for all of them together, in bytes; the oldest go first.
        bytes_max: u64,
    },
    /// In the file `conversations.db` beside the state file.
    File {
        /// The keys that seal them: one a line, newest first, each 64 hexadecimal digits. Without any, one is made in
        /// the file `mask.keys` beside the state file, which only its owner can read.
        keys: Option<SecretString>,
    },
    /// On the server of [`GatewaySettings::shared`], which there must be then.
    Shared {
        /// The keys that seal them, as above.
        keys: SecretString,
    },
}

impl Default for ConversationSettings {
    /// In memory, for thirty days: 100,000 conversations of up to 10,000 values, 256 MiB together.
    fn default() -> ConversationSettings {
        ConversationSettings {
            keep: ConversationPlace::Memory {
                conversations_max: 100_000,
                bytes_max: 256 * 1024 * 1024,
            },
            ttl_ms: 30 * 24 * 60 * 60 * 1000,
            values_max: 10_000,
        }
    }
}

/// What is told about requests: as the configuration has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObserveSettings {
    /// The log of requests.
    pub log: AccessLogConfig,
    /// Metrics. Port 0 takes a free one, see [`crate::Gateway::metrics_address`].
    pub metrics: MetricsConfig,
    /// Traces; `None` sends none.
    pub traces: Option<TracesConfig>,
}

impl Default for ObserveSettings {
    /// No log, no traces, and metrics at the admin API only.
    fn default() -> ObserveSettings {
        ObserveSettings {
            log: AccessLogConfig {
                to: AccessLogPlace::Off,
                sample: 1,
                paths: LoggedPaths::Masked,
            },
            metrics: MetricsConfig { listen: None },
            traces: None,
        }
    }
}

/// Where the admin API listens. Whoever may call it moves traffic, so nothing but the local machine can
/// reach it, and there only its owner.
#[derive(Debug, Clone)]
pub enum AdminListen {
    /// A Unix socket, made with mode 0600.
    Unix(PathBuf),
    /// A loopback address. Every local user can connect to it, so every call must carry the token.
    Tcp {
        /// The address; one that is not loopback is refused at start. Port 0 takes a free one.
        address: SocketAddr,
        /// The bearer token; an empty one is refused at start.
        token: SecretString,
    },
}

/// One guarded service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceSettings {
    /// The service's name, as the admin API's paths have it.
    pub service: String,
    /// What ties a user to an arm.
    pub sticky: Sticky,
    /// How arms are checked.
    pub health: HealthSettings,
    /// How long an arm may take.
    pub timeouts: TimeoutSettings,
    /// Which protocol the releases speak.
    pub protocol: UpstreamProtocol,
    /// Whether a request with the header `canary: true` goes to the canary whatever the weight.
    pub force_header: bool,
    /// Users that always get the canary: values of what `sticky` ties them by.
    pub canary_users: Vec<String>,
    /// Of every hundred `GET` and `HEAD` requests to the stable arm, how many are also sent to the canary, whose
    /// answer is compared and thrown away; 0..=100.
    pub shadow_percent: u8,
}

impl ServiceSettings {
    /// The way of requests that no route of the settings takes. It is named after the service.
    pub(crate) fn plain_route(&self, mask: Option<Arc<str>>) -> RouteConfig {
        RouteConfig {
            name: self.service.as_str().into(),
            hosts: Vec::new(),
            path: PathPattern::Any,
            methods: Vec::new(),
            headers: Vec::new(),
            to: RouteTarget::Service,
            rewrite: RewriteConfig::default(),
            timeouts: RouteTimeouts {
                connect_ms: self.timeouts.connect_ms,
                first_byte_ms: self.timeouts.first_byte_ms,
                idle_ms: self.timeouts.idle_ms,
                whole_ms: None,
            },
            body_bytes_max: u64::MAX,
            retries: RetryConfig {
                attempts_max: 1,
                budget_percent: 0,
                statuses: Vec::new(),
                hedge_after_ms: None,
            },
            capacity: CapacityConfig {
                in_flight_max: None,
                queue_max: 0,
                queue_timeout_ms: 0,
            },
            limits: Vec::new(),
            access: None,
            cors: None,
            security_headers: SecurityHeaders::Off,
            upload: None,
            mask,
        }
    }
}

/// What ties a user to an arm while a split is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sticky {
    /// A cookie with a random identity. The gateway issues it to requests without one, as long as there is a
    /// canary to choose: for 30 days, with `Path=/; HttpOnly; SameSite=Lax`, and with `Secure` to a client that
    /// came by TLS, to the gateway or to a trusted proxy before it.
    Cookie {
        /// The cookie's name.
        name: String,
    },
    /// The value of a request header, for example a user's id. Requests without it are spread
    /// randomly.
    Header {
        /// The header's name.
        name: String,
    },
    /// The client's IP address.
    ClientAddress,
}

impl Default for Sticky {
    fn default() -> Self {
        Sticky::Cookie {
            name: "portcullis_id".to_owned(),
        }
    }
}

/// How an arm's health is checked: `GET` of a path on the arm's address, any 2xx answer passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthSettings {
    /// The path, beginning with a slash.
    pub path: String,
    /// Pause between two checks in milliseconds.
    pub interval_ms: u64,
    /// How long one check may take in milliseconds.
    pub timeout_ms: u64,
    /// Failed checks in a row after which a healthy arm is unhealthy; at least 1.
    pub unhealthy_after: u32,
    /// Passed checks in a row after which an unhealthy arm is healthy again; at least 1. A new arm
    /// is healthy after its first one.
    pub healthy_after: u32,
}

impl Default for HealthSettings {
    fn default() -> Self {
        HealthSettings {
            path: "/health".to_owned(),
            interval_ms: 1_000,
            timeout_ms: 1_000,
            unhealthy_after: 3,
            healthy_after: 2,
        }
    }
}

/// How long an arm may take for a request that no route takes, before the gateway gives up on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeoutSettings {
    /// To accept a connection, in milliseconds.
    pub connect_ms: u64,
    /// From the end of the request to the answer's head, in milliseconds; then the client gets 504.
    pub first_byte_ms: u64,
    /// Between two pieces of an answer's body, in milliseconds; then the answer is broken off.
    pub idle_ms: u64,
}

impl Default for TimeoutSettings {
    fn default() -> Self {
        TimeoutSettings {
            connect_ms: 1_000,
            first_byte_ms: 60_000,
            idle_ms: 300_000,
        }
    }
}

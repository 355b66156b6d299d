//! The data plane: a reverse proxy for HTTP/1.1 and HTTP/2 that divides a service's users between two
//! releases.
//!
//! - `worker`: one thread, runtime and listener (SO_REUSEPORT) per core; nothing on the data path
//!   is shared but the routing table and the arms' counters.
//! - `table`, `routing`, `matching`, `rewrite`: which route takes a request.
//! - `service`, `sticky`, `upstream_set`: pure; which arm or server answers it.
//! - `tls`, `http1`, `http2`, `connection`: how a client's requests come in; each stream is like a
//!   connection of its own, and an idle connection of HTTP/1.1 is parked.
//! - `acme`, `https_redirect`: certificates that are fetched, and plain text that is sent to TLS.
//! - `forward`, `headers`, `body`, `endpoint`, `upstream`, `pool`, `tunnel`: one request from the client to the
//!   arm and back.
//! - `protect`: the policies: limits, access, clients behind proxies, CORS, uploads, traces.
//! - `closing`: requests that are kept out while data is moved.
//! - `capacity`, `retry`: how many requests go at once, and how often one goes.
//! - `observe`, `access_log`, `metrics`, `health_endpoints`: what is told about requests.
//! - `shared`: limits that several gateways count together, in a Redis or Valkey server.
//! - `control`, `state_file`, `health`, `admin`: a thread of its own that changes the table:
//!   durably first, then as a whole.
//! - `masking`, `conversations`: what is hidden from applications, and what stands for it.
//! - `bypass`, `audit`: what takes split and masking out of the way in an emergency, and the record of it.
//!
//! The gateway knows nothing of rollouts and serves without the engine, from its last saved splits
//! (invariant 10); an arm gets traffic only when it is healthy (invariant 11).

mod access_files;
mod access_log;
mod acme;
mod admin;
mod arm;
mod audit;
mod bare_refusal;
mod body;
mod bounds;
mod bypass;
mod capacity;
mod client_addresses;
mod clock;
mod closing;
mod connection;
mod control;
mod control_thread;
pub mod conversations;
mod doors;
mod endpoint;
mod error;
mod first_errors;
mod followers;
mod forward;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod gateway;
mod grpc_status;
mod headers;
mod health;
mod health_endpoints;
mod http1;
mod http2;
mod https_redirect;
mod in_flight;
mod keep_alive;
mod listen;
mod masking;
mod matching;
mod metrics;
mod observe;
mod pool;
mod problem;
pub mod protect;
mod refusal;
mod reload;
mod retry;
mod rewrite;
mod routing;
mod service;
mod settings;
pub mod shared;
mod split_change;
mod state_file;
mod sticky;
mod stream_watch;
mod table;
mod tapped;
mod tls;
mod traffic;
mod tunnel;
mod under_way;
mod unread;
mod upstream;
mod upstream_set;
mod worker;

pub use acme::AcmeError;
pub use audit::{AuditEntry, AuditEvent, AuditRead, AuditTrail};
pub use error::GatewayError;
pub use gateway::Gateway;
pub use masking::MaskModels;
pub use masking::detect::{DetectError, DifyQuestion, DifyServer, VersionSource, detect_dify};
pub use masking::profile::ProfileError;
pub use masking::vault::VaultError;
pub use masking::{MaskingAuditEntry, MaskingAuditTrail};
pub use matching::{
    HostRefused, Match, PathRefused, RequestHost, RequestPath, RouteIndex, RouteRefused,
};
pub use reload::{ReloadRequest, ReloadRequests};
pub use routing::RoutingError;
pub use settings::{
    AdminListen, ConversationPlace, ConversationSettings, GatewaySettings, HealthSettings,
    ObserveSettings, RoutingSettings, ServiceSettings, SharedSettings, Sticky, TimeoutSettings,
};
pub use state_file::StateFileError;
pub use tls::{TlsError, examine_certificate};
pub use traffic::Traffic;
pub use upstream_set::{InFlightAt, Outcome, Pick, UpstreamServer, UpstreamSet};

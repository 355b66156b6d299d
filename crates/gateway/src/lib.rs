//! The data plane: a reverse proxy for HTTP/1.1 and HTTP/2 that divides a service's users between two
//! releases.
//!
//! - `worker`: one thread, runtime and listener (SO_REUSEPORT) per core; nothing on the data path
//!   is shared but the routing table and the arms' counters.
//! - `route`, `sticky`: pure; which arm a request belongs to.
//! - `tls`, `http2`, `connection`: how a client's requests come in; each stream is like a connection of
//!   its own.
//! - `forward`, `headers`, `body`, `upstream`, `pool`, `tunnel`: one request from the client to the
//!   arm and back.
//! - `protect`: the policies: limits, access, clients behind proxies, CORS, uploads, traces.
//! - `matching`, `rewrite`, `upstream_set`, `capacity`, `retry`: where a request goes, and how often; pure
//!   decisions that the data path is to use next.
//! - `access_log`, `metrics`, `health_endpoints`: what is told about requests, likewise.
//! - `control`, `state_file`, `health`, `admin`: a thread of its own that changes the table:
//!   durably first, then as a whole.
//!
//! The gateway knows nothing of rollouts and serves without the engine, from its last saved splits
//! (invariant 10); an arm gets traffic only when it is healthy (invariant 11).

#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the data path is to use it next")
)]
mod access_log;
mod admin;
mod arm;
mod bare_refusal;
mod body;
mod bounds;
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the data path is to use it next")
)]
mod capacity;
mod client_addresses;
mod clock;
mod connection;
mod control;
mod control_thread;
mod doors;
mod error;
mod forward;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod gateway;
mod headers;
mod health;
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the data path is to use it next")
)]
mod health_endpoints;
mod http2;
mod in_flight;
mod listen;
mod matching;
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the data path is to use it next")
)]
mod metrics;
mod pool;
mod problem;
pub mod protect;
mod refusal;
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the data path is to use it next")
)]
mod retry;
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the data path is to use it next")
)]
mod rewrite;
mod route;
mod settings;
mod split_change;
mod state_file;
mod sticky;
mod tapped;
mod tls;
mod traffic;
mod tunnel;
mod unread;
mod upstream;
mod upstream_set;
mod worker;

pub use error::GatewayError;
pub use gateway::Gateway;
pub use matching::{
    HostRefused, Match, PathRefused, RequestHost, RequestPath, RouteIndex, RouteRefused,
};
pub use settings::{
    AdminListen, GatewaySettings, HealthSettings, RouteSettings, Sticky, TimeoutSettings,
};
pub use state_file::StateFileError;
pub use tls::TlsError;
pub use traffic::Traffic;
pub use upstream_set::{InFlightAt, Outcome, Pick, UpstreamServer, UpstreamSet};

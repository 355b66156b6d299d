//! The gateway over real sockets: in front of hyper servers made for the test, and of nginx.
// clippy's leave to unwrap in tests does not reach the functions that the tests share.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod access;
mod bodies;
mod browser;
mod capacity;
mod clients;
mod drain;
mod failures;
mod forwarding;
mod hand_over;
mod http2;
mod lifecycle;
mod limits;
mod log;
mod nginx;
mod observe;
mod parking;
mod raw;
mod redis_server;
mod reload;
mod retries;
mod rig;
mod routes;
mod service;
mod shadow;
mod smuggling;
mod split;
mod streaming;
mod tls;
mod under_load;
mod upgrade;
mod uploads;
mod upstreams;
mod ways;

//! The gateway over real sockets: in front of hyper servers made for the test, and of nginx.
// clippy's leave to unwrap in tests does not reach the functions that the tests share.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod acme;
mod bypass;
mod drain;
mod failures;
mod forwarding;
mod hand_over;
mod http2;
mod lifecycle;
mod nginx;
mod observe;
mod parking;
mod pebble;
mod rig;
mod service;
mod smuggling;
mod split;
mod streaming;
mod tls;
mod under_load;
mod upgrade;

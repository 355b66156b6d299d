//! What goes over the wire: the types of the engine's HTTP API and of the gateway's admin API, and the
//! client that speaks both.
//!
//! No server code and no engine types live here: what a client can see is decided in this crate.

mod client;
pub mod data;
pub mod engine;
pub mod gateway;
pub mod grpc_health;
pub mod masking;
mod problem;

pub use client::{Client, ClientError, Endpoint};
pub use problem::{Problem, Unread};

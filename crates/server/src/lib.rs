//! The engine's HTTP API: handlers, the bearer token, the event stream.
//!
//! The server listens on a Unix socket or a loopback address and answers nothing without the token. It
//! holds no state of its own: everything it says is derived from the journal.

mod answer;
mod auth;
mod bounds;
mod events;
mod handlers;
mod listener;
mod server;
mod unread;
mod views;

pub use listener::{Listen, Listener, ServerError};
pub use server::{Server, Surroundings};
pub use views::{detail, status, summary};

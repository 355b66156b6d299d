//! State that several gateways share: limits, counted in a Redis or Valkey server.
//!
//! - [`SharedServer`]: one for the process; where the server is, and how it does.
//! - [`SharedStore`]: one for a worker, with a connection of its own; asks, and counts here when there is
//!   no answer in time.
//! - `script`: the decision, made by the server for all limits of a route at once, by its own clock.
//! - `subject_key`: under which keys buckets are kept, without telling whose they are.
//!
//! **While the server is away**, every gateway counts for itself, beginning with what it last heard of
//! the common buckets. So N gateways let in at most N times the rate meanwhile, but no burst a second
//! time. When the server is back, each tells with its requests how empty its own buckets are, as long as
//! they can be emptier than the common ones; of several gateways the emptiest bucket holds. See
//! `protect::limit::elsewhere`.
//!
//! Which arm a user gets needs no shared state: it is computed from the user's key, the service and the
//! weight alone (`sticky`).

mod address;
mod error;
mod script;
mod server;
mod store;
mod subject_key;

pub use error::SharedError;
pub(crate) use server::Live;
pub use server::{SharedServer, SharedStanding};
pub use store::SharedStore;

#[cfg(test)]
pub(crate) mod tests;

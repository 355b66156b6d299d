//! The simulator: the real state machine, the real runner and the real plan, in a world where anything
//! can fail at any moment.
//!
//! [`explore`] visits every interleaving of outcomes, faults, crashes, aborts and a person's answers
//! within small budgets, and checks the invariants after every event. [`wander`] takes long random
//! walks from a seed. [`Mutation`]s break one rule each, to prove that the checks would notice.

mod explorer;
mod invariant;
mod moves;
mod mutation;
mod node;
mod scenario;
mod wander;
mod world;

pub use explorer::{Explored, explore};
pub use invariant::Violation;
pub use mutation::Mutation;
pub use node::Budgets;
pub use scenario::Scenario;
pub use wander::{Wandered, wander};
pub use world::Effected;

//! Gates through the built binary: a real service with a fault, users at a steady rate, and what becomes of the rollout.
//!
//! Every test replays the gate in the end: each verdict must follow from the samples that the journal has.

mod arms;
mod clocks;
mod little;
mod load;
mod metrics;
mod restarts;
mod shop;
mod sticky;

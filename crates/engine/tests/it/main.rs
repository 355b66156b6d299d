//! The engine with a journal in memory and a driver that records what it is asked.
#![allow(clippy::unwrap_used)]

mod acting;
mod forgetting;
mod notices;
mod outcomes;
mod present;
mod world;

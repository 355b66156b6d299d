//! Simulated traffic of two arms, and what a gate concludes from it.
//!
//! A [`Scenario`] says how users ask and how both releases answer; a [`Simulator`] draws
//! [`Sample`](portcullis_analysis::Sample)s from it, as the meter would measure them, and a [`Trial`] gives
//! them to the same [`Tally`](portcullis_analysis::Tally) with the same cadence as the engine does. A
//! [`Study`] counts many trials: how often good releases are rolled back, and after what time bad ones.
//!
//! Everything is a function of the scenario and a seed: no clock, no input or output. A number of
//! events is drawn as such where the statistics allow (Poisson requests, binomial errors), so that ten
//! thousand gates of ten minutes take seconds.

mod needs;
mod scenario;
mod simulator;
mod study;
mod trial;

pub use needs::{is_simulated, requests_to_fail, requests_to_pass};
pub use scenario::{Change, Curve, Latency, Scenario, ScenarioProblem, Step, Users};
pub use simulator::{Run, Simulator};
pub use study::{Study, binomial_interval};
pub use trial::{Outcome, Trial};

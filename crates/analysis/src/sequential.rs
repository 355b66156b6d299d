//! Sequential tests: evidence that may be looked at after every measurement.
//!
//! A gate looks at the same data again and again, and a test that keeps its error rate for one look
//! loses it over many: a 5 % test that is looked at every ten seconds for ten minutes rejects 31 % of
//! good releases. Everything here is an *e-process*: a number that starts at 1, stays 1 or falls in
//! the mean as long as the null hypothesis is true, and so exceeds `1 / alpha` with probability at
//! most `alpha`, however often it is looked at and whenever one stops (Ville 1939; Ramdas, Grunwald,
//! Vovk, Shafer 2023, "Game-theoretic statistics and safe anytime-valid inference").
//!
//! - [`Labels`] compares two arms: given that an event (an error, an answer slower than the stable
//!   arm's quantile) happened, which arm did it happen to? The base rate cancels, so an incident that
//!   meets both arms alike is no evidence, however large it is.
//! - [`Proportion`] holds one arm against a fixed rate, where there is no second arm.
//! - [`Exceedances`] turns latencies into events for [`Labels`].
//! - [`RateRatio`], [`proportion_interval`] and [`quantile_interval`] say how large an effect is: they
//!   hold the truth at all times with probability `1 - alpha`, so they too may be looked at as often as
//!   one likes.
//!
//! Each is a mixture over a grid of alternatives (Robbins 1970) and over the moment at which a
//! regression begins, so nobody has to guess its size or its start: [`Mixture`].
//!
//! All logarithms and exponentials come from the crate `libm`, which computes the same bits on every
//! machine, so that a verdict can be computed again from the journal anywhere.

mod boundary;
mod exceedance;
mod hypergeometric;
mod labels;
mod mixture;
mod proportion;
mod quantiles;
mod rate_ratio;
mod reference;

pub use boundary::{BetaBinomialMixture, NormalMixture, proportion_interval};
pub use exceedance::{Exceedances, LatencyBound};
pub use labels::{ArmEvents, Labels, RateBound};
pub use mixture::{ALTERNATIVES, Mixture};
pub use proportion::Proportion;
pub use quantiles::quantile_interval;
pub use rate_ratio::{RateRatio, RatioInterval};
pub use reference::Reference;

/// The version of everything that a verdict follows from: the formulas of this module, and the rules of the
/// tally about windows and missing data. It is stored with each verdict; a change of any number or verdict
/// that a replay would see raises it, for a replay claims sameness only within one version.
///
/// 1. The first.
/// 2. A rule whose signal is missing does not pass. What is known of the stable arm's times is kept for
///    the gate and not for each rule, so that a rule that is new in a later gate begins with it. Stretches
///    of many measurements are kept in fewer pieces.
/// 3. The evidence of a fixed limit on traffic has the stable release's value too. Plain limits that are held (checks,
///    figures, breakers) do not keep a gate from passing early.
pub const FORMULA_VERSION: u32 = 3;

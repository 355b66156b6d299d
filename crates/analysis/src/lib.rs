//! Verdicts from samples: the arithmetic of quality gates.
//!
//! Everything here is a pure function of its arguments: no clock, no input or output, no randomness
//! (invariant 1). A gate is an [`Analysis`]: rules over a window. The engine measures [`Sample`]s and
//! asks [`Analysis::judge`] what they prove; the answer carries an [`Evidence`] record per rule, so
//! that every verdict shows its value, its limit and how many requests stand behind it.
//!
//! Missing data is never read as success and never as failure: it is [`Verdict::Inconclusive`].

mod analysis;
mod comparison;
mod count;
mod effect;
mod evidence;
mod histogram;
mod rule;
mod sample;
mod sequential;
mod signal;
mod tally;
mod verdict;

pub use analysis::{Analysis, AnalysisProblem, Budget, Cadence, WhenInconclusive};
pub use comparison::{rate_difference_lower_bound, wilson_interval};
pub use count::counted;
pub use effect::{Difference, Effect, Interval};
pub use evidence::{Evidence, Judgement, Proof, SyntheticEvidence};
pub use histogram::{BUCKETS, Histogram, bucket_of, bucket_upper_us};
pub use rule::{Bound, Enough, Reading, Rule, Test};
pub use sample::{ArmSample, HealthSample, Sample, SyntheticSample};
pub use sequential::{
    ALTERNATIVES, ArmEvents, BetaBinomialMixture, Exceedances, FORMULA_VERSION, Labels,
    LatencyBound, Mixture, NormalMixture, Proportion, RateBound, RateRatio, RatioInterval,
    Reference, proportion_interval, quantile_interval,
};
pub use signal::{Signal, SignalKind};
pub use tally::Tally;
pub use verdict::Verdict;

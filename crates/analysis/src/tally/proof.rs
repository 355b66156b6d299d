//! How far the evidence of a sequential rule has come.

use super::references::References;
use super::state::{RuleState, counted};
use super::sums::Sums;
use crate::rule::{Rule, Test};
use crate::{ArmEvents, Budget, Proof, SignalKind};

/// So many requests are imagined where there are none.
const IMAGINED: u64 = 1_000;

/// The proof of a rule, but for how many requests it needs.
pub(super) fn proof(state: &RuleState, rule: &Rule, budget: &Budget) -> Proof {
    let (worse, good) = match state {
        RuleState::Share { worse, good, .. } => {
            (worse.mixture().log_highest(), good.mixture().log_highest())
        }
        RuleState::Shares { worse, good, .. } => {
            (worse.mixture().log_highest(), good.mixture().log_highest())
        }
        RuleState::Times { worse, good } => (worse.log_highest(), good.log_highest()),
        RuleState::Fixed
        | RuleState::Trailing { .. }
        | RuleState::Beside { .. }
        | RuleState::Before { .. } => (0.0, 0.0),
    };
    Proof {
        log_worse: worse,
        log_fails: if rule.breaker {
            libm::log(1.0 / budget.alpha)
        } else {
            budget.log_fails()
        },
        log_good: good,
        log_passes: budget.log_passes(),
        requests_needed: None,
    }
}

/// About how many more requests of the canary a rule needs to be shown good enough, if it goes on as it
/// does; `None` when it is shown, when it has failed, or when no number would.
pub(super) fn requests_needed(
    proof: &Proof,
    state: &RuleState,
    rule: &Rule,
    (sums, references): (&Sums, &References),
) -> Option<u64> {
    if proof.passes() || proof.fails() {
        return None;
    }
    let good_now = match state {
        RuleState::Share { good, .. } => good.mixture().log_e(),
        RuleState::Shares { good, .. } => good.mixture().log_e(),
        RuleState::Times { good, .. } => good.log_e(),
        RuleState::Fixed
        | RuleState::Trailing { .. }
        | RuleState::Beside { .. }
        | RuleState::Before { .. } => return None,
    };
    let missing = (proof.log_passes - good_now).max(0.0);
    let (gain, requests) = match rule.signal.count(&sums.canary_of(&rule.signal)) {
        0 => (gain_if_well(state, rule), IMAGINED),
        requests => (gain(state, rule, (sums, references)), requests),
    };
    if gain <= 0.0 {
        return None;
    }
    let needed = libm::ceil(missing / gain * requests as f64);
    (needed < u64::MAX as f64).then_some(needed as u64)
}

/// The evidence of being good that so many requests would bring of which none is an event, for a gate without any
/// traffic. Of times nothing is known then. How the traffic will be divided is not known either and changes little, so
/// both arms are taken to have as many.
fn gain_if_well(state: &RuleState, rule: &Rule) -> f64 {
    match state {
        RuleState::Share { good, .. } if rule.signal.kind() != SignalKind::Time => {
            good.gain(IMAGINED, 0)
        }
        RuleState::Shares { good, .. } => good.gain(ArmEvents {
            canary: IMAGINED,
            stable: IMAGINED,
            ..ArmEvents::default()
        }),
        _ => 0.0,
    }
}

/// The evidence of being good that the requests so far bring at the best alternative; not above 0 when
/// the canary is no better than what matters.
fn gain(state: &RuleState, rule: &Rule, (sums, references): (&Sums, &References)) -> f64 {
    let signal = &rule.signal;
    let (canary, stable) = (sums.canary(), sums.baseline());
    let pairs = sums.synthetic(signal);
    let pairs = pairs.and_then(|both| Some((&both.canary, both.baseline.as_ref()?)));
    match (state, &rule.test) {
        (RuleState::Share { good, .. }, Test::AtMost { matters, .. }) => {
            let canary = sums.canary_of(signal);
            let (requests, bad) = match signal.kind() {
                SignalKind::Time => {
                    let times = signal.times(&canary);
                    (times.count(), times.slower_than((matters * 1000.0) as u64))
                }
                _ => signal.events(&canary),
            };
            good.gain(requests, bad)
        }
        (RuleState::Shares { good, .. }, _) => {
            let of_pairs = pairs.map_or(0.0, |(canary, stable)| {
                good.gain_of_pairs(counted(signal, canary, stable))
            });
            good.gain(counted(signal, canary, stable)) + of_pairs
        }
        (RuleState::Times { good, .. }, _) => {
            let of_users = references.get(rule).map_or(0.0, |reference| {
                good.gain(reference, signal.times(canary), signal.times(stable))
            });
            let of_pairs = references.of_synthetic(rule).zip(pairs);
            let of_pairs = of_pairs.map_or(0.0, |(reference, (canary, stable))| {
                good.gain_of_pairs(reference, signal.times(canary), signal.times(stable))
            });
            of_users + of_pairs
        }
        _ => 0.0,
    }
}

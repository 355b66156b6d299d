//! How far the evidence of a sequential rule has come.

use super::state::RuleState;
use super::sums::Sums;
use crate::rule::{Rule, Test};
use crate::{ArmEvents, Budget, Proof, SignalKind};

/// The proof of a rule, and how many more requests of the canary it needs to be shown good enough.
pub(super) fn proof(state: &RuleState, rule: &Rule, sums: &Sums, budget: &Budget) -> Proof {
    let (worse, good, good_now) = match state {
        RuleState::Share { worse, good } => {
            let (worse, good) = (worse.mixture(), good.mixture());
            (worse.log_highest(), good.log_highest(), good.log_e())
        }
        RuleState::Shares { worse, good, .. } => {
            let (worse, good) = (worse.mixture(), good.mixture());
            (worse.log_highest(), good.log_highest(), good.log_e())
        }
        RuleState::Times { worse, good } => (worse.log_highest(), good.log_highest(), good.log_e()),
        RuleState::Fixed | RuleState::Trailing { .. } => (0.0, 0.0, 0.0),
    };
    let mut proof = Proof {
        log_worse: worse,
        log_fails: if rule.breaker {
            libm::log(1.0 / budget.alpha)
        } else {
            budget.log_fails()
        },
        log_good: good,
        log_passes: budget.log_passes(),
        requests_needed: None,
    };
    if !proof.passes() && !proof.fails() {
        let missing = (proof.log_passes - good_now).max(0.0);
        let gain = gain(state, rule, sums);
        let requests = rule.signal.count(sums.canary());
        if gain > 0.0 && requests > 0 {
            let needed = libm::ceil(missing / gain * requests as f64);
            proof.requests_needed = (needed < u64::MAX as f64).then_some(needed as u64);
        }
    }
    proof
}

/// The evidence of being good that the requests so far bring at the best alternative; not above 0 when
/// the canary is no better than what matters.
fn gain(state: &RuleState, rule: &Rule, sums: &Sums) -> f64 {
    let (canary, stable) = (sums.canary(), sums.baseline());
    let signal = &rule.signal;
    match (state, &rule.test) {
        (RuleState::Share { good, .. }, Test::AtMost { matters, .. }) => {
            let (requests, bad) = match signal.kind() {
                SignalKind::Time => {
                    let times = signal.times(canary);
                    (times.count(), times.slower_than((matters * 1000.0) as u64))
                }
                _ => signal.events(canary),
            };
            good.gain(requests, bad)
        }
        (RuleState::Shares { good, .. }, _) => {
            let ((canary, canary_events), (stable, stable_events)) =
                (signal.events(canary), signal.events(stable));
            good.gain(ArmEvents {
                canary,
                canary_events,
                stable,
                stable_events,
            })
        }
        (RuleState::Times { good, .. }, _) => good.gain(signal.times(canary), signal.times(stable)),
        _ => 0.0,
    }
}

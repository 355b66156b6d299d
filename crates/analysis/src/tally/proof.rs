//! How far the evidence of a sequential rule has come.

use super::state::RuleState;
use super::sums::Sums;
use crate::rule::{Rule, Test};
use crate::{ArmEvents, ArmSample, Budget, Proof, SignalKind};

/// The proof of a rule, but for how many requests it needs.
pub(super) fn proof(state: &RuleState, rule: &Rule, budget: &Budget) -> Proof {
    let (worse, good) = match state {
        RuleState::Share { worse, good } => {
            (worse.mixture().log_highest(), good.mixture().log_highest())
        }
        RuleState::Shares { worse, good, .. } => {
            (worse.mixture().log_highest(), good.mixture().log_highest())
        }
        RuleState::Times { worse, good } => (worse.log_highest(), good.log_highest()),
        RuleState::Fixed | RuleState::Trailing { .. } | RuleState::Beside { .. } => (0.0, 0.0),
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
    sums: &Sums,
) -> Option<u64> {
    if proof.passes() || proof.fails() {
        return None;
    }
    let good_now = match state {
        RuleState::Share { good, .. } => good.mixture().log_e(),
        RuleState::Shares { good, .. } => good.mixture().log_e(),
        RuleState::Times { good, .. } => good.log_e(),
        RuleState::Fixed | RuleState::Trailing { .. } | RuleState::Beside { .. } => return None,
    };
    let missing = (proof.log_passes - good_now).max(0.0);
    let mut gain = gain(state, rule, (sums.canary(), sums.baseline()));
    if let Some(synthetic) = sums.synthetic(&rule.signal) {
        let none = ArmSample::default();
        let stable = synthetic.baseline.as_ref().unwrap_or(&none);
        gain += self::gain(state, rule, (&synthetic.canary, stable));
    }
    let requests = rule.signal.count(&sums.canary_of(&rule.signal));
    if gain <= 0.0 || requests == 0 {
        return None;
    }
    let needed = libm::ceil(missing / gain * requests as f64);
    (needed < u64::MAX as f64).then_some(needed as u64)
}

/// The evidence of being good that the requests so far bring at the best alternative; not above 0 when
/// the canary is no better than what matters.
fn gain(state: &RuleState, rule: &Rule, (canary, stable): (&ArmSample, &ArmSample)) -> f64 {
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

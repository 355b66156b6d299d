//! How many requests a rule needs at least.

use portcullis_analysis::{Analysis, Budget, Enough, Rule, Signal, Tally, Test};

use crate::{Change, Curve, Latency, Scenario, Simulator};

/// Requests of both arms in one look, where a few more or less do not matter.
const LOOK_REQUESTS: f64 = 20.0;
/// With more requests of the canary than this a rule counts as one that cannot tell.
const REQUESTS_MAX: u64 = 200_000;
/// The latency of a usual web service, where nothing else is known: median and spread.
const USUAL: (f64, f64) = (100.0, 0.6);
/// How much slower a canary is that is as slow as can be.
const HOPELESS: f64 = 20.0;
/// Any seed: with no errors, or nothing else, hardly anything is left to chance.
const SEED: u64 = 1;

/// Whether simulated traffic can decide a rule: it is about errors or latency. Checks, figures, refusals
/// and streams are not simulated, and what only warns decides nothing.
pub fn is_simulated(rule: &Rule) -> bool {
    let of_traffic = matches!(
        rule.signal,
        Signal::ErrorRate | Signal::Latency { .. } | Signal::Latencies
    );
    of_traffic && !rule.test.only_warns()
}

/// About how many requests of the canary show that a rule is met when none of them fails and it is as
/// fast as the stable release, with the canary getting this `share`, above 0 and at most 1; `None` when the rule
/// asks for no evidence, or would never have enough.
pub fn requests_to_pass(rule: &Rule, budget: &Budget, share: f64) -> Option<u64> {
    if rule.enough != Enough::Evidence {
        return None;
    }
    let good = usual(rule, share, Change::NONE);
    requests(rule, budget, good, |tally, analysis| {
        let judged = tally.judge(analysis);
        judged.evidence[0].proof.is_some_and(|proof| proof.passes())
    })
}

/// About how many requests of the canary fail a rule when each of them fails and takes twenty times as
/// long; `None` when even that would not.
pub fn requests_to_fail(rule: &Rule, budget: &Budget, share: f64) -> Option<u64> {
    let hopeless = Change {
        latency_factor: HOPELESS,
        ..Change::NONE
    };
    let mut bad = usual(rule, share, hopeless);
    // One request of the canary in a look or two: a failure needs so few that the looks would be seen in the number.
    bad.requests_per_second = (0.5 / share).max(1.0);
    if rule.signal == Signal::ErrorRate {
        // One in a thousand of the stable release's fail, and each of the canary's.
        bad.error_rate = Curve::constant(0.001);
        bad.change.error_factor = 1000.0;
    }
    requests(rule, budget, bad, |tally, analysis| {
        let judged = tally.judge(analysis);
        judged.evidence[0].verdict == portcullis_analysis::Verdict::Fail
    })
}

fn usual(rule: &Rule, share: f64, change: Change) -> Scenario {
    let timed = rule.signal != Signal::ErrorRate;
    Scenario {
        latency: timed.then(|| Latency {
            median_ms: median_ms(rule),
            sigma: USUAL.1,
            factor: Curve::constant(1.0),
        }),
        change,
        ..Scenario::new(LOOK_REQUESTS, share, u64::MAX / 2, 0.0)
    }
}

/// The usual median, or one with which a fixed limit is held with ease.
fn median_ms(rule: &Rule) -> f64 {
    match rule.test {
        Test::AtMost { max, .. } | Test::Limit { max } | Test::Window { max, .. } => {
            USUAL.0.min(max / 10.0).max(0.001)
        }
        Test::Baseline { .. }
        | Test::NotWorse { .. }
        | Test::NotWorseThanBefore { .. }
        | Test::Beside { .. } => USUAL.0,
    }
}

fn requests(
    rule: &Rule,
    budget: &Budget,
    scenario: Scenario,
    done: impl Fn(&Tally, &Analysis) -> bool,
) -> Option<u64> {
    let mut analysis = Analysis::new(vec![rule.clone()], 1, 1);
    analysis.budget = *budget;
    let mut simulator = Simulator::new(scenario).ok()?;
    let mut run = simulator.begin(SEED);
    let mut tally = Tally::new(&analysis);
    let mut next = 1;
    let mut looks = 0;
    loop {
        tally.observe(&analysis, &simulator.measure(&mut run, 1000));
        let ((requests, _), _) = tally.counted();
        looks += 1;
        // Looks become rarer: a hundredth more or less does not matter.
        if looks >= next {
            next = looks + looks / 100 + 1;
            if done(&tally, &analysis) {
                return Some(requests);
            }
        }
        if requests > REQUESTS_MAX {
            return None;
        }
    }
}

#[cfg(test)]
mod tests;

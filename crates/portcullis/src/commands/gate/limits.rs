//! How often fixed limits and circuit breakers roll a good release back.
//!
//! The error budget is a promise about comparisons. A limit on errors counts requests: where users stay with a release, a
//! few broken sessions make many errors at one of the two, and a breaker looks at plain numbers. So what they do is
//! simulated and told.

use portcullis_analysis::{Analysis, Rule, Signal, Test};
use portcullis_traffic::{Curve, Scenario, Simulator, Study, Users, binomial_interval};
use serde_json::{Value, json};

use super::named::NamedGate;
use super::simulate::{BOUND_MISS, USERS_BROKEN, USERS_TAIL, percent_words, scenario};

/// Runs of each; none of these bounds the chance below 1.5 %.
pub(super) const RUNS: u64 = 200;
/// Users who stay with a release, where that is simulated.
pub(super) const USERS: u32 = 300;
/// The traffic, in requests a second of both releases.
pub(super) const REQUESTS_PER_SECOND: f64 = 10.0;
/// Any seed: the same words each time.
const SEED: u64 = 1;

/// Whether a rule is a limit on errors that says the same of a release whatever the one beside it does.
pub(super) fn is_limit_on_errors(rule: &Rule) -> bool {
    rule.signal == Signal::ErrorRate && limit(rule).is_some_and(|max| max > 0.0)
}

/// Whether a rule is a fixed limit on what the gateway counts.
pub(super) fn is_limit_on_traffic(rule: &Rule) -> bool {
    rule.signal.is_of_traffic() && limit(rule).is_some()
}

fn limit(rule: &Rule) -> Option<f64> {
    match rule.test {
        Test::AtMost { max, .. } | Test::Limit { max } | Test::Window { max, .. } => Some(max),
        _ => None,
    }
}

/// Users who stay with a release.
pub(super) fn users(count: u32) -> Users {
    Users {
        count,
        tail: USERS_TAIL,
        broken: USERS_BROKEN,
    }
}

/// What a limit does to releases that are within it.
pub(super) struct FalseAlarms {
    /// By how large the share of errors is, as a share of the limit, and whether users stay.
    cells: Vec<(f64, bool, Study)>,
}

impl FalseAlarms {
    /// Simulates the rule by itself, at half of its limit and right at it, without and with users who stay; `None` for a
    /// rule that is no limit on errors.
    pub(super) fn of(gate: &NamedGate, rule: &Rule) -> Option<FalseAlarms> {
        let max = limit(rule).filter(|_| is_limit_on_errors(rule))?;
        let analysis = Analysis {
            rules: vec![rule.clone()],
            ..gate.analysis.clone()
        };
        let share = f64::from(gate.percent) / 100.0;
        let cell = |of_limit: f64, stays: bool| {
            let scenario = Scenario {
                error_rate: Curve::constant(max * of_limit),
                users: stays.then(|| users(USERS)),
                ..scenario(&analysis, REQUESTS_PER_SECOND, share)
            };
            let mut simulator = Simulator::new(scenario).ok()?;
            let study = Study::of(&analysis, &mut simulator, RUNS, SEED);
            Some((of_limit, stays, study))
        };
        let cells = [(0.5, false), (0.5, true), (1.0, false), (1.0, true)];
        let cells: Option<Vec<_>> = cells
            .into_iter()
            // Where all are with one release, it makes no difference who stays.
            .filter(|(_, stays)| !stays || gate.percent < 100)
            .map(|(of_limit, stays)| cell(of_limit, stays))
            .collect();
        Some(FalseAlarms { cells: cells? })
    }

    /// In a line.
    pub(super) fn words(&self) -> String {
        let told = |study: &Study| {
            let (_, most) = binomial_interval(study.failed(), study.runs(), BOUND_MISS);
            let share = study.failed() as f64 / study.runs() as f64;
            format!("{} (below {})", percent_words(share), percent_words(most))
        };
        let cells: Vec<String> = self
            .cells
            .iter()
            .map(|(of_limit, stays, study)| match (*of_limit < 1.0, stays) {
                (true, false) => format!("with errors at half of the limit {}", told(study)),
                (true, true) | (false, true) => {
                    format!("and {} if users stay with a release", told(study))
                }
                (false, false) => format!("right at the limit {}", told(study)),
            })
            .collect();
        let all = match &cells[..] {
            [half, half_stay, edge, edge_stay] => format!("{half} {half_stay}; {edge} {edge_stay}"),
            few => few.join("; "),
        };
        format!(
            "rolls back by chance, {RUNS} simulated rollouts each at {REQUESTS_PER_SECOND} requests a second: {all}"
        )
    }

    pub(super) fn in_json(&self) -> Value {
        let cells = self.cells.iter().map(|(of_limit, stays, study)| {
            let (_, most) = binomial_interval(study.failed(), study.runs(), BOUND_MISS);
            json!({
                "error_rate_of_limit": of_limit,
                "users": stays.then_some(USERS),
                "requests_per_second": REQUESTS_PER_SECOND,
                "runs": study.runs(),
                "failed": study.failed(),
                "failed_share_at_most": most,
            })
        });
        Value::Array(cells.collect())
    }
}

//! `portcullis gate simulate`: how often a gate would be wrong, and how fast it would be right.

use portcullis_analysis::{Analysis, Rule, Signal, SignalKind};
use portcullis_config::Config;
use portcullis_traffic::{
    Change, Curve, Latency, Scenario, Simulator, Step, Study, binomial_interval, is_simulated,
};
use serde_json::json;

use super::limits;
use super::named::{self, NamedGate};
use crate::cli::Simulate;
use crate::command_error::{CommandError, ErrorCode, Exit};
use crate::{output, render};

/// The usual web service's latency: median and spread.
pub(super) const USUAL_LATENCY: (f64, f64) = (100.0, 0.6);
/// How uneven users are: few ask often.
pub(super) const USERS_TAIL: f64 = 1.2;
/// The share of users whose sessions have all errors.
pub(super) const USERS_BROKEN: f64 = 0.2;
/// The chance with which a bound on a share is wrong.
pub(super) const BOUND_MISS: f64 = 0.05;
/// How many times as many errors a bad release makes, unless it is said.
const FACTOR: f64 = 10.0;

pub(super) fn run(config: &Config, args: &Simulate, json: bool) -> Result<Exit, CommandError> {
    let gate = named::find(config, &args.gate)?;
    let percent = args.canary_percent.unwrap_or(gate.percent);
    let (analysis, left_out) = simulated(&gate.analysis);
    if analysis.rules.is_empty() {
        let what = format!(
            "{} has no rule about errors or latency to simulate",
            gate.name
        );
        return Err(CommandError::coded(ErrorCode::Contradiction, what)
            .hint("checks, figures, refusals and streams are not simulated"));
    }
    let change = change(&gate, &analysis, args)?;
    let share = f64::from(percent) / 100.0;
    let good = study(&analysis, args, args.users, (share, Change::NONE))?;
    let bad = match change == Change::NONE {
        true => None,
        false => Some(study(&analysis, args, args.users, (share, change))?),
    };
    let limits = Limits::of(&analysis, args, share)?;
    if json {
        output::json(&json!({
            "schema": "portcullis.gate-simulation/1",
            "gate": gate.name,
            "canary_percent": percent,
            "requests_per_second": args.rps,
            "error_rate": args.error_rate,
            "error_factor": change.error_factor,
            "latency_factor": change.latency_factor,
            "alpha": analysis.budget.alpha,
            "seed": args.seed,
            "not_simulated": left_out.iter().map(Signal::words).collect::<Vec<_>>(),
            "no_difference": in_json(&good),
            "difference": bad.as_ref().map(in_json),
            "limits_alone": limits.as_ref().map(Limits::in_json),
        }));
    } else {
        let mut lines = vec![heading(&gate, percent, args, &left_out)];
        lines.push(of_good(&good));
        lines.extend(limits.map(|limits| limits.words(args.users)));
        lines.extend(bad.map(|bad| of_bad(&bad, &change, args.error_rate)));
        output::result(&lines.join("\n"));
    }
    Ok(Exit::Done)
}

/// Many rollouts of a release that differs in this way.
fn study(
    analysis: &Analysis,
    args: &Simulate,
    users: Option<u32>,
    (share, change): (f64, Change),
) -> Result<Study, CommandError> {
    let users = users.map(limits::users);
    let simulator = Simulator::new(Scenario {
        error_rate: Curve::constant(args.error_rate),
        change,
        users,
        ..scenario(analysis, args.rps, share)
    });
    let mut simulator = simulator
        .map_err(|problem| CommandError::coded(ErrorCode::BadValue, problem.to_string()))?;
    Ok(Study::of(analysis, &mut simulator, args.runs, args.seed))
}

/// The rules that traffic decides, and the signals of the others. The error budget stays as it is.
pub(super) fn simulated(analysis: &Analysis) -> (Analysis, Vec<Signal>) {
    let mut of_traffic = analysis.clone();
    of_traffic.rules.retain(is_simulated);
    let left_out = analysis.rules.iter().filter(|rule| !is_simulated(rule));
    (
        of_traffic,
        left_out.map(|rule| rule.signal.clone()).collect(),
    )
}

/// The gate's traffic with half a percent of errors and no difference.
pub(super) fn scenario(analysis: &Analysis, requests_per_second: f64, share: f64) -> Scenario {
    let timed = |rule: &Rule| rule.signal.kind() == SignalKind::Time;
    Scenario {
        steps: vec![Step {
            share,
            window_ms: analysis.window_ms,
        }],
        latency: analysis.rules.iter().any(timed).then(|| Latency {
            median_ms: USUAL_LATENCY.0,
            sigma: USUAL_LATENCY.1,
            factor: Curve::constant(1.0),
        }),
        ..Scenario::new(requests_per_second, share, analysis.window_ms, 0.005)
    }
}

/// How a bad release differs: by ten times the errors, unless it is said or there are none to multiply.
fn change(gate: &NamedGate, analysis: &Analysis, args: &Simulate) -> Result<Change, CommandError> {
    let refused = |what: String, hint: &str| {
        Err(CommandError::coded(ErrorCode::Contradiction, what).hint(hint))
    };
    let timed = |rule: &Rule| rule.signal.kind() == SignalKind::Time;
    if args.latency_factor != 1.0 && !analysis.rules.iter().any(timed) {
        let what = format!("{} has no rule about latency", gate.name);
        return refused(what, "leave out --latency-factor, or add a rule");
    }
    let counts_errors = analysis.rules.iter().any(|rule| !timed(rule));
    let given = args.factor.filter(|factor| *factor != 1.0);
    if given.is_some() && !counts_errors {
        let what = format!("{} has no rule about errors", gate.name);
        return refused(what, "leave out --factor, or add a rule");
    }
    if let Some(factor) = given.filter(|_| args.error_rate == 0.0) {
        let what = format!("{factor} times no errors are none: --error-rate is 0");
        return refused(
            what,
            "give an --error-rate such as 0.5%, or leave out --factor",
        );
    }
    let usual = match counts_errors && args.error_rate > 0.0 && args.latency_factor == 1.0 {
        true => FACTOR,
        false => 1.0,
    };
    Ok(Change {
        error_factor: args.factor.unwrap_or(usual),
        latency_factor: args.latency_factor,
        ..Change::NONE
    })
}

fn heading(gate: &NamedGate, percent: u8, args: &Simulate, left_out: &[Signal]) -> String {
    let per_second = args.rps * f64::from(percent) / 100.0;
    let users = args.users.map_or_else(String::new, |users| {
        format!("; {users} users stay with a release")
    });
    let mut words = format!(
        "{} at {} requests/s, {percent} % of them ({per_second:.3} a second) to the canary, {} of the stable release's \
         fail{users}; {} runs each\n",
        gate.name,
        args.rps,
        Signal::ErrorRate.format(args.error_rate),
        args.runs
    );
    if !left_out.is_empty() {
        let signals: Vec<String> = left_out.iter().map(Signal::words).collect();
        words.push_str(&format!(
            "not simulated and taken as met: {}\n",
            signals.join(", ")
        ));
    }
    words
}

fn of_good(good: &Study) -> String {
    format!(
        "no difference:      rolled back {}; {}",
        bounded(good),
        others(good)
    )
}

fn of_bad(bad: &Study, change: &Change, error_rate: f64) -> String {
    let mut what = Vec::new();
    if change.error_factor != 1.0 {
        let rate = (error_rate * change.error_factor).min(1.0);
        let rate = Signal::ErrorRate.format(rate);
        what.push(format!("{} x the errors ({rate})", change.error_factor));
    }
    if change.latency_factor != 1.0 {
        what.push(format!("{} x the latency", change.latency_factor));
    }
    let when = match (bad.failed_after_ms(0.5), bad.failed_after_ms(0.9)) {
        (Some(half), Some(most)) => format!(
            ", half of these within {}, nine of ten within {}",
            render::span(half),
            render::span(most)
        ),
        _ => String::new(),
    };
    format!(
        "{}: rolled back {}{when}; {}",
        what.join(", "),
        share_words(bad.failed(), bad.runs()),
        others(bad)
    )
}

/// What fixed limits and circuit breakers alone do to a release without a difference.
struct Limits {
    /// With the traffic that was asked for.
    asked: Study,
    /// With users who stay with a release, where that was not asked for.
    staying: Option<Study>,
}

impl Limits {
    /// `None` when there is no such rule.
    fn of(
        analysis: &Analysis,
        args: &Simulate,
        share: f64,
    ) -> Result<Option<Limits>, CommandError> {
        let mut alone = analysis.clone();
        alone.rules.retain(limits::is_limit_on_traffic);
        if alone.rules.is_empty() {
            return Ok(None);
        }
        let study = |users| study(&alone, args, users, (share, Change::NONE));
        Ok(Some(Limits {
            asked: study(args.users)?,
            staying: match args.users {
                None => Some(study(Some(limits::USERS))?),
                Some(_) => None,
            },
        }))
    }

    fn words(&self, users: Option<u32>) -> String {
        let whom = users.map_or_else(String::new, |users| format!(" with {users} users"));
        let staying = self.staying.as_ref().map_or_else(String::new, |study| {
            format!(
                "; {} if {} users stay with a release, whose broken sessions fail again and again",
                bounded(study),
                limits::USERS
            )
        });
        format!(
            "by fixed limits and breakers alone, for which alpha is no promise{whom}: rolled back {}{staying}",
            bounded(&self.asked)
        )
    }

    fn in_json(&self) -> serde_json::Value {
        json!({
            "as_asked": in_json(&self.asked),
            "users_who_stay": self.staying.as_ref().map(in_json),
        })
    }
}

/// The share that was rolled back, with what it is at most.
fn bounded(study: &Study) -> String {
    let (_, most) = binomial_interval(study.failed(), study.runs(), BOUND_MISS);
    format!(
        "{} (below {}, at 95 %)",
        share_words(study.failed(), study.runs()),
        percent_words(most)
    )
}

fn others(study: &Study) -> String {
    let passes = match (study.passed_after_ms(0.5), study.passed_after_ms(0.9)) {
        (Some(half), Some(most)) => format!(
            ", half of these within {}, nine of ten within {}",
            render::span(half),
            render::span(most)
        ),
        _ => String::new(),
    };
    let asks = study.inconclusive_after_ms(0.5);
    let asks = asks.map_or_else(String::new, |ms| format!(" after {}", render::span(ms)));
    format!(
        "passes {}{passes}; cannot decide {}{asks}",
        share_words(study.passed(), study.runs()),
        share_words(study.inconclusive(), study.runs())
    )
}

fn share_words(count: u64, runs: u64) -> String {
    percent_words(count as f64 / runs.max(1) as f64)
}

pub(super) fn percent_words(share: f64) -> String {
    match share {
        share if share > 0.0 && share < 0.1 => format!("{:.2} %", share * 100.0),
        share => format!("{:.1} %", share * 100.0),
    }
}

fn in_json(study: &Study) -> serde_json::Value {
    let (low, high) = binomial_interval(study.failed(), study.runs(), BOUND_MISS);
    json!({
        "runs": study.runs(),
        "failed": study.failed(),
        "failed_share_at_least": low,
        "failed_share_at_most": high,
        "failed_after_ms": { "p50": study.failed_after_ms(0.5), "p90": study.failed_after_ms(0.9) },
        "passed": study.passed(),
        "passed_after_ms": { "p50": study.passed_after_ms(0.5), "p90": study.passed_after_ms(0.9) },
        "inconclusive": study.inconclusive(),
        "inconclusive_after_ms": study.inconclusive_after_ms(0.5),
    })
}

//! `portcullis gate simulate`: how often a gate would be wrong, and how fast it would be right.

use portcullis_analysis::{Analysis, Rule, Signal, SignalKind};
use portcullis_config::Config;
use portcullis_traffic::{
    Change, Curve, Latency, Scenario, Simulator, Step, Study, Users, binomial_interval,
    is_simulated,
};
use serde_json::json;

use super::named::{self, NamedGate};
use crate::cli::Simulate;
use crate::command_error::{CommandError, ErrorCode, Exit};
use crate::{output, render};

/// The usual web service's latency: median and spread.
pub(super) const USUAL_LATENCY: (f64, f64) = (100.0, 0.6);
/// How uneven users are: few ask often.
const USERS_TAIL: f64 = 1.2;
/// The share of users whose sessions have all errors.
const USERS_BROKEN: f64 = 0.2;
/// The chance with which a bound on a share is wrong.
const BOUND_MISS: f64 = 0.05;

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
    let timed = |rule: &Rule| rule.signal.kind() == SignalKind::Time;
    if args.latency_factor != 1.0 && !analysis.rules.iter().any(timed) {
        let what = format!("{} has no rule about latency", gate.name);
        return Err(CommandError::coded(ErrorCode::Contradiction, what)
            .hint("leave out --latency-factor, or add a rule"));
    }
    let bad = Change {
        error_factor: args.factor,
        latency_factor: args.latency_factor,
        ..Change::NONE
    };
    let share = f64::from(percent) / 100.0;
    let good = study(&analysis, args, share, Change::NONE)?;
    let bad = study(&analysis, args, share, bad)?;
    if json {
        output::json(&json!({
            "schema": "portcullis.gate-simulation/1",
            "gate": gate.name,
            "canary_percent": percent,
            "requests_per_second": args.rps,
            "error_rate": args.error_rate,
            "error_factor": args.factor,
            "latency_factor": args.latency_factor,
            "alpha": analysis.budget.alpha,
            "seed": args.seed,
            "not_simulated": left_out.iter().map(Signal::words).collect::<Vec<_>>(),
            "no_difference": in_json(&good),
            "difference": in_json(&bad),
        }));
    } else {
        output::result(&told(&gate, percent, args, &left_out, (&good, &bad)));
    }
    Ok(Exit::Done)
}

/// Many rollouts of a release that differs in this way.
fn study(
    analysis: &Analysis,
    args: &Simulate,
    share: f64,
    change: Change,
) -> Result<Study, CommandError> {
    let users = args.users.map(|count| Users {
        count,
        tail: USERS_TAIL,
        broken: USERS_BROKEN,
    });
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

fn told(
    gate: &NamedGate,
    percent: u8,
    args: &Simulate,
    left_out: &[Signal],
    (good, bad): (&Study, &Study),
) -> String {
    let per_second = args.rps * f64::from(percent) / 100.0;
    let mut lines = vec![format!(
        "{} at {} requests/s, {percent} % of them ({:.3} a second) to the canary, {} of the stable \
         release's fail; {} runs each",
        gate.name,
        args.rps,
        per_second,
        Signal::ErrorRate.format(args.error_rate),
        args.runs
    )];
    if !left_out.is_empty() {
        let words: Vec<String> = left_out.iter().map(Signal::words).collect();
        lines.push(format!(
            "not simulated and taken as met: {}",
            words.join(", ")
        ));
    }
    let (_, most) = binomial_interval(good.failed(), good.runs(), BOUND_MISS);
    lines.push(String::new());
    lines.push(format!(
        "no difference:      rolled back {} (below {}, at 95 %); {}",
        share_words(good.failed(), good.runs()),
        percent_words(most),
        others(good)
    ));
    let mut what = Vec::new();
    if args.factor != 1.0 {
        what.push(format!("{} x the errors", args.factor));
    }
    if args.latency_factor != 1.0 {
        what.push(format!("{} x the latency", args.latency_factor));
    }
    let what = match what.is_empty() {
        true => "no difference".to_owned(),
        false => what.join(", "),
    };
    let when = match (bad.failed_after_ms(0.5), bad.failed_after_ms(0.9)) {
        (Some(half), Some(most)) => format!(
            ", half of these within {}, nine of ten within {}",
            render::span(half),
            render::span(most)
        ),
        _ => String::new(),
    };
    lines.push(format!(
        "{what}: rolled back {}{when}; {}",
        share_words(bad.failed(), bad.runs()),
        others(bad)
    ));
    lines.join("\n")
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

fn percent_words(share: f64) -> String {
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

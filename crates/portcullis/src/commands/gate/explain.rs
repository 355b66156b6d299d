//! `portcullis gate explain`: what a gate does, in plain words.

use portcullis_analysis::{Analysis, Budget, Enough, Rule, Signal, Test, WhenInconclusive};
use portcullis_config::Config;
use portcullis_rollout::{GateRole, Pace, SyntheticTraffic};
use portcullis_traffic::{
    Change, Simulator, Study, is_simulated, requests_to_fail, requests_to_pass,
};
use serde_json::{Value, json};

use super::limits::{self, FalseAlarms};
use super::named::{self, NamedGate};
use super::simulate::{scenario, simulated};
use crate::cli::Named;
use crate::command_error::{CommandError, Exit};
use crate::{output, render};

/// The traffic for which it is told what a gate sees, in requests a second.
const TRAFFIC: [f64; 3] = [1.0, 10.0, 100.0];
/// Runs of each. More would make a terse command slow.
const RUNS: u64 = 50;
/// How many points a share of so many runs may be off by, at 95 %: 1.96 standard deviations where it is widest, at a half.
const POINTS: u64 = 14;
/// Any seed: the same words each time.
const SEED: u64 = 1;

pub(super) fn run(config: &Config, named: &Named, json: bool) -> Result<Exit, CommandError> {
    let gates = match named.name {
        Some(_) => vec![named::find(config, named)?],
        None => {
            named::find(config, named)?;
            named::all(config)
        }
    };
    if json {
        let gates: Vec<Value> = gates.iter().map(in_json).collect();
        output::json(&json!({ "schema": "portcullis.gate-explanation/1", "gates": gates }));
    } else {
        let synthetic = config.synthetic.as_ref();
        let told: Vec<String> = gates.iter().map(|gate| told(gate, synthetic)).collect();
        output::result(&told.join("\n\n"));
    }
    Ok(Exit::Done)
}

fn told(gate: &NamedGate, synthetic: Option<&SyntheticTraffic>) -> String {
    let analysis = &gate.analysis;
    let mut lines = vec![opening(gate)];
    if analysis.rules.is_empty() {
        lines.push("  It has no rule that can be judged there.".to_owned());
        return lines.join("\n");
    }
    lines.push(format!("  {}", passing(gate)));
    if gate.role == GateRole::Decide || analysis.rules.iter().any(|rule| !rule.test.only_warns()) {
        lines.push(format!("  {}", failing(analysis)));
    }
    match gate.role {
        GateRole::Decide => {
            lines.push(format!("  {}", undecided(analysis)));
            lines.extend(synthetic.map(|traffic| format!("  {}", asking(gate, traffic))));
        }
        GateRole::KeepWarm => lines.extend(warm(gate).map(|line| format!("  {line}"))),
    }
    lines.push("  Rules:".to_owned());
    for rule in &analysis.rules {
        lines.push(format!("  - {}", render::rule(rule)));
        lines.extend(
            needs(rule, &analysis.budget, gate.percent).map(|needs| format!("    {needs}")),
        );
        let alarms = FalseAlarms::of(gate, rule);
        lines.extend(alarms.map(|alarms| format!("    {}", alarms.words())));
    }
    let sights = sights(gate);
    if !sights.is_empty() {
        lines.push(format!(
            "  What it sees, by requests a second of both releases ({RUNS} simulated rollouts each, so a share may be \
             off by {POINTS} points):"
        ));
        for sight in sights {
            lines.push(format!("  - {}", sight.words()));
        }
    }
    lines.join("\n")
}

fn opening(gate: &NamedGate) -> String {
    let analysis = &gate.analysis;
    let window = render::span(analysis.window_ms);
    let pace = render::pace(analysis);
    match gate.role {
        GateRole::Decide => format!(
            "{}: {} % of the traffic goes to the canary, for at least {window}; it is measured {pace}.",
            gate.name, gate.percent
        ),
        GateRole::KeepWarm => {
            let recorded = match gate.record_ms {
                0 => String::new(),
                ms => format!(", and the journal has an entry every {}", render::span(ms)),
            };
            format!(
                "{}: from the promotion on, for {window}, the old release is kept running without traffic; the \
                 new one is measured {pace}{recorded}.",
                gate.name
            )
        }
    }
}

fn passing(gate: &NamedGate) -> String {
    let analysis = &gate.analysis;
    if gate.role == GateRole::KeepWarm {
        return match analysis.rules.iter().any(|rule| !rule.test.only_warns()) {
            true => "Only a failure matters: then the old release gets all the traffic back at once.",
            false => {
                "Nothing goes back by itself, for no rule has a fixed limit; `portcullis rollback` gives the old \
                 release all the traffic back at once."
            }
        }
        .to_owned();
    }
    let by_evidence = analysis
        .rules
        .iter()
        .any(|rule| rule.enough == Enough::Evidence);
    let enough = if by_evidence {
        format!(
            "every rule has enough; a release that is as bad as what matters is called good with a chance of \
             at most {}",
            percent(analysis.budget.beta)
        )
    } else {
        "every rule has its number of requests".to_owned()
    };
    let early = if analysis.early {
        "It passes as soon as"
    } else {
        "It passes when the window was measured and"
    };
    format!("{early} {enough}.")
}

fn failing(analysis: &Analysis) -> String {
    let budget = &analysis.budget;
    let sequential = analysis
        .rules
        .iter()
        .filter(|rule| rule.is_sequential())
        .count();
    let mut words = match sequential {
        0 => "It fails as soon as a limit is passed; these limits are looked at as they stand and can be \
              passed by chance."
            .to_owned(),
        _ => {
            let each = budget.alpha / f64::from(budget.parts.max(1));
            let shared = match budget.parts {
                0 | 1 => String::new(),
                parts => format!(", {} for each of {parts} rules", percent(each)),
            };
            format!(
                "It fails as soon as a rule has proof. A release that is no worse than tolerated fails with a \
                 chance of at most {} over all gates of a rollout, however often it is looked at{shared}: that is \
                 the error budget.",
                percent(budget.alpha)
            )
        }
    };
    if sequential > 0 {
        words.push_str(&outside(analysis));
    }
    words
}

/// Which rules the error budget does not cover, or not always.
fn outside(analysis: &Analysis) -> String {
    let limits = |rule: &&Rule| rule.is_sequential() && limits::is_limit_on_traffic(rule);
    let mut words = String::new();
    if analysis.rules.iter().any(|rule| limits(&rule)) {
        words.push_str(
            " A fixed limit (`max`) counts requests, and is covered only where each request fails for itself: where \
             users stay with a release, one broken session that fails again and again can pass it, and so can an \
             incident that meets both releases.",
        );
    }
    let mut plain: Vec<&str> = Vec::new();
    for rule in analysis.rules.iter().filter(|rule| !rule.is_sequential()) {
        let name = match (rule.breaker, &rule.signal, &rule.test) {
            (true, _, _) => "circuit breakers",
            (_, _, Test::NotWorseThanBefore { .. }) => continue,
            (_, _, Test::Window { .. }) => "limits with `over`",
            (_, Signal::HealthFailures, _) => "checks",
            _ => "figures",
        };
        if !plain.contains(&name) {
            plain.push(name);
        }
    }
    if !plain.is_empty() {
        words.push_str(&format!(
            " Outside of it are limits that are looked at as they stand ({}): one look over them fails, also by \
             chance.",
            plain.join(", ")
        ));
    }
    words
}

fn undecided(analysis: &Analysis) -> String {
    let extended = match analysis.extend_ms {
        0 => "Without enough evidence".to_owned(),
        ms => format!(
            "Without enough evidence it goes on for up to {} more; then",
            render::span(ms)
        ),
    };
    let then = match analysis.inconclusive {
        WhenInconclusive::Ask => "it asks a person",
        WhenInconclusive::Hold => "the weight stays and it goes on until there is enough",
        WhenInconclusive::RollBack => "the rollout goes back",
    };
    format!("{extended} {then}. It never passes for lack of evidence.")
}

/// What is particular about the time in which the old release is kept warm.
fn warm(gate: &NamedGate) -> impl Iterator<Item = String> {
    let analysis = &gate.analysis;
    let warns = analysis.rules.iter().any(|rule| rule.test.only_warns());
    let warns = warns.then(|| {
        "What is compared with the release before only warns: that release has no traffic any more, so an \
         incident that meets whatever runs would look like a worse release."
            .to_owned()
    });
    let checks = analysis.rules.iter().find_map(|rule| match rule.test {
        Test::Limit { max } if rule.signal == Signal::HealthFailures => Some(max as u64 + 1),
        _ => None,
    });
    let intervals = analysis.cadence.iter().map(|later| later.interval_ms);
    let slowest_ms = intervals.fold(analysis.interval_ms, u64::max);
    // The failure falls into one measurement, and each that follows asks once.
    let dead = checks.map(|checks| {
        let after_ms = slowest_ms + checks * analysis.interval_ms;
        format!(
            "A release that is dead is found after {checks} failed checks in a row, within {}, also without \
             traffic.",
            render::span(after_ms)
        )
    });
    let quiet = "Without traffic, or while something cannot be measured, it goes on and ends with its time: that is \
                 no failure, and the new release serves already."
        .to_owned();
    warns.into_iter().chain(dead).chain([quiet])
}

/// What the gate asks itself.
fn asking(gate: &NamedGate, traffic: &SyntheticTraffic) -> String {
    let pace = |pace: Pace| format!("{} in {}", pace.requests, render::span(pace.per_ms));
    let whom = match gate.percent {
        100 => "the new release",
        _ => "both releases",
    };
    format!(
        "While users send the new release fewer requests than {}, the gate asks {whom} itself: {} each, {} in a window.",
        pace(traffic.below),
        pace(traffic.rate),
        traffic.rate.within(gate.analysis.window_ms)
    )
}

/// How soon a rule can tell.
fn needs(rule: &Rule, budget: &Budget, percent: u8) -> Option<String> {
    if !is_simulated(rule) || !rule.test.is_sequential() {
        return None;
    }
    let share = f64::from(percent) / 100.0;
    let fails = requests_to_fail(rule, budget, share);
    let bad = match rule.signal {
        Signal::ErrorRate => "fails",
        _ => "takes twenty times as long",
    };
    let fails = fails.map(|n| {
        let about = rule.signal.counted(n);
        format!("fails after about {about} of the canary at the earliest, if each of them {bad}")
    });
    let passes = match (rule.enough, requests_to_pass(rule, budget, share)) {
        (Enough::Requests, _) => Some(format!(
            "is met after {}",
            rule.signal.counted(rule.requests_min)
        )),
        (Enough::Evidence, Some(n)) => Some(format!(
            "is shown to be met by about {} of the canary if all goes well",
            rule.signal.counted(n)
        )),
        (Enough::Evidence, None) => Some(
            "can hardly ever be shown to be met: what matters is too near to what is tolerated"
                .to_owned(),
        ),
    };
    let words: Vec<String> = [fails, passes].into_iter().flatten().collect();
    (!words.is_empty()).then(|| words.join("; "))
}

/// What a gate sees of one difference at some traffic.
struct Sight {
    requests_per_second: f64,
    /// Twenty times the errors, or twice the latency.
    what: &'static str,
    bad: Study,
    good: Study,
}

impl Sight {
    fn words(&self) -> String {
        let share = |count: u64| 100.0 * count as f64 / RUNS as f64;
        let found = match self.bad.failed_after_ms(0.5) {
            Some(half) => format!(
                "{} found in {:.0} % of rollouts (half of these within {})",
                self.what,
                share(self.bad.failed()),
                render::span(half)
            ),
            None => format!("{} not found in time", self.what),
        };
        let passes = match self.good.passed_after_ms(0.5) {
            Some(half) => format!(
                "a good release passes in {:.0} % (half of these after {})",
                share(self.good.passed()),
                render::span(half)
            ),
            None => "there is never enough to let a good release pass".to_owned(),
        };
        format!("{:.0}: {found}; {passes}", self.requests_per_second)
    }
}

fn sights(gate: &NamedGate) -> Vec<Sight> {
    let (analysis, _) = simulated(&gate.analysis);
    let has = |error: bool| {
        let mut rules = analysis.rules.iter();
        rules.any(|rule| (rule.signal == Signal::ErrorRate) == error)
    };
    let mut changes = Vec::new();
    if has(true) {
        let change = Change {
            error_factor: 20.0,
            ..Change::NONE
        };
        changes.push(("errors in 10 % of the requests instead of 0.5 %", change));
    }
    if has(false) {
        let change = Change {
            latency_factor: 2.0,
            ..Change::NONE
        };
        changes.push(("twice the latency", change));
    }
    let study = |requests_per_second: f64, change: Change| {
        let mut traffic = scenario(
            &analysis,
            requests_per_second,
            f64::from(gate.percent) / 100.0,
        );
        traffic.change = change;
        let mut simulator = Simulator::new(traffic).ok()?;
        Some(Study::of(&analysis, &mut simulator, RUNS, SEED))
    };
    let of = |requests_per_second: f64| {
        let good = study(requests_per_second, Change::NONE)?;
        let sights = changes.iter().filter_map(|(what, change)| {
            Some(Sight {
                requests_per_second,
                what,
                bad: study(requests_per_second, *change)?,
                good: good.clone(),
            })
        });
        Some(sights.collect::<Vec<_>>())
    };
    TRAFFIC.into_iter().filter_map(of).flatten().collect()
}

fn percent(share: f64) -> String {
    let percent = format!("{:.3}", share * 100.0);
    format!("{} %", percent.trim_end_matches('0').trim_end_matches('.'))
}

fn in_json(gate: &NamedGate) -> Value {
    let share = f64::from(gate.percent) / 100.0;
    let budget = &gate.analysis.budget;
    let rules = gate.analysis.rules.iter().map(|rule| {
        let told = is_simulated(rule) && rule.test.is_sequential();
        json!({
            "words": render::rule(rule),
            "rule": rule,
            "requests_to_fail": told.then(|| requests_to_fail(rule, budget, share)).flatten(),
            "requests_to_pass": told.then(|| requests_to_pass(rule, budget, share)).flatten(),
            "false_alarms": FalseAlarms::of(gate, rule).map(|alarms| alarms.in_json()),
        })
    });
    let sights = sights(gate);
    let sights = sights.iter().map(|sight| {
        json!({
            "requests_per_second": sight.requests_per_second,
            "what": sight.what,
            "runs": RUNS,
            "share_off_by_at_most": POINTS as f64 / 100.0,
            "found": sight.bad.failed(),
            "found_after_ms": sight.bad.failed_after_ms(0.5),
            "good_passed": sight.good.passed(),
            "good_passed_after_ms": sight.good.passed_after_ms(0.5),
        })
    });
    json!({
        "name": gate.name,
        "canary_percent": gate.percent,
        "role": gate.role,
        "record_ms": gate.record_ms,
        "analysis": gate.analysis,
        "rules": rules.collect::<Vec<_>>(),
        "sees": sights.collect::<Vec<_>>(),
    })
}

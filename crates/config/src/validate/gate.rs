//! The gate: rules that can be judged under the strategy.

use portcullis_analysis::{Analysis, Budget, Enough, Rule, Signal, Test, WhenInconclusive};
use portcullis_rollout::Strategy;

use super::text;
use crate::Code;
use crate::bounds::CHANCE_MIN;
use crate::raw::{RawGate, RawRule, RawService};
use crate::report::{At, Report, Spot, Wrong};
use crate::similar::nearest;
use crate::units::{self, Limit, duration_text, known};

mod cadence;
mod limits;
mod reachable;
mod useless;

pub(super) use cadence::keep_warm;
pub(super) use useless::refusals;

/// Requests before a circuit breaker says anything, unless it says otherwise.
const BREAKER_REQUESTS_MIN: u64 = 50;
/// Readings of a figure before it is compared with the stable release's, unless the rule says otherwise.
const READINGS_MIN: u64 = 3;
/// Which quantile of a time, unless the rule says otherwise.
const QUANTILE: f64 = 0.95;
/// The largest chance of being wrong that makes any sense.
const CHANCE_MAX: f64 = 0.5;

/// The gate's analysis: the file's rules, or the default ones that fit the strategy.
pub(super) fn analysis(
    raw: &RawGate,
    service: &RawService,
    strategy: Option<&Strategy>,
    report: &Report<'_>,
) -> Analysis {
    let figures = super::metric::names(service, &raw.metrics);
    let mut rules = Vec::new();
    let gate = raw;
    for raw in &raw.rules {
        let Some(rule) = rule(raw, &figures, gate, report) else {
            continue;
        };
        useless::duplicate(raw, &rule, &rules, report);
        for_each_release(raw, &rule, gate, report);
        let compared = match strategy {
            Some(Strategy::Canary { .. }) => true,
            Some(_) => !rule.test.needs_baseline(),
            // The strategy could not be read: nothing is known to contradict it.
            None => true,
        };
        // That the strategy has no gates at all is said once, for the whole table.
        let gateless = strategy == Some(&Strategy::AtOnce) && service.keep_warm_ms == 0;
        if raw.given && !compared && !gateless {
            let message = "this compares with the stable release, which gets no traffic at the same \
                           time unless the strategy is canary";
            let hint = "give a fixed limit with `max`, or set strategy = \"canary\"";
            report.add(
                &raw.spot,
                Wrong::new(Code::Contradiction, message).hint(hint),
            );
        }
        if compared || raw.given {
            rules.push(rule);
        }
    }
    window(raw, report);
    reachable::check(raw, service, report);
    useless::early(raw, &rules, report);
    let budget = budget(raw, &rules, report);
    if let Some(spot) = raw.spot.as_ref().filter(|_| raw.given && !raw.rules_broken) {
        judgeable(raw, &rules, (strategy, service.keep_warm_ms), spot, report);
    }
    Analysis {
        rules,
        window_ms: raw.window_ms.as_ref().map_or(1, |at| at.value),
        interval_ms: raw.interval_ms.as_ref().map_or(1, |at| at.value),
        cadence: cadence::of_gate(
            &raw.cadence,
            raw.window_ms.as_ref().map(|at| at.value),
            report,
        ),
        samples_min: reachable::samples_min(raw),
        extend_ms: raw.extend_ms.as_ref().map_or(0, |at| at.value),
        early: raw.early.as_ref().is_some_and(|at| at.value),
        inconclusive: match text(raw.inconclusive.as_ref()) {
            Some("hold") => WhenInconclusive::Hold,
            Some("roll-back") => WhenInconclusive::RollBack,
            _ => WhenInconclusive::Ask,
        },
        budget,
    }
}

/// The chances of being wrong, shared by the sequential rules.
fn budget(raw: &RawGate, rules: &[Rule], report: &Report<'_>) -> Budget {
    let usual = Budget::default();
    let chance = |at: Option<&At<Limit>>, name: &str, usual: f64| {
        let Some(at) = at else {
            return usual;
        };
        match units::rate(&at.value) {
            Ok(chance) if (CHANCE_MIN..=CHANCE_MAX).contains(&chance) => chance,
            Ok(chance) if chance > 0.0 && chance < CHANCE_MIN => {
                let message = format!(
                    "expected a chance of at least 0.0001% (one in a million), found {}",
                    at.value.found()
                );
                let hint = format!(
                    "with so small a chance hardly any traffic is evidence enough; the default is {}%",
                    usual * 100.0
                );
                report.add(&at.spot, Wrong::new(Code::BadValue, message).hint(hint));
                usual
            }
            Ok(_) => {
                let message = format!(
                    "expected a chance above 0% and at most 50%, found {}",
                    at.value.found()
                );
                let hint = match name {
                    "alpha" => {
                        "with a chance of 0 no evidence is ever enough, and the gate could not fail"
                    }
                    _ => {
                        "with a chance of 0 no evidence is ever enough, and the gate could not pass"
                    }
                };
                report.add(&at.spot, Wrong::new(Code::BadValue, message).hint(hint));
                usual
            }
            Err(wrong) => {
                report.add(&at.spot, wrong);
                usual
            }
        }
    };
    let sequential = rules.iter().filter(|rule| rule.is_sequential()).count();
    Budget {
        alpha: chance(raw.alpha.as_ref(), "alpha", usual.alpha),
        parts: u32::try_from(sequential.max(1)).unwrap_or(u32::MAX),
        beta: chance(raw.beta.as_ref(), "beta", usual.beta),
    }
}

/// The interval fits into the window.
fn window(raw: &RawGate, report: &Report<'_>) {
    let (Some(window), Some(interval)) = (&raw.window_ms, &raw.interval_ms) else {
        return;
    };
    if interval.value <= window.value {
        return;
    }
    let said = |at: &At<u64>| {
        let default = if at.given { "" } else { ", the default" };
        format!("{}{default}", duration_text(at.value))
    };
    let message = format!(
        "the interval ({}) is longer than the window ({})",
        said(interval),
        said(window)
    );
    let spot = if interval.given {
        &interval.spot
    } else {
        &window.spot
    };
    let wrong = Wrong::new(Code::Contradiction, message);
    report.add(
        spot,
        wrong.hint("a gate measures several times within its window"),
    );
}

/// The strategy has gates, and each of them a rule that can be judged.
fn judgeable(
    raw: &RawGate,
    rules: &[Rule],
    (strategy, keep_warm_ms): (Option<&Strategy>, u64),
    spot: &Spot,
    report: &Report<'_>,
) {
    let weights = match strategy {
        // The rules are looked at while the old release is kept warm.
        Some(Strategy::AtOnce) if keep_warm_ms > 0 => &[],
        Some(Strategy::AtOnce) => {
            let message = "the strategy at-once has no gates: these rules would never be looked at";
            let hint =
                "remove [gate], set strategy = \"canary\" or \"blue-green\", or give a `keep_warm`";
            report.add(spot, Wrong::new(Code::Contradiction, message).hint(hint));
            return;
        }
        Some(Strategy::Canary { weights }) => weights.as_slice(),
        // No other release runs beside it.
        Some(Strategy::BlueGreen | Strategy::CutOver { .. }) | None => &[],
    };
    // Rules that could not be read are already reported.
    if rules.len() < raw.rules.len() {
        return;
    }
    let comparisons = rules
        .iter()
        .filter(|rule| rule.test.needs_baseline())
        .count();
    if rules.is_empty() {
        let message = "a gate without rules would prove nothing";
        let hint = "add a [[gate.rule]], or remove `rule` to get the default rules";
        report.add(spot, Wrong::new(Code::BadValue, message).hint(hint));
    } else if comparisons == rules.len() && strategy.is_some() && !weights.is_empty() {
        let message = "every rule compares with the stable release, and at 100 % there is no traffic \
                       left to compare with";
        let hint =
            "add a rule with a fixed limit, such as { signal = \"error-rate\", max = \"5%\" }";
        report.add(spot, Wrong::new(Code::Contradiction, message).hint(hint));
    }
    if !rules.is_empty() && rules.iter().all(|rule| rule.alone) && weights.len() > 1 {
        let message = "every rule is only for a release that serves alone, and below 100 % the stable one \
                       serves beside it: those gates would have no rule";
        let hint = "add a rule that compares, such as { signal = \"error-rate\", \
                    worse_than_stable_by = \"0.2%\" }, or leave out `alone`";
        report.add(spot, Wrong::new(Code::Contradiction, message).hint(hint));
    }
    if comparisons > 0 && weights.len() == 1 {
        let message = "a rule compares with the stable release, but no weight is below 100: there is \
                       never traffic to compare with";
        let hint = "add a smaller weight, such as weights = [10, 100]";
        report.add(spot, Wrong::new(Code::Contradiction, message).hint(hint));
    }
}

/// One rule; `None` when something in it is wrong, which is reported.
fn rule(raw: &RawRule, figures: &[&str], gate: &RawGate, report: &Report<'_>) -> Option<Rule> {
    let word = raw.signal.as_ref()?;
    let compared = raw.worse_than_stable_by.is_some() || raw.ratio_max.is_some();
    let quantile = raw.quantile.as_ref().map_or(QUANTILE, |at| at.value);
    let signal = match word.value.as_str() {
        "error-rate" => Signal::ErrorRate,
        "refusals" => Signal::Refusals,
        "latency" if compared && raw.quantile.is_none() => Signal::Latencies,
        "latency" => Signal::Latency { quantile },
        "first-token" => Signal::FirstToken { quantile },
        "token-gap" => Signal::TokenGap { quantile },
        "token-time" => Signal::TokenTime { quantile },
        "health" => Signal::HealthFailures,
        _ => Signal::Metric {
            name: text(raw.metric.as_ref()).unwrap_or_default().to_owned(),
        },
    };
    let mut good = only(raw.metric.as_ref(), word, "metric", report);
    if signal.quantile().is_none() {
        good &= only(raw.quantile.as_ref(), word, "latency", report);
    }
    if word.value == "metric" {
        good &= figure(raw, word, figures, report);
    }
    let window_ms = gate.window_ms.as_ref().map_or(1, |at| at.value);
    let test = limits::test(raw, &signal, window_ms, report)?;
    let breaker = raw.breaker.as_ref().is_some_and(|at| at.value);
    let by_evidence = test.is_sequential() && raw.requests_min.is_none();
    let least = match test {
        _ if breaker => BREAKER_REQUESTS_MIN,
        Test::Beside { over_ms, .. } => reachable::readings(gate, over_ms).clamp(1, READINGS_MIN),
        _ => 1,
    };
    Some(Rule {
        signal,
        test,
        requests_min: raw.requests_min.unwrap_or(least),
        enough: if by_evidence {
            Enough::Evidence
        } else {
            Enough::Requests
        },
        breaker,
        alone: raw.alone.as_ref().is_some_and(|at| at.value),
    })
    .filter(|_| good)
}

/// A figure that is compared can be asked of both releases.
fn for_each_release(raw: &RawRule, rule: &Rule, gate: &RawGate, report: &Report<'_>) {
    let (Test::Beside { .. }, Some(metric)) = (&rule.test, &raw.metric) else {
        return;
    };
    let elsewhere = gate.metrics.iter();
    let mut elsewhere = elsewhere.filter(|one| text(one.name.as_ref()) == Some(&metric.value));
    // The service's own document is asked of each release by itself.
    if elsewhere.next().is_some_and(|one| !one.is_of_a_release()) {
        let message = format!(
            "`{}` is the same whichever release is asked about, so there is nothing to compare",
            metric.value
        );
        let hint = "say {release} or {address} in its url, query or command, or for prometheus the `label` that names \
                    the release";
        let wrong = Wrong::new(Code::Contradiction, message).hint(hint);
        report.add(&metric.spot, wrong);
    }
}

/// A key that only one signal has.
fn only<T>(at: Option<&At<T>>, word: &At<String>, signal: &str, report: &Report<'_>) -> bool {
    let Some(at) = at.filter(|_| word.value != signal) else {
        return true;
    };
    let message = format!(
        "only the signal {signal} has this key, and this one is {}",
        word.value
    );
    report.add(
        &at.spot,
        Wrong::new(Code::Contradiction, message).hint("remove it"),
    );
    false
}

/// The figure that a metric rule names is declared.
fn figure(raw: &RawRule, word: &At<String>, figures: &[&str], report: &Report<'_>) -> bool {
    let none = "declare it in [service.metrics.figures] or as a [[gate.metric]]";
    let Some(metric) = &raw.metric else {
        let message = "a rule on a metric needs to say which";
        let hint = format!("add metric = \"NAME\"; {}", known(figures, none));
        report.add(&word.spot, Wrong::new(Code::MissingKey, message).hint(hint));
        return false;
    };
    if figures.contains(&metric.value.as_str()) {
        return true;
    }
    let message = format!("no figure is named {}", units::quoted(&metric.value));
    let near = nearest(&metric.value, figures.iter().copied());
    let hint = near.map_or_else(
        || known(figures, none),
        |near| format!("did you mean \"{near}\"?"),
    );
    report.add(
        &metric.spot,
        Wrong::new(Code::UnknownName, message).hint(hint),
    );
    false
}

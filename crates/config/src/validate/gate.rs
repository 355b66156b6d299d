//! The gate: rules that can be judged under the strategy.

use portcullis_analysis::{Analysis, Rule, Signal, SignalKind, Test};
use portcullis_rollout::Strategy;

use super::text;
use crate::Code;
use crate::raw::{RawGate, RawRule, RawService};
use crate::report::{At, Report, Spot, Wrong};
use crate::similar::nearest;
use crate::units::{self, Limit, duration_text, known};

/// Requests before a rule of traffic says anything, unless it says otherwise.
const REQUESTS_MIN: u64 = 100;
/// Which quantile of the latency, unless the rule says otherwise.
const QUANTILE: f64 = 0.95;

/// The gate's analysis: the file's rules, or the default ones that fit the strategy.
pub(super) fn analysis(
    raw: &RawGate,
    service: &RawService,
    strategy: Option<&Strategy>,
    report: &Report<'_>,
) -> Analysis {
    let figures: Option<Vec<&str>> = service
        .metrics
        .as_ref()
        .map(|metrics| metrics.figures.keys().map(String::as_str).collect());
    let mut rules = Vec::new();
    for raw in &raw.rules {
        let Some(rule) = rule(raw, figures.as_deref().unwrap_or_default(), report) else {
            continue;
        };
        let compared = match strategy {
            Some(Strategy::Canary { .. }) => true,
            Some(_) => !rule.test.needs_baseline(),
            // The strategy could not be read: nothing is known to contradict it.
            None => true,
        };
        if raw.given && !compared && strategy != Some(&Strategy::AtOnce) {
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
    if let Some(spot) = raw.spot.as_ref().filter(|_| raw.given && !raw.rules_broken) {
        judgeable(raw, &rules, strategy, spot, report);
    }
    Analysis {
        rules,
        window_ms: raw.window_ms.as_ref().map_or(1, |at| at.value),
        interval_ms: raw.interval_ms.as_ref().map_or(1, |at| at.value),
        samples_min: raw.samples_min,
        ..Analysis::new(Vec::new(), 1, 1)
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
    strategy: Option<&Strategy>,
    spot: &Spot,
    report: &Report<'_>,
) {
    let weights = match strategy {
        Some(Strategy::AtOnce) => {
            let message = "the strategy at-once has no gates: these rules would never be looked at";
            let hint = "remove [gate], or set strategy = \"canary\" or \"blue-green\"";
            report.add(spot, Wrong::new(Code::Contradiction, message).hint(hint));
            return;
        }
        Some(Strategy::Canary { weights }) => weights.as_slice(),
        Some(Strategy::BlueGreen) | None => &[],
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
    if comparisons > 0 && weights.len() == 1 {
        let message = "a rule compares with the stable release, but no weight is below 100: there is \
                       never traffic to compare with";
        let hint = "add a smaller weight, such as weights = [10, 100]";
        report.add(spot, Wrong::new(Code::Contradiction, message).hint(hint));
    }
}

/// One rule; `None` when something in it is wrong, which is reported.
fn rule(raw: &RawRule, figures: &[&str], report: &Report<'_>) -> Option<Rule> {
    let word = raw.signal.as_ref()?;
    let signal = match word.value.as_str() {
        "error-rate" => Signal::ErrorRate,
        "latency" => Signal::Latency {
            quantile: raw.quantile.as_ref().map_or(QUANTILE, |at| at.value),
        },
        "health" => Signal::HealthFailures,
        _ => Signal::Metric {
            name: text(raw.metric.as_ref()).unwrap_or_default().to_owned(),
        },
    };
    let mut good = only(raw.quantile.as_ref(), word, "latency", report)
        & only(raw.metric.as_ref(), word, "metric", report);
    if word.value == "metric" {
        good &= figure(raw, word, figures, report);
    }
    let test = test(raw, &signal, report);
    let traffic = matches!(signal, Signal::ErrorRate | Signal::Latency { .. });
    let requests_min = raw
        .requests_min
        .unwrap_or(if traffic { REQUESTS_MIN } else { 1 });
    Some(Rule {
        signal,
        test: test?,
        requests_min,
        enough: portcullis_analysis::Enough::Requests,
        breaker: false,
    })
    .filter(|_| good)
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
    let none = "declare it in [service.metrics.figures]";
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

/// A fixed limit or a comparison.
fn test(raw: &RawRule, signal: &Signal, report: &Report<'_>) -> Option<Test> {
    let comparison = [
        raw.worse_than_stable_by.as_ref().map(|at| &at.spot),
        raw.ratio_max.as_ref().map(|at| &at.spot),
    ];
    let compared = comparison.into_iter().flatten().next();
    match (&raw.max, compared) {
        (Some(max), None) => {
            let max = convert(max, signal, true, report)?;
            Some(Test::Limit { max })
        }
        (None, Some(spot)) => compare(raw, signal, spot, report),
        (Some(max), Some(_)) => {
            let message = "a rule has either a fixed limit or a comparison, not both";
            let wrong = Wrong::new(Code::Contradiction, message);
            report.add(&max.spot, wrong.hint("write two rules"));
            None
        }
        (None, None) => {
            // A limit that is there but could not be read is already reported.
            if !raw.limit_given {
                let comparable = matches!(signal, Signal::ErrorRate | Signal::Latency { .. });
                let hint = match (signal, comparable) {
                    (Signal::ErrorRate, _) => "add max = \"1%\" or worse_than_stable_by = \"0.5%\"",
                    (_, true) => "add max = \"250ms\" or worse_than_stable_by = \"20ms\"",
                    _ => "add max = 2, or whichever number it must not pass",
                };
                let message = "the rule has no limit";
                report.add(&raw.spot, Wrong::new(Code::MissingKey, message).hint(hint));
            }
            None
        }
    }
}

fn compare(raw: &RawRule, signal: &Signal, spot: &Spot, report: &Report<'_>) -> Option<Test> {
    if matches!(signal, Signal::HealthFailures | Signal::Metric { .. }) {
        let message = "only the error rate and latencies can be compared with the stable release";
        let wrong = Wrong::new(Code::Contradiction, message);
        report.add(spot, wrong.hint("give a fixed limit with `max`"));
        return None;
    }
    if raw.comparison_broken {
        return None;
    }
    let ratio_max = raw.ratio_max.as_ref();
    if let Some(at) = ratio_max.filter(|at| at.value < 1.0) {
        let message = format!(
            "expected a factor of at least 1, found the number {}",
            at.value
        );
        let hint = format!(
            "did you mean {}? the canary may be that many times the stable value",
            1.0 + at.value
        );
        let wrong = Wrong::new(Code::BadValue, message);
        report.add(
            &at.spot,
            if at.value > 0.0 {
                wrong.hint(hint)
            } else {
                wrong
            },
        );
        return None;
    }
    let margin = match &raw.worse_than_stable_by {
        Some(at) => convert(at, signal, false, report)?,
        None => 0.0,
    };
    Some(Test::Baseline {
        ratio_max: ratio_max.map_or(1.0, |at| at.value),
        margin,
    })
}

/// A limit in the signal's unit.
fn convert(at: &At<Limit>, signal: &Signal, fixed: bool, report: &Report<'_>) -> Option<f64> {
    let converted = match signal.kind() {
        SignalKind::Share => units::rate(&at.value),
        SignalKind::Time => units::latency_ms(&at.value).and_then(|ms| {
            if fixed && ms == 0.0 {
                Err(Wrong::new(
                    Code::BadValue,
                    "no answer takes no time; expected more than 0ms",
                ))
            } else {
                Ok(ms)
            }
        }),
        SignalKind::Checks => units::failures(&at.value),
        SignalKind::Figure => units::figure(&at.value),
    };
    match converted {
        Ok(value) => Some(value),
        Err(wrong) => {
            report.add(&at.spot, wrong);
            None
        }
    }
}

//! From what good releases did to limits that they would have held with room to spare.

use portcullis_analysis::{Analysis, ArmSample, Signal, SignalKind, Test, proportion_interval};
use serde::Serialize;

use super::signal_word;
use crate::render;

/// How much room a limit leaves above what good releases did.
const ROOM: f64 = 1.5;
/// The chance that a release's true rate is above what is taken for it.
const MISS: f64 = 0.05;
/// Intervals are tightest after about so many requests.
const REQUESTS_OPT: f64 = 1000.0;
/// With fewer requests of a release nothing is read from it.
const REQUESTS_MIN: u64 = 100;
/// The smallest limits that are proposed: below them chance and noise rule.
const SHARE_MIN: f64 = 0.001;
const RATIO_MIN: f64 = 1.05;
/// The quantile of latencies that is compared.
const QUANTILE: f64 = 0.95;

/// What the gates of one promoted release have seen.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seen {
    pub(super) release: String,
    /// All of its own requests.
    pub(super) alone: ArmSample,
    /// Its requests while the stable release had some too, and those of that one.
    pub(super) beside: Option<(ArmSample, ArmSample)>,
    pub(super) beside_ms: u64,
}

/// A rule that is proposed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Proposal {
    pub(super) signal: &'static str,
    /// The rule's lines in the file.
    pub(super) keys: Vec<String>,
    /// Why.
    pub(super) reason: String,
    /// The rule that the file has now.
    pub(super) now: Option<String>,
}

/// Limits for errors and latency that all of these releases would have held.
pub(super) fn propose(analysis: &Analysis, seen: &[Seen]) -> Vec<Proposal> {
    let proposals = [
        error_limit(analysis, seen),
        error_margin(analysis, seen),
        latency_ratio(analysis, seen),
    ];
    proposals.into_iter().flatten().collect()
}

fn error_limit(analysis: &Analysis, seen: &[Seen]) -> Option<Proposal> {
    let rates = seen
        .iter()
        .filter(|seen| seen.alone.requests >= REQUESTS_MIN);
    let highest = rates
        .map(|seen| highest_rate(&seen.alone))
        .reduce(f64::max)?;
    let limit = rounded_up((highest * ROOM).max(SHARE_MIN), 0.001).min(1.0);
    let now = now(analysis, &Signal::ErrorRate, false);
    Some(Proposal {
        signal: signal_word(&Signal::ErrorRate),
        keys: vec![
            "signal = \"error-rate\"".to_owned(),
            format!("max = \"{}\"", percent(limit)),
        ],
        reason: format!(
            "no good release failed more than {} of its requests (what is sure at 95 %)",
            Signal::ErrorRate.format(highest)
        ),
        now,
    })
}

fn error_margin(analysis: &Analysis, seen: &[Seen]) -> Option<Proposal> {
    let beside = seen.iter().filter_map(|seen| seen.beside.as_ref());
    let enough = |arms: &&(ArmSample, ArmSample)| {
        arms.0.requests >= REQUESTS_MIN && arms.1.requests >= REQUESTS_MIN
    };
    let excess = beside.filter(enough).map(|(canary, stable)| {
        canary.error_rate().unwrap_or(0.0) - stable.error_rate().unwrap_or(0.0)
    });
    let highest = excess.reduce(f64::max)?;
    let margin = rounded_up((highest * ROOM).max(SHARE_MIN), 0.001).min(1.0);
    Some(Proposal {
        signal: signal_word(&Signal::ErrorRate),
        keys: vec![
            "signal = \"error-rate\"".to_owned(),
            format!("worse_than_stable_by = \"{}\"", percent(margin)),
        ],
        reason: match highest > 0.0 {
            true => format!(
                "the worst good release failed {} more than the one beside it",
                Signal::ErrorRate.format(highest)
            ),
            false => "no good release failed more than the one beside it".to_owned(),
        },
        now: now(analysis, &Signal::ErrorRate, true),
    })
}

fn latency_ratio(analysis: &Analysis, seen: &[Seen]) -> Option<Proposal> {
    let ratios = seen.iter().filter_map(|seen| {
        let (canary, stable) = seen.beside.as_ref()?;
        let enough =
            canary.latency.count() >= REQUESTS_MIN && stable.latency.count() >= REQUESTS_MIN;
        let canary = canary.latency.quantile_us(QUANTILE).filter(|_| enough)?;
        let stable = stable.latency.quantile_us(QUANTILE).filter(|us| *us > 0)?;
        Some(canary as f64 / stable as f64)
    });
    let highest = ratios.reduce(f64::max)?;
    let ratio = rounded_up(1.0 + (highest - 1.0).max(0.0) * ROOM, 0.05).max(RATIO_MIN);
    Some(Proposal {
        signal: signal_word(&Signal::Latencies),
        keys: vec![
            "signal = \"latency\"".to_owned(),
            format!("ratio_max = {ratio:.2}"),
            "worse_than_stable_by = \"5ms\"".to_owned(),
        ],
        reason: format!(
            "the slowest good release had {highest:.2} times the p95 of the one beside it"
        ),
        now: now(analysis, &Signal::Latencies, true),
    })
}

/// The highest rate that an arm is likely to have.
fn highest_rate(arm: &ArmSample) -> f64 {
    let interval = proportion_interval(arm.errors, arm.requests, MISS, REQUESTS_OPT);
    interval.map_or(1.0, |(_, high)| high)
}

/// The rule of the file that says the same kind of thing.
fn now(analysis: &Analysis, signal: &Signal, compares: bool) -> Option<String> {
    let same = |other: &Signal| match signal.kind() {
        SignalKind::Time => matches!(other, Signal::Latency { .. } | Signal::Latencies),
        _ => other == signal,
    };
    let mut rules = analysis.rules.iter();
    let found = rules.find(|rule| {
        let fixed = matches!(rule.test, Test::AtMost { .. } | Test::Limit { .. });
        same(&rule.signal)
            && !rule.breaker
            && if compares {
                rule.test.needs_baseline()
            } else {
                fixed
            }
    })?;
    Some(render::rule(found))
}

fn rounded_up(number: f64, step: f64) -> f64 {
    // What is a whole number of steps already stays one.
    ((number / step - 1e-9).ceil() * step).max(step)
}

fn percent(share: f64) -> String {
    let percent = format!("{:.1}", share * 100.0);
    format!("{}%", percent.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests;

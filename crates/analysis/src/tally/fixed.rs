//! Rules as they stand: one look at plain numbers.

use super::sums::Sums;
use crate::rule::Test;
use crate::{Evidence, Signal, SignalKind, rate_difference_lower_bound};

/// The one-sided 99.5 % normal quantile: the lower end of a two-sided 99 % interval.
const Z_99: f64 = 2.575_829;

/// Fills the evidence and says whether the rule is broken; `None` when there is too little data.
pub(super) fn look(sums: &Sums, evidence: &mut Evidence) -> Option<bool> {
    match evidence.rule.signal.kind() {
        SignalKind::Checks => checks(sums, evidence),
        SignalKind::Figure => figure(sums, evidence),
        SignalKind::Share | SignalKind::Time => arms(sums, evidence),
    }
}

fn checks(sums: &Sums, evidence: &mut Evidence) -> Option<bool> {
    let checks = sums.checks()?;
    evidence.requests = checks.made;
    evidence.observed = Some(f64::from(checks.worst));
    evidence.detail.clone_from(&checks.last_failure);
    let broken = f64::from(checks.worst) > evidence.limit?;
    // A run of failures is proof whatever the number of checks; health needs enough of them.
    (broken || checks.made >= evidence.rule.requests_min).then_some(broken)
}

fn figure(sums: &Sums, evidence: &mut Evidence) -> Option<bool> {
    let Signal::Metric { name } = &evidence.rule.signal else {
        return None;
    };
    let figure = sums.figure(name)?;
    evidence.requests = figure.readings;
    evidence.observed = figure.last;
    if figure.readings < evidence.rule.requests_min {
        return None;
    }
    Some(evidence.observed? > evidence.limit?)
}

fn arms(sums: &Sums, evidence: &mut Evidence) -> Option<bool> {
    let signal = evidence.rule.signal.clone();
    let least = evidence.rule.requests_min;
    let Test::Baseline { ratio_max, margin } = evidence.rule.test else {
        let canary = sums.canary_of(&signal);
        evidence.requests = signal.count(&canary);
        evidence.observed = signal.value(&canary);
        evidence.baseline = sums.baseline_value(&signal);
        let enough = evidence.requests >= least;
        let observed = evidence.observed?;
        let limit = evidence.limit?;
        return enough.then_some(observed > limit);
    };
    // Journals of before have this test, and none has synthetic requests.
    let (canary, stable) = (sums.canary(), sums.baseline());
    evidence.requests = signal.count(canary);
    evidence.observed = signal.value(canary);
    evidence.baseline = signal.value(stable);
    let limit = evidence.baseline? * ratio_max + margin;
    evidence.limit = Some(limit);
    if evidence.requests < least || signal.count(stable) < least {
        return None;
    }
    let worse = evidence.observed? > limit;
    let beyond_chance = signal.kind() != SignalKind::Share || {
        let of = |arm| {
            let (requests, events) = signal.events(arm);
            (events, requests)
        };
        let bound = rate_difference_lower_bound(of(canary), of(stable), Z_99);
        bound.is_some_and(|bound| bound > 0.0)
    };
    Some(worse && beyond_chance)
}

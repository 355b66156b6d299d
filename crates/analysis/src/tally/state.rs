//! What one rule remembers between samples.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::fixed;
use super::proof::proof;
use super::sums::Sums;
use super::trailing::Trailing;

use crate::rule::{Bound, Enough, Rule, Test};
use crate::{
    ArmEvents, ArmSample, Budget, Evidence, Exceedances, Labels, LatencyBound, Proportion,
    RateBound, RateRatio, Sample, Signal, SignalKind, SyntheticEvidence, Verdict,
};

/// How many requests stand for all routing keys when their first errors are compared: with shares alone
/// only the relation of the two counts.
const KEYS: f64 = 1e6;
/// A signal that is missing in more than one of so many measurements says too little of the window.
const GAPS_ONE_OF: u64 = 4;
/// A signal that is missing in so many measurements in a row has stopped; a shorter gap at the end of the window is
/// waited for.
const GAP_RUN: u32 = 3;
/// A limit counts as approached from this share of it on.
const NEAR: f64 = 0.8;

/// What one rule remembers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum RuleState {
    /// Nothing: the sums are enough.
    Fixed,
    /// The latest stretch.
    Trailing { trailing: Trailing },
    /// The latest stretches of a figure of both releases.
    Beside { canary: Trailing, stable: Trailing },
    /// One arm against a limit.
    Share { worse: Proportion, good: Proportion },
    /// Two arms' shares of events.
    Shares {
        worse: Labels,
        good: Labels,
        #[serde(default)]
        ratio: RateRatio,
    },
    /// Two arms' times.
    Times {
        worse: Exceedances,
        good: Exceedances,
    },
}

impl RuleState {
    pub(super) fn new(rule: &Rule) -> RuleState {
        let signal = &rule.signal;
        let times = signal.kind() == SignalKind::Time;
        match &rule.test {
            Test::Limit { .. } | Test::Baseline { .. } => RuleState::Fixed,
            Test::Window { .. } => RuleState::Trailing {
                trailing: Trailing::default(),
            },
            Test::Beside { .. } => RuleState::Beside {
                canary: Trailing::default(),
                stable: Trailing::default(),
            },
            Test::AtMost { max, matters } => {
                let slow = 1.0 - signal.quantile().unwrap_or(0.0);
                RuleState::Share {
                    worse: Proportion::above(if times { slow } else { *max }),
                    good: Proportion::below(if times { slow } else { *matters }),
                }
            }
            Test::NotWorse { tolerated, matters } if times => RuleState::Times {
                worse: Exceedances::above(&signal.compared_quantiles(), latency(tolerated)),
                good: Exceedances::below(&signal.shown_quantiles(), latency(matters)),
            },
            Test::NotWorse { tolerated, matters } => RuleState::Shares {
                worse: Labels::above(rate(tolerated)),
                good: Labels::below(rate(matters)),
                ratio: RateRatio::default(),
            },
        }
    }

    /// The state with which the next gate of the rollout begins: see [`super::Tally::following`].
    pub(super) fn continued(&self) -> RuleState {
        let mut next = self.clone();
        match &mut next {
            RuleState::Fixed => {}
            RuleState::Trailing { trailing } => *trailing = Trailing::default(),
            RuleState::Beside { canary, stable } => {
                (*canary, *stable) = (Trailing::default(), Trailing::default());
            }
            RuleState::Share { good, .. } => good.restart(),
            RuleState::Shares { good, .. } => good.restart(),
            RuleState::Times { good, .. } => good.restart(),
        }
        next
    }

    pub(super) fn observe(&mut self, rule: &Rule, sample: &Sample) {
        let signal = &rule.signal;
        match self {
            RuleState::Fixed => {}
            RuleState::Trailing { trailing } => {
                if let Test::Window { over_ms, .. } = rule.test {
                    trailing.observe(signal, over_ms, sample);
                }
            }
            RuleState::Beside { canary, stable } => {
                if let (Test::Beside { over_ms, .. }, Signal::Metric { name }) =
                    (&rule.test, signal)
                {
                    canary.observe_figure(sample.metrics.get(name), *over_ms, sample.to_ms);
                    stable.observe_figure(sample.stable_metrics.get(name), *over_ms, sample.to_ms);
                }
            }
            _ => {
                let users = (sample.canary.as_ref(), sample.baseline.as_ref());
                self.count(rule, users, sample.key_share);
                // A stratum of its own: as many requests in each arm, whatever the weight, and no routing keys.
                if let Some(synthetic) = sample
                    .synthetic
                    .as_ref()
                    .filter(|_| signal.counts_synthetic())
                {
                    let arms = (Some(&synthetic.canary), synthetic.baseline.as_ref());
                    self.count(rule, arms, None);
                }
            }
        }
    }

    /// Takes in what the arms answered to one kind of requests: of users, or synthetic ones.
    fn count(
        &mut self,
        rule: &Rule,
        (canary, stable): (Option<&ArmSample>, Option<&ArmSample>),
        key_share: Option<f64>,
    ) {
        let signal = &rule.signal;
        match self {
            RuleState::Fixed | RuleState::Trailing { .. } | RuleState::Beside { .. } => {}
            RuleState::Share { worse, good } => {
                let (Some(arm), Test::AtMost { max, matters }) = (canary, &rule.test) else {
                    return;
                };
                let (requests, bad) = above(signal, arm, *max);
                worse.observe(requests, bad);
                let (requests, bad) = above(signal, arm, *matters);
                good.observe(requests, bad);
            }
            RuleState::Shares { worse, good, ratio } => {
                let (Some(canary), Some(stable)) = (canary, stable) else {
                    return;
                };
                let events = events(signal, canary, stable, key_share);
                worse.observe(events);
                good.observe(events);
                ratio.observe(events);
            }
            RuleState::Times { worse, good } => {
                let (Some(canary), Some(stable)) = (canary, stable) else {
                    return;
                };
                let (canary, stable) = (signal.times(canary), signal.times(stable));
                worse.observe(canary, stable);
                good.observe(canary, stable);
            }
        }
    }

    /// What this rule concludes if the gate had to decide now. A rule whose signal is missing does not pass: not while
    /// it is missing, and not when it was missing for too much of the time.
    pub(super) fn judge(&self, rule: &Rule, sums: &Sums, budget: &Budget) -> Evidence {
        let mut evidence = self.look(rule, sums, budget);
        let gap = sources(rule).find_map(|name| open_gap(&name, sums));
        let Some(gap) = gap else {
            return evidence;
        };
        evidence.verdict = match (evidence.verdict, gap.stopped) {
            (Verdict::Pass, false) => Verdict::Undecided,
            (Verdict::Pass, true) => Verdict::Inconclusive,
            (verdict, _) => verdict,
        };
        evidence.detail = Some(gap.words);
        evidence
    }

    fn look(&self, rule: &Rule, sums: &Sums, budget: &Budget) -> Evidence {
        let mut evidence = Evidence::empty(rule);
        let broken = match self {
            RuleState::Fixed => fixed::look(sums, &mut evidence),
            RuleState::Trailing { trailing } => look_back(trailing, &mut evidence),
            RuleState::Beside { canary, stable } => look_beside(canary, stable, &mut evidence),
            RuleState::Share { .. } | RuleState::Shares { .. } | RuleState::Times { .. } => {
                return self.weigh(evidence, sums, budget);
            }
        };
        evidence.approaching = broken == Some(false) && is_near(&evidence);
        evidence.verdict = match broken {
            Some(true) => Verdict::Fail,
            Some(false) => Verdict::Pass,
            None => Verdict::Inconclusive,
        };
        evidence.synthetic = synthetic_evidence(rule, sums);
        evidence
    }

    /// The evidence of a sequential rule.
    fn weigh(&self, mut evidence: Evidence, sums: &Sums, budget: &Budget) -> Evidence {
        let rule = evidence.rule.clone();
        let (canary, stable) = (sums.canary_of(&rule.signal), sums.baseline_of(&rule.signal));
        let (canary, stable) = (canary.as_ref(), stable.as_ref());
        evidence.synthetic = synthetic_evidence(&rule, sums);
        evidence.requests = rule.signal.count(canary);
        evidence.observed = rule.signal.value(canary);
        if let Test::NotWorse { tolerated, .. } = &rule.test {
            evidence.baseline = rule.signal.value(stable);
            evidence.limit = evidence.baseline.map(|value| tolerated.at(value));
        }
        let proof = proof(self, &rule, budget);
        evidence.approaching = proof.is_approaching();
        let many = evidence.requests >= rule.requests_min;
        evidence.verdict = if proof.fails() {
            Verdict::Fail
        } else if many && (rule.enough == Enough::Requests || proof.passes()) {
            Verdict::Pass
        } else {
            Verdict::Inconclusive
        };
        evidence.proof = Some(proof);
        evidence
    }
}

/// What a rule has no data of.
struct OpenGap {
    /// Whether it has lasted so long that it will not be waited for.
    stopped: bool,
    /// In words that follow `no data: `.
    words: String,
}

/// The names, as in [`Sample::missing`], of what a rule is judged by.
fn sources(rule: &Rule) -> impl Iterator<Item = Cow<'_, str>> {
    let compares = rule.test.needs_baseline();
    let of = match &rule.signal {
        Signal::Metric { name } => {
            let stable = compares.then(|| Cow::Owned(Sample::stable_figure(name)));
            [Some(Cow::Borrowed(name.as_str())), stable]
        }
        Signal::HealthFailures => [None, None],
        _ => {
            let stable = compares.then_some(Cow::Borrowed(Sample::STABLE_COUNTS));
            [Some(Cow::Borrowed(Sample::CANARY_COUNTS)), stable]
        }
    };
    of.into_iter().flatten()
}

fn open_gap(name: &str, sums: &Sums) -> Option<OpenGap> {
    let gap = sums.gap(name)?;
    let often = u64::from(gap.missed) * GAPS_ONE_OF > u64::from(sums.samples());
    if gap.run == 0 && !often {
        return None;
    }
    let words = if gap.run > 0 {
        gap.why.clone()
    } else {
        let (missed, of) = (gap.missed, sums.samples());
        format!("{} (in {missed} of {of} measurements)", gap.why)
    };
    Some(OpenGap {
        stopped: often || gap.run >= GAP_RUN,
        words,
    })
}

/// Requests (or times) of an arm and how many of them are events of a signal that must be at most `max`.
fn above(signal: &Signal, arm: &ArmSample, max: f64) -> (u64, u64) {
    if signal.kind() == SignalKind::Time {
        let times = signal.times(arm);
        return (times.count(), times.slower_than((max * 1000.0) as u64));
    }
    signal.events(arm)
}

/// The events of both arms. Where requests stay with an arm by a routing key, one key with a broken
/// session makes many errors that are not independent, so a key counts once in a rollout, and the share
/// of the keys takes the place of the share of the requests.
fn events(
    signal: &Signal,
    canary: &ArmSample,
    stable: &ArmSample,
    key_share: Option<f64>,
) -> ArmEvents {
    let keyed = match (canary.first_errors, stable.first_errors, key_share) {
        (Some(canary), Some(stable), Some(share)) if *signal == Signal::ErrorRate => {
            Some((canary, stable, share))
        }
        _ => None,
    };
    if let Some((canary_events, stable_events, share)) = keyed {
        // Per key and not per request: as many keys as requests at the most, so a margin allows no
        // fewer of them than it should.
        let requests = (canary.requests + stable.requests) as f64;
        let all = if requests > 0.0 { requests } else { KEYS };
        let own = libm::round(all * share) as u64;
        return ArmEvents {
            canary: own.max(canary_events).max(1),
            canary_events,
            stable: (libm::round(all) as u64)
                .saturating_sub(own)
                .max(stable_events)
                .max(1),
            stable_events,
        };
    }
    let (canary, canary_events) = signal.events(canary);
    let (stable, stable_events) = signal.events(stable);
    ArmEvents {
        canary,
        canary_events: canary_events.min(canary),
        stable,
        stable_events: stable_events.min(stable),
    }
}

fn look_back(trailing: &Trailing, evidence: &mut Evidence) -> Option<bool> {
    let Test::Window { reading, .. } = evidence.rule.test else {
        return None;
    };
    (evidence.requests, evidence.observed) = trailing.value(&evidence.rule.signal, reading);
    if evidence.requests < evidence.rule.requests_min {
        return None;
    }
    Some(evidence.observed? > evidence.limit?)
}

/// A figure of both releases: the limit is relative to the stable one's.
fn look_beside(canary: &Trailing, stable: &Trailing, evidence: &mut Evidence) -> Option<bool> {
    let Test::Beside {
        reading, tolerated, ..
    } = evidence.rule.test
    else {
        return None;
    };
    let signal = evidence.rule.signal.clone();
    let stable_readings;
    (evidence.requests, evidence.observed) = canary.value(&signal, reading);
    (stable_readings, evidence.baseline) = stable.value(&signal, reading);
    evidence.limit = evidence.baseline.map(|value| tolerated.at(value));
    if evidence.requests.min(stable_readings) < evidence.rule.requests_min {
        return None;
    }
    Some(evidence.observed? > evidence.limit?)
}

fn synthetic_evidence(rule: &Rule, sums: &Sums) -> Option<SyntheticEvidence> {
    let synthetic = sums.synthetic(&rule.signal)?;
    Some(SyntheticEvidence {
        requests: synthetic.canary.requests,
        last_failure: synthetic.last_failure.clone(),
    })
}

fn is_near(evidence: &Evidence) -> bool {
    // What is tolerated begins at the stable release's value there, not at 0.
    if matches!(evidence.rule.test, Test::Beside { .. }) {
        let values = (evidence.observed, evidence.limit, evidence.baseline);
        return matches!(values, (Some(value), Some(limit), Some(stable))
            if limit > stable && value >= stable + (limit - stable) * NEAR);
    }
    let values = (evidence.observed, evidence.limit);
    matches!(values, (Some(value), Some(limit)) if limit > 0.0 && value >= limit * NEAR)
}

fn rate(bound: &Bound) -> RateBound {
    RateBound {
        ratio: bound.ratio,
        margin: bound.margin,
    }
}

fn latency(bound: &Bound) -> LatencyBound {
    LatencyBound {
        ratio: bound.ratio,
        margin_us: (bound.margin * 1000.0) as u64,
    }
}

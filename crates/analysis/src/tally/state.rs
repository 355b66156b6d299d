//! What one rule remembers between samples.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::before::Before;
use super::fixed;
use super::proof::proof;
use super::references::References;
use super::stretch::Stretch;
use super::sums::Sums;
use super::trailing::Trailing;

use crate::rule::{Bound, Enough, Rule, Test};
use crate::{
    ArmEvents, ArmSample, Budget, Evidence, Exceedances, Labels, LatencyBound, Proportion,
    RateBound, RateRatio, Reference, Sample, Signal, SignalKind, SyntheticEvidence, Verdict,
};

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
    Share {
        worse: Proportion,
        good: Proportion,
        #[serde(default)]
        stretch: Box<Stretch>,
    },
    /// One arm against what the stable one showed before; `None` where that was too little.
    Before { before: Option<Box<Before>> },
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
                    stretch: Box::default(),
                }
            }
            Test::NotWorseThanBefore { .. } => RuleState::Before { before: None },
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

    /// The state of a rule of a gate before which `stable` was seen of the stable release.
    pub(super) fn after(rule: &Rule, stable: &ArmSample, budget: &Budget) -> RuleState {
        match &rule.test {
            Test::NotWorseThanBefore { tolerated } => {
                let before = Before::new(&rule.signal, tolerated, stable, budget);
                let before = before.map(Box::new);
                RuleState::Before { before }
            }
            _ => RuleState::new(rule),
        }
    }

    /// The state with which the next gate of the rollout begins: see [`super::Tally::following`].
    pub(super) fn continued(&self) -> RuleState {
        let mut next = self.clone();
        match &mut next {
            RuleState::Fixed | RuleState::Before { .. } => {}
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

    pub(super) fn observe(&mut self, rule: &Rule, sample: &Sample, references: &References) {
        let signal = &rule.signal;
        match self {
            RuleState::Fixed => {}
            RuleState::Trailing { trailing } => {
                if let Test::Window { over_ms, .. } = rule.test {
                    trailing.observe(signal, over_ms, sample);
                }
            }
            RuleState::Before { before } => {
                if let Some(before) = before {
                    before.observe(signal, sample);
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
            RuleState::Share {
                worse,
                good,
                stretch,
            } => {
                let arm = sample.canary_of(signal);
                let (Some(arm), Test::AtMost { max, matters }) = (arm, &rule.test) else {
                    return;
                };
                let (requests, bad) = above(signal, &arm, *max);
                worse.observe(requests, bad);
                let allowed = signal.quantile().map_or(*max, |quantile| 1.0 - quantile);
                // Only what is shown beside it; synthetic requests ask other things than users do.
                let users_only = sample.synthetic_of(signal).is_none();
                let beside = sample.baseline.as_ref().filter(|_| users_only);
                let measured = (&*arm, beside, sample.duration_ms());
                stretch.observe(signal, measured, (requests, bad), allowed);
                let (requests, bad) = above(signal, &arm, *matters);
                good.observe(requests, bad);
            }
            RuleState::Shares { .. } | RuleState::Times { .. } => {
                if let (Some(canary), Some(stable)) = (&sample.canary, &sample.baseline) {
                    let reference = references.get(rule);
                    self.compare(signal, (canary, stable), sample.key_share, reference);
                }
                if let Some(pairs) = sample.synthetic_of(signal)
                    && let Some(stable) = &pairs.baseline
                {
                    let reference = references.of_synthetic(rule);
                    self.compare_pairs(signal, (&pairs.canary, stable), reference);
                }
            }
        }
    }

    /// Takes in what both arms answered to users.
    fn compare(
        &mut self,
        signal: &Signal,
        (canary, stable): (&ArmSample, &ArmSample),
        key_share: Option<f64>,
        reference: Option<&Reference>,
    ) {
        match self {
            RuleState::Shares { worse, good, ratio } => {
                let counted = counted(signal, canary, stable);
                good.observe(counted);
                match keyed(signal, canary, stable).zip(key_share) {
                    Some((events, share)) => {
                        worse.observe_keys(counted.canary + counted.stable, events, share);
                        ratio.observe_exposed((share, 1.0 - share), events);
                    }
                    None => {
                        worse.observe(counted);
                        ratio.observe(counted);
                    }
                }
            }
            RuleState::Times { worse, good } => {
                // Before anything is known of the stable arm there is nothing to hold against the canary.
                let Some(reference) = reference else {
                    return;
                };
                let (canary, stable) = (signal.times(canary), signal.times(stable));
                worse.observe(reference, canary, stable);
                good.observe(reference, canary, stable);
            }
            _ => {}
        }
    }

    /// Takes in what both arms answered to synthetic requests: pairs, whatever the weight is, and without routing
    /// keys. They are blocks of their own; see `docs/adr/0016-signals-without-traffic.md`.
    fn compare_pairs(
        &mut self,
        signal: &Signal,
        (canary, stable): (&ArmSample, &ArmSample),
        reference: Option<&Reference>,
    ) {
        match self {
            RuleState::Shares { worse, good, ratio } => {
                let counted = counted(signal, canary, stable);
                good.observe_pairs(counted);
                worse.observe_pairs(counted);
                ratio.observe(counted);
            }
            RuleState::Times { worse, good } => {
                let Some(reference) = reference else {
                    return;
                };
                let (canary, stable) = (signal.times(canary), signal.times(stable));
                worse.observe_pairs(reference, canary, stable);
                good.observe_pairs(reference, canary, stable);
            }
            _ => {}
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
            RuleState::Before { before } => {
                evidence.requests = rule.signal.count(sums.canary());
                evidence.observed = rule.signal.value(sums.canary());
                Before::tell(before.as_deref(), &mut evidence, budget);
                return evidence;
            }
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
        let canary = sums.canary_of(&rule.signal);
        evidence.synthetic = synthetic_evidence(&rule, sums);
        evidence.requests = rule.signal.count(&canary);
        evidence.observed = rule.signal.value(&canary);
        evidence.baseline = sums.baseline_value(&rule.signal);
        if let Test::NotWorse { tolerated, .. } = &rule.test {
            evidence.limit = evidence.baseline.map(|value| tolerated.at(value));
        }
        let proof = proof(self, &rule, budget);
        evidence.approaching = proof.is_approaching();
        let many = evidence.requests >= rule.requests_min;
        if let RuleState::Share { stretch, .. } = self
            && proof.fails()
        {
            stretch.tell(&mut evidence);
        }
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

/// The first errors of routing keys in both arms. Where requests stay with an arm by a key, one key with a broken
/// session makes many errors that are not independent, so evidence against the canary takes a key once in a rollout, and
/// the share of the keys takes the place of the share of the requests.
///
/// Evidence that all is well takes requests all the same: it comes from what did not happen, so it needs the number of
/// those to whom it could have happened, and nobody counts keys without errors. Requests are more than keys, and
/// an error that they had not had would be taken for one that keys had not.
fn keyed(signal: &Signal, canary: &ArmSample, stable: &ArmSample) -> Option<(u64, u64)> {
    let is_errors = *signal == Signal::ErrorRate;
    let events = canary.first_errors.zip(stable.first_errors);
    events.filter(|_| is_errors)
}

/// The requests of both arms and those of them that met an event.
pub(super) fn counted(signal: &Signal, canary: &ArmSample, stable: &ArmSample) -> ArmEvents {
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

//! What is known of the stable arm's times, once for all rules of a gate.

use serde::{Deserialize, Serialize};

use crate::rule::{Rule, Test};
use crate::{Analysis, Reference, Sample, Signal, SignalKind};

/// One reference for each kind of times that a rule of the gate compares.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct References {
    known: Vec<(Times, Reference)>,
    /// The latencies of its answers to synthetic requests, which ask other things than users do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    synthetic: Option<Reference>,
}

/// A kind of times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Times {
    Latency,
    FirstToken,
    TokenGap,
    TokenTime,
}

impl Times {
    /// The times that a rule compares with the stable arm's; `None` when it does not.
    fn of(rule: &Rule) -> Option<Times> {
        let compares = matches!(rule.test, Test::NotWorse { .. });
        if !compares || rule.signal.kind() != SignalKind::Time {
            return None;
        }
        Some(match rule.signal {
            Signal::FirstToken { .. } => Times::FirstToken,
            Signal::TokenGap { .. } => Times::TokenGap,
            Signal::TokenTime { .. } => Times::TokenTime,
            _ => Times::Latency,
        })
    }
}

impl References {
    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty() && self.synthetic.is_none()
    }

    /// What a rule's threshold is read from; `None` before anything is known, and for a rule that needs none.
    pub(super) fn get(&self, rule: &Rule) -> Option<&Reference> {
        let wanted = Times::of(rule)?;
        let known = self.known.iter().find(|(times, _)| *times == wanted);
        known.map(|(_, reference)| reference)
    }

    /// The same for answers to synthetic requests.
    pub(super) fn of_synthetic(&self, rule: &Rule) -> Option<&Reference> {
        let wanted = Times::of(rule)? == Times::Latency;
        self.synthetic.as_ref().filter(|_| wanted)
    }

    /// Takes in one sample, after all rules have looked at it.
    pub(super) fn observe(&mut self, analysis: &Analysis, sample: &Sample) {
        let synthetic = sample.synthetic.as_ref();
        if let Some(stable) = synthetic.and_then(|both| both.baseline.as_ref())
            && is_compared(analysis, Times::Latency)
        {
            let reference = self.synthetic.get_or_insert_default();
            reference.observe(&stable.latency);
        }
        let (Some(_), Some(stable)) = (&sample.canary, &sample.baseline) else {
            return;
        };
        let mut done: Vec<Times> = Vec::new();
        for rule in &analysis.rules {
            let Some(times) = Times::of(rule).filter(|times| !done.contains(times)) else {
                continue;
            };
            done.push(times);
            let known = self.known.iter().position(|(known, _)| *known == times);
            let at = known.unwrap_or_else(|| {
                self.known.push((times, Reference::default()));
                self.known.len() - 1
            });
            self.known[at].1.observe(rule.signal.times(stable));
        }
    }

    /// Those that the rules of another gate of the rollout need.
    #[must_use]
    pub(super) fn of(mut self, analysis: &Analysis) -> References {
        self.known
            .retain(|(times, _)| is_compared(analysis, *times));
        let latency = is_compared(analysis, Times::Latency);
        self.synthetic = self.synthetic.filter(|_| latency);
        self
    }
}

fn is_compared(analysis: &Analysis, times: Times) -> bool {
    let mut rules = analysis.rules.iter();
    rules.any(|rule| Times::of(rule) == Some(times))
}

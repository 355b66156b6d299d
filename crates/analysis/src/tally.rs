//! What a gate has seen so far.
//!
//! A tally is folded from samples one by one and judged at any moment; it is the whole memory of a
//! gate, small whatever the length of the window, and a pure function of the samples in the journal, so
//! a restart loses nothing. Evidence that a canary is worse runs on from one gate of a rollout to the
//! next ([`Tally::following`]): it was gathered on the same canary, and the error budget is spent only
//! once. Evidence that it is good enough does not: what held at 5 % must be shown again at 50 %.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{
    Analysis, ArmSample, Enough, Evidence, FORMULA_VERSION, Judgement, Rule, Sample, Test, Verdict,
};

mod before;
mod effect;
mod fixed;
mod proof;
mod references;
mod state;
mod stretch;
mod sums;
mod trailing;

use references::References;
use state::RuleState;
use sums::Sums;

/// What a gate has seen so far. See the module.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// What was seen since the gate opened; in a paused gate, in the latest stretch.
    current: Sums,
    /// In a paused gate, the stretch before; it may stay open for days, and what went well on Monday
    /// must not hide what goes wrong on Wednesday.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<Sums>,
    /// One state for each rule, in the analysis' order.
    rules: Vec<RuleState>,
    /// What the stable release answered in the gates before this one, for rules about the time in which
    /// it has no traffic any more.
    #[serde(default, skip_serializing_if = "is_nothing")]
    stable_before: ArmSample,
    /// What is known of the stable arm's times, for all rules that compare them.
    #[serde(default, skip_serializing_if = "References::is_empty")]
    references: References,
    /// Why the last sample measured nothing, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unmeasured: Option<String>,
    /// What the release that is kept warm did not answer as it should at the last sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kept_fault: Option<String>,
    /// The end of the last sample as rules have it, in milliseconds since the Unix epoch. It never goes back: a sample
    /// of before begins here. See [`Tally::observe`].
    #[serde(default)]
    to_ms: u64,
}

impl Tally {
    /// The tally of a gate that has just opened.
    pub fn new(analysis: &Analysis) -> Tally {
        Tally {
            rules: analysis.rules.iter().map(RuleState::new).collect(),
            ..Tally::default()
        }
    }

    /// The tally of a gate that opens after another one of the same rollout. Rules that both have keep
    /// their evidence against the canary.
    #[must_use]
    pub fn following(&self, before: &Analysis, analysis: &Analysis) -> Tally {
        let mut stable = self.stable_before.clone();
        stable.merge(self.sums().baseline());
        let state = |rule: &Rule| {
            let known = before.rules.iter().zip(&self.rules);
            let mut known = known.filter(|(other, _)| *other == rule);
            let known = known.next().map(|(_, state)| state);
            known.map_or_else(
                || RuleState::after(rule, &stable, &analysis.budget),
                RuleState::continued,
            )
        };
        Tally {
            rules: analysis.rules.iter().map(state).collect(),
            stable_before: stable,
            references: self.references.clone().of(analysis),
            ..Tally::default()
        }
    }

    /// From now on the gate waits for a person, maybe for long: fixed rules look at the latest one to
    /// two windows only.
    pub fn pause(&mut self) {
        if self.before.is_none() {
            self.before = Some(std::mem::take(&mut self.current));
        }
    }

    /// Takes in one sample.
    ///
    /// Samples tell their times by the wall clock at the first one and by a monotonic clock from there on. After a
    /// restart of the engine that begins anew, and the wall clock may have been set back meanwhile: then the time goes on
    /// where it was, or rules that look at the latest stretch would look at all that was seen since.
    pub fn observe(&mut self, analysis: &Analysis, sample: &Sample) {
        let back_ms = self.to_ms.saturating_sub(sample.from_ms);
        self.to_ms = sample.to_ms.saturating_add(back_ms);
        let moved = (back_ms > 0).then(|| Sample {
            from_ms: sample.from_ms.saturating_add(back_ms),
            to_ms: self.to_ms,
            ..sample.clone()
        });
        let sample = moved.as_ref().unwrap_or(sample);
        self.unmeasured = sample.unmeasured.clone();
        self.kept_fault.clone_from(&sample.kept_fault);
        // A run of failures stays in one piece: it is told with all of its checks.
        let failing = sample.health.as_ref();
        let failing = failing.is_some_and(|health| health.consecutive_failures > 0);
        let full = self.current.measured_ms() >= analysis.window_ms;
        if self.before.is_some() && full && !failing {
            self.before = Some(std::mem::take(&mut self.current));
        }
        self.current.observe(sample);
        for (rule, state) in analysis.rules.iter().zip(&mut self.rules) {
            state.observe(rule, sample, &self.references);
        }
        self.references.observe(analysis, sample);
    }

    /// What was seen so far proves this.
    ///
    /// A rule fails as soon as its evidence says so. A gate passes only once the window was measured in
    /// full, or earlier where it may and every rule has shown that all is well. Time that was not
    /// measured, for example while the engine was down or the candidate could get no traffic, does not
    /// count as measured. With too little evidence the gate goes on for as long as it may be extended.
    pub fn judge(&self, analysis: &Analysis) -> Judgement {
        let mut judgement = self.weigh(analysis);
        let sums = self.sums();
        for (state, evidence) in self.rules.iter().zip(&mut judgement.evidence) {
            if let Some(proof) = &mut evidence.proof {
                let seen = (&*sums, &self.references);
                let needed = proof::requests_needed(proof, state, &evidence.rule, seen);
                proof.requests_needed = needed;
            }
        }
        // A stretch that moves along has no interval that would hold at all times.
        if self.before.is_none() {
            let rules = self.rules.iter().zip(&mut judgement.evidence);
            for (state, evidence) in rules {
                let alpha = analysis.budget.alpha;
                evidence.effect = effect::effect(state, &evidence.rule, &self.current, alpha);
            }
        }
        judgement
    }

    /// The verdict of [`Tally::judge`] alone, without what explains it: a fraction of the work.
    pub fn verdict(&self, analysis: &Analysis) -> Verdict {
        self.weigh(analysis).verdict
    }

    fn weigh(&self, analysis: &Analysis) -> Judgement {
        let sums = self.sums();
        let measured_ms = sums.measured_ms();
        let looked = sums.samples() >= analysis.samples_min;
        let over = measured_ms >= analysis.window_ms && looked;
        let extended = analysis.window_ms.saturating_add(analysis.extend_ms);
        let last = measured_ms >= extended && looked;
        let rules = analysis.rules.iter().zip(&self.rules);
        let mut evidence: Vec<Evidence> = rules
            .map(|(rule, state)| state.judge(rule, &sums, &analysis.budget))
            .collect();
        let shown = |e: &Evidence| e.verdict == Verdict::Pass && shows_early(&e.rule, measured_ms);
        let by_evidence = |e: &Evidence| e.rule.enough == Enough::Evidence;
        let early = analysis.early
            && looked
            && evidence.iter().any(by_evidence)
            && evidence.iter().all(shown);
        if !over && !early {
            // What looks good now may still turn bad.
            let open = evidence.iter_mut().filter(|e| e.verdict != Verdict::Fail);
            open.for_each(|e| e.verdict = Verdict::Undecided);
        }
        let any = |verdict| evidence.iter().any(|e| e.verdict == verdict);
        let verdict = if any(Verdict::Fail) {
            Verdict::Fail
        } else if (!over && !early) || any(Verdict::Undecided) {
            Verdict::Undecided
        } else if !any(Verdict::Inconclusive) && !evidence.is_empty() {
            Verdict::Pass
        } else if last || evidence.is_empty() {
            Verdict::Inconclusive
        } else {
            Verdict::Undecided
        };
        Judgement {
            verdict,
            evidence,
            measured_ms,
            formula: FORMULA_VERSION,
        }
    }

    /// How much was measured, in milliseconds.
    pub fn measured_ms(&self) -> u64 {
        self.current.measured_ms() + self.before.as_ref().map_or(0, Sums::measured_ms)
    }

    /// Whether nothing was seen at all.
    pub fn is_empty(&self) -> bool {
        self.current.samples() == 0 && self.before.is_none() && self.unmeasured.is_none()
    }

    /// Why the last sample measured nothing, in words that follow `not measuring: `.
    pub fn unmeasured(&self) -> Option<&str> {
        self.unmeasured.as_deref()
    }

    /// What the release that is kept warm did not answer as it should at the last sample, if so: going back
    /// to it would help nobody.
    pub fn kept_fault(&self) -> Option<&str> {
        self.kept_fault.as_deref()
    }

    /// Requests and errors of the canary and of the stable arm since the gate opened (paused: lately).
    pub fn counted(&self) -> ((u64, u64), (u64, u64)) {
        let sums = self.sums();
        let of = |arm: &crate::ArmSample| (arm.requests, arm.errors);
        (of(sums.canary()), of(sums.baseline()))
    }

    fn sums(&self) -> Cow<'_, Sums> {
        match &self.before {
            None => Cow::Borrowed(&self.current),
            Some(before) => Cow::Owned(before.clone().and(&self.current)),
        }
    }
}

/// Whether a rule that passes stands in no way of a gate that passes early: one that has evidence; a plain limit, which has
/// none and is held; and one over a stretch once that was measured.
fn shows_early(rule: &Rule, measured_ms: u64) -> bool {
    match rule.test {
        Test::Limit { .. } => true,
        Test::Window { over_ms, .. } | Test::Beside { over_ms, .. } => measured_ms >= over_ms,
        _ => rule.enough == Enough::Evidence,
    }
}

fn is_nothing(arm: &ArmSample) -> bool {
    *arm == ArmSample::default()
}

#[cfg(test)]
mod tests;

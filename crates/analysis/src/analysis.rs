//! A gate's rules over a window, and what they conclude.

use serde::{Deserialize, Serialize};

use crate::{Judgement, Rule, Sample, Tally};

/// A gate: which rules, over how long, measured how often, and how sure it has to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    /// The rules; all must pass.
    pub rules: Vec<Rule>,
    /// How long must be measured before a gate can pass, in milliseconds.
    pub window_ms: u64,
    /// How far apart measurements are, in milliseconds.
    pub interval_ms: u64,
    /// Other distances between measurements later in the window, in ascending order of time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cadence: Vec<Cadence>,
    /// How many measurements there must be before a gate can pass.
    pub samples_min: u32,
    /// How much longer than the window a gate goes on when there is not enough evidence, in milliseconds.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub extend_ms: u64,
    /// Whether a gate passes before its window is over once every rule has shown that all is well.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub early: bool,
    /// What happens when there is not enough evidence in the end.
    #[serde(default, skip_serializing_if = "WhenInconclusive::is_ask")]
    pub inconclusive: WhenInconclusive,
    /// The chances of being wrong.
    #[serde(default, skip_serializing_if = "Budget::is_default")]
    pub budget: Budget,
}

/// What happens when a gate's window and its extension are over and there is not enough evidence. It
/// never passes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenInconclusive {
    /// A person decides.
    #[default]
    Ask,
    /// The weight stays and the gate goes on; it passes as soon as there is enough. A person may decide
    /// before that.
    Hold,
    /// The rollout goes back.
    RollBack,
}

impl WhenInconclusive {
    fn is_ask(&self) -> bool {
        *self == WhenInconclusive::Ask
    }
}

/// From some moment of the window on, measurements are this far apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cadence {
    /// How much of the window must have been measured, in milliseconds.
    pub after_ms: u64,
    /// The distance from then on, in milliseconds.
    pub interval_ms: u64,
}

/// The chances of being wrong that a whole rollout may take.
///
/// The evidence of a rule runs on from one gate of a rollout to the next, so the budget is spent once,
/// by rule, and not again at each gate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// The chance that a rollout which is no worse than tolerated is rolled back by any of its
    /// sequential rules; above 0 and below 1.
    pub alpha: f64,
    /// How many sequential rules share `alpha`; at least 1.
    pub parts: u32,
    /// The chance that a rule calls a release good enough that is as bad as what matters; above 0 and
    /// below 1.
    pub beta: f64,
}

impl Default for Budget {
    fn default() -> Self {
        Budget {
            alpha: 0.01,
            parts: 1,
            beta: 0.05,
        }
    }
}

impl Budget {
    /// The natural logarithm of the evidence that fails a rule.
    pub fn log_fails(&self) -> f64 {
        libm::log(f64::from(self.parts.max(1)) / self.alpha)
    }

    /// The natural logarithm of the evidence that lets a rule pass.
    pub fn log_passes(&self) -> f64 {
        libm::log(1.0 / self.beta)
    }

    fn is_default(&self) -> bool {
        *self == Budget::default()
    }
}

/// Why an analysis cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnalysisProblem {
    /// It has no rules, so it could only ever pass unseen.
    NoRules,
    /// The measuring interval is zero or longer than the window.
    Interval,
    /// A chance of being wrong is not between 0 and 1; the text says which.
    Budget(String),
    /// The rule at this index has a number outside its range; the text says which and what is expected.
    Rule(usize, String),
}

impl Analysis {
    /// These rules over a window, with nothing else asked for: one measurement is enough, no extension,
    /// the usual budget.
    pub fn new(rules: Vec<Rule>, window_ms: u64, interval_ms: u64) -> Analysis {
        Analysis {
            rules,
            window_ms,
            interval_ms,
            cadence: Vec::new(),
            samples_min: 1,
            extend_ms: 0,
            early: false,
            inconclusive: WhenInconclusive::Ask,
            budget: Budget::default(),
        }
    }

    /// Every problem of this analysis; empty when it can be used.
    pub fn problems(&self) -> Vec<AnalysisProblem> {
        let mut problems = Vec::new();
        if self.rules.is_empty() {
            problems.push(AnalysisProblem::NoRules);
        }
        let mut intervals = self.cadence.iter().map(|later| later.interval_ms);
        let fits = |interval_ms| interval_ms > 0 && interval_ms <= self.window_ms;
        if !fits(self.interval_ms) || !intervals.all(fits) {
            problems.push(AnalysisProblem::Interval);
        }
        for (name, chance) in [("alpha", self.budget.alpha), ("beta", self.budget.beta)] {
            if !(chance > 0.0 && chance < 1.0) {
                let text = format!("{name} is a chance above 0 and below 1, for example 0.01");
                problems.push(AnalysisProblem::Budget(text));
            }
        }
        for (index, rule) in self.rules.iter().enumerate() {
            if let Some(text) = rule.problem() {
                problems.push(AnalysisProblem::Rule(index, text));
            }
        }
        problems
    }

    /// This analysis without the rules that need a concurrent stable arm, or one of before; for a step at which
    /// all traffic goes to the candidate.
    #[must_use]
    pub fn without_baseline(&self) -> Analysis {
        let mut alone = self.clone();
        let compares = |rule: &Rule| rule.test.needs_baseline() || rule.test.only_warns();
        alone.rules.retain(|rule| !compares(rule));
        alone
    }

    /// This analysis without the rules that are only for a candidate that serves alone; for a step at
    /// which the stable release serves beside it.
    #[must_use]
    pub fn beside_baseline(&self) -> Analysis {
        let mut beside = self.clone();
        beside.rules.retain(|rule| !rule.alone);
        beside
    }

    /// How far apart measurements are once this much was measured, in milliseconds.
    pub fn interval_ms_after(&self, measured_ms: u64) -> u64 {
        let reached = self.cadence.iter().rev();
        let mut reached = reached.filter(|later| later.after_ms <= measured_ms);
        reached
            .next()
            .map_or(self.interval_ms, |later| later.interval_ms)
    }

    /// What `samples`, all of this gate and in order, prove: [`Tally`] over all of them.
    pub fn judge(&self, samples: &[Sample]) -> Judgement {
        let mut tally = Tally::new(self);
        samples
            .iter()
            .for_each(|sample| tally.observe(self, sample));
        tally.judge(self)
    }
}

mod usual;

fn is_zero(ms: &u64) -> bool {
    *ms == 0
}

#[cfg(test)]
mod tests;

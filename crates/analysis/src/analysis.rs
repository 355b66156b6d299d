//! A gate's rules over a window, and what they conclude.

use serde::{Deserialize, Serialize};

use crate::{
    ArmSample, Evidence, Judgement, Rule, Sample, Signal, Test, Verdict,
    rate_difference_lower_bound,
};

/// The one-sided 99.5 % normal quantile: the lower end of a two-sided 99 % interval.
const Z_99: f64 = 2.575_829;

/// A gate: which rules, over how long, measured how often.
///
/// The fixed-window rules here judge after each sample, so a limit is looked at more than once; the
/// minimum of requests keeps the first looks from deciding on noise. Sequential tests with an error
/// bound over all looks take the same place: one more [`Test`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    /// The rules; all must pass.
    pub rules: Vec<Rule>,
    /// How long must be measured before a gate can pass, in milliseconds.
    pub window_ms: u64,
    /// How far apart measurements are, in milliseconds.
    pub interval_ms: u64,
    /// How many measurements there must be before a gate can pass.
    pub samples_min: u32,
}

/// Why an analysis cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnalysisProblem {
    /// It has no rules, so it could only ever pass unseen.
    NoRules,
    /// The measuring interval is zero or longer than the window.
    Interval,
    /// The rule at this index has a number outside its range; the text says which and what is expected.
    Rule(usize, String),
}

impl Analysis {
    /// Every problem of this analysis; empty when it can be used.
    pub fn problems(&self) -> Vec<AnalysisProblem> {
        let mut problems = Vec::new();
        if self.rules.is_empty() {
            problems.push(AnalysisProblem::NoRules);
        }
        if self.interval_ms == 0 || self.interval_ms > self.window_ms {
            problems.push(AnalysisProblem::Interval);
        }
        for (index, rule) in self.rules.iter().enumerate() {
            if let Some(text) = rule_problem(rule) {
                problems.push(AnalysisProblem::Rule(index, text));
            }
        }
        problems
    }

    /// This analysis without the rules that need a concurrent stable arm; for a step at which all
    /// traffic goes to the candidate.
    #[must_use]
    pub fn without_baseline(&self) -> Analysis {
        let mut alone = self.clone();
        alone.rules.retain(|rule| !rule.test.needs_baseline());
        alone
    }

    /// What `samples`, all of this gate and in order, prove.
    ///
    /// A rule fails as soon as it has its minimum of requests and its value is over the limit. A gate
    /// passes only once the window was measured in full. Time that was not measured, for example while
    /// the engine was down or the candidate could get no traffic, does not count as measured.
    pub fn judge(&self, samples: &[Sample]) -> Judgement {
        let measured = || samples.iter().filter(|sample| sample.unmeasured.is_none());
        let measured_ms: u64 = measured().map(Sample::duration_ms).sum();
        let over = measured_ms >= self.window_ms && measured().count() >= self.samples_min as usize;
        let evidence: Vec<Evidence> = self
            .rules
            .iter()
            .map(|rule| judge_rule(rule, samples, over))
            .collect();
        let any = |verdict| evidence.iter().any(|e| e.verdict == verdict);
        let verdict = if any(Verdict::Fail) {
            Verdict::Fail
        } else if !over {
            Verdict::Undecided
        } else if any(Verdict::Inconclusive) || evidence.is_empty() {
            Verdict::Inconclusive
        } else {
            Verdict::Pass
        };
        Judgement {
            verdict,
            evidence,
            measured_ms,
        }
    }
}

fn rule_problem(rule: &Rule) -> Option<String> {
    if rule.requests_min == 0 {
        return Some("the minimum of requests must be at least 1".to_owned());
    }
    if let Signal::Latency { quantile } = rule.signal
        && !(quantile > 0.0 && quantile < 1.0)
    {
        return Some("a latency quantile lies between 0 and 1, for example 0.95".to_owned());
    }
    match rule.test {
        Test::Limit { max } if !max.is_finite() || max < 0.0 => {
            Some("a limit is a number of at least 0".to_owned())
        }
        Test::Baseline { ratio_max, margin }
            if !ratio_max.is_finite() || ratio_max < 1.0 || !margin.is_finite() || margin < 0.0 =>
        {
            Some("a comparison allows a factor of at least 1 and a margin of at least 0".to_owned())
        }
        Test::Baseline { .. }
            if matches!(rule.signal, Signal::HealthFailures | Signal::Metric { .. }) =>
        {
            Some("only the error rate and latencies can be compared with the stable arm".to_owned())
        }
        _ => None,
    }
}

fn judge_rule(rule: &Rule, samples: &[Sample], over: bool) -> Evidence {
    let mut evidence = Evidence::empty(rule);
    let failed = match rule.signal {
        Signal::HealthFailures => measure_health(samples, &mut evidence),
        Signal::Metric { ref name } => measure_metric(name, samples, &mut evidence),
        Signal::ErrorRate | Signal::Latency { .. } => measure_arms(samples, &mut evidence),
    };
    evidence.verdict = match failed {
        Some(true) => Verdict::Fail,
        _ if !over => Verdict::Undecided,
        Some(false) => Verdict::Pass,
        None => Verdict::Inconclusive,
    };
    evidence
}

/// Fills the evidence and says whether the rule is broken; `None` when there is too little data.
fn measure_health(samples: &[Sample], evidence: &mut Evidence) -> Option<bool> {
    let health = || samples.iter().filter_map(|s| s.health.as_ref());
    let checks: u64 = health()
        .map(|h| u64::from(h.passed) + u64::from(h.failed))
        .sum();
    let worst = health().map(|h| h.consecutive_failures).max()?;
    evidence.requests = checks;
    evidence.observed = Some(f64::from(worst));
    evidence.detail = health().filter_map(|h| h.last_failure.clone()).next_back();
    let broken = f64::from(worst) > evidence.limit?;
    // A run of failures is proof whatever the number of checks; health needs enough of them.
    if broken || checks >= evidence.rule.requests_min {
        Some(broken)
    } else {
        None
    }
}

fn measure_metric(name: &str, samples: &[Sample], evidence: &mut Evidence) -> Option<bool> {
    let readings: Vec<f64> = samples
        .iter()
        .filter_map(|s| s.metrics.get(name).copied())
        .filter(|reading| reading.is_finite())
        .collect();
    evidence.requests = readings.len() as u64;
    evidence.observed = readings.last().copied();
    if evidence.requests < evidence.rule.requests_min {
        return None;
    }
    Some(evidence.observed? > evidence.limit?)
}

fn measure_arms(samples: &[Sample], evidence: &mut Evidence) -> Option<bool> {
    let signal = evidence.rule.signal.clone();
    let canary = merged(samples.iter().filter_map(|s| s.canary.as_ref()));
    evidence.requests = canary.requests;
    evidence.observed = value_of(&signal, &canary);
    let enough = canary.requests >= evidence.rule.requests_min;
    match evidence.rule.test {
        Test::Limit { max } => {
            let observed = evidence.observed?;
            enough.then_some(observed > max)
        }
        Test::Baseline { ratio_max, margin } => {
            let stable = merged(samples.iter().filter_map(|s| s.baseline.as_ref()));
            evidence.baseline = value_of(&signal, &stable);
            let limit = evidence.baseline? * ratio_max + margin;
            evidence.limit = Some(limit);
            if !enough || stable.requests < evidence.rule.requests_min {
                return None;
            }
            let worse = evidence.observed? > limit;
            let beyond_chance = signal != Signal::ErrorRate
                || rate_difference_lower_bound(
                    (canary.errors, canary.requests),
                    (stable.errors, stable.requests),
                    Z_99,
                )
                .is_some_and(|bound| bound > 0.0);
            Some(worse && beyond_chance)
        }
    }
}

fn merged<'a>(arms: impl Iterator<Item = &'a ArmSample>) -> ArmSample {
    let mut sum = ArmSample::default();
    arms.for_each(|arm| sum.merge(arm));
    sum
}

fn value_of(signal: &Signal, arm: &ArmSample) -> Option<f64> {
    match signal {
        Signal::ErrorRate => arm.error_rate(),
        Signal::Latency { quantile } => arm
            .latency
            .quantile_us(*quantile)
            .map(|us| us as f64 / 1000.0),
        Signal::HealthFailures | Signal::Metric { .. } => None,
    }
}

#[cfg(test)]
mod tests;

//! Samples drawn from a scenario.

use std::collections::BTreeMap;

use portcullis_analysis::{ArmSample, Sample};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use rand_distr::{Binomial, Distribution, Poisson};

use crate::scenario::{Scenario, ScenarioProblem};

mod crowd;
mod times;

use crowd::{Assigned, Crowd};
use times::Times;

/// Factors of a latency are told apart in steps of this many parts of a doubling.
const FACTOR_STEPS: f64 = 64.0;

/// Draws samples from a scenario. What is the same in each run is prepared once.
#[derive(Debug, Clone)]
pub struct Simulator {
    scenario: Scenario,
    crowd: Option<Crowd>,
    /// Distributions of times, by arm and quantised factor.
    times: BTreeMap<(bool, i64), Times>,
}

/// One run: a seed, and how far it is.
#[derive(Debug, Clone)]
pub struct Run {
    random: Xoshiro256PlusPlus,
    at_ms: u64,
    assigned: Option<Assigned>,
}

impl Run {
    /// How much time has passed, in milliseconds.
    pub fn at_ms(&self) -> u64 {
        self.at_ms
    }
}

impl Simulator {
    /// A simulator of this scenario.
    ///
    /// # Errors
    /// The number of the scenario that cannot be simulated.
    pub fn new(scenario: Scenario) -> Result<Simulator, ScenarioProblem> {
        match scenario.problem() {
            Some(problem) => Err(problem),
            None => Ok(Simulator {
                crowd: scenario.users.map(Crowd::new),
                scenario,
                times: BTreeMap::new(),
            }),
        }
    }

    /// The scenario.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// Begins a run. The same seed gives the same run.
    pub fn begin(&self, seed: u64) -> Run {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let share = self.scenario.steps[0].share;
        let assigned = self.crowd.as_ref();
        let assigned = assigned.map(|crowd| crowd.assign(share, &mut random));
        Run {
            random,
            at_ms: 0,
            assigned,
        }
    }

    /// What is measured in the next `length_ms`.
    pub fn measure(&mut self, run: &mut Run, length_ms: u64) -> Sample {
        let (from_ms, middle_ms) = (run.at_ms, run.at_ms + length_ms / 2);
        run.at_ms += length_ms;
        let (step, _) = self.scenario.step_at(from_ms);
        let seconds = length_ms as f64 / 1000.0;
        let all = self.scenario.requests_per_second * seconds;
        let rate = self.scenario.error_rate.at(middle_ms);
        let factor = self.changed(middle_ms, self.scenario.change.error_factor, 1.0);
        let mut share = self.scenario.steps[step].share;
        let mut key_share = None;
        let (mut canary, mut stable);
        match (&self.crowd, &mut run.assigned) {
            (Some(crowd), Some(assigned)) => {
                // The share of users is configured, that of requests is what they make of it.
                key_share = Some(share);
                share = assigned.request_share();
                (canary, stable) =
                    crowd.errors(assigned, all, (rate, rate * factor), &mut run.random);
                canary.requests = count(all * share, &mut run.random).max(canary.errors);
                stable.requests = count(all * (1.0 - share), &mut run.random).max(stable.errors);
            }
            _ => {
                canary = arm(all * share, rate * factor, &mut run.random);
                stable = arm(all * (1.0 - share), rate, &mut run.random);
            }
        }
        if self.scenario.latency.is_some() {
            let times = self.times(true, middle_ms);
            canary.latency = times.draw(canary.requests, &mut run.random);
            let times = self.times(false, middle_ms);
            stable.latency = times.draw(stable.requests, &mut run.random);
        }
        Sample {
            from_ms,
            to_ms: run.at_ms,
            canary: Some(canary),
            baseline: Some(stable),
            key_share,
            ..Sample::default()
        }
    }

    /// A number of the change, or what it is before the change begins.
    fn changed(&self, at_ms: u64, then: f64, before: f64) -> f64 {
        if at_ms < self.scenario.change.from_ms {
            before
        } else {
            then
        }
    }

    fn times(&mut self, canary: bool, at_ms: u64) -> &Times {
        let change = self.scenario.change;
        let (mut factor, mut median_ms, mut sigma) = (1.0, 1.0, 1.0);
        if let Some(latency) = &self.scenario.latency {
            factor = latency.factor.at(at_ms);
            (median_ms, sigma) = (latency.median_ms, latency.sigma);
        }
        let mut slow = (0.0, 1.0);
        if canary && at_ms >= change.from_ms {
            factor *= change.latency_factor;
            slow = (change.slow_share, change.slow_factor);
        }
        let steps = (factor.log2() * FACTOR_STEPS).round();
        let slowed = slow.0 > 0.0;
        self.times
            .entry((slowed, steps as i64))
            .or_insert_with(|| Times::new(median_ms * (steps / FACTOR_STEPS).exp2(), sigma, slow))
    }
}

/// Requests of an arm and the failed ones of them.
fn arm(mean: f64, rate: f64, random: &mut impl RngExt) -> ArmSample {
    let requests = count(mean, random);
    let errors = Binomial::new(requests, rate.clamp(0.0, 1.0));
    ArmSample {
        requests,
        errors: errors.map_or(0, |errors| errors.sample(random)),
        ..ArmSample::default()
    }
}

/// How many things happen that happen independently, so many in the mean.
fn count(mean: f64, random: &mut impl RngExt) -> u64 {
    // A mean of 0 has no distribution: nothing happens.
    Poisson::new(mean).map_or(0, |counts| counts.sample(random) as u64)
}

#[cfg(test)]
mod tests;

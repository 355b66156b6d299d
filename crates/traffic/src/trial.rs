//! One rollout's gates over a simulated run.

use portcullis_analysis::{Analysis, Sample, Tally, Verdict};

use crate::{Run, Scenario, Simulator};

/// What a trial came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// `Fail` as soon as one gate fails; `Pass` when all passed; else `Inconclusive`: a person was asked
    /// and went on. Never `Undecided`.
    pub verdict: Verdict,
    /// When it was decided, in milliseconds since the first gate opened.
    pub at_ms: u64,
}

/// The gates of a rollout, one for each step of a scenario, fed as the engine feeds them.
#[derive(Debug, Clone)]
pub struct Trial<'a> {
    scenario: &'a Scenario,
    analysis: Analysis,
    tally: Tally,
    step: usize,
    inconclusive: bool,
    outcome: Option<Outcome>,
}

impl<'a> Trial<'a> {
    /// The first gate has just opened. The steps' windows take the place of the analysis' own, but an
    /// extension stays.
    pub fn new(analysis: &Analysis, scenario: &'a Scenario) -> Trial<'a> {
        let analysis = Analysis {
            window_ms: scenario.steps[0].window_ms,
            ..analysis.clone()
        };
        Trial {
            tally: Tally::new(&analysis),
            analysis,
            scenario,
            step: 0,
            inconclusive: false,
            outcome: None,
        }
    }

    /// Runs a trial to its end.
    pub fn run(analysis: &Analysis, simulator: &mut Simulator, seed: u64) -> Outcome {
        let scenario = simulator.scenario().clone();
        let mut trial = Trial::new(analysis, &scenario);
        let mut run = simulator.begin(seed);
        loop {
            if let Some(outcome) = trial.outcome {
                return outcome;
            }
            let length_ms = trial.next_ms(&run);
            let sample = simulator.measure(&mut run, length_ms);
            trial.observe(&sample);
        }
    }

    /// How long the next measurement is, in milliseconds: as far as the analysis' cadence says, and no
    /// further than the step.
    pub fn next_ms(&self, run: &Run) -> u64 {
        let interval_ms = self.analysis.interval_ms_after(self.tally.measured_ms());
        let (_, end_ms) = self.scenario.step_at(run.at_ms());
        match end_ms.saturating_sub(run.at_ms()) {
            0 => interval_ms,
            left_ms => interval_ms.min(left_ms),
        }
        .max(1)
    }

    /// Takes in one sample and looks.
    pub fn observe(&mut self, sample: &Sample) {
        if self.outcome.is_some() {
            return;
        }
        self.tally.observe(&self.analysis, sample);
        let verdict = self.tally.verdict(&self.analysis);
        let last = self.step + 1 >= self.scenario.steps.len();
        self.inconclusive |= verdict == Verdict::Inconclusive;
        match verdict {
            Verdict::Undecided => {}
            Verdict::Pass | Verdict::Inconclusive if !last => self.next_step(),
            verdict => {
                let verdict = match verdict {
                    Verdict::Pass if self.inconclusive => Verdict::Inconclusive,
                    verdict => verdict,
                };
                self.outcome = Some(Outcome {
                    verdict,
                    at_ms: sample.to_ms,
                });
            }
        }
    }

    /// What it came to; `None` while gates are open.
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }

    /// What the open gate has seen.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    fn next_step(&mut self) {
        self.step += 1;
        let next = Analysis {
            window_ms: self.scenario.steps[self.step].window_ms,
            ..self.analysis.clone()
        };
        self.tally = self.tally.following(&self.analysis, &next);
        self.analysis = next;
    }
}

#[cfg(test)]
mod tests;

//! A gate once more: every verdict that the journal has, beside what the recorded samples say now.
//!
//! The fold takes verdicts as they were recorded. This judges again and compares, so that anybody can see that a verdict
//! follows from what was measured, or that the formulas have changed since.

use std::sync::Arc;

use portcullis_analysis::{FORMULA_VERSION, Judgement, Verdict};
use serde::{Deserialize, Serialize};

use crate::{Action, Event, EventKind, Plan, Refused, Rollout, StepIndex};

/// A gate of a rollout, judged again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Replay {
    /// `portcullis.replay/1`.
    pub schema: String,
    /// The gate's name.
    pub gate: String,
    /// Its step.
    pub step: StepIndex,
    /// How many samples the journal has of it.
    pub samples: u32,
    /// The version of the formulas that judged again.
    pub formula: u32,
    /// Every verdict, in order. The last sample is always among them, also when it decided nothing.
    pub verdicts: Vec<Replayed>,
}

/// One verdict, and what is concluded now from the same samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Replayed {
    /// When the sample came, milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// Which sample of the gate it was, from 1.
    pub sample: u32,
    /// The version of the formulas that concluded it then; 0 where it was not recorded.
    pub formula: u32,
    /// What was recorded; `None` where the gate stayed undecided, or nothing was recorded.
    pub recorded: Option<Judgement>,
    /// What the samples up to this one say now.
    pub computed: Judgement,
}

/// There is no such gate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// The plan has no gate of this name.
    #[error("the plan has no gate {name:?}; it has {known}")]
    UnknownGate {
        /// The name.
        name: String,
        /// The gates that it has, in words.
        known: String,
    },
    /// The journal is none of this state machine's.
    #[error("event {0} is not possible where it stands")]
    Impossible(usize, #[source] Refused),
}

impl Replay {
    /// Judges the gate `name` of a plan again, from the rollout's events.
    ///
    /// # Errors
    /// When there is no such gate, or the events are not a rollout's.
    pub fn of<'e>(
        plan: Arc<Plan>,
        events: impl IntoIterator<Item = &'e Event>,
        name: &str,
    ) -> Result<Replay, ReplayError> {
        let step = step_of(&plan, name)?;
        let mut replay = Replay {
            schema: "portcullis.replay/1".to_owned(),
            gate: name.to_owned(),
            step,
            samples: 0,
            formula: FORMULA_VERSION,
            verdicts: Vec::new(),
        };
        let mut rollout = Rollout::new(plan);
        let mut last = None;
        for (position, event) in events.into_iter().enumerate() {
            if let Some(replayed) = replay.sample(&rollout, event) {
                let decided = |judgement: &Judgement| judgement.verdict != Verdict::Undecided;
                let tells = replayed.recorded.is_some() || decided(&replayed.computed);
                last = match tells {
                    true => {
                        replay.verdicts.push(replayed);
                        None
                    }
                    false => Some(replayed),
                };
            }
            let applied = rollout.apply(event);
            (rollout, _) = applied.map_err(|source| ReplayError::Impossible(position, source))?;
        }
        replay.verdicts.extend(last);
        Ok(replay)
    }

    /// What comparing all verdicts comes to: one that does not follow counts most, then one that other
    /// formulas concluded.
    pub fn comparison(&self) -> Comparison {
        let all = self.verdicts.iter().map(Replayed::comparison);
        all.max().unwrap_or(Comparison::NothingRecorded)
    }

    /// A sample of this gate, judged again.
    fn sample(&mut self, rollout: &Rollout, event: &Event) -> Option<Replayed> {
        let EventKind::Measured {
            step,
            sample,
            decided,
            formula,
        } = &event.kind
        else {
            return None;
        };
        if *step != self.step {
            return None;
        }
        let (_, computed) = rollout.judged_with(sample)?;
        self.samples += 1;
        Some(Replayed {
            at_ms: event.at_ms,
            sample: self.samples,
            formula: *formula,
            recorded: decided.as_deref().cloned(),
            computed,
        })
    }
}

/// What comparing a recorded verdict with the samples shows; what counts more is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Comparison {
    /// Nothing was recorded to compare with.
    NothingRecorded,
    /// The verdict follows from the samples, to the last bit.
    Same,
    /// Formulas of another version concluded it, and those of this program say something else: neither is
    /// wrong. The rollout keeps to what was recorded.
    OtherFormulas,
    /// The same formulas say something else: the journal or the samples are not what they were.
    Different,
}

impl Replayed {
    /// What comparing what was recorded with what is concluded now shows.
    pub fn comparison(&self) -> Comparison {
        let is_same = match (&self.recorded, self.formula) {
            (Some(recorded), _) => {
                // The version itself is no part of what was concluded.
                let formula = recorded.formula;
                *recorded
                    == Judgement {
                        formula,
                        ..self.computed.clone()
                    }
            }
            (None, 0) => return Comparison::NothingRecorded,
            (None, _) => self.computed.verdict == Verdict::Undecided,
        };
        match is_same {
            true => Comparison::Same,
            false if self.formula != self.computed.formula => Comparison::OtherFormulas,
            false => Comparison::Different,
        }
    }
}

fn step_of(plan: &Plan, name: &str) -> Result<StepIndex, ReplayError> {
    let mut gates = plan.steps.iter().enumerate();
    let found = gates.find(|(_, step)| step.name == name && is_gate(&step.action));
    found.map(|(at, _)| StepIndex(at)).ok_or_else(|| {
        let gates = plan.steps.iter().filter(|step| is_gate(&step.action));
        let known: Vec<&str> = gates.map(|step| step.name.as_str()).collect();
        ReplayError::UnknownGate {
            name: name.to_owned(),
            known: match known.is_empty() {
                true => "none".to_owned(),
                false => known.join(", "),
            },
        }
    })
}

fn is_gate(action: &Action) -> bool {
    matches!(action, Action::Gate(_))
}

#[cfg(test)]
mod tests;

//! What happened, for people: the fold of a rollout's events into moments.

use std::sync::Arc;

use portcullis_analysis::{Judgement, Sample, Verdict};
use serde::{Deserialize, Serialize};

use crate::{
    Direction, Effect, Event, EventKind, Fact, NoticeKind, OpKey, Plan, Refused, Rollout, State,
    StepIndex,
};

/// The moments of a rollout, in order.
#[derive(Debug, Clone)]
pub struct Timeline {
    rollout: Rollout,
    moments: Vec<Moment>,
    begun_ms: Vec<(OpKey, u64)>,
}

/// One thing worth telling.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// When, milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// By whom.
    pub by: String,
    /// The step it is about.
    pub step: Option<StepIndex>,
    /// The step's name.
    pub name: Option<String>,
    /// What happened.
    #[serde(flatten)]
    pub kind: MomentKind,
}

/// Kinds of moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "moment", rename_all = "snake_case")]
pub enum MomentKind {
    /// The rollout began.
    Began {
        /// What it does.
        title: String,
    },
    /// A step is done or undone.
    Settled {
        /// Forward or back.
        direction: Direction,
        /// How long it took, in milliseconds.
        took_ms: u64,
        /// What there is to show for it.
        facts: Vec<Fact>,
    },
    /// An attempt failed.
    Failed {
        /// Forward or back.
        direction: Direction,
        /// Why.
        message: String,
        /// Evidence.
        facts: Vec<Fact>,
    },
    /// An attempt is in doubt, or a probe answered.
    Doubt {
        /// What is known.
        message: String,
    },
    /// A gate decided.
    Decided {
        /// What it saw.
        judgement: Judgement,
    },
    /// A person or the engine intervened.
    Intervened {
        /// With what.
        event: String,
        /// What they said.
        message: String,
    },
    /// The rollout changed course or ended; the verdict sentence.
    Turned {
        /// The sentence.
        sentence: String,
        /// Until when that lasts, milliseconds since the Unix epoch, where it ends by itself: the old
        /// release is kept warm until then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until_ms: Option<u64>,
    },
}

impl Timeline {
    /// The timeline of a plan to which nothing has happened.
    pub fn new(plan: Arc<Plan>) -> Timeline {
        Timeline {
            rollout: Rollout::new(plan),
            moments: Vec::new(),
            begun_ms: Vec::new(),
        }
    }

    /// Applies the next event.
    ///
    /// # Errors
    /// When the event is not possible there.
    pub fn push(&mut self, event: &Event) -> Result<(), Refused> {
        let (next, effects) = self.rollout.apply(event)?;
        for effect in &effects {
            if let Effect::Perform(op) = effect {
                self.begun_ms.push((op.key.clone(), event.at_ms));
            }
        }
        let before = std::mem::replace(&mut self.rollout, next);
        self.tell(&before, event);
        for effect in &effects {
            if let Effect::Notify(notice) = effect
                && notice.kind == NoticeKind::Warning
            {
                let sentence = notice.sentence.clone();
                let until_ms = None;
                let kind = MomentKind::Turned { sentence, until_ms };
                self.moment(event, before.state().step(), kind);
            }
        }
        let was_turned = turned(before.state());
        if turned(self.rollout.state()) && (!was_turned || self.rollout.state().is_done()) {
            let sentence = self.rollout.sentence();
            self.moment(
                event,
                self.rollout.state().step(),
                MomentKind::Turned {
                    sentence,
                    until_ms: None,
                },
            );
        }
        if self.rollout.keeps_warm() && before.state().step() != self.rollout.state().step() {
            self.promoted(event);
        }
        Ok(())
    }

    /// How long each step that was done took, in milliseconds, by name. A gate took as long as it was
    /// open.
    pub fn durations_ms(&self) -> Vec<(String, u64)> {
        let mut durations = Vec::new();
        let mut before_ms = None;
        for moment in &self.moments {
            let took_ms = match &moment.kind {
                MomentKind::Settled {
                    direction: Direction::Do,
                    took_ms,
                    ..
                } => Some(*took_ms),
                MomentKind::Decided { judgement } if judgement.verdict == Verdict::Pass => {
                    before_ms.map(|before_ms| moment.at_ms.saturating_sub(before_ms))
                }
                _ => None,
            };
            if let (Some(name), Some(took_ms)) = (&moment.name, took_ms) {
                durations.push((name.clone(), took_ms));
            }
            before_ms = Some(moment.at_ms);
        }
        durations
    }

    /// The rollout as it is now.
    pub fn rollout(&self) -> &Rollout {
        &self.rollout
    }

    /// The moments so far.
    pub fn moments(&self) -> &[Moment] {
        &self.moments
    }

    fn moment(&mut self, event: &Event, step: Option<StepIndex>, kind: MomentKind) {
        let name = step
            .and_then(|at| self.rollout.plan().step(at))
            .map(|step| step.name.clone());
        let by = event.by.to_string();
        self.moments.push(Moment {
            at_ms: event.at_ms,
            by,
            step,
            name,
            kind,
        });
    }

    fn took_ms(&self, key: &OpKey, now_ms: u64) -> u64 {
        // An attempt that was in doubt began when the step's attempt was first performed.
        let begun = self.begun_ms.iter().rev().find(|(begun, _)| begun == key);
        begun.map_or(0, |(_, at_ms)| now_ms.saturating_sub(*at_ms))
    }

    fn tell(&mut self, before: &Rollout, event: &Event) {
        match &event.kind {
            EventKind::Start => {
                let title = before.plan().title();
                self.moment(event, None, MomentKind::Began { title });
            }
            EventKind::Succeeded { key, facts } => self.settled(event, key, facts),
            EventKind::Probed {
                key,
                presence,
                facts,
            } => {
                let done = match key.direction {
                    Direction::Do => crate::Presence::Applied,
                    Direction::Undo => crate::Presence::Absent,
                };
                if *presence == done {
                    self.settled(event, key, facts);
                } else {
                    let message = format!("looked: {}", presence_words(*presence));
                    self.moment(event, Some(key.step), MomentKind::Doubt { message });
                }
            }
            EventKind::Failed { key, failure } => {
                let kind = MomentKind::Failed {
                    direction: key.direction,
                    message: failure.message.clone(),
                    facts: failure.facts.clone(),
                };
                self.moment(event, Some(key.step), kind);
            }
            EventKind::TimedOut { key } => {
                let message = "passed its deadline".to_owned();
                self.moment(event, Some(key.step), MomentKind::Doubt { message });
            }
            EventKind::Unclear { key, message } => {
                let message = message.clone();
                self.moment(event, Some(key.step), MomentKind::Doubt { message });
            }
            EventKind::Measured {
                step,
                sample,
                decided,
                ..
            } => self.measured(before, event, *step, (sample.as_ref(), decided.as_deref())),
            EventKind::Recovered
            | EventKind::Abort { .. }
            | EventKind::Pause { .. }
            | EventKind::Resume
            | EventKind::Approve
            | EventKind::Retry
            | EventKind::Skip => {
                let message = match &event.kind {
                    EventKind::Abort { reason } | EventKind::Pause { reason } => reason.clone(),
                    EventKind::Recovered => "the engine came back".to_owned(),
                    _ => String::new(),
                };
                let word = event.kind.word().to_owned();
                let kind = MomentKind::Intervened {
                    event: word,
                    message,
                };
                self.moment(event, before.state().step(), kind);
            }
            // What comes of a suspended attempt is told as the pause that it is.
            EventKind::Woke { .. } | EventKind::Suspended { .. } | EventKind::Progress { .. } => {}
        }
    }

    fn settled(&mut self, event: &Event, key: &OpKey, facts: &[Fact]) {
        let took_ms = self.took_ms(key, event.at_ms);
        let kind = MomentKind::Settled {
            direction: key.direction,
            took_ms,
            facts: facts.to_vec(),
        };
        self.moment(event, Some(key.step), kind);
    }

    /// Tells that the release serves and the old one is kept warm.
    fn promoted(&mut self, event: &Event) {
        let plan = self.rollout.plan().clone();
        let Some(at) = self.rollout.state().step() else {
            return;
        };
        if let Some(crate::Action::Gate(gate)) = plan.step(at).map(|step| &step.action) {
            let until_ms = Some(event.at_ms.saturating_add(gate.analysis.window_ms));
            let sentence = plan.promoted_sentence(at);
            self.moment(event, Some(at), MomentKind::Turned { sentence, until_ms });
        }
    }

    /// Tells of a sample only when it decided.
    fn measured(
        &mut self,
        before: &Rollout,
        event: &Event,
        step: StepIndex,
        (sample, decided): (&Sample, Option<&Judgement>),
    ) {
        let stays = |state: &State| match state {
            State::Watching { at, .. } | State::Paused { at, .. } => *at == step,
            _ => false,
        };
        let same_kind = before.state().word() == self.rollout.state().word();
        if stays(self.rollout.state()) && same_kind {
            return;
        }
        let judged = || before.judged_with(sample).map(|(_, judgement)| judgement);
        if let Some(judgement) = decided.cloned().or_else(judged) {
            self.moment(event, Some(step), MomentKind::Decided { judgement });
        }
    }
}

fn turned(state: &State) -> bool {
    match state {
        State::Unwinding { .. }
        | State::Held { .. }
        | State::Paused { .. }
        | State::Done { .. } => true,
        State::Planned | State::Advancing { .. } | State::Watching { .. } => false,
    }
}

fn presence_words(presence: crate::Presence) -> &'static str {
    match presence {
        crate::Presence::Applied => "it is in effect",
        crate::Presence::Absent => "it is not in effect",
        crate::Presence::Unknown => "it cannot be told",
    }
}

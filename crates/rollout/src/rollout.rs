//! A rollout: a plan and what the events so far made of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use portcullis_analysis::{FORMULA_VERSION, Judgement, Sample, Tally, Verdict};

use crate::{
    Action, Actor, Direction, End, Event, EventKind, GateOrder, Halt, HookOrder, Op, OpKey, Plan,
    Refused, State, StepIndex, Strategy,
};

mod data;
mod in_force;
mod recording;

pub use data::DataOf;
pub use in_force::alone;

/// One execution of a plan: the fold of its events, changed in no other way (invariant 3).
#[derive(Debug, Clone, PartialEq)]
pub struct Rollout {
    plan: Arc<Plan>,
    pub(crate) state: State,
    pub(crate) seq: u64,
    /// Whether the new release was ever asked to take traffic: from then on it may have taken writes.
    pub(crate) exposed: bool,
    /// The step whose reverse was given up: its backup is put back instead.
    pub(crate) given_up: Option<StepIndex>,
    /// The step whose backup a person wants put back, though that loses writes.
    pub(crate) agreed: Option<StepIndex>,
    /// An accepted pause that waits for the step to settle.
    pub(crate) pause: Option<Halt>,
    /// How far the attempt that is under way says that it is.
    pub(crate) progress: Option<String>,
    /// What the gate that passed last had seen.
    pub(crate) last_gate: Option<(StepIndex, Box<Tally>)>,
    /// What people were warned of.
    pub(crate) warned: BTreeSet<Warned>,
    /// What people were warned of last: the sentence names these rules and not others that were named before.
    pub(crate) newest: Vec<Warned>,
}

/// A warning that was told: which gate, which of its rules, of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Warned {
    pub(crate) gate: StepIndex,
    pub(crate) rule: usize,
    pub(crate) of: WarnedOf,
}

/// What a gate warns of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum WarnedOf {
    /// A rule is on its way to fail.
    Approaching,
    /// A rule has no data.
    NoData,
    /// The release that is kept warm does not answer as it should. It has no rule.
    KeptFault,
    /// The gate has failed, and there is no release to go back to.
    NoWayBack,
}

impl WarnedOf {
    /// Whether it is what a rule has seen, and not a release.
    pub(crate) fn is_of_a_rule(self) -> bool {
        matches!(self, WarnedOf::Approaching | WarnedOf::NoData)
    }
}

impl Warned {
    /// All that a gate warns of.
    pub(crate) fn all(gate: StepIndex, tally: &Tally, judgement: &Judgement) -> BTreeSet<Warned> {
        let failed = judgement.verdict == Verdict::Fail;
        let kept_fault = tally.kept_fault().map(|_| Warned {
            gate,
            rule: 0,
            of: match failed {
                true => WarnedOf::NoWayBack,
                false => WarnedOf::KeptFault,
            },
        });
        let evidence = judgement.evidence.iter().enumerate();
        let of = evidence.flat_map(|(rule, evidence)| {
            let approaching = evidence.approaching.then_some(WarnedOf::Approaching);
            let no_data = evidence.no_data().map(|_| WarnedOf::NoData);
            [approaching, no_data]
                .into_iter()
                .flatten()
                .map(move |of| Warned { gate, rule, of })
        });
        of.chain(kept_fault).collect()
    }
}

impl Rollout {
    /// A rollout of `plan` to which nothing has happened yet.
    pub fn new(plan: Arc<Plan>) -> Rollout {
        Rollout {
            plan,
            state: State::Planned,
            seq: 0,
            exposed: false,
            given_up: None,
            agreed: None,
            pause: None,
            progress: None,
            last_gate: None,
            warned: BTreeSet::new(),
            newest: Vec::new(),
        }
    }

    /// The fold of `events` over a new rollout.
    ///
    /// # Errors
    /// The first event that is refused, with its position: a journal in which that happens was not
    /// written by this state machine.
    pub fn fold<'a>(
        plan: Arc<Plan>,
        events: impl IntoIterator<Item = &'a Event>,
    ) -> Result<Rollout, (usize, Refused)> {
        let mut rollout = Rollout::new(plan);
        for (position, event) in events.into_iter().enumerate() {
            (rollout, _) = rollout
                .apply(event)
                .map_err(|refused| (position, refused))?;
        }
        Ok(rollout)
    }

    /// What is being carried out.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Where it is.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// How many events were applied.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Whether the new release is the one that serves: it was promoted, and the rollout is not going
    /// back.
    pub fn is_promoted(&self) -> bool {
        let at = match &self.state {
            State::Done { end, .. } => return *end == End::Promoted,
            State::Planned
            | State::Unwinding { .. }
            | State::Held {
                direction: Direction::Undo,
                ..
            } => return false,
            State::Advancing { at, .. }
            | State::Watching { at, .. }
            | State::Paused { at, .. }
            | State::Held { at, .. } => *at,
        };
        let done = self.plan.steps.iter().take(at.0);
        done.into_iter()
            .any(|step| matches!(step.action, Action::Promote(_)))
    }

    /// Whether the new release is promoted and all that is left is the time for which the old one is kept
    /// warm: it may be ended at any moment without harm.
    pub fn keeps_warm(&self) -> bool {
        matches!(&self.state, State::Watching { at, .. } if self.plan.keeps_warm(*at))
    }

    /// The words that a person can say to this rollout now, for example `abort`; empty when it takes none.
    pub fn words_taken(&self) -> Vec<&'static str> {
        let reason = String::new;
        let kinds = [
            EventKind::Approve,
            EventKind::Resume,
            EventKind::Retry,
            EventKind::Skip,
            EventKind::Pause { reason: reason() },
            EventKind::Abort { reason: reason() },
        ];
        let taken = kinds.into_iter().filter_map(|kind| {
            let word = kind.word();
            let event = Event {
                at_ms: 0,
                by: Actor::Engine,
                kind,
            };
            self.apply(&event).is_ok().then_some(word)
        });
        taken.collect()
    }

    /// The share of the users that the new release has by the last shift that is done, in percent; 0 before
    /// the first one, and where the shifts were undone. While a step moves traffic it is what was before.
    pub fn share_percent(&self) -> u8 {
        let at = match &self.state {
            State::Planned | State::Done { .. } => return 0,
            State::Advancing { at, .. }
            | State::Watching { at, .. }
            | State::Paused { at, .. }
            | State::Unwinding { at, .. }
            | State::Held { at, .. } => *at,
        };
        let done = self.plan.steps.iter().take(at.0).rev();
        let mut shifts = done.filter_map(|step| match &step.action {
            Action::Shift(split) => Some(split.weight.percent()),
            _ => None,
        });
        shifts.next().unwrap_or(0)
    }

    /// Whether the new release was ever asked to take traffic.
    pub fn exposed(&self) -> bool {
        self.exposed
    }

    /// The step whose reverse has failed, so that its backup is put back instead.
    pub fn given_up(&self) -> Option<StepIndex> {
        self.given_up
    }

    /// The step whose backup a person wants put back, though that loses writes.
    pub fn agreed(&self) -> Option<StepIndex> {
        self.agreed
    }

    /// The other way to undo a step, if its reverse was not given up yet, and whether a person is asked before.
    pub(crate) fn other_way(&self, at: StepIndex) -> Option<(Action, bool)> {
        let step = self.plan.step(at).filter(|_| self.given_up != Some(at))?;
        let (action, asks) = step.undo.otherwise()?;
        // While everybody was kept out, nothing was written that could be lost.
        let closed =
            matches!(self.plan.strategy, Strategy::CutOver { .. }) || self.plan.policy.read_only;
        Some((action, asks && (self.exposed || !closed)))
    }

    /// Whether a person is asked before this step is undone, because that loses writes and nobody has agreed to it.
    pub(crate) fn asks_before_undoing(&self, at: StepIndex, cause: &crate::Cause) -> bool {
        let step = self.plan.step(at);
        step.is_some_and(|step| {
            step.undo.needs_consent() && (self.exposed || step.undo.loses_others_writes())
        }) && self.agreed != Some(at)
            && !cause.accepts_loss()
    }

    /// Whether undoing this step could lose only what users wrote to the release that serves.
    pub(crate) fn loses_only_others_writes(&self, at: StepIndex) -> bool {
        let step = self.plan.step(at);
        !self.exposed && step.is_some_and(|step| step.undo.loses_others_writes())
    }

    /// The pause that was asked for and takes effect when the step has settled, if one was.
    pub fn pause(&self) -> Option<&Halt> {
        self.pause.as_ref()
    }

    /// How far the attempt that is under way says that it is, if it has said so.
    pub fn progress(&self) -> Option<&str> {
        self.progress.as_deref()
    }

    /// The attempt that is under way, in doubt or resting, if one is.
    pub fn op(&self) -> Option<Op> {
        match &self.state {
            State::Advancing { at, attempt, .. } => self.op_at(Direction::Do, *at, attempt.number),
            State::Unwinding { at, attempt, .. } => {
                self.op_at(Direction::Undo, *at, attempt.number)
            }
            State::Held {
                direction,
                at,
                attempt,
                ..
            } => self.op_at(*direction, *at, attempt.number),
            State::Planned | State::Watching { .. } | State::Paused { .. } | State::Done { .. } => {
                None
            }
        }
    }

    /// What the open gate has seen so far, if one is open.
    pub fn judgement(&self) -> Option<Judgement> {
        let (at, tally) = match &self.state {
            State::Watching { at, tally } | State::Paused { at, tally, .. } => (at, tally),
            _ => return None,
        };
        match &self.plan.step(*at)?.action {
            Action::Gate(gate) => Some(tally.judge(&gate.analysis)),
            _ => None,
        }
    }

    /// What the open gate has seen with one more sample, and what follows from it: the one place that
    /// judges.
    pub fn judged_with(&self, sample: &Sample) -> Option<(Box<Tally>, Judgement)> {
        let (at, known) = match &self.state {
            State::Watching { at, tally } | State::Paused { at, tally, .. } => (at, tally),
            _ => return None,
        };
        let analysis = &self.gate(*at)?.analysis;
        let mut tally = known.clone();
        tally.observe(analysis, sample);
        let judgement = tally.judge(analysis);
        Some((tally, judgement))
    }

    /// The event as it is recorded: a sample gets what the gate concludes from it, so that the journal
    /// holds every verdict with its evidence.
    #[must_use]
    pub fn witnessed(&self, kind: EventKind) -> EventKind {
        let EventKind::Measured { step, sample, .. } = kind else {
            return kind;
        };
        let judged = self.judged_with(&sample).map(|(_, judgement)| judgement);
        let decided = judged.filter(|judgement| judgement.verdict != Verdict::Undecided);
        EventKind::Measured {
            step,
            sample,
            decided: decided.map(Box::new),
            formula: FORMULA_VERSION,
        }
    }

    /// The tally with which a gate opens: evidence against the candidate runs on from the gate before.
    pub(crate) fn opened(
        &self,
        last_gate: Option<(StepIndex, &Tally)>,
        gate: &GateOrder,
    ) -> Box<Tally> {
        let before = last_gate.and_then(|(at, tally)| Some((&self.gate(at)?.analysis, tally)));
        Box::new(match before {
            Some((before, tally)) => tally.following(before, &gate.analysis),
            None => Tally::new(&gate.analysis),
        })
    }

    /// Whether a step is in parts, so that it can be left between two of them.
    pub(crate) fn is_in_parts(&self, at: StepIndex) -> bool {
        let step = self.plan.step(at);
        matches!(step.map(|step| &step.action), Some(Action::Migrate(order)) if order.has_batches())
    }

    /// The gate at a step, if it is one.
    pub(crate) fn gate(&self, at: StepIndex) -> Option<&GateOrder> {
        match &self.plan.step(at)?.action {
            Action::Gate(gate) => Some(gate),
            _ => None,
        }
    }

    /// The attempt `attempt` at a step in a direction; `None` when there is nothing to run there.
    pub(crate) fn op_at(&self, direction: Direction, at: StepIndex, attempt: u32) -> Option<Op> {
        let step = self.plan.step(at)?;
        let mut action = match direction {
            Direction::Do => step.action.clone(),
            Direction::Undo if self.given_up == Some(at) => step.undo.otherwise()?.0,
            Direction::Undo => step.undo.action()?,
        };
        if let Action::Hook(hook) = &mut action {
            hook.input = self.hook_input(hook);
        }
        let key = OpKey {
            rollout: self.plan.id.clone(),
            direction,
            step: at,
            attempt,
        };
        Some(Op {
            key,
            action,
            deadline_ms: step.deadline_ms,
        })
    }

    /// What a hook gets on standard input.
    fn hook_input(&self, hook: &HookOrder) -> String {
        let belongs_to = self.plan.steps.iter().find(|step| step.name == hook.step);
        serde_json::json!({
            "schema": "portcullis.hook/1",
            "hook": hook.name,
            "when": hook.when.word(),
            "step": hook.step,
            "kind": belongs_to.map(|step| step.action.word()),
            "rollout": self.plan.id,
            "service": self.plan.service,
            "sentence": self.sentence(),
            "plan": *self.plan,
        })
        .to_string()
    }
}

#[cfg(test)]
mod tests;

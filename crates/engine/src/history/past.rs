//! One rollout with everything that happened to it.

use std::sync::Arc;

use portcullis_driver::Recorded;
use portcullis_rollout::{Event, Plan, Replay, ReplayError, Rollout, RolloutId, Timeline};

use super::HistoryError;
use super::outline::{Cut, Outline, Promoted};

/// One rollout with its events.
#[derive(Debug, Clone)]
pub struct Past {
    rollout: Rollout,
    /// Shared between copies: a rollout that somebody still looks at is copied when it goes on.
    events: Vec<Arc<Event>>,
    first_seq: u64,
    last_seq: u64,
    /// The fencing epoch of the entry since which the traffic is as it is; 0 where it was not moved.
    moved_epoch: u64,
}

impl Past {
    /// A rollout whose plan is journal entry `seq`.
    pub(super) fn new(plan: Arc<Plan>, seq: u64) -> Past {
        Past {
            rollout: Rollout::new(plan),
            events: Vec::new(),
            first_seq: seq,
            last_seq: seq,
            moved_epoch: 0,
        }
    }

    /// Applies the event of journal entry `seq`, which was written under a fencing epoch.
    pub(super) fn push(&mut self, seq: u64, epoch: u64, event: Event) -> Result<(), HistoryError> {
        let applied = self.rollout.apply(&event);
        let (next, _) = applied.map_err(|source| HistoryError::Impossible { seq, source })?;
        if next.last_move() != self.rollout.last_move() {
            self.moved_epoch = epoch;
        }
        self.rollout = next;
        self.events.push(Arc::new(event));
        self.last_seq = seq;
        Ok(())
    }

    /// The rollout's name.
    pub fn id(&self) -> &RolloutId {
        &self.rollout.plan().id
    }

    /// The rollout as its events left it.
    pub fn rollout(&self) -> &Rollout {
        &self.rollout
    }

    /// Its events, in order.
    pub fn events(&self) -> &[Arc<Event>] {
        &self.events
    }

    /// The rollout in short.
    pub fn outline(&self) -> Outline {
        let (plan, state) = (self.rollout.plan(), self.rollout.state());
        let changed = self.events.last().map(|event| event.at_ms);
        Outline {
            id: plan.id.clone(),
            from: plan.previous.as_ref().map(|from| from.release.id.clone()),
            to: plan.release.id.clone(),
            address: plan.target.address.as_str().into(),
            state: state.word(),
            sentence: self.rollout.sentence().into(),
            over: state.is_done(),
            planned_at_ms: plan.created_at_ms,
            changed_at_ms: changed.unwrap_or(plan.created_at_ms),
            entries: self.first_seq..=self.last_seq,
            promotion: self.promoted().map(|promoted| promoted.kept()),
        }
    }

    /// The split that this rollout left or has brought about by now.
    pub(super) fn recorded_split(&self) -> Option<Recorded> {
        Some(Recorded {
            split: self.rollout.split()?,
            epoch: self.moved_epoch,
            moving: self.rollout.moves_traffic(),
        })
    }

    /// What happened, for people.
    pub fn timeline(&self) -> Timeline {
        let mut timeline = Timeline::new(self.rollout.plan().clone());
        for event in &self.events {
            // Each event was accepted when this history was read.
            if timeline.push(event).is_err() {
                break;
            }
        }
        timeline
    }

    /// A gate judged again from what was recorded.
    ///
    /// # Errors
    /// When the plan has no gate of this name.
    pub fn replay(&self, gate: &str) -> Result<Replay, ReplayError> {
        let events = self.events.iter().map(Arc::as_ref);
        Replay::of(self.rollout.plan().clone(), events, gate)
    }

    /// When its release was promoted, milliseconds since the Unix epoch, if it was.
    pub(super) fn promoted_at_ms(&self) -> Option<u64> {
        let mut rollout = Rollout::new(self.rollout.plan().clone());
        for event in &self.events {
            rollout = rollout.apply(event).ok()?.0;
            if rollout.is_promoted() {
                return Some(event.at_ms);
            }
        }
        None
    }

    pub(super) fn promoted(&self) -> Option<Promoted<'_>> {
        let plan = self.rollout.plan();
        self.rollout.is_promoted().then(|| Promoted {
            purpose: plan.purpose,
            release: &plan.release,
            target: &plan.target,
            previous: plan.previous.as_ref(),
            cut: Cut::of(plan),
        })
    }
}

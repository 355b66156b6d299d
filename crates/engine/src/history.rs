//! A service's past: the fold of its journal.

use std::collections::HashMap;
use std::sync::Arc;

use portcullis_journal::Entry;
use portcullis_rollout::{
    Action, Event, Plan, Promotion, Purpose, Refused, ReleaseId, Rollout, RolloutId, Running, Step,
    Timeline,
};

use crate::record::{Body, BodyUnreadable, event_of};

/// How many durations of a step are looked at to say how long it will take.
const DURATIONS_MAX: usize = 5;
/// How many rollouts are looked through for them.
const ROLLOUTS_LOOKED_AT: usize = 20;

/// All rollouts of one service, oldest first. Derived from the journal, stored nowhere else
/// (invariant 3).
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Shared between copies: taking a copy of a history is cheap.
    past: Vec<Arc<Past>>,
    next_seq: u64,
    /// What served before the first rollout that is known here; only a history that was not read from
    /// the journal's beginning has it.
    served_before: Option<Running>,
}

/// One rollout with its events.
#[derive(Debug, Clone)]
pub struct Past {
    rollout: Rollout,
    /// Shared between copies: a rollout that somebody still looks at is copied when it goes on.
    events: Vec<Arc<Event>>,
}

/// A journal that the engine did not write, or not this version.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// An entry cannot be read.
    #[error(transparent)]
    Unreadable(#[from] BodyUnreadable),
    /// An entry is about a rollout that was never planned.
    #[error("journal entry {seq} is about rollout {rollout}, which was never planned")]
    Unplanned {
        /// The entry's number.
        seq: u64,
        /// The rollout.
        rollout: RolloutId,
    },
    /// An entry records an event that was not possible.
    #[error("journal entry {seq} records something that was not possible then")]
    Impossible {
        /// The entry's number.
        seq: u64,
        /// Why not.
        #[source]
        source: Refused,
    },
}

impl History {
    /// The history that journal entries tell.
    ///
    /// # Errors
    /// At the first entry that does not fit.
    pub fn read(entries: &[Entry]) -> Result<History, HistoryError> {
        let mut history = History::default();
        for entry in entries {
            history.push(entry)?;
        }
        Ok(history)
    }

    /// The history from the last plan in `entries` on, which are the end of a journal; `None` when no
    /// plan is among them. It knows one rollout only, and tells of the present all that the whole one
    /// does: which rollout was last or is live, what serves, and the next entry's number.
    ///
    /// # Errors
    /// At the first entry that does not fit.
    pub fn read_last(entries: &[Entry]) -> Result<Option<History>, HistoryError> {
        for (position, entry) in entries.iter().enumerate().rev() {
            if let Body::Planned { plan, .. } = Body::decode(entry)? {
                let mut history = History {
                    served_before: plan.previous.clone(),
                    ..History::default()
                };
                for entry in &entries[position..] {
                    history.push(entry)?;
                }
                return Ok(Some(history));
            }
        }
        Ok(None)
    }

    /// Adds the next journal entry.
    ///
    /// # Errors
    /// When it does not fit what went before.
    pub fn push(&mut self, entry: &Entry) -> Result<(), HistoryError> {
        let seq = entry.seq;
        match Body::decode(entry)? {
            Body::Planned { plan, .. } => {
                let past = Past {
                    rollout: Rollout::new(plan),
                    events: Vec::new(),
                };
                self.past.push(Arc::new(past));
            }
            Body::Happened { rollout, kind } => {
                let event = event_of(entry, kind);
                let past = self
                    .past
                    .iter_mut()
                    .rev()
                    .find(|past| past.id() == &rollout);
                let past = Arc::make_mut(past.ok_or(HistoryError::Unplanned { seq, rollout })?);
                let applied = past.rollout.apply(&event);
                let (next, _) =
                    applied.map_err(|source| HistoryError::Impossible { seq, source })?;
                past.rollout = next;
                past.events.push(Arc::new(event));
            }
        }
        self.next_seq = seq + 1;
        Ok(())
    }

    /// Every rollout, oldest first.
    pub fn rollouts(&self) -> &[Arc<Past>] {
        &self.past
    }

    /// The rollout with this name.
    pub fn find(&self, id: &str) -> Option<&Past> {
        self.past
            .iter()
            .rev()
            .find(|past| past.id().as_str() == id)
            .map(Arc::as_ref)
    }

    /// The rollout that is not over, if there is one. At most one is live at a time.
    pub fn live(&self) -> Option<&Past> {
        self.past
            .iter()
            .rev()
            .find(|past| !past.rollout.state().is_done())
            .map(Arc::as_ref)
    }

    /// The number of the journal entry after the last one seen.
    pub fn next_seq(&self) -> u64 {
        self.next_seq.max(1)
    }

    /// The release that serves and where: the last one that was promoted, also by a rollout that is
    /// still live because the old release is kept warm or is being retired.
    pub fn serving(&self) -> Option<Running> {
        let promoted = self.promotions().last().map(|plan| Running {
            release: plan.release.clone(),
            target: plan.target.clone(),
        });
        promoted.or_else(|| self.served_before.clone())
    }

    /// The release with this name and where it last ran, if it was ever promoted.
    pub fn promoted(&self, release: &ReleaseId) -> Option<Running> {
        let found = self.promotions().rev().find(|p| p.release.id == *release)?;
        Some(Running {
            release: found.release.clone(),
            target: found.target.clone(),
        })
    }

    /// The last change of traffic to the release that serves, with what was started for it and the name of
    /// its rollout; `None` when nothing was ever promoted.
    pub fn serving_promotion(&self) -> Option<(RolloutId, Promotion)> {
        let plan = self.promotions().last()?;
        let promotion = plan.steps.iter().rev().find_map(|step| match &step.action {
            Action::Promote(promotion) => Some((**promotion).clone()),
            _ => None,
        });
        Some((plan.id.clone(), promotion?))
    }

    /// The releases that were ever promoted, newest first, each once.
    pub fn promoted_releases(&self) -> Vec<ReleaseId> {
        let mut seen: Vec<ReleaseId> = Vec::new();
        for plan in self.promotions().rev() {
            if !seen.contains(&plan.release.id) {
                seen.push(plan.release.id.clone());
            }
        }
        seen
    }

    /// How long each step of a plan took in earlier rollouts of the service, shortest and longest of the
    /// last five, in milliseconds; `None` for a step that was never done.
    pub fn expected_ms(&self, plan: &Plan) -> Vec<Option<(u64, u64)>> {
        let mut seen: HashMap<String, Vec<u64>> = HashMap::new();
        for past in self.past.iter().rev().take(ROLLOUTS_LOOKED_AT) {
            for (name, took_ms) in past.timeline().durations_ms() {
                let known = seen.entry(name).or_default();
                if known.len() < DURATIONS_MAX {
                    known.push(took_ms);
                }
            }
        }
        let range = |step: &Step| {
            let known = seen.get(&step.name)?;
            Some((*known.iter().min()?, *known.iter().max()?))
        };
        plan.steps.iter().map(range).collect()
    }

    /// The release to which a rollback would return: the one that the serving release replaced when
    /// it was first brought out. Rolling back twice goes back twice, it never flips forward.
    pub fn predecessor(&self) -> Option<Running> {
        let serving = self.serving()?;
        self.came_after(&serving.release.id)
    }

    /// The name of the next rollout.
    pub fn next_id(&self, service: &str) -> RolloutId {
        RolloutId::new(format!("{service}-{}", self.past.len() + 1))
    }

    fn promotions(&self) -> impl DoubleEndedIterator<Item = &Arc<Plan>> {
        self.past
            .iter()
            .filter(|past| past.rollout.is_promoted())
            .map(|past| past.rollout.plan())
    }

    fn came_after(&self, release: &ReleaseId) -> Option<Running> {
        let forward = |plan: &&Arc<Plan>| plan.purpose == Purpose::Deploy;
        let brought = self
            .promotions()
            .rev()
            .filter(forward)
            .find(|p| p.release.id == *release)?;
        brought.previous.clone()
    }
}

impl Past {
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
}

//! What is kept of every rollout, however old.

use std::ops::RangeInclusive;
use std::sync::Arc;

use portcullis_rollout::{
    Action, Plan, Purpose, Release, ReleaseId, RolloutId, Running, Strategy, Target,
};

/// A rollout in short.
#[derive(Debug, Clone, PartialEq)]
pub struct Outline {
    /// Its name.
    pub id: RolloutId,
    /// The release that served before it; `None` for the first one.
    pub from: Option<ReleaseId>,
    /// The release that it was to bring out.
    pub to: ReleaseId,
    /// Where that was to run.
    pub address: Box<str>,
    /// The word for the state that it is in, or ended in.
    pub state: &'static str,
    /// Its verdict sentence.
    pub sentence: Box<str>,
    /// Whether it is over.
    pub over: bool,
    /// When its plan was made, milliseconds since the Unix epoch.
    pub planned_at_ms: u64,
    /// When something happened to it last, milliseconds since the Unix epoch.
    pub changed_at_ms: u64,
    /// Its journal entries, from the plan to the last event. At most one rollout is live at a time, so
    /// nothing else is among them.
    pub entries: RangeInclusive<u64>,
    /// What it brought out, if its release was promoted.
    pub(super) promotion: Option<Promotion>,
}

/// What a promotion leaves for later: where to go back to, and from where.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Promotion {
    pub(super) purpose: Purpose,
    pub(super) running: Arc<Running>,
    pub(super) previous: Option<Arc<Running>>,
    pub(super) cut: Option<Cut>,
}

/// How the data was cut off from what had served before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cut {
    /// The backup that was made while nobody was let in.
    pub(super) backup: String,
}

impl Cut {
    /// Of a plan in which the two releases never run beside each other; none for a service without data.
    pub(super) fn of(plan: &Plan) -> Option<Cut> {
        plan.previous.as_ref()?;
        let Strategy::CutOver { .. } = plan.strategy else {
            return None;
        };
        let mut last_first = plan.steps.iter().rev();
        let backup = last_first.find_map(|step| match &step.action {
            Action::Backup(order) => Some(order.name.clone()),
            _ => None,
        })?;
        Some(Cut { backup })
    }
}

/// A promotion, wherever it is kept.
pub(super) struct Promoted<'a> {
    pub(super) purpose: Purpose,
    pub(super) release: &'a Release,
    pub(super) target: &'a Target,
    pub(super) previous: Option<&'a Running>,
    pub(super) cut: Option<Cut>,
}

impl Outline {
    pub(super) fn promoted(&self) -> Option<Promoted<'_>> {
        let promotion = self.promotion.as_ref()?;
        Some(Promoted {
            purpose: promotion.purpose,
            release: &promotion.running.release,
            target: &promotion.running.target,
            previous: promotion.previous.as_deref(),
            cut: promotion.cut.clone(),
        })
    }
}

impl Promoted<'_> {
    /// The release and where it runs.
    pub(super) fn running(&self) -> Running {
        Running {
            release: self.release.clone(),
            target: self.target.clone(),
        }
    }

    /// To be kept when the rollout is forgotten.
    pub(super) fn kept(&self) -> Promotion {
        Promotion {
            purpose: self.purpose,
            running: Arc::new(self.running()),
            previous: self.previous.cloned().map(Arc::new),
            cut: self.cut.clone(),
        }
    }
}

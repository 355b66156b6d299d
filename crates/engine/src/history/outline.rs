//! What is kept of every rollout, however old.

use std::ops::RangeInclusive;
use std::sync::Arc;

use portcullis_rollout::{Purpose, Release, ReleaseId, RolloutId, Running, Target};

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
}

/// A promotion, wherever it is kept.
pub(super) struct Promoted<'a> {
    pub(super) purpose: Purpose,
    pub(super) release: &'a Release,
    pub(super) target: &'a Target,
    pub(super) previous: Option<&'a Running>,
}

impl Outline {
    pub(super) fn promoted(&self) -> Option<Promoted<'_>> {
        let promotion = self.promotion.as_ref()?;
        Some(Promoted {
            purpose: promotion.purpose,
            release: &promotion.running.release,
            target: &promotion.running.target,
            previous: promotion.previous.as_deref(),
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
        }
    }
}

//! A gateway that has lost its split is given it again.
//!
//! The journal is the truth, and the gateway's file is the gateway's memory of it: it may be missing, or be an
//! older copy. Nothing is decided here and nothing is undone: what the journal says was brought about is
//! brought about again.

use portcullis_api::gateway::{self, RouteStatus, SplitChange};
use portcullis_rollout::{Failure, Split};

use super::{GatewayDriver, failure};

/// The split that is in force by the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The split.
    pub split: Split,
    /// The fencing epoch under which the journal's entry about it was written; 0 where that is not known.
    pub epoch: u64,
    /// A step is moving traffic, or it is not known what became of one: the gateway may be ahead.
    pub moving: bool,
}

/// A split that was given to a gateway again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// What was in force before.
    pub before: Option<gateway::Split>,
    /// What is in force now.
    pub now: gateway::Split,
}

impl GatewayDriver {
    /// Gives the gateway the split of the journal again if it has none, if what it has is of an older epoch, or
    /// if it sends everybody to another release than the one that serves. Otherwise it is left as it is.
    ///
    /// `recorded` is asked after the gateway was, and a change of the split between the two or later makes
    /// this one void: what the engine does itself is never overwritten.
    ///
    /// # Errors
    /// When the gateway cannot be asked, has seen a newer epoch, or finds an arm unhealthy.
    pub async fn restore(
        &self,
        service: &str,
        recorded: impl FnOnce() -> Option<Recorded>,
    ) -> Result<Option<Restored>, Failure> {
        let route = self.route(service).await.map_err(|error| failure(&error))?;
        let (Some(route), Some(recorded)) = (route, recorded()) else {
            return Ok(None);
        };
        if !is_lost(&route, &recorded) {
            return Ok(None);
        }
        let now = gateway::Split::from(&recorded.split);
        let change = SplitChange {
            split: now.clone(),
            epoch: self.epoch(),
            if_changes: Some(route.changes),
        };
        self.change(service, change).await?;
        let before = route.split;
        Ok((before.as_ref() != Some(&now)).then_some(Restored { before, now }))
    }
}

/// Whether the gateway does not have what the journal says it was given.
fn is_lost(route: &RouteStatus, recorded: &Recorded) -> bool {
    let Some(split) = &route.split else {
        return true;
    };
    let wanted = gateway::Split::from(&recorded.split);
    !recorded.moving && (route.epoch < recorded.epoch || split.stable != wanted.stable)
}

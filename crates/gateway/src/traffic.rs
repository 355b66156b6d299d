//! What a gateway that was succeeded still has under way.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a gateway has under way, as its successor must know it before an arm counts as drained.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// How many changes of its split each service has followed.
    pub changes: BTreeMap<String, u64>,
    /// Requests and tunnels under way, by the address of the arm.
    pub in_flight: BTreeMap<String, u64>,
}

impl Traffic {
    /// What must be added to the requests in flight of an arm of a service whose split has changed
    /// `changes` times: as long as the newest change was not followed, one request may be on its way to
    /// any arm.
    pub(crate) fn in_flight(&self, service: &str, address: &str, changes: u64) -> u64 {
        let followed = self
            .changes
            .get(service)
            .is_some_and(|seen| *seen >= changes);
        let counted = self.in_flight.get(address).copied().unwrap_or(0);
        counted + u64::from(!followed)
    }
}

#[cfg(test)]
mod tests;

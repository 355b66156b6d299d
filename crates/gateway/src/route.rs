//! The routing table: which service a request belongs to and which of its arms answers it.
//!
//! A table is never changed, only replaced as a whole, so a request sees either the old split or
//! the new one and nothing in between (invariant 10).

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::arm::{ArmState, Health};
use crate::settings::RouteSettings;
use crate::sticky::BucketHash;

/// All routes of the gateway.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// In the order of the settings.
    pub(crate) routes: Vec<Arc<Route>>,
}

/// One service as the data path sees it.
#[derive(Debug)]
pub(crate) struct Route {
    /// How the service is served.
    pub(crate) settings: RouteSettings,
    /// How its users are divided.
    pub(crate) hash: BucketHash,
    /// The split in force; `None` before the first release.
    pub(crate) active: Option<ActiveSplit>,
    /// Requests that found no release to serve them.
    pub(crate) unrouted: Arc<AtomicU64>,
}

/// A split with the arms it names.
#[derive(Debug, Clone)]
pub(crate) struct ActiveSplit {
    /// The release that serves.
    pub(crate) stable: Arc<ArmState>,
    /// The candidate.
    pub(crate) canary: Option<Arc<ArmState>>,
    /// How many of the [`crate::sticky::BUCKETS`] belong to the canary.
    pub(crate) canary_buckets: u16,
}

/// Which arm answers a request.
#[derive(Debug, Clone)]
pub(crate) enum Assignment {
    /// The stable arm: healthy or not, it is what there is.
    Stable(Arc<ArmState>),
    /// The canary; the stable arm answers if it cannot be reached.
    Canary {
        /// The canary.
        canary: Arc<ArmState>,
        /// Its stand-in.
        stable: Arc<ArmState>,
    },
    /// The user belongs to the canary, which is down: the stable arm answers and the canary is
    /// charged with the failure, so that a gate sees it.
    StandIn {
        /// The canary that is down.
        canary: Arc<ArmState>,
        /// Its stand-in.
        stable: Arc<ArmState>,
    },
}

impl Table {
    /// The route for a request with this `Host`; `None` if several services are served and it names
    /// none of them.
    pub(crate) fn route(&self, host: &str) -> Option<&Arc<Route>> {
        match self.routes.as_slice() {
            [only] => Some(only),
            routes => routes
                .iter()
                .find(|route| host_names(host, &route.settings.service)),
        }
    }
}

impl ActiveSplit {
    /// Chooses the arm for a user in `bucket`; `forced` is a request for the canary whatever the
    /// weight.
    pub(crate) fn assign(&self, bucket: u16, forced: bool) -> Assignment {
        let stable = Arc::clone(&self.stable);
        let Some(canary) = self.canary.clone() else {
            return Assignment::Stable(stable);
        };
        if !forced && bucket >= self.canary_buckets {
            return Assignment::Stable(stable);
        }
        match canary.health() {
            Health::Healthy => Assignment::Canary { canary, stable },
            Health::Unhealthy => Assignment::StandIn { canary, stable },
            // Not checked yet, as just after a start: nothing to hold against it.
            Health::Unknown => Assignment::Stable(stable),
        }
    }
}

/// Whether `host` (with or without a port) is `service` or one of its subdomains by first label.
fn host_names(host: &str, service: &str) -> bool {
    let Some(start) = host.get(..service.len()) else {
        return false;
    };
    let rest = &host[service.len()..];
    start.eq_ignore_ascii_case(service)
        && (rest.is_empty() || rest.starts_with('.') || rest.starts_with(':'))
}

#[cfg(test)]
mod tests;

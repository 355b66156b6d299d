//! The routes in force, as metrics and readiness look at them.

use std::sync::Arc;

use super::ObservedRoute;
use crate::capacity::Capacity;
use crate::masking::MaskProfile;
use crate::upstream_set::UpstreamSet;

/// One route in force.
#[derive(Debug, Clone)]
pub(crate) struct WatchedRoute {
    /// Its name and counters.
    pub(crate) observed: Arc<ObservedRoute>,
    /// Its places.
    pub(crate) capacity: Arc<Capacity>,
    /// What is hidden in its requests.
    pub(crate) mask: Option<Arc<MaskProfile>>,
    /// What its requests need.
    pub(crate) backing: Backing,
}

/// What stands behind a route.
#[derive(Debug, Clone)]
pub(crate) enum Backing {
    /// The gateway answers itself.
    Gateway,
    /// The service of this name.
    Service(Arc<str>),
    /// The servers of an upstream.
    Upstream(Arc<UpstreamSet>),
}

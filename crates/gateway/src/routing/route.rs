//! One route, compiled.

use std::sync::Arc;

use portcullis_config::{RouteConfig, RouteTarget};

use super::{NamedAccess, Routing, RoutingError};
use crate::capacity::Capacity;
use crate::masking::MaskProfile;
use crate::observe::{Backing, ObservedRoute, Observers, WatchedRoute};
use crate::protect::{Cors, RouteLimits};
use crate::retry::budget::RetryBudget;
use crate::rewrite::Rewrite;
use crate::rewrite::redirect::Redirect;
use crate::upstream_set::UpstreamSet;

/// One way through the gateway, shared by all workers.
#[derive(Debug)]
pub(crate) struct Route {
    /// Its settings.
    pub(crate) config: RouteConfig,
    /// What becomes of its requests.
    pub(crate) to: RouteTo,
    /// How a request is changed before it is sent on.
    pub(crate) rewrite: Rewrite,
    /// How often its requests may be sent again.
    pub(crate) budget: Arc<RetryBudget>,
    /// How much may be under way.
    pub(crate) capacity: Arc<Capacity>,
    /// What its requests count against.
    pub(crate) limits: RouteLimits,
    /// Those of them that count by address.
    pub(crate) address_limits: RouteLimits,
    /// Who may use it.
    pub(crate) access: Option<Arc<NamedAccess>>,
    /// Which pages of other origins may use it.
    pub(crate) cors: Option<Cors>,
    /// What is hidden in its requests.
    pub(crate) mask: Option<Arc<MaskProfile>>,
    /// What is counted of it.
    pub(crate) observed: Arc<ObservedRoute>,
}

/// What becomes of a route's requests.
#[derive(Debug)]
pub(crate) enum RouteTo {
    /// They go to the guarded service.
    Service,
    /// They go to other servers.
    Upstream(Arc<UpstreamSet>),
    /// They are answered with a redirect.
    Redirect(Redirect),
}

impl Route {
    /// Compiles a route of `routing`. Its places and its retry budget are those of `before`, where their settings
    /// did not change.
    pub(super) fn compile(
        config: &RouteConfig,
        routing: &Routing,
        (observers, workers): (&Observers, usize),
        before: Option<&Route>,
    ) -> Result<Route, RoutingError> {
        let name = &config.name;
        let unknown = |kind, named: &str| RoutingError::Unknown {
            route: Arc::clone(name),
            kind,
            name: named.to_owned(),
        };
        let to = match &config.to {
            RouteTarget::Service => RouteTo::Service,
            RouteTarget::Upstream(upstream) => {
                let set = routing.upstream(upstream).cloned();
                RouteTo::Upstream(set.ok_or_else(|| unknown("upstream", upstream))?)
            }
            RouteTarget::Redirect(redirect) => {
                let redirect = Redirect::new(redirect);
                RouteTo::Redirect(redirect.map_err(|error| RoutingError::redirect(name, error))?)
            }
        };
        let rewrite = Rewrite::new(&config.rewrite, &config.path)
            .map_err(|error| RoutingError::rewrite(name, error))?;
        let access = match &config.access {
            None => None,
            Some(policy) => {
                let found = routing.policy(policy).cloned();
                Some(found.ok_or_else(|| unknown("access policy", policy))?)
            }
        };
        let mask = match &config.mask {
            None => None,
            Some(mask) => {
                let found = routing.mask(mask).cloned();
                Some(found.ok_or_else(|| unknown("mask", mask))?)
            }
        };
        let limits = routing.limits.route(&config.limits);
        let limits = limits.ok_or_else(|| unknown("limit", &config.limits.join("`, `")))?;
        let same_room = before.filter(|before| before.config.capacity == config.capacity);
        Ok(Route {
            to,
            rewrite,
            budget: match before {
                Some(before) => Arc::clone(&before.budget),
                None => Arc::new(RetryBudget::new(workers)),
            },
            capacity: match same_room {
                Some(before) => Arc::clone(&before.capacity),
                None => Arc::new(Capacity::new(&config.capacity)),
            },
            address_limits: limits.of_addresses(),
            limits,
            access,
            mask,
            cors: config.cors.as_ref().map(Cors::new),
            observed: observers.route(name),
            config: config.clone(),
        })
    }

    /// The upstream that it leads to, as the log names it: `service` for the guarded service of the request's host.
    pub(crate) fn leads_to(&self) -> &str {
        match &self.config.to {
            RouteTarget::Service => "service",
            RouteTarget::Upstream(name) => name,
            RouteTarget::Redirect(_) => "redirect",
        }
    }

    /// What metrics and readiness look at. Of several services, a route leads to the one that the request's
    /// host names; then its readiness is that of the first.
    pub(super) fn watched(&self, services: &[Arc<Route>]) -> WatchedRoute {
        WatchedRoute {
            observed: Arc::clone(&self.observed),
            capacity: Arc::clone(&self.capacity),
            mask: self.mask.clone(),
            backing: match &self.to {
                RouteTo::Redirect(_) => Backing::Gateway,
                RouteTo::Upstream(set) => Backing::Upstream(Arc::clone(set)),
                RouteTo::Service => {
                    let is_service = services.iter().any(|one| std::ptr::eq(&**one, self));
                    let first = services
                        .first()
                        .map_or(&self.config.name, |one| &one.config.name);
                    Backing::Service(match is_service {
                        true => Arc::clone(&self.config.name),
                        false => Arc::clone(first),
                    })
                }
            },
        }
    }
}

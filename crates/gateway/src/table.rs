//! The table that says where a request goes: the services with their splits, and the routes.
//!
//! A table is never changed, only replaced as a whole: a split changes its services, a reload of the
//! settings its routing.

use std::sync::Arc;

use http::header::HOST;
use http::uri::PathAndQuery;
use http::{HeaderValue, request};

use crate::matching::{Match, PathRefused, RequestHost, RequestPath, RouteIndex};
use crate::protect::Cors;
use crate::refusal::Refusal;
use crate::routing::{Route, RouteTo, Routing};
use crate::service::Service;

/// All that the data path looks up.
#[derive(Debug)]
pub(crate) struct Table {
    /// In the order of the settings.
    pub(crate) services: Vec<Arc<Service>>,
    /// The routes and what they name.
    pub(crate) routing: Arc<Routing>,
}

/// Where one request goes.
#[derive(Debug)]
pub(crate) struct Found {
    /// The route that takes it.
    pub(crate) route: Arc<Route>,
    /// The place of the service, where the route leads to one.
    pub(crate) service: Option<usize>,
    /// The target to send instead of the client's.
    pub(crate) target: Option<PathAndQuery>,
    /// Where the client is sent, by a route that redirects.
    pub(crate) location: Option<HeaderValue>,
}

impl Table {
    /// The route of a request whose target is in origin form and whose `Host` was looked at.
    ///
    /// # Errors
    /// Why no route takes it.
    pub(crate) fn find(&self, head: &request::Parts) -> Result<Found, Refusal> {
        let host = head.headers.get(HOST);
        let host = host.and_then(|host| host.to_str().ok()).unwrap_or("");
        let Some(index) = self.routing.index() else {
            return self.plain(host);
        };
        let name = match host {
            "" => RequestHost::absent(),
            host => RequestHost::read(host).map_err(Refusal::BadHost)?,
        };
        let path = RequestPath::read(head.uri.path()).map_err(Refusal::BadPath)?;
        let found = self.preflight(index, (&name, &path), head);
        let found = found.unwrap_or_else(|| index.find(&name, &path, &head.method, &head.headers));
        let route = match found {
            Match::Route(place) => self.routing.route(place),
            Match::Ambiguous => return Err(Refusal::BadPath(PathRefused::Ambiguous)),
            Match::NoHost if self.routing.refuses_unknown() => return Err(Refusal::UnknownHost),
            Match::NoPath if self.routing.refuses_unknown() => return Err(Refusal::UnknownPath),
            Match::NoHost | Match::NoPath => return self.plain(host),
        };
        let query = head.uri.query();
        let location = match &route.to {
            RouteTo::Redirect(redirect) => {
                let location = redirect.location(&name, &path, query);
                Some(location.map_err(|_| Refusal::BadHead(crate::headers::HeadError::Host))?)
            }
            RouteTo::Service | RouteTo::Upstream(_) => None,
        };
        let service = match &route.to {
            RouteTo::Service => Some(self.service(host).ok_or(Refusal::UnknownHost)?),
            RouteTo::Upstream(_) | RouteTo::Redirect(_) => None,
        };
        Ok(Found {
            target: route.rewrite.target(&path, query),
            route: Arc::clone(route),
            service,
            location,
        })
    }

    /// Whether requests for the service at this place are not masked now. Those for servers besides the services are not
    /// while all services are bypassed: then nothing of this gateway is to stand in anybody's way.
    pub(crate) fn is_bypassed(&self, service: Option<usize>) -> bool {
        match service {
            Some(place) => self.services.get(place).is_some_and(|one| one.is_bypassed),
            None => !self.services.is_empty() && self.services.iter().all(|one| one.is_bypassed),
        }
    }

    /// The route of a preflight: that which takes the method that it asks about, if that one answers preflights. Such
    /// a route never sends it on, so it need not take `OPTIONS`.
    fn preflight(
        &self,
        index: &RouteIndex,
        (host, path): (&RequestHost<'_>, &RequestPath<'_>),
        head: &request::Parts,
    ) -> Option<Match> {
        let asked = Cors::asked_method(&head.method, &head.headers)?;
        let found = index.find(host, path, &asked, &head.headers);
        match found {
            Match::Route(place) if self.routing.route(place).cors.is_some() => Some(found),
            _ => None,
        }
    }

    /// The place of the service for a request with this `Host`; `None` if several services are served and it
    /// names none of them.
    fn service(&self, host: &str) -> Option<usize> {
        match self.services.as_slice() {
            [_] => Some(0),
            services => services
                .iter()
                .position(|service| service.is_named_by(host)),
        }
    }

    fn plain(&self, host: &str) -> Result<Found, Refusal> {
        let service = self.service(host).ok_or(Refusal::UnknownHost)?;
        Ok(Found {
            route: Arc::clone(&self.services[service].plain),
            service: Some(service),
            target: None,
            location: None,
        })
    }
}

#[cfg(test)]
impl Table {
    /// A service with one arm and no routes.
    pub(crate) fn of_one_arm(
        stable: Arc<crate::arm::ArmState>,
        timeouts: crate::settings::TimeoutSettings,
    ) -> Table {
        use crate::settings::{HealthSettings, RoutingSettings, ServiceSettings, Sticky};

        let settings = ServiceSettings {
            service: "shop".to_owned(),
            sticky: Sticky::ClientAddress,
            health: HealthSettings::default(),
            timeouts,
            protocol: stable.endpoint.protocol,
            force_header: false,
            canary_users: Vec::new(),
            shadow_percent: 0,
        };
        let clients = portcullis_config::ClientsConfig::default();
        let routes = RoutingSettings::default();
        let services = std::slice::from_ref(&settings);
        let observers = crate::observe::Observers::none();
        let routing = Routing::new((&routes, services, &clients), &observers, 1, None);
        let routing = routing.expect("routing");
        let service = Service {
            plain: Arc::clone(&routing.plain[0]),
            settings: Arc::new(settings),
            hash: crate::sticky::BucketHash::new("shop"),
            active: Some(crate::service::ActiveSplit {
                stable,
                canary: None,
                canary_buckets: 0,
                closed: None,
                mirror_only: false,
            }),
            unrouted: Arc::default(),
            turned_away: Arc::default(),
            canary_users: Arc::default(),
            is_bypassed: false,
        };
        Table {
            services: vec![Arc::new(service)],
            routing: Arc::new(routing),
        }
    }
}

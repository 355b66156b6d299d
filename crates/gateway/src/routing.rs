//! The routes of the settings with everything that they name, compiled.
//!
//! A routing is made as a whole, checked as a whole and replaced as a whole. What goes on counting or is
//! expensive to know again (limits, upstream servers, places, retry budgets, API keys) is taken over from the one
//! before where the settings of it did not change.

use std::sync::Arc;

use portcullis_config::{ClientsConfig, RouteConfig, UnknownRequest};

use crate::masking::MaskProfile;
use crate::masking::profile::ProfileError;
use crate::matching::{RouteIndex, RouteRefused};
use crate::observe::{Observers, WatchedRoute};
use crate::protect::{Access, ApiKeyError, ClientTrust, LimitTable};
use crate::rewrite::RewriteRefused;
use crate::rewrite::redirect::RedirectRefused;
use crate::settings::{RoutingSettings, ServiceSettings};
use crate::upstream_set::UpstreamSet;

mod route;

pub(crate) use route::{Route, RouteTo};

/// Everything of the settings that the data path looks up, but for the splits.
#[derive(Debug)]
pub(crate) struct Routing {
    /// `None` without routes: then every request goes to the service.
    index: Option<RouteIndex>,
    routes: Vec<Arc<Route>>,
    unknown: UnknownRequest,
    /// Servers besides the service.
    pub(crate) upstreams: Vec<Arc<UpstreamSet>>,
    limits: LimitTable,
    /// Policies of who may use a route.
    pub(crate) access: Vec<Arc<NamedAccess>>,
    /// What is hidden from applications.
    pub(crate) masks: Vec<Arc<MaskProfile>>,
    /// Whom is believed about clients.
    pub(crate) trust: ClientTrust,
    /// What clients may do.
    pub(crate) clients: Arc<ClientsConfig>,
    /// The ways of requests that no route takes, by service.
    pub(crate) plain: Vec<Arc<Route>>,
    settings: RoutingSettings,
}

/// A policy of who may use a route.
#[derive(Debug)]
pub(crate) struct NamedAccess {
    /// Its settings, by which it is known again.
    pub(crate) config: portcullis_config::AccessConfig,
    /// The policy.
    pub(crate) access: Access,
}

/// Settings that cannot be carried out. The check of a configuration file finds all of them, with their places.
#[derive(Debug, thiserror::Error)]
pub enum RoutingError {
    /// The conditions of a route.
    #[error(transparent)]
    Route(#[from] RouteRefused),
    /// What a route changes.
    #[error("route `{route}` cannot rewrite requests as it says")]
    Rewrite {
        /// The route's name.
        route: Arc<str>,
        /// What is wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Something that a route names.
    #[error("route `{route}` names the {kind} `{name}`, which is not there")]
    Unknown {
        /// The route's name.
        route: Arc<str>,
        /// `upstream`, `limit`, `access policy` or `mask`.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// A server of an upstream.
    #[error("upstream `{upstream}`: {reason}")]
    Upstream {
        /// The upstream's name.
        upstream: Arc<str>,
        /// What is wrong with it.
        reason: String,
    },
    /// A policy of who may use a route.
    #[error("access policy `{access}` cannot be carried out")]
    Access {
        /// Its name.
        access: Arc<str>,
        /// What is wrong.
        #[source]
        source: ApiKeyError,
    },
    /// What is hidden from an application.
    #[error("mask `{mask}`{} cannot be used", of_routes(.routes))]
    Mask {
        /// Its name.
        mask: Arc<str>,
        /// The routes that name it.
        routes: Vec<Arc<str>>,
        /// What is wrong.
        #[source]
        source: ProfileError,
    },
}

impl Routing {
    /// Whether anything is masked.
    pub(crate) fn masks_anything(&self) -> bool {
        !self.masks.is_empty()
    }

    /// Compiles settings for `workers` workers, with what `before` has of the same.
    ///
    /// # Errors
    /// The first part of them that cannot be carried out.
    pub(crate) fn new(
        (settings, services, clients): (&RoutingSettings, &[ServiceSettings], &ClientsConfig),
        observers: &Observers,
        workers: usize,
        before: Option<&Routing>,
    ) -> Result<Routing, RoutingError> {
        let limits = LimitTable::new(&settings.limits, before.map(|before| &before.limits));
        let mut routing = Routing {
            index: match settings.routes.is_empty() {
                true => None,
                false => Some(RouteIndex::new(&settings.routes)?),
            },
            routes: Vec::new(),
            unknown: settings.unknown,
            upstreams: upstreams(settings, workers, before)?,
            access: policies(settings, before)?,
            limits,
            masks: masks(settings, workers, before)?,
            trust: ClientTrust::new(clients),
            clients: Arc::new(clients.clone()),
            plain: Vec::new(),
            settings: settings.clone(),
        };
        for config in &settings.routes {
            let known = before.and_then(|before| before.known(config));
            let route = routing.compile(config, observers, workers, known)?;
            routing.routes.push(Arc::new(route));
        }
        let plain = services.iter().map(|service| {
            let config = service.plain_route(settings.default_mask.clone());
            let mut known = before.iter().flat_map(|before| &before.plain);
            let known = known.find(|known| {
                let mask = known.mask.as_ref();
                let is_same =
                    mask.is_none_or(|mask| routing.masks.iter().any(|one| Arc::ptr_eq(one, mask)));
                known.config == config && is_same
            });
            known.cloned().map_or_else(
                || {
                    routing
                        .compile(&config, observers, workers, None)
                        .map(Arc::new)
                },
                Ok,
            )
        });
        routing.plain = plain.collect::<Result<_, _>>()?;
        Ok(routing)
    }

    /// The index of the routes, if there are any.
    pub(crate) fn index(&self) -> Option<&RouteIndex> {
        self.index.as_ref()
    }

    /// The route at a place that the index gave.
    pub(crate) fn route(&self, place: usize) -> &Arc<Route> {
        &self.routes[place]
    }

    /// What metrics and readiness look at: all routes, those of requests that no route takes included where
    /// there can be such requests.
    pub(crate) fn watched(&self) -> Vec<WatchedRoute> {
        let plain = self.plain.iter().filter(|_| !self.refuses_unknown());
        let routes = self.routes.iter().chain(plain);
        routes.map(|route| route.watched(&self.plain)).collect()
    }

    /// Whether a request that no route takes is refused.
    pub(crate) fn refuses_unknown(&self) -> bool {
        self.unknown == UnknownRequest::Refuse
    }

    /// Reads the files with keys of the policies that `before` has not. It blocks while it reads. What cannot be read is
    /// told by whoever looks at all files now and then.
    pub(crate) fn read_keys(&self, before: &Routing) {
        for policy in &self.access {
            if !before.access.iter().any(|known| Arc::ptr_eq(known, policy)) {
                policy.access.read_keys();
            }
        }
    }

    /// What it was compiled from.
    pub(crate) fn settings(&self) -> &RoutingSettings {
        &self.settings
    }

    fn known(&self, config: &RouteConfig) -> Option<&Route> {
        let mut routes = self.routes.iter();
        let known = routes.find(|known| known.config.name == config.name);
        known.map(Arc::as_ref)
    }

    fn compile(
        &self,
        config: &RouteConfig,
        observers: &Observers,
        workers: usize,
        before: Option<&Route>,
    ) -> Result<Route, RoutingError> {
        Route::compile(config, self, (observers, workers), before)
    }

    fn upstream(&self, name: &str) -> Option<&Arc<UpstreamSet>> {
        self.upstreams.iter().find(|set| *set.name == *name)
    }

    fn mask(&self, name: &str) -> Option<&Arc<MaskProfile>> {
        self.masks.iter().find(|mask| *mask.config.name == *name)
    }

    fn policy(&self, name: &str) -> Option<&Arc<NamedAccess>> {
        let mut policies = self.access.iter();
        policies.find(|policy| *policy.config.name == *name)
    }
}

/// The routes that name a mask.
fn routes_of(settings: &RoutingSettings, mask: &str) -> Vec<Arc<str>> {
    let routes = settings.routes.iter();
    routes
        .filter(|route| route.mask.as_deref() == Some(mask))
        .map(|route| Arc::clone(&route.name))
        .collect()
}

/// Routes in a sentence.
fn of_routes(routes: &[Arc<str>]) -> String {
    let names: Vec<String> = routes.iter().map(|name| format!("`{name}`")).collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => format!(" of the route {one}"),
        more => format!(" of the routes {}", more.join(", ")),
    }
}

impl RoutingError {
    /// What a person can do about it; `None` where the message says all.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            RoutingError::Mask { mask, source, .. } => Some(source.hint(mask)),
            _ => None,
        }
    }

    fn rewrite(route: &Arc<str>, source: RewriteRefused) -> RoutingError {
        RoutingError::Rewrite {
            route: Arc::clone(route),
            source: Box::new(source),
        }
    }

    fn redirect(route: &Arc<str>, source: RedirectRefused) -> RoutingError {
        RoutingError::Rewrite {
            route: Arc::clone(route),
            source: Box::new(source),
        }
    }
}

fn upstreams(
    settings: &RoutingSettings,
    workers: usize,
    before: Option<&Routing>,
) -> Result<Vec<Arc<UpstreamSet>>, RoutingError> {
    let sets = settings.upstreams.iter().map(|config| {
        let known = before.and_then(|before| {
            let place = before
                .settings
                .upstreams
                .iter()
                .position(|one| one.name == config.name)?;
            Some((
                before.settings.upstreams.get(place)?,
                before.upstreams.get(place)?,
            ))
        });
        if let Some((same, set)) = known
            && same == config
        {
            return Ok(Arc::clone(set));
        }
        let set = UpstreamSet::new(config, workers, known.map(|(_, set)| set.as_ref()));
        set.map(Arc::new).map_err(|reason| RoutingError::Upstream {
            upstream: Arc::clone(&config.name),
            reason,
        })
    });
    sets.collect()
}

fn policies(
    settings: &RoutingSettings,
    before: Option<&Routing>,
) -> Result<Vec<Arc<NamedAccess>>, RoutingError> {
    let policies = settings.access.iter().map(|config| {
        let mut known = before.iter().flat_map(|before| &before.access);
        if let Some(known) = known.find(|known| known.config == *config) {
            return Ok(Arc::clone(known));
        }
        let access = Access::new(config).map_err(|source| RoutingError::Access {
            access: Arc::clone(&config.name),
            source,
        })?;
        let mut known = before.iter().flat_map(|before| &before.access);
        if let Some(known) = known.find(|known| known.config.name == config.name) {
            access.take_over(&known.access);
        }
        let config = config.clone();
        Ok(Arc::new(NamedAccess { config, access }))
    });
    policies.collect()
}

/// The masks of the settings: those of before where compiling them would give the same.
fn masks(
    settings: &RoutingSettings,
    workers: usize,
    before: Option<&Routing>,
) -> Result<Vec<Arc<MaskProfile>>, RoutingError> {
    let masks = settings.masks.iter().map(|config| {
        let known = before.and_then(|before| before.mask(&config.name));
        match known {
            Some(known) if known.is_same(config, &settings.models) => Ok(Arc::clone(known)),
            known => {
                MaskProfile::compile(config, &settings.models, workers, known.map(Arc::as_ref))
                    .map(Arc::new)
                    .map_err(|source| RoutingError::Mask {
                        mask: Arc::clone(&config.name),
                        routes: routes_of(settings, &config.name),
                        source,
                    })
            }
        }
    });
    masks.collect()
}

//! Which route a request takes: the routes of the settings, compiled into an index.
//!
//! The order is the one that [`RouteConfig`] states: an exact host before `*.name` before none, then an
//! exact path before the longest prefix before none, then more conditions before fewer, then the
//! earlier in the file. Where that sentence leaves a choice: of two `*.name` the longer one is first, a
//! prefix with a slash at its end is longer than the one without, and all methods of a route together
//! are one condition, as is each header. A route whose conditions a request does not meet does not take
//! it, so the search goes on with less specific routes.
//!
//! A path with an escaped slash or a parameter may be another path to the server behind the gateway. It is taken by a
//! route only if that route takes every such reading of it (`readings`), because a route is a border of access and
//! limits: of the routes `/` and `/api`, `/api%2Fusers` and `/api;x/users` have none, while `/files/a%2Fb` has `/`.
//! All other paths pay one look at a flag for it.
//!
//! Lookups cost one hash per label of the host (only when there are `*.name` routes) and per segment of
//! the path (only as deep as the routes go), whatever the number of routes; what a client sends is never
//! kept, so it cannot make the maps collide and a fast hash is enough.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use http::{HeaderMap, Method};
use portcullis_config::{HostPattern, PathPattern, RouteConfig};

mod conditions;
mod host;
mod path;
mod path_index;
mod readings;

pub use host::{HostRefused, RequestHost};
pub use path::{PathRefused, RequestPath};

use conditions::Conditions;
use path_index::{Candidate, PathIndex};

/// A map whose keys come from the settings.
type Map<V> = HashMap<Box<str>, V, RandomState>;

/// Routes that can be looked up.
#[derive(Debug, Default)]
pub struct RouteIndex {
    exact: Map<PathIndex>,
    /// The keys begin with a dot.
    below: Map<PathIndex>,
    any: Option<PathIndex>,
}

/// Which route takes a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// The route at this place of the settings.
    Route(usize),
    /// No route has the request's host.
    NoHost,
    /// Routes have its host, and none takes its path, method and headers.
    NoPath,
    /// Servers may read its path in several ways, and not all of them lead to the same route.
    Ambiguous,
}

/// Why a route of the settings cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RouteRefused {
    /// A host is not one.
    #[error(
        "route `{route}`: `{host}` is not a host; write it like `api.example.org`, without a port"
    )]
    Host {
        /// The route's name.
        route: Arc<str>,
        /// The host.
        host: String,
        /// What is wrong with it.
        #[source]
        source: HostRefused,
    },
    /// No request can have the path.
    #[error("route `{route}`: no request can have the path `{path}`; write it like `/v1`")]
    Path {
        /// The route's name.
        route: Arc<str>,
        /// The path.
        path: String,
        /// What is wrong with it.
        #[source]
        source: PathRefused,
    },
    /// A method is not one.
    #[error("route `{route}`: `{method}` is not a method; write it like `GET`")]
    Method {
        /// The route's name.
        route: Arc<str>,
        /// The method.
        method: String,
    },
    /// No header can have the value.
    #[error(
        "route `{route}`: no header `{name}` can have the value that is asked for; it has a control character"
    )]
    HeaderValue {
        /// The route's name.
        route: Arc<str>,
        /// The header's name.
        name: String,
    },
    /// A header's name is not one.
    #[error("route `{route}`: `{name}` is not a header's name; write it like `x-tenant`")]
    Header {
        /// The route's name.
        route: Arc<str>,
        /// The name.
        name: String,
    },
}

impl RouteIndex {
    /// Compiles routes; places of the answers are places of this list.
    ///
    /// # Errors
    /// The first part of a route that no request can match. Checked settings have none.
    pub fn new(routes: &[RouteConfig]) -> Result<RouteIndex, RouteRefused> {
        let mut index = RouteIndex::default();
        for (place, route) in routes.iter().enumerate() {
            index.insert(place, route)?;
        }
        index.each(PathIndex::sort);
        Ok(index)
    }

    /// The route that takes a request.
    pub fn find(
        &self,
        host: &RequestHost<'_>,
        path: &RequestPath<'_>,
        method: &Method,
        headers: &HeaderMap,
    ) -> Match {
        let found = self.find_reading(host, path.as_str(), method, headers);
        if !path.has_readings() {
            return found;
        }
        let readings = readings::of(path.as_str());
        let mut others = readings
            .iter()
            .map(|reading| self.find_reading(host, reading, method, headers));
        match others.all(|other| other == found) {
            true => found,
            false => Match::Ambiguous,
        }
    }

    /// The route of one reading of the path.
    fn find_reading(
        &self,
        host: &RequestHost<'_>,
        path: &str,
        method: &Method,
        headers: &HeaderMap,
    ) -> Match {
        let find = |paths: &PathIndex| paths.find(path, method, headers);
        let mut has_host = false;
        if let Some(paths) = self.exact.get(host.as_str()) {
            has_host = true;
            if let Some(route) = find(paths) {
                return Match::Route(route);
            }
        }
        if !self.below.is_empty() {
            for (dot, _) in host.as_str().match_indices('.') {
                let Some(paths) = self.below.get(&host.as_str()[dot..]) else {
                    continue;
                };
                // No host begins with a dot: there is a label before it, as `*.name` asks.
                has_host = true;
                if let Some(route) = find(paths) {
                    return Match::Route(route);
                }
            }
        }
        match &self.any {
            Some(paths) => find(paths).map_or(Match::NoPath, Match::Route),
            None if has_host => Match::NoPath,
            None => Match::NoHost,
        }
    }

    fn insert(&mut self, place: usize, route: &RouteConfig) -> Result<(), RouteRefused> {
        let path = normal_path(route)?;
        let candidate = Candidate {
            route: place,
            conditions: Arc::new(Conditions::new(route)?),
        };
        if route.hosts.is_empty() {
            let any = self.any.get_or_insert_default();
            any.insert(&path, candidate.clone());
        }
        for pattern in &route.hosts {
            let (map, name, dot) = match pattern {
                HostPattern::Exact(name) => (&mut self.exact, name.as_str(), ""),
                HostPattern::Below(name) => {
                    let name = name.strip_prefix('.').unwrap_or(name);
                    (&mut self.below, name, ".")
                }
            };
            let host = RequestHost::of_pattern(name).map_err(|source| RouteRefused::Host {
                route: Arc::clone(&route.name),
                host: name.to_owned(),
                source,
            })?;
            let key = format!("{dot}{}", host.as_str()).into_boxed_str();
            map.entry(key).or_default().insert(&path, candidate.clone());
        }
        Ok(())
    }

    fn each(&mut self, change: fn(&mut PathIndex)) {
        let named = self.exact.values_mut().chain(self.below.values_mut());
        named.chain(self.any.as_mut()).for_each(change);
    }
}

/// The route's path in the form in which those of requests are compared.
fn normal_path(route: &RouteConfig) -> Result<PathPattern, RouteRefused> {
    let normal = |path: &String| {
        let read = match RequestPath::read(path) {
            // Some servers would take it for another path than the route does.
            Ok(normal) if normal.has_readings() => Err(PathRefused::Ambiguous),
            Ok(normal) => return Ok(normal.as_str().to_owned()),
            Err(source) => Err(source),
        };
        read.map_err(|source| RouteRefused::Path {
            route: Arc::clone(&route.name),
            path: path.clone(),
            source,
        })
    };
    Ok(match &route.path {
        PathPattern::Any => PathPattern::Any,
        PathPattern::Prefix(path) => PathPattern::Prefix(normal(path)?),
        PathPattern::Exact(path) => PathPattern::Exact(normal(path)?),
    })
}

#[cfg(test)]
mod tests;

//! What a route asks of a request besides host and path.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use portcullis_config::{HeaderCondition, RouteConfig};

use super::RouteRefused;

/// Methods and headers that a route asks for.
#[derive(Debug)]
pub(super) struct Conditions {
    /// Empty takes all.
    methods: Box<[Method]>,
    /// `None` takes any value.
    headers: Box<[(HeaderName, Option<HeaderValue>)]>,
}

impl Conditions {
    /// The conditions of one route.
    pub(super) fn new(route: &RouteConfig) -> Result<Conditions, RouteRefused> {
        let method = |method: &String| {
            Method::from_bytes(method.as_bytes()).map_err(|_| RouteRefused::Method {
                route: Arc::clone(&route.name),
                method: method.clone(),
            })
        };
        let header = |condition: &HeaderCondition| {
            let refused = |_| RouteRefused::Header {
                route: Arc::clone(&route.name),
                name: condition.name.clone(),
            };
            let name = HeaderName::from_bytes(condition.name.as_bytes()).map_err(refused)?;
            let value =
                match &condition.value {
                    None => None,
                    Some(value) => Some(HeaderValue::from_str(value).map_err(|_| {
                        RouteRefused::HeaderValue {
                            route: Arc::clone(&route.name),
                            name: condition.name.clone(),
                        }
                    })?),
                };
            Ok((name, value))
        };
        Ok(Conditions {
            methods: route.methods.iter().map(method).collect::<Result<_, _>>()?,
            headers: route.headers.iter().map(header).collect::<Result<_, _>>()?,
        })
    }

    /// How many there are; all methods together are one.
    pub(super) fn count(&self) -> usize {
        usize::from(!self.methods.is_empty()) + self.headers.len()
    }

    /// Whether a request meets all of them.
    pub(super) fn hold(&self, method: &Method, headers: &HeaderMap) -> bool {
        let methods = self.methods.is_empty() || self.methods.contains(method);
        methods
            && self.headers.iter().all(|(name, wanted)| match wanted {
                None => headers.contains_key(name),
                Some(wanted) => {
                    let mut lines = headers.get_all(name).iter();
                    lines.any(|line| line == wanted)
                }
            })
    }
}

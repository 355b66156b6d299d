//! How a route changes a request before it is sent on.
//!
//! A prefix is replaced in the normal form of the path ([`RequestPath`]), because only there it is certain where
//! it ends; a path that no prefix is replaced in goes on as it came. The query goes on as it came.

use http::HeaderValue;
use http::uri::PathAndQuery;
use portcullis_config::{PathPattern, RewriteConfig};

use crate::matching::{PathRefused, RequestHost, RequestPath};

pub(crate) mod redirect;

/// The rewrite of one route.
#[derive(Debug, Clone)]
pub(crate) struct Rewrite {
    prefix: Option<PrefixChange>,
    /// The `Host` to send; `None` sends the client's.
    pub(crate) host: Option<HeaderValue>,
}

#[derive(Debug, Clone)]
struct PrefixChange {
    /// The route's prefix without a slash at its end; empty puts the new one before the path.
    old: String,
    /// Begins with a slash.
    new: String,
}

/// Why a rewrite of the settings cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RewriteRefused {
    /// The new prefix would make paths that are refused.
    #[error("the new prefix `{prefix}` is not a path; write it like `/v2`")]
    Prefix {
        /// The new prefix.
        prefix: String,
        /// What is wrong with it.
        #[source]
        source: PathRefused,
    },
    /// The host cannot stand in a header.
    #[error("the host `{0}` cannot stand in a `Host` header; write it like `api.example.org`")]
    Host(String),
}

impl Rewrite {
    /// The rewrite of a route that takes the paths of `pattern`.
    ///
    /// # Errors
    /// The part that is not valid.
    pub(crate) fn new(
        config: &RewriteConfig,
        pattern: &PathPattern,
    ) -> Result<Rewrite, RewriteRefused> {
        let host = match &config.host {
            None => None,
            Some(host) => {
                let read = RequestHost::read(host);
                let value = read.ok().and_then(|_| HeaderValue::from_str(host).ok());
                Some(value.ok_or_else(|| RewriteRefused::Host(host.clone()))?)
            }
        };
        let prefix = match &config.prefix {
            None => None,
            Some(new) => Some(PrefixChange {
                old: stem(pattern),
                new: checked(new)?,
            }),
        };
        Ok(Rewrite { prefix, host })
    }

    /// The target to send instead of the client's; `None` leaves it as it came. `*` always stays.
    pub(crate) fn target(
        &self,
        path: &RequestPath<'_>,
        query: Option<&str>,
    ) -> Option<PathAndQuery> {
        let change = self.prefix.as_ref()?;
        let path = path.as_str();
        if path == "*" {
            return None;
        }
        // A path that the route did not take keeps what it has: nothing is cut that was not matched.
        let rest = path.strip_prefix(change.old.as_str());
        let rest = rest.filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let rest = rest.unwrap_or(path);
        let mut target = String::with_capacity(change.new.len() + path.len());
        target.push_str(match rest.starts_with('/') {
            true => change.new.trim_end_matches('/'),
            false => &change.new,
        });
        target.push_str(rest);
        if let Some(query) = query {
            target.push('?');
            target.push_str(query);
        }
        target.parse().ok()
    }
}

/// The part of the path that is replaced.
fn stem(pattern: &PathPattern) -> String {
    match pattern {
        PathPattern::Any | PathPattern::Exact(_) => String::new(),
        PathPattern::Prefix(path) => {
            let normal = RequestPath::read(path);
            let path = normal.as_ref().map_or(path.as_str(), RequestPath::as_str);
            path.strip_suffix('/').unwrap_or(path).to_owned()
        }
    }
}

/// The new prefix; an empty one stands for the root.
fn checked(new: &str) -> Result<String, RewriteRefused> {
    if new.is_empty() {
        return Ok("/".to_owned());
    }
    match RequestPath::read(new) {
        // Some characters are in no target of a request: such a prefix would never be sent.
        Ok(path) if path.as_str().parse::<PathAndQuery>().is_err() => Err(RewriteRefused::Prefix {
            prefix: new.to_owned(),
            source: PathRefused::Character,
        }),
        Ok(path) if path.as_str() != "*" => Ok(path.as_str().to_owned()),
        Ok(_) => Err(RewriteRefused::Prefix {
            prefix: new.to_owned(),
            source: PathRefused::NoSlash,
        }),
        Err(source) => Err(RewriteRefused::Prefix {
            prefix: new.to_owned(),
            source,
        }),
    }
}

#[cfg(test)]
mod tests;

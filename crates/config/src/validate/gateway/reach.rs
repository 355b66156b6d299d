//! Whether a route can be reached.
//!
//! A route is never used when earlier ones take all its requests and are no less specific: for each of its
//! hosts there is an earlier route with that host, the same path, and conditions of the same number that
//! hold whenever its own do.

use crate::Code;
use crate::config::{HeaderCondition, HostPattern, RouteConfig};
use crate::raw::RawRoute;
use crate::report::{Report, Wrong};

/// Reports routes that are never used.
pub(super) fn check(raw: &[RawRoute], routes: &[RouteConfig], report: &Report<'_>) {
    let whole: Vec<(&RawRoute, &RouteConfig)> = raw
        .iter()
        .zip(routes)
        .filter(|(raw, _)| !raw.broken)
        .collect();
    for (index, (raw, route)) in whole.iter().enumerate() {
        let earlier = whole[..index].iter().map(|(_, route)| *route);
        let Some(takers) = takers(route, earlier.collect()) else {
            continue;
        };
        let names: Vec<String> = takers
            .iter()
            .map(|taker| format!("`{}`", taker.name))
            .collect();
        let take = if names.len() == 1 { "takes" } else { "take" };
        let message = format!(
            "this route is never used: {} before it {take} the same requests",
            names.join(" and ")
        );
        let hint = "remove it, or give it a host, path, method or header of its own";
        let spot = raw.name.as_ref().map_or(&raw.spot, |name| &name.spot);
        report.add(spot, Wrong::new(Code::Contradiction, message).hint(hint));
    }
}

/// The earlier routes that together take everything, each once; `None` when something is left.
fn takers<'r>(route: &RouteConfig, earlier: Vec<&'r RouteConfig>) -> Option<Vec<&'r RouteConfig>> {
    let alike: Vec<&RouteConfig> = earlier
        .into_iter()
        .filter(|other| covers(other, route))
        .collect();
    let mut takers: Vec<&RouteConfig> = Vec::new();
    let hosts: Vec<Option<&HostPattern>> = match route.hosts.as_slice() {
        [] => vec![None],
        hosts => hosts.iter().map(Some).collect(),
    };
    for host in hosts {
        let taker = alike.iter().find(|other| match host {
            Some(host) => other.hosts.contains(host),
            None => other.hosts.is_empty(),
        })?;
        if !takers.iter().any(|other| std::ptr::eq(*other, *taker)) {
            takers.push(taker);
        }
    }
    Some(takers)
}

/// Whether a route takes all that another takes of a host that both have, and is as specific.
fn covers(earlier: &RouteConfig, route: &RouteConfig) -> bool {
    let methods = match (earlier.methods.as_slice(), route.methods.as_slice()) {
        ([], []) => true,
        ([], _) | (_, []) => false,
        (all, own) => own.iter().all(|method| all.contains(method)),
    };
    let implied = |condition: &HeaderCondition| {
        route.headers.iter().any(|own| {
            own.name == condition.name
                && (condition.value.is_none() || condition.value == own.value)
        })
    };
    methods
        && earlier.path == route.path
        && earlier.headers.len() == route.headers.len()
        && earlier.headers.iter().all(implied)
}

//! Redirects: what has no effect beside one, and those that lead back to where they came from.

use crate::Code;
use crate::config::{HostPattern, PathPattern, RouteConfig, RouteTarget};
use crate::raw::{RawGateway, RawRoute};
use crate::report::{Report, Spot, Wrong};

/// Statuses after which a client asks with `GET`, whatever it asked with before (RFC 9110, 15.4).
const TURNED_INTO_GET: [u16; 3] = [301, 302, 303];

/// Reports what does nothing in a route that answers by itself. Limits, access and CORS count: who asks may be
/// turned away before the answer.
pub(super) fn alone(raw: &RawRoute, report: &Report<'_>) {
    if let Some(to) = &raw.to {
        let message = "this route answers with a redirect, so nothing is sent anywhere";
        let wrong = Wrong::new(Code::Contradiction, message);
        report.add(&to.spot, wrong.hint("remove `to` or `redirect`"));
    }
    let sending = raw.sending.iter().map(|(name, spot)| (*name, spot));
    let body = raw.body_bytes_max.as_ref().map(|at| ("body_max", &at.spot));
    let upload = raw.upload.as_ref().map(|upload| ("upload", &upload.spot));
    let mask = raw.mask.as_ref().map(|at| ("mask", &at.spot));
    let useless: Vec<(&str, &Spot)> = sending.chain(body).chain(upload).chain(mask).collect();
    for (name, spot) in useless {
        let message = format!("this route answers with a redirect, so `{name}` would do nothing");
        let wrong = Wrong::new(Code::Contradiction, message);
        report.add(spot, wrong.hint(format!("remove `{name}` or `redirect`")));
    }
}

/// Reports redirects that lead to the same route with the same path. Only what is certain is told: a place
/// elsewhere that leads back is not known here.
pub(super) fn loops(raw: &RawGateway, routes: &[RouteConfig], report: &Report<'_>) {
    for (written, route) in raw.routes.iter().zip(routes) {
        let RouteTarget::Redirect(redirect) = &route.to else {
            continue;
        };
        let location = written
            .redirect
            .as_ref()
            .and_then(|one| one.location.as_ref());
        let Some(location) = location.filter(|_| !written.broken) else {
            continue;
        };
        let changes_method = TURNED_INTO_GET.contains(&redirect.status)
            && !route.methods.is_empty()
            && !route.methods.iter().any(|method| method == "GET");
        let (origin, path) = split(&redirect.location);
        if changes_method
            || !route.headers.is_empty()
            || !is_own_path(path, route, routes)
            || !origin.is_none_or(|origin| is_own_origin(origin, route, raw))
        {
            continue;
        }
        let message =
            "this redirect leads back to this route, and a client would follow it without end";
        let hint = "write another path or host as `location`, or remove the redirect";
        let wrong = Wrong::new(Code::Contradiction, message).hint(hint);
        report.add(&location.spot, wrong);
    }
}

/// Scheme and host, if it has them, and the path without a query.
fn split(location: &str) -> (Option<(&str, &str)>, &str) {
    let Some((scheme, rest)) = location.split_once("://") else {
        return (None, before(location, &["?", "{query}"]));
    };
    let host = before(rest, &["/", "?", "{path}", "{query}"]);
    let below = before(&rest[host.len()..], &["?", "{query}"]);
    (
        Some((scheme, host)),
        if below.is_empty() { "/" } else { below },
    )
}

/// What stands before the first of some texts.
fn before<'t>(text: &'t str, ends: &[&str]) -> &'t str {
    let ends = ends.iter().filter_map(|end| text.find(end));
    &text[..ends.min().unwrap_or(text.len())]
}

/// Whether a request for the path that is answered with comes to this route again.
fn is_own_path(path: &str, route: &RouteConfig, routes: &[RouteConfig]) -> bool {
    if path == "{path}" {
        return true;
    }
    let is_ours = match &route.path {
        PathPattern::Exact(own) | PathPattern::Prefix(own) => own == path,
        PathPattern::Any => path == "/",
    };
    // A more specific route may take it.
    let exact = PathPattern::Exact(path.to_owned());
    is_ours && (route.path == exact || !routes.iter().any(|other| other.path == exact))
}

/// Whether an origin is one at which the gateway takes requests for this route.
fn is_own_origin((scheme, host): (&str, &str), route: &RouteConfig, raw: &RawGateway) -> bool {
    let tls = raw.tls.as_ref().and_then(|tls| tls.listen.as_ref());
    let (listen, default) = match scheme {
        "https" => (tls, 443),
        _ => (raw.listen.as_ref(), 80),
    };
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !host.ends_with([']', '}']) => (name, port.parse().unwrap_or(0)),
        _ => (host, default),
    };
    let is_ours = name == "{host}"
        || route
            .hosts
            .contains(&HostPattern::Exact(name.to_ascii_lowercase()));
    is_ours && listen.is_some_and(|listen| listen.value.port() == port)
}

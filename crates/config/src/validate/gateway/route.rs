//! Routes: which requests they take, and what becomes of those.

use super::{Context, browser, reach, redirect, text, upstream, waits};
use crate::Code;
use crate::config::{
    HeaderCondition, HostPattern, PathPattern, RedirectConfig, RetryConfig, RouteConfig,
    RouteTarget,
};
use crate::raw::{RawGateway, RawRoute, value_or_default};
use crate::report::{At, Report, Wrong};
use crate::validate::names::Names;

/// The names that a route may use.
struct Known<'a> {
    targets: Names<'a>,
    limits: Names<'a>,
    access: Names<'a>,
    masks: Names<'a>,
}

/// The routes, in the order of the file, each of which can be reached.
pub(super) fn routes(raw: &RawGateway, context: &Context<'_>) -> Vec<RouteConfig> {
    let report = context.report;
    let upstreams = raw.upstreams.iter().map(|one| one.name.as_ref());
    let limits = raw.limits.iter().map(|one| one.name.as_ref());
    let access = raw.access.iter().map(|one| one.name.as_ref());
    let masks = raw.masks.iter().map(|one| one.name.as_ref());
    let known = Known {
        targets: Names::new("upstream", "[[gateway.upstream]]", upstreams, report)
            .and(upstream::SERVICE),
        limits: Names::new("limit", "[[gateway.limit]]", limits, report),
        access: Names::new("access policy", "[[gateway.access]]", access, report),
        masks: Names::new("mask", "[[gateway.mask]]", masks, report),
    };
    if let Some(mask) = &raw.default_mask {
        known.masks.check(mask, report);
    }
    let names = raw.routes.iter().map(|one| one.name.as_ref());
    Names::new("route", "[[gateway.route]]", names, report);
    let routes: Vec<RouteConfig> = raw
        .routes
        .iter()
        .map(|route| self::route(route, raw, &known, report))
        .collect();
    reach::check(&raw.routes, &routes, report);
    redirect::loops(raw, &routes, report);
    routes
}

fn route(
    raw: &RawRoute,
    gateway: &RawGateway,
    known: &Known<'_>,
    report: &Report<'_>,
) -> RouteConfig {
    for limit in &raw.limits {
        known.limits.check(limit, report);
    }
    if let Some(access) = &raw.access {
        known.access.check(access, report);
    }
    if let Some(mask) = &raw.mask {
        known.masks.check(mask, report);
    }
    waits::check(raw, report);
    let cors = raw.cors.as_ref();
    let upload = raw.upload.as_ref();
    RouteConfig {
        name: value_or_default(raw.name.clone()).into(),
        hosts: hosts(raw),
        path: path(raw, report),
        methods: methods(raw, report),
        headers: headers(raw, report),
        to: target(raw, known, report),
        rewrite: raw.rewrite.clone(),
        timeouts: raw.timeouts.clone(),
        body_bytes_max: raw.body_bytes_max.as_ref().map_or(u64::MAX, |at| at.value),
        retries: retries(raw, gateway, report),
        capacity: {
            capacity(raw, report);
            raw.capacity.clone()
        },
        limits: raw
            .limits
            .iter()
            .map(|limit| limit.value.as_str().into())
            .collect(),
        access: raw.access.as_ref().map(|at| at.value.as_str().into()),
        mask: raw.mask.as_ref().map(|at| at.value.as_str().into()),
        cors: cors.map(|cors| browser::cors(cors, report)),
        security_headers: browser::security_headers(raw),
        upload: upload.map(|upload| browser::upload(upload, raw, report)),
    }
}

fn hosts(raw: &RawRoute) -> Vec<HostPattern> {
    let hosts = raw.hosts.iter().flat_map(|hosts| &hosts.value);
    hosts
        .map(|host| match host.value.strip_prefix('*') {
            Some(below) => HostPattern::Below(below.to_owned()),
            None => HostPattern::Exact(host.value.clone()),
        })
        .collect()
}

/// A route has a prefix or one path, not both. The prefix `/` is that of any path.
fn path(raw: &RawRoute, report: &Report<'_>) -> PathPattern {
    match (&raw.path, &raw.exact) {
        (prefix, Some(exact)) => {
            if prefix.is_some() {
                let message = "a route takes either `path` with all below it or `exact` alone";
                let wrong = Wrong::new(Code::Contradiction, message);
                let hint = "remove one of them, or make two routes of it";
                report.add(&exact.spot, wrong.hint(hint));
            }
            PathPattern::Exact(exact.value.clone())
        }
        (Some(prefix), None) if prefix.value != "/" => PathPattern::Prefix(prefix.value.clone()),
        (_, None) => PathPattern::Any,
    }
}

/// The methods, each of which can be passed on.
fn methods(raw: &RawRoute, report: &Report<'_>) -> Vec<String> {
    for method in &raw.methods {
        if matches!(method.value.as_str(), "TRACE" | "CONNECT") {
            let message = format!(
                "`{}` is never passed on, so no request comes through with it",
                method.value
            );
            let wrong = Wrong::new(Code::BadValue, message);
            report.add(&method.spot, wrong.hint("remove it"));
        }
    }
    raw.methods.iter().map(|at| at.value.clone()).collect()
}

/// Names of headers are the same in capitals.
fn headers(raw: &RawRoute, report: &Report<'_>) -> Vec<HeaderCondition> {
    let mut headers: Vec<HeaderCondition> = Vec::new();
    for (name, at) in &raw.headers {
        let name = name.to_ascii_lowercase();
        if headers.iter().any(|other| other.name == name) {
            let message = format!("`{name}` is already a condition of this route");
            let wrong = Wrong::new(Code::Duplicate, message);
            report.add(&at.spot, wrong.hint("capitals make no other header of it"));
        }
        headers.push(HeaderCondition {
            name,
            value: (at.value != "*").then(|| at.value.clone()),
        });
    }
    headers.sort_by(|one, other| one.name.cmp(&other.name));
    headers
}

fn target(raw: &RawRoute, known: &Known<'_>, report: &Report<'_>) -> RouteTarget {
    if let Some(to) = &raw.to {
        known.targets.check(to, report);
    }
    if let Some(redirect) = &raw.redirect {
        redirect::alone(raw, report);
        return RouteTarget::Redirect(RedirectConfig {
            location: value_or_default(redirect.location.clone()),
            status: redirect.status,
        });
    }
    match text(raw.to.as_ref()) {
        None | Some(upstream::SERVICE) => RouteTarget::Service,
        Some(name) => RouteTarget::Upstream(name.into()),
    }
}

/// A request can only be sent to another server where there is one.
fn retries(raw: &RawRoute, gateway: &RawGateway, report: &Report<'_>) -> RetryConfig {
    let retries = &raw.retries;
    if let Some(hedge) = &retries.hedge_after_ms
        && raw.redirect.is_none()
        && !has_other_server(raw.to.as_ref(), gateway)
    {
        let message = "there is no other server to which a request could also be sent";
        let hint = "only an upstream with several servers can be hedged: remove hedge_after";
        report.add(
            &hedge.spot,
            Wrong::new(Code::Contradiction, message).hint(hint),
        );
    }
    RetryConfig {
        attempts_max: value_or_default(retries.attempts_max.clone()),
        budget_percent: value_or_default(retries.budget_percent.clone()).into(),
        statuses: retries.statuses.clone(),
        hedge_after_ms: retries.hedge_after_ms.as_ref().map(|at| at.value),
    }
}

/// Whether a target has more than one server; one that nobody knows may have.
fn has_other_server(to: Option<&At<String>>, gateway: &RawGateway) -> bool {
    match text(to) {
        None | Some(upstream::SERVICE) => false,
        Some(name) => {
            let named = |one: &&crate::raw::RawUpstream| text(one.name.as_ref()) == Some(name);
            let upstream = gateway.upstreams.iter().find(named);
            upstream.is_none_or(|upstream| upstream.servers.len() > 1)
        }
    }
}

/// Requests only wait where there is a limit to wait for.
fn capacity(raw: &RawRoute, report: &Report<'_>) {
    if let Some(queue) = &raw.queue {
        let message = "nothing waits without a limit of requests under way";
        let hint = "add in_flight to capacity, or remove the queue";
        report.add(queue, Wrong::new(Code::Contradiction, message).hint(hint));
    }
}

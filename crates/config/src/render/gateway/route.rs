//! A route as a table of the file.

use toml::{Table, Value};

use super::{bytes, count, duration, percent, put, some, strings, table};
use crate::config::{
    CapacityConfig, CorsConfig, HostPattern, PathPattern, RetryConfig, RouteConfig, RouteTarget,
    RouteTimeouts, SecurityHeaders,
};

/// A `[[gateway.route]]`.
pub(super) fn route(route: &RouteConfig) -> Table {
    let security_headers = match route.security_headers {
        SecurityHeaders::Off => "off",
        SecurityHeaders::Basic => "basic",
        SecurityHeaders::Strict => "strict",
    };
    let mut out = table([
        ("name", route.name.as_ref().into()),
        ("limits", strings(&route.limits)),
        ("security_headers", security_headers.into()),
    ]);
    put(&mut out, "hosts", hosts(&route.hosts));
    put(&mut out, "methods", some(&route.methods));
    match &route.path {
        PathPattern::Any => {}
        PathPattern::Prefix(path) => put(&mut out, "path", Some(path.as_str())),
        PathPattern::Exact(path) => put(&mut out, "exact", Some(path.as_str())),
    }
    if !route.headers.is_empty() {
        let headers = route.headers.iter().map(|condition| {
            let value = condition.value.as_deref().unwrap_or("*");
            (condition.name.clone(), Value::from(value))
        });
        put(&mut out, "headers", Some(headers.collect::<Table>()));
    }
    target(route, &mut out);
    put(&mut out, "body_max", size(route.body_bytes_max));
    put(&mut out, "capacity", capacity(&route.capacity));
    put(&mut out, "access", route.access.as_deref());
    put(&mut out, "mask", route.mask.as_deref());
    put(&mut out, "cors", route.cors.as_ref().map(cors));
    let upload = route.upload.as_ref().map(|upload| {
        let mut out = table([("types", strings(&upload.types))]);
        put(&mut out, "max", size(upload.bytes_max));
        out
    });
    put(&mut out, "upload", upload);
    out
}

fn hosts(hosts: &[HostPattern]) -> Option<Value> {
    let written = hosts.iter().map(|host| match host {
        HostPattern::Exact(host) => host.clone(),
        HostPattern::Below(below) => format!("*{below}"),
    });
    some(&written.collect::<Vec<_>>())
}

/// Where a route leads, and what belongs to sending a request there.
fn target(route: &RouteConfig, out: &mut Table) {
    let to = match &route.to {
        RouteTarget::Service => "service",
        RouteTarget::Upstream(name) => name,
        RouteTarget::Redirect(redirect) => {
            let redirect = table([
                ("location", redirect.location.as_str().into()),
                ("status", count(redirect.status.into())),
            ]);
            put(out, "redirect", Some(redirect));
            return;
        }
    };
    put(out, "to", Some(to));
    let mut rewrite = Table::new();
    put(&mut rewrite, "prefix", route.rewrite.prefix.as_deref());
    put(&mut rewrite, "host", route.rewrite.host.as_deref());
    put(out, "rewrite", (!rewrite.is_empty()).then_some(rewrite));
    put(out, "timeouts", Some(timeouts(&route.timeouts)));
    put(out, "retries", Some(retries(&route.retries)));
}

fn timeouts(timeouts: &RouteTimeouts) -> Table {
    let mut out = table([
        ("connect", duration(timeouts.connect_ms)),
        ("first_byte", duration(timeouts.first_byte_ms)),
        ("idle", duration(timeouts.idle_ms)),
    ]);
    put(&mut out, "whole", timeouts.whole_ms.map(duration));
    out
}

fn retries(retries: &RetryConfig) -> Table {
    let statuses = retries.statuses.iter();
    let statuses = statuses.map(|status| count((*status).into()));
    let mut out = table([
        ("attempts", count(retries.attempts_max)),
        ("budget", percent(retries.budget_percent)),
        ("statuses", Value::Array(statuses.collect())),
    ]);
    put(
        &mut out,
        "hedge_after",
        retries.hedge_after_ms.map(duration),
    );
    out
}

/// Without a limit nothing waits, and there is nothing to write.
fn capacity(capacity: &CapacityConfig) -> Option<Table> {
    let in_flight = capacity.in_flight_max?;
    Some(table([
        ("in_flight", count(in_flight)),
        ("queue", count(capacity.queue_max)),
        ("queue_timeout", duration(capacity.queue_timeout_ms)),
    ]))
}

fn cors(cors: &CorsConfig) -> Table {
    table([
        ("origins", strings(&cors.origins)),
        ("methods", strings(&cors.methods)),
        ("headers", strings(&cors.headers)),
        ("expose", strings(&cors.expose)),
        ("credentials", cors.credentials.into()),
        ("max_age", duration(cors.max_age_s * 1_000)),
    ])
}

/// A size, unless it is none at all.
fn size(limit: u64) -> Option<Value> {
    (limit != u64::MAX).then(|| bytes(limit))
}

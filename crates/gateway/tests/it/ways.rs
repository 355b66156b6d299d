//! Routes, upstreams and limits for tests: what a file that says little gets, and servers of every kind.

use std::sync::Arc;

use portcullis_config::{
    CapacityConfig, EjectConfig, LimitConfig, LimitKey, PathPattern, RetryConfig, RewriteConfig,
    RouteConfig, RouteTarget, RouteTimeouts, SecurityHeaders, ServerWeight, UpstreamChoice,
    UpstreamConfig, UpstreamProtocol,
};
use portcullis_gateway::GatewaySettings;

/// A route that takes every request to the service.
pub(crate) fn way(name: &str) -> RouteConfig {
    RouteConfig {
        name: name.into(),
        hosts: Vec::new(),
        path: PathPattern::Any,
        methods: Vec::new(),
        headers: Vec::new(),
        to: RouteTarget::Service,
        rewrite: RewriteConfig::default(),
        timeouts: RouteTimeouts {
            connect_ms: 2_000,
            first_byte_ms: 20_000,
            idle_ms: 20_000,
            whole_ms: None,
        },
        body_bytes_max: 64 * 1024 * 1024,
        retries: RetryConfig {
            attempts_max: 1,
            budget_percent: 20,
            statuses: Vec::new(),
            hedge_after_ms: None,
        },
        capacity: CapacityConfig {
            in_flight_max: None,
            queue_max: 0,
            queue_timeout_ms: 0,
        },
        limits: Vec::new(),
        access: None,
        cors: None,
        security_headers: SecurityHeaders::Off,
        upload: None,
        mask: None,
    }
}

/// A route to the upstream of the same name.
pub(crate) fn way_to(upstream: &str) -> RouteConfig {
    let mut way = way(upstream);
    way.to = RouteTarget::Upstream(upstream.into());
    way
}

/// A route that tries `attempts` times, whatever the budget, also after 503.
pub(crate) fn patient_way_to(upstream: &str, attempts: u32) -> RouteConfig {
    let mut way = way_to(upstream);
    way.retries = RetryConfig {
        attempts_max: attempts,
        budget_percent: 100,
        statuses: vec![503],
        hedge_after_ms: None,
    };
    way
}

/// Servers that are chosen in turn and never left out.
pub(crate) fn upstream<A: ToString>(name: &str, servers: &[A]) -> UpstreamConfig {
    let servers = servers.iter().map(|address| ServerWeight {
        address: address.to_string(),
        weight: 1,
    });
    UpstreamConfig {
        name: name.into(),
        servers: servers.collect(),
        choice: UpstreamChoice::RoundRobin,
        protocol: UpstreamProtocol::Http1,
        tls: None,
        health: None,
        eject: EjectConfig {
            failures: 0,
            min_ms: 100,
            max_ms: 100,
            share_max_percent: 100,
        },
    }
}

/// A limit whose burst is the number of requests.
pub(crate) fn limit(name: &str, requests: u32, per_ms: u64, key: LimitKey) -> LimitConfig {
    LimitConfig {
        name: name.into(),
        requests,
        per_ms,
        burst: requests,
        key,
    }
}

/// Settings with one worker, one route and one upstream.
pub(crate) fn with_upstream(
    way: RouteConfig,
    upstream: UpstreamConfig,
) -> impl FnOnce(&mut GatewaySettings) {
    move |settings| {
        settings.workers = 1;
        settings.routing.routes = vec![way];
        settings.routing.upstreams = vec![upstream];
    }
}

/// Settings with one worker and these routes.
pub(crate) fn with_ways(ways: Vec<RouteConfig>) -> impl FnOnce(&mut GatewaySettings) {
    move |settings| {
        settings.workers = 1;
        settings.routing.routes = ways;
    }
}

/// The name of a limit as a route has it.
pub(crate) fn named(name: &str) -> Vec<Arc<str>> {
    vec![name.into()]
}

use std::collections::HashSet;
use std::sync::atomic::Ordering::Relaxed;

use http::{HeaderMap, Method, StatusCode};
use portcullis_analysis::Histogram;
use portcullis_api::gateway::{Arm, ArmHealth, ShadowStatus};
use portcullis_config::{
    CapacityConfig, EjectConfig, ServerWeight, UpstreamChoice, UpstreamConfig, UpstreamProtocol,
};

use super::counters::ClientMethod;
use super::*;
use crate::grpc_status::GrpcStatus;
use crate::upstream_set::Outcome;

/// A scrape of two routes, two arms and an upstream with a server that is out, in one of the formats.
fn sample(format: Format) -> String {
    let counters = RouteCounters::new(2);
    let request = |worker, method: Method, status, duration_us| {
        let status = StatusCode::from_u16(status).ok();
        counters
            .block(worker)
            .request(ClientMethod::from(&method), status, duration_us);
    };
    request(0, Method::GET, 200, 900);
    request(1, Method::GET, 200, 1_000);
    request(1, Method::GET, 503, 400_000_000);
    request(
        0,
        Method::from_bytes(b"MADE-UP").expect("method"),
        404,
        70_000,
    );
    request(0, Method::POST, 0, 2_000_000);
    counters.block(1).in_flight.fetch_add(3, Relaxed);
    counters.block(0).retries.fetch_add(4, Relaxed);
    for (worker, status) in [(0, "0"), (0, "14"), (1, "14")] {
        let field = (
            "grpc-status".parse().expect("a name"),
            status.parse().expect("a value"),
        );
        let status = GrpcStatus::of(&HeaderMap::from_iter([field])).expect("a status");
        counters.block(worker).grpc_call(status);
    }
    let quiet = RouteCounters::new(2);
    let capacity = Capacity::new(&CapacityConfig {
        in_flight_max: Some(1),
        queue_max: 0,
        queue_timeout_ms: 1,
    });
    capacity.counters().shed_full.fetch_add(2, Relaxed);
    let arms = [arm("1.0", 900, 1), arm("1.1 \"beta\"\\\n", 100, 0)];
    let upstream = upstream();
    let gateway = GatewayCounters::new(2);
    gateway.block(0).handshakes.fetch_add(5, Relaxed);
    gateway.block(1).handshakes.fetch_add(6, Relaxed);
    gateway.block(0).refused("unknown_host");
    gateway.block(1).refused("unknown_host");
    let tracer = TracerCounters::default();
    tracer.sent.fetch_add(8, Relaxed);
    let certificates = [Expiry {
        file: "/etc/portcullis/site.pem".to_owned(),
        not_after_s: 1_800_000_000,
    }];
    let route = |name, counters| RouteScrape {
        name,
        counters,
        capacity: &capacity,
    };
    let scrape = Scrape {
        version: "0.1.0",
        started_at_ms: 1_700_000_000_250,
        tracer: Some(&tracer),
        certificates: &certificates,
        now_ms: 10,
        gateway: &gateway,
        access_lines_dropped: 7,
        routes: vec![route("api", &counters), route("other", &quiet)],
        arms: arms
            .iter()
            .zip([90, 10])
            .map(|(status, weight)| ArmScrape {
                service: "shop",
                status,
                weight_percent: Some(weight),
                sent_in_split: status.requests,
            })
            .collect(),
        held: vec![("shop", 3)],
        upstreams: vec![&upstream],
        masks: Vec::new(),
        data: None,
    };
    scrape.render(format)
}

fn arm(release: &str, requests: u64, healthy: u64) -> ArmStatus {
    let mut latency = Histogram::default();
    for latency_us in [500, 1_000, 99_000, 100_000, 1_500_000] {
        latency.record(latency_us);
    }
    ArmStatus {
        arm: Arm {
            release: release.to_owned(),
            address: "127.0.0.1:8080".to_owned(),
        },
        requests,
        errors: 2,
        failed_over: 1,
        in_flight: 4,
        writes_in_flight: 0,
        by_class: [0, 3, 0, 1, 1],
        latency,
        last_sent_at_ms: 0,
        health: ArmHealth {
            healthy: healthy > 0,
            ..ArmHealth::default()
        },
        shadow: (release != "1.0").then(shadow),
        first_errors: 0,
        refused: 0,
        streams: None,
    }
}

fn shadow() -> ShadowStatus {
    let (mut latency, mut stable_latency) = (Histogram::default(), Histogram::default());
    latency.record(3_000_000);
    stable_latency.record(500);
    stable_latency.record(1_500_000);
    ShadowStatus {
        requests: 2,
        errors: 1,
        differed: 1,
        skipped: 3,
        latency,
        stable_latency,
    }
}

fn upstream() -> UpstreamSet {
    let server = |port: u16| ServerWeight {
        address: format!("127.0.0.1:{port}"),
        weight: 1,
    };
    let config = UpstreamConfig {
        name: "models".into(),
        servers: vec![server(1), server(2)],
        choice: UpstreamChoice::LeastLoaded,
        protocol: UpstreamProtocol::Http1,
        tls: None,
        health: None,
        eject: EjectConfig {
            failures: 1,
            min_ms: 1000,
            max_ms: 1000,
            share_max_percent: 50,
        },
    };
    let set = UpstreamSet::new(&config, 1, None).expect("set");
    set.server(1).begin(0).ended(Outcome::Failed, 0);
    set
}

#[test]
fn the_text_is_the_one_that_prometheus_reads() {
    // Both files were read by the two parsers of prometheus_client, the reference in Python, and the first one
    // by `promtool check metrics` of Prometheus 2.42.
    assert_eq!(sample(Format::Text), include_str!("tests/sample.prom"));
    assert_eq!(
        sample(Format::OpenMetrics),
        include_str!("tests/sample.openmetrics")
    );
}

#[test]
fn every_sample_belongs_to_the_family_before_it_and_none_comes_twice() {
    for format in [Format::Text, Format::OpenMetrics] {
        let text = sample(format);
        assert!(text.ends_with('\n') && !text.contains("\n\n") && !text.contains('\r'));
        let (mut family, mut kind) = (String::new(), String::new());
        let (mut families, mut seen) = (HashSet::new(), HashSet::new());
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, word) = rest.split_once(' ').expect("a type");
                assert!(families.insert(name.to_owned()), "{name} comes twice");
                (family, kind) = (name.to_owned(), word.to_owned());
                continue;
            }
            if line.starts_with('#') {
                continue;
            }
            let name = line.split(['{', ' ']).next().unwrap_or_default();
            let suffix = name.strip_prefix(family.as_str()).expect(line);
            let wanted: &[&str] = match (kind.as_str(), format) {
                ("histogram", _) => &["_bucket", "_sum", "_count"],
                ("counter", Format::OpenMetrics) => &["_total"],
                _ => &[""],
            };
            assert!(wanted.contains(&suffix), "{line}");
            let (series, value) = line.rsplit_once(' ').expect("a value");
            assert!(value.parse::<f64>().is_ok_and(f64::is_finite), "{line}");
            assert!(seen.insert(series.to_owned()), "{series} comes twice");
        }
    }
}

#[test]
fn made_up_methods_and_names_make_no_series() {
    let text = sample(Format::Text);
    assert!(!text.contains("MADE-UP"));
    assert!(text.contains("http_requests_total{route=\"api\",method=\"other\",status=\"4xx\"} 1"));
    assert!(text.contains("http_requests_total{route=\"api\",method=\"POST\",status=\"none\"} 1"));
}

#[test]
fn whatever_method_a_client_makes_up_there_are_eight_labels() {
    let long = "A".repeat(5_000);
    let odd = [
        "get",
        "Get",
        "TRACE",
        "CONNECT",
        "PROPFIND",
        "PRI",
        "other",
        "GET1",
        "!#$%&'*+-.^_`|~",
        &long,
    ];
    let common = super::counters::METHODS
        .iter()
        .filter(|name| **name != "other");
    for name in common.chain(&odd) {
        let method = Method::from_bytes(name.as_bytes()).expect("a method");
        let known = ClientMethod::from(&method).name();
        let expected = (!odd.contains(name)).then_some(*name);
        assert_eq!(known, expected, "{name}");
    }
}

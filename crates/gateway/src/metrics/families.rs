//! Which metrics there are.

use std::sync::atomic::Ordering::Relaxed;

use portcullis_analysis::{Histogram, bucket_upper_us};
use portcullis_api::gateway::ShadowStatus;

use super::counters::{CLASSES, EDGES_US, METHODS};
use super::data::data;
use super::exposition::{Exposition, Kind};
use super::masking::masking;
use super::{ArmScrape, Format, RouteScrape, Scrape};
use crate::grpc_status;
use crate::upstream_set::UpstreamServer;

/// Writes all families.
pub(super) fn render(scrape: &Scrape<'_>, format: Format) -> String {
    let mut text = Exposition::new(format);
    requests(&mut text, &scrape.routes);
    routes(&mut text, &scrape.routes);
    grpc_calls(&mut text, &scrape.routes);
    arms(&mut text, &scrape.arms);
    shadows(&mut text, &scrape.arms);
    split(&mut text, &scrape.arms);
    upstreams(&mut text, scrape);
    masking(&mut text, &scrape.masks);
    if let Some((service, standing)) = scrape.data {
        data(&mut text, service, standing);
    }
    gateway(&mut text, scrape);
    text.finish()
}

fn requests(text: &mut Exposition, routes: &[RouteScrape<'_>]) {
    let name = "http_requests";
    text.family(Kind::Counter, name, "Requests of clients that are over.");
    for route in routes {
        for (method, method_label) in METHODS.iter().enumerate() {
            for (class, class_label) in CLASSES.iter().enumerate() {
                let count = route.counters.requests(method, class);
                if count > 0 {
                    let labels = [
                        ("route", route.name),
                        ("method", method_label),
                        ("status", class_label),
                    ];
                    text.whole(&labels, count);
                }
            }
        }
    }
    let name = "http_request_duration_seconds";
    let help = "Time from a request's head to the end of its answer.";
    text.family(Kind::Histogram, name, help);
    for route in routes {
        for (method, method_label) in METHODS.iter().enumerate() {
            let (counts, sum_us) = route.counters.durations(method);
            if counts.iter().any(|count| *count > 0) {
                let edges = EDGES_US.iter().map(|edge_us| seconds(*edge_us));
                let below: Vec<(f64, u64)> = edges.zip(counts).collect();
                let labels = [("route", route.name), ("method", method_label)];
                text.histogram(&labels, &below, counts[EDGES_US.len()], seconds(sum_us));
            }
        }
    }
}

fn routes(text: &mut Exposition, routes: &[RouteScrape<'_>]) {
    type Value = fn(&RouteScrape<'_>) -> u64;
    let families: [(Kind, &str, &str, Value); 6] = [
        (
            Kind::Gauge,
            "portcullis_requests_in_flight",
            "Requests under way.",
            |route| route.counters.sum(|block| &block.in_flight),
        ),
        (
            Kind::Gauge,
            "portcullis_requests_waiting",
            "Requests that wait for a place.",
            |route| u64::from(route.capacity.waiting()),
        ),
        (
            Kind::Counter,
            "portcullis_requests_queued",
            "Requests that had to wait for a place.",
            |route| route.capacity.counters().queued.load(Relaxed),
        ),
        (
            Kind::Counter,
            "portcullis_requests_limited",
            "Requests that a rate limit refused.",
            |route| route.counters.sum(|block| &block.limited),
        ),
        (
            Kind::Counter,
            "portcullis_retries",
            "Requests that were sent again.",
            |route| route.counters.sum(|block| &block.retries),
        ),
        (
            Kind::Counter,
            "portcullis_hedges",
            "Requests that were also sent to a second server.",
            |route| route.counters.sum(|block| &block.hedges),
        ),
    ];
    for (kind, name, help, value) in families {
        text.family(kind, name, help);
        for route in routes {
            text.whole(&[("route", route.name)], value(route));
        }
    }
    let name = "portcullis_requests_shed";
    text.family(
        Kind::Counter,
        name,
        "Requests that were refused for lack of a place.",
    );
    for route in routes {
        let counters = route.capacity.counters();
        let causes = [
            ("queue_full", &counters.shed_full),
            ("queue_timeout", &counters.shed_late),
        ];
        for (cause, count) in causes {
            let labels = [("route", route.name), ("cause", cause)];
            text.whole(&labels, count.load(Relaxed));
        }
    }
}

fn grpc_calls(text: &mut Exposition, routes: &[RouteScrape<'_>]) {
    let name = "portcullis_grpc_calls";
    let help = "Calls of gRPC that were answered, by how they ended; only what there was any of.";
    text.family(Kind::Counter, name, help);
    for route in routes {
        for (number, code) in grpc_status::NAMES.iter().enumerate() {
            let count = route.counters.grpc_calls(number);
            if count > 0 {
                text.whole(&[("route", route.name), ("code", code)], count);
            }
        }
    }
}

fn arms(text: &mut Exposition, arms: &[ArmScrape<'_>]) {
    let name = "portcullis_arm_requests";
    text.family(Kind::Counter, name, "Answers of a release by status class.");
    for arm in arms {
        for (class, count) in CLASSES.iter().zip(arm.status.by_class) {
            let [service, release, address] = labels(arm);
            text.whole(&[service, release, address, ("status", class)], count);
        }
    }
    let name = "portcullis_arm_request_duration_seconds";
    let help = "Time from a request's head to the head of the release's answer; the sum is from the buckets that \
                latencies are kept in, which are up to 3.2 % wide.";
    text.family(Kind::Histogram, name, help);
    for arm in arms {
        let (below, above, sum_s) = by_edge(&arm.status.latency);
        text.histogram(&labels(arm), &below, above, sum_s);
    }
    type Value = fn(&ArmScrape<'_>) -> u64;
    let families: [(Kind, &str, &str, Value); 4] = [
        (
            Kind::Counter,
            "portcullis_arm_errors",
            "Failed requests to a release: 5xx, no connection, broken or late answers.",
            |arm| arm.status.errors,
        ),
        (
            Kind::Counter,
            "portcullis_arm_failed_over",
            "Requests that the stable release answered in place of the canary.",
            |arm| arm.status.failed_over,
        ),
        (
            Kind::Gauge,
            "portcullis_arm_in_flight",
            "Requests under way to a release.",
            |arm| arm.status.in_flight,
        ),
        (
            Kind::Gauge,
            "portcullis_arm_healthy",
            "Whether the checks of a release pass.",
            |arm| u64::from(arm.status.health.healthy),
        ),
    ];
    for (kind, name, help, value) in families {
        text.family(kind, name, help);
        for arm in arms {
            text.whole(&labels(arm), value(arm));
        }
    }
}

/// What was mirrored; nothing of arms to which nothing ever was.
fn shadows(text: &mut Exposition, arms: &[ArmScrape<'_>]) {
    let mirrored = || {
        let arms = arms.iter();
        arms.filter_map(|arm| Some((labels(arm), arm.status.shadow.as_ref()?)))
    };
    type Value = fn(&ShadowStatus) -> u64;
    let families: [(&str, &str, Value); 4] = [
        (
            "portcullis_shadow_requests",
            "Mirrored requests that are over, by the canary that they went to beside the stable release.",
            |shadow| shadow.requests,
        ),
        (
            "portcullis_shadow_errors",
            "Mirrored requests that the canary answered with 5xx or not at all.",
            |shadow| shadow.errors,
        ),
        (
            "portcullis_shadow_differed",
            "Mirrored requests that the two releases answered with different statuses.",
            |shadow| shadow.differed,
        ),
        (
            "portcullis_shadow_skipped",
            "Requests that were not mirrored because too many were under way.",
            |shadow| shadow.skipped,
        ),
    ];
    for (name, help, value) in families {
        text.family(Kind::Counter, name, help);
        for (labels, shadow) in mirrored() {
            text.whole(&labels, value(shadow));
        }
    }
    let name = "portcullis_shadow_request_duration_seconds";
    let help = "How long the same requests took the canary, to the end of its answer, and the stable release, to its head.";
    text.family(Kind::Histogram, name, help);
    for ([service, release, address], shadow) in mirrored() {
        let both = [
            ("canary", &shadow.latency),
            ("stable", &shadow.stable_latency),
        ];
        for (answered_by, latency) in both {
            let (below, above, sum_s) = by_edge(latency);
            let labels = [service, release, address, ("answered_by", answered_by)];
            text.histogram(&labels, &below, above, sum_s);
        }
    }
}

fn split(text: &mut Exposition, arms: &[ArmScrape<'_>]) {
    let name = "portcullis_split_weight_ratio";
    let help = "The share of the users that a release has by the split in force.";
    text.family(Kind::Gauge, name, help);
    let in_split = || arms.iter().filter(|arm| arm.weight_percent.is_some());
    for arm in in_split() {
        let percent = arm.weight_percent.unwrap_or_default();
        text.number(&labels(arm), f64::from(percent) / 100.0);
    }
    let name = "portcullis_split_sent_ratio";
    let help =
        "The share of the requests that were sent to a release since the split last changed.";
    text.family(Kind::Gauge, name, help);
    for arm in in_split() {
        let same = in_split().filter(|other| other.service == arm.service);
        let all: u64 = same.map(|other| other.sent_in_split).sum();
        if all > 0 {
            text.number(&labels(arm), arm.sent_in_split as f64 / all as f64);
        }
    }
}

fn upstreams(text: &mut Exposition, scrape: &Scrape<'_>) {
    type Value = fn(&UpstreamServer, u64) -> u64;
    let families: [(Kind, &str, &str, Value); 6] = [
        (
            Kind::Gauge,
            "portcullis_upstream_healthy",
            "Whether the checks of a server pass.",
            |server, _| u64::from(!server.is_unhealthy()),
        ),
        (
            Kind::Gauge,
            "portcullis_upstream_ejected",
            "Whether a server is left out because of its answers.",
            |server, now_ms| u64::from(server.is_ejected(now_ms)),
        ),
        (
            Kind::Gauge,
            "portcullis_upstream_in_flight",
            "Requests under way to a server.",
            |server, _| server.in_flight(),
        ),
        (
            Kind::Counter,
            "portcullis_upstream_requests",
            "Requests to a server.",
            |server, _| server.requests(),
        ),
        (
            Kind::Counter,
            "portcullis_upstream_failures",
            "Failed requests to a server: 502, 503, 504, no connection, broken or late answers.",
            |server, _| server.failures(),
        ),
        (
            Kind::Counter,
            "portcullis_upstream_ejections",
            "How often a server was left out because of its answers.",
            |server, _| server.ejections(),
        ),
    ];
    for (kind, name, help, value) in families {
        text.family(kind, name, help);
        for set in &scrape.upstreams {
            for server in set.servers() {
                let labels = [
                    ("upstream", &*set.name),
                    ("server", server.address.as_str()),
                ];
                text.whole(&labels, value(server, scrape.now_ms));
            }
        }
    }
}

fn gateway(text: &mut Exposition, scrape: &Scrape<'_>) {
    let counters = scrape.gateway;
    let name = "portcullis_connections_open";
    text.family(Kind::Gauge, name, "Connections of clients.");
    text.whole(&[], counters.sum(|block| &block.connections_open));
    let name = "portcullis_connections";
    text.family(Kind::Counter, name, "Connections that were accepted.");
    text.whole(&[], counters.sum(|block| &block.connections));
    let name = "portcullis_tls_handshakes";
    text.family(Kind::Counter, name, "TLS handshakes with clients.");
    let done = counters.sum(|block| &block.handshakes);
    let failed = counters.sum(|block| &block.handshakes_failed);
    text.whole(&[("result", "done")], done);
    text.whole(&[("result", "failed")], failed);
    let name = "portcullis_requests_unrouted";
    text.family(Kind::Counter, name, "Requests that no route took.");
    text.whole(&[], counters.sum(|block| &block.unrouted));
    if !scrape.held.is_empty() {
        let name = "portcullis_requests_held";
        let help = "Requests that wait for a closed service to open.";
        text.family(Kind::Gauge, name, help);
        for (service, held) in &scrape.held {
            text.whole(&[("service", service)], *held);
        }
    }
    let name = "portcullis_refusals";
    let help =
        "Answers of the gateway in place of a release, by the code of their problem details.";
    text.family(Kind::Counter, name, help);
    for (code, count) in counters.refusals() {
        text.whole(&[("code", code)], count);
    }
    let name = "portcullis_access_log_dropped";
    let help = "Lines that the log of requests lost because it could not be written fast enough.";
    text.family(Kind::Counter, name, help);
    text.whole(&[], scrape.access_lines_dropped);
    spans(text, scrape);
    let name = "portcullis_tls_certificate_expiry_seconds";
    let help = "When a certificate that is shown to clients ends, in seconds since the Unix epoch.";
    text.family(Kind::Gauge, name, help);
    for certificate in scrape.certificates {
        let labels = [("file", certificate.file.as_str())];
        text.number(&labels, certificate.not_after_s as f64);
    }
    let name = "portcullis_start_time_seconds";
    let help = "When the gateway started, in seconds since the Unix epoch.";
    text.family(Kind::Gauge, name, help);
    text.number(&[], scrape.started_at_ms as f64 / 1e3);
    let name = "portcullis_build_info";
    text.family(Kind::Gauge, name, "The version of this program.");
    text.whole(&[("version", scrape.version)], 1);
}

fn spans(text: &mut Exposition, scrape: &Scrape<'_>) {
    let Some(tracer) = scrape.tracer else { return };
    let name = "portcullis_spans_sent";
    text.family(Kind::Counter, name, "Spans that the collector took.");
    text.whole(&[], tracer.sent.load(Relaxed));
    let name = "portcullis_spans_dropped";
    let help = "Spans that were lost: too many waited, or the collector was away or refused them.";
    text.family(Kind::Counter, name, help);
    text.whole(&[], tracer.dropped.load(Relaxed));
}

fn labels<'a>(arm: &ArmScrape<'a>) -> [(&'static str, &'a str); 3] {
    [
        ("service", arm.service),
        ("release", arm.status.arm.release.as_str()),
        ("address", arm.status.arm.address.as_str()),
    ]
}

/// The fine buckets of latencies by the edges that are told. A bucket that an edge cuts counts as above
/// it, so no latency is understated. The sum takes the middle of each bucket.
fn by_edge(latency: &Histogram) -> (Vec<(f64, u64)>, u64, f64) {
    let mut counts = [0; EDGES_US.len() + 1];
    let mut sum_us = 0.0;
    let fine: Vec<(u32, u64)> = latency.clone().into();
    for (bucket, count) in fine {
        let bucket = bucket as usize;
        let upper_us = bucket_upper_us(bucket);
        let lower_us = bucket
            .checked_sub(1)
            .map_or(0, |bucket| bucket_upper_us(bucket) + 1);
        counts[EDGES_US.partition_point(|edge_us| *edge_us < upper_us)] += count;
        sum_us += (lower_us + upper_us) as f64 / 2.0 * count as f64;
    }
    let below = EDGES_US.iter().map(|edge_us| seconds(*edge_us)).zip(counts);
    (below.collect(), counts[EDGES_US.len()], sum_us / 1e6)
}

fn seconds(us: u64) -> f64 {
    us as f64 / 1e6
}

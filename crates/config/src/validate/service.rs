//! The service: its strategy, its checks and its figures.

use std::path::PathBuf;

use portcullis_rollout::{Check, MetricsSource, ServiceName, Strategy};

use super::{Context, text, weight};
use crate::config::PortRange;
use crate::origin::Wanted;
use crate::raw::{RawCheck, RawMetrics, RawService};
use crate::report::{At, Report, Wrong};
use crate::units::found_number;
use crate::{Code, ServiceConfig, UpstreamProtocol};

/// Where servers of gRPC are asked how they are.
const GRPC_HEALTH: &str = "/grpc.health.v1.Health/Check";

/// The strategy, if it could be read.
pub(super) fn strategy(raw: &RawService, report: &Report<'_>) -> Option<Strategy> {
    let Some(strategy) = text(raw.strategy.as_ref()) else {
        // Whoever gives weights means a strategy that has some; the preset is one.
        if raw.weights.as_ref().is_some_and(|weights| weights.given) {
            rising(raw, report);
        }
        return None;
    };
    let weights = raw.weights.as_ref();
    if let "canary" | "cut-over" = strategy {
        rising(raw, report);
        let weights = weights?.value.iter().map(|at| weight(at.value)).collect();
        return Some(match strategy {
            "canary" => Strategy::Canary { weights },
            _ => Strategy::CutOver { weights },
        });
    }
    if let Some(given) = weights.filter(|weights| weights.given) {
        let message = format!(
            "only the strategies canary and cut-over have weights, and this one is {strategy}"
        );
        let wrong = Wrong::new(Code::Contradiction, message);
        report.add(
            &given.spot,
            wrong.hint("remove them, or set strategy = \"canary\""),
        );
    }
    Some(if strategy == "at-once" {
        Strategy::AtOnce
    } else {
        Strategy::BlueGreen
    })
}

/// Weights rise and end with 100.
fn rising(raw: &RawService, report: &Report<'_>) {
    let Some(weights) = &raw.weights else { return };
    for pair in weights.value.windows(2) {
        if let [before, after] = pair
            && after.value <= before.value
        {
            let message = format!(
                "weights must rise: {} follows {}",
                after.value, before.value
            );
            report.add(&after.spot, Wrong::new(Code::BadValue, message));
        }
    }
    let last = weights.value.last();
    if last.is_none_or(|last| last.value != 100) {
        let spot = last.map_or(&weights.spot, |last| &last.spot);
        let found = last.map_or("found none".to_owned(), |last| found_number(last.value));
        let message = format!("the last weight must be 100, {found}");
        report.add(spot, Wrong::new(Code::BadValue, message));
    }
}

/// The service as a whole.
pub(super) fn service(
    raw: RawService,
    strategy: Option<Strategy>,
    context: &mut Context<'_>,
) -> ServiceConfig {
    let protocol = protocol(raw.protocol.as_ref());
    let paths = raw
        .smoke
        .iter()
        .chain([&raw.ready])
        .map(|check| &check.path);
    for path in paths.flatten() {
        fits_protocol(path, protocol, context.report);
    }
    let keep_warm = super::gate::keep_warm(&raw, context.report);
    ServiceConfig {
        name: ServiceName::new(raw.name),
        environment: raw.environment,
        strategy: strategy.unwrap_or(Strategy::BlueGreen),
        approval: raw.approval,
        ports: raw.ports.map_or(PortRange::DEFAULT, |at| at.value),
        protocol,
        keep_warm,
        ready: check(raw.ready, context),
        smoke: raw
            .smoke
            .into_iter()
            .map(|smoke| check(smoke, context))
            .collect(),
        metrics: raw.metrics.map(|metrics| source(metrics, context)),
    }
}

/// What is spoken to a server; HTTP/1.1 unless the file says otherwise.
pub(super) fn protocol(raw: Option<&At<String>>) -> UpstreamProtocol {
    match text(raw) {
        Some("http2") => UpstreamProtocol::Http2,
        _ => UpstreamProtocol::Http1,
    }
}

/// The path of the gRPC health checking protocol is asked in gRPC, which is HTTP/2.
pub(super) fn fits_protocol(path: &At<String>, protocol: UpstreamProtocol, report: &Report<'_>) {
    if path.value == GRPC_HEALTH && protocol == UpstreamProtocol::Http1 {
        let message = "this path is asked in gRPC, which HTTP/1.1 cannot carry";
        let wrong = Wrong::new(Code::Contradiction, message);
        report.add(&path.spot, wrong.hint("add protocol = \"http2\""));
    }
}

pub(super) fn check(raw: RawCheck, context: &mut Context<'_>) -> Check {
    context.places.check_check(&raw);
    let body_file: Option<PathBuf> = raw.body_file.map(|at| {
        let path = context.absolute(&at.value);
        context.needs(&path, Wanted::Body, &at.spot);
        path
    });
    Check {
        method: raw.method,
        path: raw.path.map(|at| at.value).unwrap_or_default(),
        body_file,
        status: raw.status,
        json: raw
            .json
            .into_iter()
            .map(|(pointer, at)| (pointer, at.value))
            .collect(),
        contains: raw.contains.map(|at| at.value),
        timeout_ms: raw.timeout_ms,
    }
}

fn source(raw: RawMetrics, context: &Context<'_>) -> MetricsSource {
    raw.path.iter().for_each(|path| context.places.refuse(path));
    MetricsSource {
        path: raw.path.map(|at| at.value).unwrap_or_default(),
        figures: raw
            .figures
            .into_iter()
            .map(|(name, at)| (name, at.value))
            .collect(),
    }
}

//! Metrics for Prometheus, in its text format 0.0.4 or in OpenMetrics 1.0, as the scraper asks.
//!
//! Everything is counted by workers in blocks of their own ([`RouteCounters`], [`GatewayCounters`], and those of
//! arms and servers) and added up when somebody scrapes. Labels are names from the settings, releases, methods
//! of a fixed list and status classes: what a client sends never makes a series. The two metrics that
//! dashboards know by name, `http_requests_total` and `http_request_duration_seconds`, have `route` in place of
//! a path, and in `status` a class such as `5xx`, which the usual `status=~"5.."` matches.
//!
//! The crate `prometheus-client` is not used: it writes OpenMetrics only, not the format 0.0.4, and its families
//! look a counter up in a locked map at every request, or would be filled from these blocks at every
//! scrape, which is what is left here.

use portcullis_api::data::DataStanding;
use portcullis_api::gateway::ArmStatus;

use crate::capacity::Capacity;
use crate::observe::TracerCounters;
use crate::tls::Expiry;
use crate::upstream_set::UpstreamSet;

pub(crate) mod counters;
mod data;
mod exposition;
mod families;
mod format;
mod masking;

pub(crate) use counters::{GatewayCounters, RouteCounters};
pub(crate) use format::Format;
pub(crate) use masking::MaskScrape;

/// What one scrape tells. Names of routes, services and upstreams are different from each other.
#[derive(Debug)]
pub(crate) struct Scrape<'a> {
    /// The version of this program.
    pub(crate) version: &'a str,
    /// When the gateway started, in milliseconds since the Unix epoch.
    pub(crate) started_at_ms: u64,
    /// Monotonic time in milliseconds.
    pub(crate) now_ms: u64,
    /// What concerns no route.
    pub(crate) gateway: &'a GatewayCounters,
    /// Lines that the log of requests lost.
    pub(crate) access_lines_dropped: u64,
    /// What became of spans, where there are traces.
    pub(crate) tracer: Option<&'a TracerCounters>,
    /// Certificates that are shown to clients, from different files.
    pub(crate) certificates: &'a [Expiry],
    /// Every route.
    pub(crate) routes: Vec<RouteScrape<'a>>,
    /// Every arm, with different addresses within a release.
    pub(crate) arms: Vec<ArmScrape<'a>>,
    /// Every service, with how many requests wait for it to open.
    pub(crate) held: Vec<(&'a str, u64)>,
    /// Every upstream.
    pub(crate) upstreams: Vec<&'a UpstreamSet>,
    /// Every mask that a route names.
    pub(crate) masks: Vec<MaskScrape<'a>>,
    /// A service and how its data is looked after, if that was told.
    pub(crate) data: Option<&'a (String, DataStanding)>,
}

/// One route.
#[derive(Debug)]
pub(crate) struct RouteScrape<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// What was counted.
    pub(crate) counters: &'a RouteCounters,
    /// Its places.
    pub(crate) capacity: &'a Capacity,
}

/// One arm of a service.
#[derive(Debug)]
pub(crate) struct ArmScrape<'a> {
    /// The service.
    pub(crate) service: &'a str,
    /// What was counted, and its health.
    pub(crate) status: &'a ArmStatus,
    /// Its share by the split in force, in percent; `None` for one outside the split.
    pub(crate) weight_percent: Option<u8>,
    /// Requests that were sent to it since the split last changed.
    pub(crate) sent_in_split: u64,
}

impl Scrape<'_> {
    /// The whole text.
    pub(crate) fn render(&self, format: Format) -> String {
        families::render(self, format)
    }
}

#[cfg(test)]
mod tests;

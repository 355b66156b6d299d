//! Counters, histograms and gauges for Prometheus (OpenMetrics text).

use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

/// The media type of the text.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics of the service.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    in_flight: Family<RouteLabels, Gauge>,
    request_seconds: Family<RouteLabels, Histogram, fn() -> Histogram>,
    extractions: Family<ExtractionLabels, Counter>,
    extraction_seconds: Histogram,
    pub(super) reloads: Counter,
    pub(super) refused_reloads: Counter,
    pub(super) images: Gauge,
    pub(super) queue: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ExtractionLabels {
    outcome: &'static str,
}

impl Metrics {
    /// Registers everything; version and algorithm become labels of `dhash_release_info`.
    pub(super) fn new(version: &str, algorithm: &str) -> Self {
        let metrics = Self {
            registry: Registry::default(),
            requests: Family::default(),
            in_flight: Family::default(),
            request_seconds: Family::new_with_constructor(request_histogram),
            extractions: Family::default(),
            extraction_seconds: Histogram::new(exponential_buckets(0.001, 2.0, 13)),
            reloads: Counter::default(),
            refused_reloads: Counter::default(),
            images: Gauge::default(),
            queue: Gauge::default(),
        };
        let labels = [("version", version), ("algorithm", algorithm)];
        let info = Info::new(
            labels
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .to_vec(),
        );
        metrics.registered(info)
    }

    fn registered(mut self, info: Info<Vec<(String, String)>>) -> Self {
        let registry = self.registry.sub_registry_with_prefix("dhash");
        registry.register("release", "The running release", info);
        registry.register("requests", "Requests answered", self.requests.clone());
        registry.register(
            "requests_in_flight",
            "Requests that are being answered",
            self.in_flight.clone(),
        );
        registry.register_with_unit(
            "request_duration",
            "Time to answer a request",
            Unit::Seconds,
            self.request_seconds.clone(),
        );
        registry.register(
            "extractions",
            "Images sent for hashing",
            self.extractions.clone(),
        );
        registry.register_with_unit(
            "extraction_duration",
            "Time to decode and hash an image",
            Unit::Seconds,
            self.extraction_seconds.clone(),
        );
        registry.register(
            "library_reloads",
            "Changed libraries taken",
            self.reloads.clone(),
        );
        registry.register(
            "library_refused_reloads",
            "Changed libraries refused because they were damaged",
            self.refused_reloads.clone(),
        );
        registry.register(
            "library_images",
            "Images in the library",
            self.images.clone(),
        );
        registry.register(
            "low_confidence_queue_length",
            "Images that a person should look at",
            self.queue.clone(),
        );
        self
    }

    /// Counts a request as in flight until the result is dropped, answered or not.
    pub(super) fn enter(&self, route: &'static str) -> InFlight {
        let gauge = self.in_flight.get_or_create_owned(&RouteLabels { route });
        gauge.inc();
        InFlight(gauge)
    }

    /// Counts an answer.
    pub(super) fn record_request(&self, route: &'static str, status: u16, took: Duration) {
        self.requests
            .get_or_create(&RequestLabels { route, status })
            .inc();
        self.request_seconds
            .get_or_create(&RouteLabels { route })
            .observe(took.as_secs_f64());
    }

    /// Counts an extraction.
    pub(super) fn record_extraction(&self, failed: bool, took: Duration) {
        let outcome = if failed { "failed" } else { "ok" };
        self.extractions
            .get_or_create(&ExtractionLabels { outcome })
            .inc();
        self.extraction_seconds.observe(took.as_secs_f64());
    }

    /// Hashes made since the start.
    pub(super) fn hashes(&self) -> u64 {
        self.extractions
            .get_or_create(&ExtractionLabels { outcome: "ok" })
            .get()
    }

    /// Everything as text.
    pub(super) fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(super) struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn request_histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.0005, 2.0, 14))
}

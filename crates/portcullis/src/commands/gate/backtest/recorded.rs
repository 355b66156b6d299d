//! Samples out of what Prometheus has recorded of the gateway's counters.

use std::collections::BTreeMap;

use portcullis_analysis::{ArmSample, Histogram, Sample, bucket_of};
use portcullis_driver::{HistoryUnreadable, PrometheusHistory, Series};

/// What was recorded over a range.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Recorded {
    range: (u64, u64),
    step_ms: u64,
    canary: Counters,
    stable: Option<Counters>,
    /// Figures by name, each with its values by moment.
    figures: BTreeMap<String, BTreeMap<u64, f64>>,
    /// The same of the stable release.
    stable_figures: BTreeMap<String, BTreeMap<u64, f64>>,
}

/// One arm's counters by moment.
#[derive(Debug, Clone, Default, PartialEq)]
struct Counters {
    requests: BTreeMap<u64, f64>,
    errors: BTreeMap<u64, f64>,
    /// By upper edge in microseconds; the highest has no edge.
    latency: BTreeMap<u64, BTreeMap<u64, f64>>,
}

impl Recorded {
    pub(super) fn new(range: (u64, u64), step_ms: u64) -> Recorded {
        Recorded {
            range,
            step_ms,
            canary: Counters::default(),
            stable: None,
            figures: BTreeMap::new(),
            stable_figures: BTreeMap::new(),
        }
    }

    /// Reads the gateway's counters of a release.
    pub(super) async fn read_arm(
        &mut self,
        history: &PrometheusHistory,
        service: &str,
        release: &str,
        is_canary: bool,
    ) -> Result<(), HistoryUnreadable> {
        let of = format!(
            "service=\"{}\",release=\"{}\"",
            escaped(service),
            escaped(release)
        );
        let ask = async |query: String| history.range(&query, self.range, self.step_ms).await;
        let requests = ask(format!("sum(portcullis_arm_requests_total{{{of}}})")).await?;
        let errors = ask(format!("sum(portcullis_arm_errors_total{{{of}}})")).await?;
        let name = "portcullis_arm_request_duration_seconds_bucket";
        let latency = ask(format!("sum by (le) ({name}{{{of}}})")).await?;
        let counters = Counters {
            requests: first(requests),
            errors: first(errors),
            latency: latency.into_iter().filter_map(edge).collect(),
        };
        match is_canary {
            true => self.canary = counters,
            false => self.stable = Some(counters),
        }
        Ok(())
    }

    /// Reads a figure; of several series the one with this label and value.
    pub(super) async fn read_figure(
        &mut self,
        history: &PrometheusHistory,
        name: &str,
        query: &str,
        wanted: Option<&(String, String)>,
    ) -> Result<(), HistoryUnreadable> {
        let points = self.points(history, query, wanted).await?;
        self.figures.insert(name.to_owned(), points);
        Ok(())
    }

    /// The same of the stable release.
    pub(super) async fn read_stable_figure(
        &mut self,
        history: &PrometheusHistory,
        name: &str,
        query: &str,
        wanted: Option<&(String, String)>,
    ) -> Result<(), HistoryUnreadable> {
        let points = self.points(history, query, wanted).await?;
        self.stable_figures.insert(name.to_owned(), points);
        Ok(())
    }

    async fn points(
        &self,
        history: &PrometheusHistory,
        query: &str,
        wanted: Option<&(String, String)>,
    ) -> Result<BTreeMap<u64, f64>, HistoryUnreadable> {
        let series = history.range(query, self.range, self.step_ms).await?;
        let is_meant = |series: &Series| {
            wanted.is_none_or(|(label, value)| series.labels.get(label) == Some(value))
        };
        let mut meant: Vec<Series> = series.into_iter().filter(is_meant).collect();
        // Of several nobody knows which is meant: no data, as in a rollout.
        Ok(match meant.len() {
            1 => meant.remove(0).points.into_iter().collect(),
            _ => BTreeMap::new(),
        })
    }

    /// Whether anything was counted of the candidate.
    pub(super) fn has_counts(&self) -> bool {
        !self.canary.requests.is_empty()
    }

    /// One sample for each two moments of the range that follow each other.
    pub(super) fn samples(&self) -> Vec<Sample> {
        let mut samples = Vec::new();
        let mut from_ms = self.range.0;
        while from_ms + self.step_ms <= self.range.1 {
            let to_ms = from_ms + self.step_ms;
            samples.push(self.sample(from_ms, to_ms));
            from_ms = to_ms;
        }
        samples
    }

    fn sample(&self, from_ms: u64, to_ms: u64) -> Sample {
        let counted = |arm: Option<&Counters>| arm.and_then(|arm| arm.between(from_ms, to_ms));
        let mut sample = Sample {
            from_ms,
            to_ms,
            canary: counted(Some(&self.canary)),
            baseline: counted(self.stable.as_ref()),
            ..Sample::default()
        };
        let no_counts = || "its counters were not recorded then, or began anew".to_owned();
        if sample.canary.is_none() {
            let name = Sample::CANARY_COUNTS.to_owned();
            sample.missing.insert(name, no_counts());
        }
        if sample.baseline.is_none() && self.stable.is_some() {
            let name = Sample::STABLE_COUNTS.to_owned();
            sample.missing.insert(name, no_counts());
        }
        let nothing = || "nothing was recorded then, or several series".to_owned();
        for (name, points) in &self.figures {
            match points.get(&to_ms) {
                Some(value) => sample.metrics.insert(name.clone(), *value).map(|_| ()),
                None => sample.missing.insert(name.clone(), nothing()).map(|_| ()),
            };
        }
        for (name, points) in &self.stable_figures {
            let value = points.get(&to_ms);
            let numbers = &mut sample.stable_metrics;
            match value {
                Some(value) => numbers.insert(name.clone(), *value).map(|_| ()),
                None => sample
                    .missing
                    .insert(Sample::stable_figure(name), nothing())
                    .map(|_| ()),
            };
        }
        sample
    }
}

impl Counters {
    /// What was counted between two moments; `None` when it was not recorded, or began anew in between.
    fn between(&self, from_ms: u64, to_ms: u64) -> Option<ArmSample> {
        let requests = grown(&self.requests, from_ms, to_ms)?;
        // The gateway has a counter of errors from its first request on.
        let errors = grown(&self.errors, from_ms, to_ms)?;
        Some(ArmSample {
            requests,
            errors: errors.min(requests),
            latency: self.latency(from_ms, to_ms)?,
            ..ArmSample::default()
        })
    }

    /// The latencies between two moments, each at the upper edge of its bucket.
    fn latency(&self, from_ms: u64, to_ms: u64) -> Option<Histogram> {
        let mut counts = Vec::new();
        let mut below = 0;
        let mut highest_us = 0;
        for (edge_us, points) in &self.latency {
            let up_to = grown(points, from_ms, to_ms)?;
            // Beyond the last edge nothing is known but that it is slower.
            let at_us = match *edge_us {
                u64::MAX => highest_us * 2,
                edge_us => edge_us,
            };
            highest_us = at_us;
            counts.push((bucket_of(at_us) as u32, up_to.saturating_sub(below)));
            below = up_to;
        }
        Some(Histogram::from(counts))
    }
}

fn grown(points: &BTreeMap<u64, f64>, from_ms: u64, to_ms: u64) -> Option<u64> {
    let (before, after) = (points.get(&from_ms)?, points.get(&to_ms)?);
    (after >= before).then(|| (after - before).round() as u64)
}

fn first(series: Vec<Series>) -> BTreeMap<u64, f64> {
    let first = series.into_iter().next();
    first.map_or_else(BTreeMap::new, |series| series.points.into_iter().collect())
}

/// The upper edge of a bucket in microseconds, and its counts.
fn edge(series: Series) -> Option<(u64, BTreeMap<u64, f64>)> {
    let le = series.labels.get("le")?;
    let edge_us = match le.as_str() {
        "+Inf" => u64::MAX,
        seconds => (seconds.parse::<f64>().ok()? * 1e6).round() as u64,
    };
    Some((edge_us, series.points.into_iter().collect()))
}

/// A label's value in PromQL.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests;

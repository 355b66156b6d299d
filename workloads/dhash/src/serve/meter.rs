//! Extraction times and failures over a sliding window, for `/metrics/dhash`.
//!
//! The window holds the last [`WINDOW_SAMPLES_MAX`] extractions, none older than
//! [`WINDOW_AGE_MAX`]. An empty window has no average: the figures are then null, because a 0 would
//! read as "very fast" and "no failures".

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::bounds::{WINDOW_AGE_MAX, WINDOW_SAMPLES_MAX};

/// The window.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    samples: Mutex<VecDeque<Sample>>,
}

/// One extraction.
#[derive(Debug, Clone, Copy)]
struct Sample {
    at: Instant,
    took: Duration,
    failed: bool,
}

/// The figures of a window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Reading {
    /// Extractions in the window.
    pub(crate) samples: usize,
    /// Mean time of successful extractions, in milliseconds.
    pub(crate) average_ms: Option<f64>,
    /// The 95th percentile of the same (nearest rank), in milliseconds.
    pub(crate) p95_ms: Option<f64>,
    /// The share of failed extractions, in percent.
    pub(crate) failures_percent: Option<f64>,
}

impl Meter {
    /// Notes an extraction that ended at `at`.
    pub(crate) fn record(&self, at: Instant, took: Duration, failed: bool) {
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        samples.push_back(Sample { at, took, failed });
        if samples.len() > WINDOW_SAMPLES_MAX {
            samples.pop_front();
        }
    }

    /// The figures of the window that ends at `now`.
    pub(crate) fn read(&self, now: Instant) -> Reading {
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        samples.retain(|sample| now.saturating_duration_since(sample.at) <= WINDOW_AGE_MAX);
        let mut times: Vec<f64> = samples
            .iter()
            .filter(|sample| !sample.failed)
            .map(|sample| sample.took.as_secs_f64() * 1000.0)
            .collect();
        times.sort_by(f64::total_cmp);
        let rank = (times.len() * 95).div_ceil(100);
        let failures = samples.len() - times.len();
        Reading {
            samples: samples.len(),
            average_ms: share(times.iter().sum(), times.len()),
            p95_ms: rank.checked_sub(1).map(|index| times[index]),
            failures_percent: share(100.0 * failures as f64, samples.len()),
        }
    }
}

fn share(sum: f64, count: usize) -> Option<f64> {
    (count > 0).then(|| sum / count as f64)
}

#[cfg(test)]
mod tests;

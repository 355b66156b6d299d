//! One arm as all workers share it: where it is, whether it is healthy, and what it answered.
//!
//! Every worker has its own block of counters, so the data path never waits for another core; the
//! admin API adds the blocks up when it is asked.

use std::sync::atomic::{
    AtomicU8, AtomicU64,
    Ordering::{Relaxed, SeqCst},
};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use http::{HeaderValue, StatusCode};
use portcullis_analysis::{BUCKETS, Histogram, bucket_of};
use portcullis_api::gateway::{Arm, ArmHealth, ArmStatus};
use portcullis_config::UpstreamProtocol;

use crate::closing::Mark;
use crate::endpoint::Endpoint;
use crate::first_errors::FirstErrors;
use crate::settings::HealthSettings;

mod shadow;
mod streams;

use shadow::ShadowCounters;
use streams::StreamCounters;

/// What is known about an arm's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    /// No check has passed and not enough have failed: a new arm.
    Unknown,
    /// Traffic may go there.
    Healthy,
    /// Checks failed.
    Unhealthy,
}

/// One arm of one service.
#[derive(Debug)]
pub(crate) struct ArmState {
    /// The arm as the admin API has it.
    pub(crate) arm: Arm,
    /// Where it is and how it is spoken to. An arm that is out of the split is retired.
    pub(crate) endpoint: Arc<Endpoint>,
    /// The release as the answer's header has it.
    pub(crate) release_header: HeaderValue,
    /// What it does not take while its service is closed.
    pub(crate) mark: Mark,
    health: AtomicU8,
    detail: Mutex<HealthDetail>,
    counters: Box<[WorkerCounters]>,
    /// The keys that had an error while it is in a split with two arms, shared with the other one.
    first_errors: ArcSwapOption<FirstErrors>,
}

/// Counters that one worker writes. Aligned so that two workers never share a cache line.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct WorkerCounters {
    /// Requests that are over.
    pub(crate) requests: AtomicU64,
    /// Of those, failed ones.
    pub(crate) errors: AtomicU64,
    /// Of those, the ones that the stable arm answered instead.
    pub(crate) failed_over: AtomicU64,
    /// Requests under way.
    pub(crate) in_flight: AtomicU64,
    /// Of those, the ones that may write.
    pub(crate) writes_in_flight: AtomicU64,
    /// When a request was sent last, milliseconds since the Unix epoch.
    pub(crate) last_sent_at_ms: AtomicU64,
    /// Requests that were mirrored to it.
    pub(crate) shadow: ShadowCounters,
    /// Routing keys that had their first error here.
    first_errors: AtomicU64,
    /// Answers that masking did not let through.
    refused: AtomicU64,
    /// Streamed answers.
    pub(crate) streams: StreamCounters,
    by_class: [AtomicU64; 5],
    latency: Box<[AtomicU64]>,
}

#[derive(Debug, Default)]
struct HealthDetail {
    status: ArmHealth,
    consecutive_passes: u32,
}

impl ArmState {
    /// A new arm whose health is unknown, with counters for `workers` workers; the error says which
    /// part of the arm is not valid.
    pub(crate) fn new(
        arm: Arm,
        protocol: UpstreamProtocol,
        workers: usize,
    ) -> Result<ArmState, String> {
        let endpoint = Endpoint::new(&arm.address, protocol, None)?;
        let release_header = match HeaderValue::from_str(&arm.release) {
            Ok(value) if !arm.release.is_empty() => value,
            _ => {
                return Err(format!(
                    "release {:?} is empty or has characters that a header cannot carry",
                    arm.release
                ));
            }
        };
        Ok(ArmState {
            arm,
            endpoint: Arc::new(endpoint),
            release_header,
            mark: Mark::default(),
            health: AtomicU8::new(Health::Unknown as u8),
            detail: Mutex::default(),
            counters: (0..workers).map(|_| WorkerCounters::new()).collect(),
            first_errors: ArcSwapOption::empty(),
        })
    }

    /// The counters of one worker.
    pub(crate) fn counters(&self, worker: usize) -> &WorkerCounters {
        &self.counters[worker]
    }

    /// What is known about the arm's health.
    pub(crate) fn health(&self) -> Health {
        match self.health.load(Relaxed) {
            value if value == Health::Healthy as u8 => Health::Healthy,
            value if value == Health::Unhealthy as u8 => Health::Unhealthy,
            _ => Health::Unknown,
        }
    }

    /// Whether the arm is out of the split.
    pub(crate) fn is_retired(&self) -> bool {
        self.endpoint.is_retired()
    }

    /// Marks the arm as out of the split, or as back in it. What is known of its health is
    /// forgotten with the first, because nobody checks it any more.
    pub(crate) fn set_retired(&self, retired: bool) {
        self.endpoint.set_retired(retired);
        if retired {
            let mut detail = self.detail.lock().unwrap_or_else(PoisonError::into_inner);
            self.health.store(Health::Unknown as u8, Relaxed);
            detail.status.healthy = false;
            detail.consecutive_passes = 0;
        }
    }

    /// The keys that had an error, which it has in common with the other arm of its split.
    pub(crate) fn first_errors(&self) -> Option<Arc<FirstErrors>> {
        self.first_errors.load_full()
    }

    /// Begins to count first errors, together with whoever has the same set; `None` ends it.
    pub(crate) fn share_first_errors(&self, with: Option<Arc<FirstErrors>>) {
        self.first_errors.store(with);
    }

    /// A request of the routing key with this hash failed.
    pub(crate) fn key_failed(&self, worker: usize, key: u64) {
        let keys = self.first_errors.load();
        if keys.as_ref().is_some_and(|keys| keys.is_first(key)) {
            self.counters[worker].first_errors.fetch_add(1, Relaxed);
        }
    }

    /// Masking did not let an answer of this arm through.
    pub(crate) fn refused(&self, worker: usize) {
        self.counters[worker].refused.fetch_add(1, Relaxed);
    }

    /// Requests under way. Read after the arm was retired, it has every request that will ever go there: see
    /// [`crate::in_flight::InFlight::begin`].
    pub(crate) fn in_flight(&self) -> u64 {
        self.counters
            .iter()
            .map(|counters| counters.in_flight.load(SeqCst))
            .sum()
    }

    /// Of the requests under way those that may write, with the same promise once the arm is marked.
    pub(crate) fn writes_in_flight(&self) -> u64 {
        let workers = self.counters.iter();
        workers
            .map(|counters| counters.writes_in_flight.load(SeqCst))
            .sum()
    }

    /// Requests that it was given and that did not end up at the stable arm, those under way included.
    pub(crate) fn given(&self) -> u64 {
        let workers = self.counters.iter();
        let given = workers.map(|counters| {
            let failed_over = counters.failed_over.load(Relaxed);
            let all = counters.requests.load(Relaxed) + counters.in_flight.load(Relaxed);
            all.saturating_sub(failed_over)
        });
        given.sum()
    }

    /// Takes note of one finished check.
    pub(crate) fn record_check(&self, result: &Result<(), String>, settings: &HealthSettings) {
        let mut detail = self.detail.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.health();
        let after = detail.record(result, before, settings);
        if after != before {
            self.health.store(after as u8, Relaxed);
            let reason = detail.status.last_failure.as_deref().unwrap_or("");
            let (release, address) = (&self.arm.release, &self.arm.address);
            match after {
                Health::Healthy => tracing::info!(release, address, "arm is healthy"),
                _ => tracing::warn!(release, address, reason, "arm is unhealthy"),
            }
        }
    }

    /// What the last failed check saw, for a refusal.
    pub(crate) fn last_failure(&self) -> String {
        let detail = self.detail.lock().unwrap_or_else(PoisonError::into_inner);
        detail
            .status
            .last_failure
            .clone()
            .unwrap_or_else(|| "no check has passed yet".to_owned())
    }

    /// The counters of all workers, added up.
    pub(crate) fn status(&self) -> ArmStatus {
        let sum = |pick: fn(&WorkerCounters) -> &AtomicU64| -> u64 {
            self.counters
                .iter()
                .map(|counters| pick(counters).load(Relaxed))
                .sum()
        };
        let latency = (0..BUCKETS).map(|bucket| {
            self.counters
                .iter()
                .map(|counters| counters.latency[bucket].load(Relaxed))
                .sum()
        });
        let by_class = std::array::from_fn(|class| {
            self.counters
                .iter()
                .map(|counters| counters.by_class[class].load(Relaxed))
                .sum()
        });
        let last_sent = self
            .counters
            .iter()
            .map(|c| c.last_sent_at_ms.load(Relaxed))
            .max();
        let detail = self.detail.lock().unwrap_or_else(PoisonError::into_inner);
        ArmStatus {
            arm: self.arm.clone(),
            requests: sum(|counters| &counters.requests),
            errors: sum(|counters| &counters.errors),
            failed_over: sum(|counters| &counters.failed_over),
            in_flight: self.in_flight(),
            writes_in_flight: self.writes_in_flight(),
            by_class,
            latency: Histogram::from_counts(latency),
            last_sent_at_ms: last_sent.unwrap_or(0),
            health: detail.status.clone(),
            shadow: ShadowCounters::sum(self.counters.iter().map(|one| &one.shadow)),
            first_errors: sum(|counters| &counters.first_errors),
            refused: sum(|counters| &counters.refused),
            streams: StreamCounters::sum(self.counters.iter().map(|one| &one.streams)),
        }
    }
}

impl WorkerCounters {
    fn new() -> WorkerCounters {
        WorkerCounters {
            requests: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            failed_over: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            writes_in_flight: AtomicU64::new(0),
            last_sent_at_ms: AtomicU64::new(0),
            shadow: ShadowCounters::default(),
            first_errors: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            streams: StreamCounters::default(),
            by_class: Default::default(),
            latency: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Counts an answer's head.
    pub(crate) fn answered(&self, status: StatusCode, latency_us: u64) {
        let class = usize::from(status.as_u16() / 100).clamp(1, 5) - 1;
        self.by_class[class].fetch_add(1, Relaxed);
        self.latency[bucket_of(latency_us)].fetch_add(1, Relaxed);
    }
}

impl HealthDetail {
    /// Counts one check and says what the health is now.
    fn record(
        &mut self,
        result: &Result<(), String>,
        before: Health,
        settings: &HealthSettings,
    ) -> Health {
        let after = match result {
            Ok(()) => {
                self.status.passed += 1;
                self.status.consecutive_failures = 0;
                self.consecutive_passes += 1;
                let enough = self.consecutive_passes >= settings.healthy_after;
                if before == Health::Unhealthy && !enough {
                    before
                } else {
                    Health::Healthy
                }
            }
            Err(reason) => {
                self.status.failed += 1;
                self.status.consecutive_failures += 1;
                self.consecutive_passes = 0;
                self.status.last_failure = Some(reason.clone());
                let enough = self.status.consecutive_failures >= settings.unhealthy_after;
                if enough { Health::Unhealthy } else { before }
            }
        };
        self.status.healthy = after == Health::Healthy;
        after
    }
}

#[cfg(test)]
mod tests;

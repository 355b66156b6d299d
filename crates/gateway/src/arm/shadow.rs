//! What one worker counts of the requests that were mirrored to an arm.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use http::StatusCode;
use portcullis_analysis::{BUCKETS, Histogram, bucket_of};
use portcullis_api::gateway::ShadowStatus;

/// Counters of mirrored requests. They only grow.
#[derive(Debug, Default)]
pub(crate) struct ShadowCounters {
    answered: AtomicU64,
    errors: AtomicU64,
    failed: AtomicU64,
    differed: AtomicU64,
    skipped: AtomicU64,
    /// Made with the first mirrored request, because most arms never get one.
    latencies: std::sync::OnceLock<Latencies>,
}

#[derive(Debug)]
struct Latencies {
    shadow: Box<[AtomicU64]>,
    stable: Box<[AtomicU64]>,
}

impl ShadowCounters {
    /// The canary answered.
    pub(crate) fn answered(&self, status: StatusCode, latency_us: u64) {
        self.answered.fetch_add(1, Relaxed);
        let is_error = u64::from(status.is_server_error());
        self.errors.fetch_add(is_error, Relaxed);
        self.latencies().shadow[bucket_of(latency_us)].fetch_add(1, Relaxed);
    }

    /// The stable arm answered the same request.
    pub(crate) fn stable_answered(&self, latency_us: u64) {
        self.latencies().stable[bucket_of(latency_us)].fetch_add(1, Relaxed);
    }

    /// The canary gave no answer.
    pub(crate) fn failed(&self) {
        self.failed.fetch_add(1, Relaxed);
    }

    /// The two did not answer with the same status.
    pub(crate) fn differed(&self) {
        self.differed.fetch_add(1, Relaxed);
    }

    /// A request was not mirrored because too many are under way.
    pub(crate) fn skipped(&self) {
        self.skipped.fetch_add(1, Relaxed);
    }

    fn latencies(&self) -> &Latencies {
        self.latencies.get_or_init(|| Latencies {
            shadow: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(),
            stable: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(),
        })
    }

    /// The counters of all workers, added up; `None` if nothing was ever mirrored.
    pub(super) fn sum<'a>(
        all: impl Iterator<Item = &'a ShadowCounters> + Clone,
    ) -> Option<ShadowStatus> {
        let sum = |pick: fn(&ShadowCounters) -> &AtomicU64| -> u64 {
            all.clone().map(|one| pick(one).load(Relaxed)).sum()
        };
        let histogram = |pick: fn(&Latencies) -> &[AtomicU64]| {
            Histogram::from_counts((0..BUCKETS).map(|bucket| {
                let known = all.clone().filter_map(|one| one.latencies.get());
                known.map(|one| pick(one)[bucket].load(Relaxed)).sum()
            }))
        };
        let status = ShadowStatus {
            requests: sum(|one| &one.answered) + sum(|one| &one.failed),
            errors: sum(|one| &one.errors) + sum(|one| &one.failed),
            differed: sum(|one| &one.differed),
            skipped: sum(|one| &one.skipped),
            latency: histogram(|one| &one.shadow),
            stable_latency: histogram(|one| &one.stable),
        };
        (status.requests + status.skipped > 0).then_some(status)
    }
}

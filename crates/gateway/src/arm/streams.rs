//! What one worker counts of an arm's streamed answers.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use portcullis_analysis::{BUCKETS, Histogram, bucket_of};
use portcullis_api::gateway::StreamStatus;

/// Times of streamed answers. They only grow.
#[derive(Debug, Default)]
pub(crate) struct StreamCounters {
    /// Made with the first streamed answer, because most arms never give one.
    times: OnceLock<Times>,
}

#[derive(Debug)]
struct Times {
    first_token: Box<[AtomicU64]>,
    token_gap: Box<[AtomicU64]>,
    token_time: Box<[AtomicU64]>,
}

impl StreamCounters {
    /// The first token came, so long after the request's head.
    pub(crate) fn first_token(&self, us: u64) {
        self.times().first_token[bucket_of(us)].fetch_add(1, Relaxed);
    }

    /// A token came, so long after the one before.
    pub(crate) fn token_gap(&self, us: u64) {
        self.times().token_gap[bucket_of(us)].fetch_add(1, Relaxed);
    }

    /// An answer ended that took so long for each token.
    pub(crate) fn token_time(&self, us: u64) {
        self.times().token_time[bucket_of(us)].fetch_add(1, Relaxed);
    }

    fn times(&self) -> &Times {
        let none = || (0..BUCKETS).map(|_| AtomicU64::new(0)).collect();
        self.times.get_or_init(|| Times {
            first_token: none(),
            token_gap: none(),
            token_time: none(),
        })
    }

    /// The sum over workers; `None` when there was no streamed answer.
    pub(crate) fn sum<'a>(all: impl Iterator<Item = &'a StreamCounters>) -> Option<StreamStatus> {
        let read = |counts: &[AtomicU64]| {
            Histogram::from_counts(counts.iter().map(|count| count.load(Relaxed)))
        };
        let mut sum: Option<StreamStatus> = None;
        for times in all.filter_map(|one| one.times.get()) {
            let sum = sum.get_or_insert_default();
            sum.first_token.merge(&read(&times.first_token));
            sum.token_gap.merge(&read(&times.token_gap));
            sum.token_time.merge(&read(&times.token_time));
        }
        sum
    }
}

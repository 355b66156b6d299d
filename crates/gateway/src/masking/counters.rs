//! What masking counts. Every worker has a block of its own; nothing that is counted is a value.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use portcullis_mask::{Action, Counts, RestoreCounts, Rules};

use super::MaskingRefusal;

/// Upper edges of the histogram of durations, in microseconds: looking into a message takes some ten of them, asking a
/// store some hundred or thousand.
pub(crate) const EDGES_US: [u64; 16] = [
    10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 500_000,
    1_000_000, 5_000_000,
];

/// What is counted of one `[[gateway.mask]]`. It counts on over reloads, by its name.
#[derive(Debug)]
pub(crate) struct MaskingCounters {
    workers: Box<[MaskingBlock]>,
}

/// What one worker counted. They only grow.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct MaskingBlock {
    /// Requests that came, whatever became of them.
    pub(crate) arrived: AtomicU64,
    /// Of what came and of its answers, what masking could not do its work on.
    pub(crate) failed: AtomicU64,
    /// Of what came and of its answers, what was not let through because the settings or the client want it so.
    pub(crate) refused: AtomicU64,
    /// Requests whose conversation was known.
    pub(crate) conversations_found: AtomicU64,
    /// Requests that named a conversation of which nothing was known.
    pub(crate) conversations_missed: AtomicU64,
    /// Requests that were looked into.
    pub(crate) requests: AtomicU64,
    /// Requests that passed although nobody looked into them, as the settings say.
    pub(crate) passed: AtomicU64,
    /// Placeholders that became their values.
    pub(crate) restored: AtomicU64,
    /// Names in answers that look like placeholders and were never given.
    pub(crate) look_alikes: AtomicU64,
    /// Answers and events that passed as they are because they are not what they say.
    pub(crate) unread: AtomicU64,
    /// Conversations that could not be kept under the id that their answer told.
    pub(crate) unbound: AtomicU64,
    /// The last bucket is for what is above all edges.
    durations: [AtomicU64; EDGES_US.len() + 1],
    durations_us: AtomicU64,
    /// The locks are this worker's own but for scrapes.
    found: Mutex<Found>,
    leaks: Mutex<Found>,
    refusals: Mutex<BTreeMap<&'static str, u64>>,
}

/// Values by label and action.
pub(crate) type Found = BTreeMap<Box<str>, BTreeMap<Action, u64>>;

impl MaskingCounters {
    /// Counters at zero.
    pub(crate) fn new(workers: usize) -> MaskingCounters {
        MaskingCounters {
            workers: (0..workers).map(|_| MaskingBlock::default()).collect(),
        }
    }

    /// The block of one worker.
    pub(crate) fn block(&self, worker: usize) -> &MaskingBlock {
        &self.workers[worker]
    }

    /// One counter of all workers, added up.
    pub(crate) fn sum(&self, pick: impl Fn(&MaskingBlock) -> &AtomicU64) -> u64 {
        let blocks = self.workers.iter();
        blocks.map(|block| pick(block).load(Relaxed)).sum()
    }

    /// Values in requests by label and action, of all workers.
    pub(crate) fn found(&self) -> Found {
        self.all(|block| &block.found)
    }

    /// Values in answers that the conversation did not hide, by label and action, of all workers.
    pub(crate) fn leaks(&self) -> Found {
        self.all(|block| &block.leaks)
    }

    /// What was not let through by reason, of all workers.
    pub(crate) fn refusals(&self) -> BTreeMap<&'static str, u64> {
        let mut all = BTreeMap::new();
        for block in &self.workers {
            for (cause, count) in &*lock(&block.refusals) {
                *all.entry(*cause).or_default() += count;
            }
        }
        all
    }

    /// How long requests took: counts by edge and above all edges, and the sum in microseconds.
    pub(crate) fn durations(&self) -> ([u64; EDGES_US.len() + 1], u64) {
        let count = |bucket: usize| self.sum(|block| &block.durations[bucket]);
        (
            std::array::from_fn(count),
            self.sum(|block| &block.durations_us),
        )
    }

    fn all(&self, pick: impl Fn(&MaskingBlock) -> &Mutex<Found>) -> Found {
        let mut all = Found::new();
        for block in &self.workers {
            for (label, actions) in &*lock(pick(block)) {
                let sums = all.entry(label.clone()).or_default();
                for (action, count) in actions {
                    *sums.entry(*action).or_default() += count;
                }
            }
        }
        all
    }
}

impl MaskingBlock {
    /// Counts a request that was looked into in so many microseconds.
    pub(crate) fn request(&self, counts: &Counts, rules: &Rules, took_us: u64) {
        self.requests.fetch_add(1, Relaxed);
        let bucket = EDGES_US.partition_point(|edge_us| *edge_us < took_us);
        self.durations[bucket].fetch_add(1, Relaxed);
        self.durations_us.fetch_add(took_us, Relaxed);
        add(&self.found, counts, rules);
    }

    /// Counts what was found in an answer.
    pub(crate) fn leaked(&self, counts: &Counts, rules: &Rules) {
        add(&self.leaks, counts, rules);
    }

    /// Counts what was put back into an answer.
    pub(crate) fn restored(&self, counts: RestoreCounts) {
        self.restored.fetch_add(counts.restored, Relaxed);
        self.look_alikes.fetch_add(counts.look_alikes, Relaxed);
    }

    /// Counts what was not let through. The cause is one of this program's words, so there are few.
    pub(crate) fn refused(&self, refusal: &MaskingRefusal, rules: &Rules) {
        *lock(&self.refusals).entry(refusal.cause()).or_default() += 1;
        let counter = match refusal.is_failure() {
            true => &self.failed,
            false => &self.refused,
        };
        counter.fetch_add(1, Relaxed);
        if let MaskingRefusal::Blocked { counts, .. } = refusal {
            add(&self.found, counts, rules);
        }
    }
}

fn add(found: &Mutex<Found>, counts: &Counts, rules: &Rules) {
    if !counts.is_empty() {
        add_found(&mut lock(found), counts, rules);
    }
}

/// Adds counts by label and action.
pub(super) fn add_found(found: &mut Found, counts: &Counts, rules: &Rules) {
    for (entity, action, count) in counts.iter() {
        let label = rules
            .entity_facts(entity)
            .map_or("LITERAL", |facts| &facts.label);
        if !found.contains_key(label) {
            found.insert(label.into(), BTreeMap::new());
        }
        if let Some(actions) = found.get_mut(label) {
            *actions.entry(action).or_default() += count;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

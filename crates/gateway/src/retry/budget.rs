//! How many retries a route may make: a share of its requests of the last ten seconds.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Over how many seconds requests and retries are counted.
const WINDOW_S: u64 = 10;
/// Slots of one second each; more than the window, so that the current second never overwrites one that counts.
const SLOTS: usize = 16;
/// Retries in the window that are allowed however few requests there were, so that a quiet route can retry
/// at all. A share of 0 percent allows none.
const RETRIES_MIN: u64 = 3;

/// The budget of one route, shared by all workers.
///
/// Every worker counts in a block of its own, so counting never waits for another core; only a retry
/// reads all blocks. Workers that ask in the same instant may together take one more each than the share
/// allows.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    workers: Box<[Block]>,
}

/// What one worker counted. Aligned so that two workers never share a cache line.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Block {
    slots: [Slot; SLOTS],
}

#[derive(Debug, Default)]
struct Slot {
    /// The second that the counts belong to, plus one; 0 for none yet.
    second: AtomicU64,
    requests: AtomicU64,
    retries: AtomicU64,
}

impl RetryBudget {
    /// A budget that nothing was taken from.
    pub(crate) fn new(workers: usize) -> RetryBudget {
        RetryBudget {
            workers: (0..workers).map(|_| Block::default()).collect(),
        }
    }

    /// Counts a request (not its retries). `now_ms` is monotonic.
    pub(crate) fn request(&self, worker: usize, now_ms: u64) {
        self.workers[worker].count(now_ms, |slot| &slot.requests);
    }

    /// Takes a retry out of a budget of `percent` of the requests, if there is one left.
    pub(crate) fn take(&self, worker: usize, percent: u32, now_ms: u64) -> bool {
        let (requests, retries) = self.window(now_ms);
        let allowed = requests.saturating_mul(u64::from(percent)) / 100;
        let allowed = if percent == 0 {
            0
        } else {
            allowed.max(RETRIES_MIN)
        };
        let left = retries < allowed;
        if left {
            self.workers[worker].count(now_ms, |slot| &slot.retries);
        }
        left
    }

    /// Requests and retries of the window that ends now.
    pub(crate) fn window(&self, now_ms: u64) -> (u64, u64) {
        let stamp = now_ms / 1000 + 1;
        let mut sum = (0, 0);
        for slot in self.workers.iter().flat_map(|block| &block.slots) {
            let second = slot.second.load(Relaxed);
            if second > 0 && second <= stamp && second + WINDOW_S > stamp {
                sum.0 += slot.requests.load(Relaxed);
                sum.1 += slot.retries.load(Relaxed);
            }
        }
        sum
    }
}

impl Block {
    /// Counts one in the slot of this second. Only its own worker writes a block, so nothing is lost between
    /// loading and storing.
    fn count(&self, now_ms: u64, pick: fn(&Slot) -> &AtomicU64) {
        let stamp = now_ms / 1000 + 1;
        let slot = &self.slots[(stamp % SLOTS as u64) as usize];
        if slot.second.load(Relaxed) != stamp {
            slot.requests.store(0, Relaxed);
            slot.retries.store(0, Relaxed);
            slot.second.store(stamp, Relaxed);
        }
        let counter = pick(slot);
        counter.store(counter.load(Relaxed) + 1, Relaxed);
    }
}

#[cfg(test)]
mod tests;

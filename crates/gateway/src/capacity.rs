//! How much of a route may be under way at once, and who waits.
//!
//! One semaphore is shared by all workers. Tokio's is first in, first out, and gives a place that becomes
//! free to whoever waits longest before anybody new can take it; a waiter that is dropped (its client went
//! away) leaves the queue. The queue is bounded in length and time; who does not get in is told when to
//! come back.
//!
//! A route without a limit touches nothing shared here; with one, taking and giving back a place are one atomic
//! operation each on a line that all workers write.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use portcullis_config::CapacityConfig;
use tokio::sync::Semaphore;

/// The longest that a client is told to stay away, in seconds: the estimate is of now, and now changes.
const RETRY_AFTER_MAX_S: u64 = 60;
/// How much the newest request counts in the mean time that one holds its place: one part in so many.
const MEAN_PARTS: u64 = 16;

/// The places of one route, shared by all workers.
#[derive(Debug)]
pub(crate) struct Capacity {
    config: CapacityConfig,
    /// `None` without a limit.
    places: Option<Semaphore>,
    waiting: AtomicU32,
    /// The mean time that a request holds its place, in microseconds; 0 before the first is over.
    held_mean_us: AtomicU64,
    counters: CapacityCounters,
}

/// What happened at the door. They only grow.
#[derive(Debug, Default)]
pub(crate) struct CapacityCounters {
    /// Requests that waited.
    pub(crate) queued: AtomicU64,
    /// Requests that were refused because the queue was full.
    pub(crate) shed_full: AtomicU64,
    /// Requests that were refused because they waited too long.
    pub(crate) shed_late: AtomicU64,
}

/// A request's place; dropping it gives the place to the next.
#[derive(Debug)]
pub(crate) struct Place {
    /// `None` without a limit.
    limited: Option<Arc<Capacity>>,
    since_us: u64,
}

/// A request that is not let in: 503 with `Retry-After`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shed {
    /// Why.
    pub(crate) cause: ShedCause,
    /// After how many seconds there is probably room, 1..=60.
    pub(crate) retry_after_s: u64,
}

/// Why a request is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ShedCause {
    /// As many wait as may.
    QueueFull,
    /// It waited as long as it may.
    QueueTimeout,
}

/// A place in the queue, which is given up however the wait ends.
struct Waiting<'a>(&'a AtomicU32);

impl Capacity {
    /// The places of a route. Requests that are under way by other settings hold none of them, so after a change
    /// of the limit there may be more for a while; settings that did not change should keep their `Capacity`.
    pub(crate) fn new(config: &CapacityConfig) -> Capacity {
        let places = |max: u32| Semaphore::new((max as usize).min(Semaphore::MAX_PERMITS));
        Capacity {
            config: config.clone(),
            places: config.in_flight_max.map(places),
            waiting: AtomicU32::new(0),
            held_mean_us: AtomicU64::new(0),
            counters: CapacityCounters::default(),
        }
    }

    /// Waits for a place. `now_us` reads a monotonic clock in microseconds: the time in the queue does not count as
    /// time in the place.
    ///
    /// # Errors
    /// There is no place, and none will be in the time that the settings allow.
    pub(crate) async fn enter(self: &Arc<Self>, now_us: impl Fn() -> u64) -> Result<Place, Shed> {
        let Some(places) = &self.places else {
            return Ok(Place {
                limited: None,
                since_us: 0,
            });
        };
        match places.try_acquire() {
            Ok(permit) => permit.forget(),
            Err(_) => self.wait(places).await?,
        }
        Ok(Place {
            limited: Some(Arc::clone(self)),
            since_us: now_us(),
        })
    }

    /// Counts a request that waited too long: as long as one may wait, or until its own time was over. Who asks
    /// drops its [`Capacity::enter`] then.
    pub(crate) fn shed_late(&self) -> Shed {
        self.counters.shed_late.fetch_add(1, Relaxed);
        self.shed(ShedCause::QueueTimeout)
    }

    /// Requests that wait now.
    pub(crate) fn waiting(&self) -> u32 {
        self.waiting.load(Relaxed)
    }

    /// What happened at the door.
    pub(crate) fn counters(&self) -> &CapacityCounters {
        &self.counters
    }

    /// After how many seconds there is probably room for one more behind those who wait: the queue moves on once
    /// each time a request ends, which of `in_flight_max` is `in_flight_max` times in the mean time that one
    /// takes.
    fn retry_after_s(&self) -> u64 {
        let ahead = u64::from(self.waiting()) + 1;
        let places = u64::from(self.config.in_flight_max.unwrap_or(1).max(1));
        let mean_us = self.held_mean_us.load(Relaxed);
        let wait_us = ahead.saturating_mul(mean_us).div_ceil(places);
        wait_us.div_ceil(1_000_000).clamp(1, RETRY_AFTER_MAX_S)
    }

    async fn wait(&self, places: &Semaphore) -> Result<(), Shed> {
        let Some(waiting) = Waiting::begin(&self.waiting, self.config.queue_max) else {
            self.counters.shed_full.fetch_add(1, Relaxed);
            return Err(self.shed(ShedCause::QueueFull));
        };
        self.counters.queued.fetch_add(1, Relaxed);
        let limit = Duration::from_millis(self.config.queue_timeout_ms);
        let entered = tokio::time::timeout(limit, places.acquire()).await;
        drop(waiting);
        match entered {
            Ok(Ok(permit)) => {
                permit.forget();
                Ok(())
            }
            // Nobody closes the semaphore.
            Ok(Err(_)) | Err(_) => Err(self.shed_late()),
        }
    }

    fn shed(&self, cause: ShedCause) -> Shed {
        Shed {
            cause,
            retry_after_s: self.retry_after_s(),
        }
    }
}

impl Place {
    /// Ends a request that was served: the time that it took counts in the estimate. A request that is merely
    /// dropped (its client went away) gives its place back and says nothing about how long requests take.
    pub(crate) fn finish(self, now_us: u64) {
        if let Some(capacity) = &self.limited {
            let held_us = now_us.saturating_sub(self.since_us);
            let mean_us = capacity.held_mean_us.load(Relaxed);
            // Two workers may overwrite each other here: then one of two requests does not count.
            let mean_us = match mean_us {
                0 => held_us,
                _ => mean_us - mean_us / MEAN_PARTS + held_us / MEAN_PARTS,
            };
            capacity.held_mean_us.store(mean_us.max(1), Relaxed);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(capacity) = &self.limited
            && let Some(places) = &capacity.places
        {
            places.add_permits(1);
        }
    }
}

impl<'a> Waiting<'a> {
    /// Takes a place in a queue of at most `max`.
    fn begin(waiting: &'a AtomicU32, max: u32) -> Option<Waiting<'a>> {
        let next = |now: u32| (now < max).then_some(now + 1);
        waiting.fetch_update(Relaxed, Relaxed, next).ok()?;
        Some(Waiting(waiting))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests;

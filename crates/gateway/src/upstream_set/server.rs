//! One server of an upstream as all workers share it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::StatusCode;
use portcullis_config::{EjectConfig, HealthConfig};

use super::ejection::Ejection;
use crate::endpoint::Endpoint;

/// One server. What a request reads of it seldom changes, and what a request writes is its worker's own.
#[derive(Debug)]
pub struct UpstreamServer {
    /// `host:port`.
    pub address: String,
    /// Where it is and how it is spoken to.
    pub(crate) endpoint: Arc<Endpoint>,
    /// The hash of the address, the server's part of a client's choice.
    pub(super) hash: u64,
    unhealthy: AtomicBool,
    ejected_until_ms: AtomicU64,
    /// Whether a good answer must be taken note of.
    is_suspect: AtomicBool,
    detail: Mutex<Detail>,
    counters: Box<[Counters]>,
}

/// How a request to a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// An answer's head came.
    Answered(StatusCode),
    /// No connection, a broken one, or no answer in time.
    Failed,
}

/// A request under way to a server; dropping it ends the request.
#[derive(Debug)]
pub struct InFlightAt {
    server: Arc<UpstreamServer>,
    worker: usize,
}

#[derive(Debug)]
struct Detail {
    eject: EjectConfig,
    ejection: Ejection,
    ejections: u64,
    failures_in_a_row: u32,
    passes_in_a_row: u32,
    last_failure: Option<String>,
}

/// Counters that one worker writes. Aligned so that two workers never share a cache line.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Counters {
    in_flight: AtomicU64,
    requests: AtomicU64,
    failures: AtomicU64,
}

impl UpstreamServer {
    /// A server of which nothing is known: it is in.
    pub(super) fn new(endpoint: Endpoint, workers: usize) -> UpstreamServer {
        let address = endpoint.address().to_owned();
        UpstreamServer {
            hash: hash(address.as_bytes()),
            address,
            endpoint: Arc::new(endpoint),
            unhealthy: AtomicBool::new(false),
            ejected_until_ms: AtomicU64::new(0),
            is_suspect: AtomicBool::new(false),
            detail: Mutex::new(Detail::new()),
            counters: (0..workers).map(|_| Counters::default()).collect(),
        }
    }

    /// Whether it gets no requests while others can.
    pub fn is_out(&self, now_ms: u64) -> bool {
        self.is_unhealthy() || self.is_ejected(now_ms)
    }

    /// Whether active checks failed. A server that no check has looked at yet is healthy, so that a start
    /// does not wait for the first checks.
    pub fn is_unhealthy(&self) -> bool {
        self.unhealthy.load(Relaxed)
    }

    /// Whether it is left out because of its answers.
    pub fn is_ejected(&self, now_ms: u64) -> bool {
        self.ejected_until_ms.load(Relaxed) > now_ms
    }

    /// Requests under way, of all workers.
    pub fn in_flight(&self) -> u64 {
        self.sum(|counters| &counters.in_flight)
    }

    /// Requests that were begun.
    pub fn requests(&self) -> u64 {
        self.sum(|counters| &counters.requests)
    }

    /// Requests that failed in the sense of [`Outcome::is_failure`].
    pub fn failures(&self) -> u64 {
        self.sum(|counters| &counters.failures)
    }

    /// How often it was left out because of its answers.
    pub fn ejections(&self) -> u64 {
        self.detail().ejections
    }

    /// What the last failed check saw.
    pub fn last_failure(&self) -> Option<String> {
        self.detail().last_failure.clone()
    }

    /// Counts a request as under way.
    pub fn begin(self: &Arc<Self>, worker: usize) -> InFlightAt {
        let counters = &self.counters[worker];
        counters.in_flight.fetch_add(1, Relaxed);
        counters.requests.fetch_add(1, Relaxed);
        InFlightAt {
            server: Arc::clone(self),
            worker,
        }
    }

    /// Takes note of a finished check; returns whether the server's health changed.
    pub fn record_check(&self, result: Result<(), String>, config: &HealthConfig) -> bool {
        let mut detail = self.detail();
        let before = self.is_unhealthy();
        let after = match result {
            Ok(()) => {
                detail.failures_in_a_row = 0;
                detail.passes_in_a_row = detail.passes_in_a_row.saturating_add(1);
                before && detail.passes_in_a_row < config.healthy_after
            }
            Err(reason) => {
                detail.passes_in_a_row = 0;
                detail.failures_in_a_row = detail.failures_in_a_row.saturating_add(1);
                detail.last_failure = Some(reason);
                before || detail.failures_in_a_row >= config.unhealthy_after
            }
        };
        self.unhealthy.store(after, Relaxed);
        before != after
    }

    /// Forgets what checks said: there are none any more.
    pub(super) fn forget_checks(&self) {
        let mut detail = self.detail();
        (detail.passes_in_a_row, detail.failures_in_a_row) = (0, 0);
        self.unhealthy.store(false, Relaxed);
    }

    /// Uses other rules from now on.
    pub(super) fn set_eject(&self, eject: &EjectConfig) {
        let mut detail = self.detail();
        if eject.failures == 0 {
            // Whoever turns ejection off wants the server back now.
            detail.ejection = Ejection::default();
            self.ejected_until_ms.store(0, Relaxed);
        }
        detail.eject = eject.clone();
    }

    /// Takes note of an outcome; returns for how many milliseconds the server is left out from now on, if it is.
    fn record(&self, outcome: Outcome, now_ms: u64) -> Option<u64> {
        if !outcome.is_failure() {
            if self.is_suspect.load(Relaxed) {
                let mut detail = self.detail();
                detail.ejection.succeeded(now_ms);
                self.is_suspect.store(!detail.ejection.is_clean(), Relaxed);
            }
            return None;
        }
        let mut detail = self.detail();
        let eject = detail.eject.clone();
        let until_ms = detail.ejection.failed(now_ms, &eject);
        self.is_suspect.store(!detail.ejection.is_clean(), Relaxed);
        let until_ms = until_ms?;
        detail.ejections += 1;
        self.ejected_until_ms.store(until_ms, Relaxed);
        Some(until_ms.saturating_sub(now_ms))
    }

    fn sum(&self, pick: fn(&Counters) -> &AtomicU64) -> u64 {
        let counters = self.counters.iter();
        counters.map(|counters| pick(counters).load(Relaxed)).sum()
    }

    fn detail(&self) -> MutexGuard<'_, Detail> {
        self.detail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outcome {
    /// Whether it speaks against the server: no answer, or 502, 503 or 504. Other answers come from a server
    /// that works, and a client can provoke them.
    pub fn is_failure(self) -> bool {
        match self {
            Outcome::Failed => true,
            Outcome::Answered(status) => matches!(status.as_u16(), 502..=504),
        }
    }
}

impl InFlightAt {
    /// The server.
    pub fn server(&self) -> &Arc<UpstreamServer> {
        &self.server
    }

    /// Takes note of how it went; returns for how many milliseconds the server is left out from now on, if it
    /// is: a line in the log.
    pub fn ended(&self, outcome: Outcome, now_ms: u64) -> Option<u64> {
        let counters = &self.server.counters[self.worker];
        counters
            .failures
            .fetch_add(u64::from(outcome.is_failure()), Relaxed);
        self.server.record(outcome, now_ms)
    }
}

impl Drop for InFlightAt {
    fn drop(&mut self) {
        let counters = &self.server.counters[self.worker];
        counters.in_flight.fetch_sub(1, Relaxed);
    }
}

impl Detail {
    fn new() -> Detail {
        Detail {
            eject: EjectConfig {
                failures: 0,
                min_ms: 0,
                max_ms: 0,
                share_max_percent: 0,
            },
            ejection: Ejection::default(),
            ejections: 0,
            failures_in_a_row: 0,
            passes_in_a_row: 0,
            last_failure: None,
        }
    }
}

/// FNV-1a with 64 bits and [`mix`]: fixed here and not by a library, because the same client must meet the same
/// server after a restart and on another gateway.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    mix(hash)
}

/// The finaliser of MurmurHash3 (`fmix64`).
pub(super) fn mix(mut hash: u64) -> u64 {
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests;

//! What workers count. Every worker has a block of its own, aligned so that no two share a cache line.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use http::{Method, StatusCode};

use crate::grpc_status::{self, GrpcStatus};

/// Upper edges of the histogram in microseconds. All edges of the seeds' dashboards (0.1, 0.5, 1, 2, 5 and 10
/// s) are among them.
pub(crate) const EDGES_US: [u64; 16] = [
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_000_000,
    5_000_000,
    10_000_000,
    30_000_000,
    60_000_000,
    300_000_000,
];

/// A client's method, or that it is none of the common ones: what a client makes up must not make a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientMethod(usize);

/// The label of each method.
pub(crate) const METHODS: [&str; 8] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other",
];
/// The label of each status class; the last one is for requests whose client went away before an answer.
pub(crate) const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "none"];

/// What is counted of one route.
#[derive(Debug)]
pub(crate) struct RouteCounters {
    workers: Box<[RouteBlock]>,
}

/// What one worker counted of one route. They only grow, but for `in_flight`.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct RouteBlock {
    /// Requests under way.
    pub(crate) in_flight: AtomicU64,
    /// Attempts after the first one, free ones included.
    pub(crate) retries: AtomicU64,
    /// Requests that were also sent to a second server.
    pub(crate) hedges: AtomicU64,
    /// Requests that a rate limit refused.
    pub(crate) limited: AtomicU64,
    requests: [[AtomicU64; CLASSES.len()]; METHODS.len()],
    /// The last bucket is for what is above all edges.
    durations: [[AtomicU64; EDGES_US.len() + 1]; METHODS.len()],
    durations_us: [AtomicU64; METHODS.len()],
    /// Calls of gRPC by status.
    grpc_calls: [AtomicU64; grpc_status::NAMES.len()],
}

/// What is counted of the gateway as a whole.
#[derive(Debug)]
pub(crate) struct GatewayCounters {
    workers: Box<[GatewayBlock]>,
}

/// What one worker counted. They only grow, but for `connections_open`.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct GatewayBlock {
    /// Connections that clients have open.
    pub(crate) connections_open: AtomicU64,
    /// Connections that were accepted.
    pub(crate) connections: AtomicU64,
    /// TLS handshakes that ended well.
    pub(crate) handshakes: AtomicU64,
    /// TLS handshakes that failed.
    pub(crate) handshakes_failed: AtomicU64,
    /// Requests that no route took.
    pub(crate) unrouted: AtomicU64,
    /// Answers in place of a release, by code. The lock is this worker's own but for scrapes.
    refusals: Mutex<BTreeMap<&'static str, u64>>,
}

impl From<&Method> for ClientMethod {
    fn from(method: &Method) -> ClientMethod {
        // Places in `METHODS`; no text is compared.
        ClientMethod(match *method {
            Method::GET => 0,
            Method::HEAD => 1,
            Method::POST => 2,
            Method::PUT => 3,
            Method::PATCH => 4,
            Method::DELETE => 5,
            Method::OPTIONS => 6,
            _ => METHODS.len() - 1,
        })
    }
}

impl ClientMethod {
    /// The method's name; `None` if it is none of the common ones.
    pub(crate) fn name(self) -> Option<&'static str> {
        let known = &METHODS[..METHODS.len() - 1];
        known.get(self.0).copied()
    }
}

impl RouteCounters {
    /// Counters at zero.
    pub(crate) fn new(workers: usize) -> RouteCounters {
        RouteCounters {
            workers: (0..workers).map(|_| RouteBlock::default()).collect(),
        }
    }

    /// The block of one worker.
    pub(crate) fn block(&self, worker: usize) -> &RouteBlock {
        &self.workers[worker]
    }

    /// One counter of all workers, added up.
    pub(super) fn sum(&self, pick: impl Fn(&RouteBlock) -> &AtomicU64) -> u64 {
        let blocks = self.workers.iter();
        blocks.map(|block| pick(block).load(Relaxed)).sum()
    }

    /// Requests by place of method and class.
    pub(crate) fn requests(&self, method: usize, class: usize) -> u64 {
        self.sum(|block| &block.requests[method][class])
    }

    /// Calls of gRPC by the number of their status.
    pub(crate) fn grpc_calls(&self, status: usize) -> u64 {
        self.sum(|block| &block.grpc_calls[status])
    }

    /// Durations of one method: counts by edge and above all edges, and the sum in microseconds.
    pub(super) fn durations(&self, method: usize) -> ([u64; EDGES_US.len() + 1], u64) {
        let count = |bucket: usize| self.sum(|block| &block.durations[method][bucket]);
        (
            std::array::from_fn(count),
            self.sum(|block| &block.durations_us[method]),
        )
    }
}

impl RouteBlock {
    /// Counts a request that is over. `status` is that of the answer's head, or `None` when the client went away
    /// before; `duration_us` is from the request's head to the end of the answer.
    pub(crate) fn request(
        &self,
        method: ClientMethod,
        status: Option<StatusCode>,
        duration_us: u64,
    ) {
        let class = match status {
            Some(status) => usize::from(status.as_u16() / 100).clamp(1, 5) - 1,
            None => CLASSES.len() - 1,
        };
        self.requests[method.0][class].fetch_add(1, Relaxed);
        let bucket = EDGES_US.partition_point(|edge_us| *edge_us < duration_us);
        self.durations[method.0][bucket].fetch_add(1, Relaxed);
        self.durations_us[method.0].fetch_add(duration_us, Relaxed);
    }

    /// Counts a call of gRPC that is over.
    pub(crate) fn grpc_call(&self, status: GrpcStatus) {
        self.grpc_calls[usize::from(status.number())].fetch_add(1, Relaxed);
    }
}

impl GatewayBlock {
    /// Counts an answer in place of a release. The code is one of this program's words, so there are few.
    pub(crate) fn refused(&self, code: &'static str) {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        *refusals.entry(code).or_default() += 1;
    }
}

impl GatewayCounters {
    /// Counters at zero.
    pub(crate) fn new(workers: usize) -> GatewayCounters {
        GatewayCounters {
            workers: (0..workers).map(|_| GatewayBlock::default()).collect(),
        }
    }

    /// Answers in place of a release by code, of all workers.
    pub(super) fn refusals(&self) -> BTreeMap<&'static str, u64> {
        let mut all = BTreeMap::new();
        for block in &self.workers {
            let refusals = block.refusals.lock();
            for (code, count) in &*refusals.unwrap_or_else(PoisonError::into_inner) {
                *all.entry(*code).or_default() += count;
            }
        }
        all
    }

    /// The block of one worker.
    pub(crate) fn block(&self, worker: usize) -> &GatewayBlock {
        &self.workers[worker]
    }

    /// One counter of all workers, added up.
    pub(super) fn sum(&self, pick: impl Fn(&GatewayBlock) -> &AtomicU64) -> u64 {
        let blocks = self.workers.iter();
        blocks.map(|block| pick(block).load(Relaxed)).sum()
    }
}

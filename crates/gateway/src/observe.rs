//! What is told about requests: a line in the log, counters and histograms, and the spans of a trace.
//!
//! [`Observers`] is one for each gateway and shared by its workers; [`Observed`] is one for each request. All of
//! a request runs on one thread, so it is made of cells. In order:
//!
//! ```text
//! // observers: Rc<WorkerObservers>, one for each worker, made of the gateway's Arc<Observers>
//! let observed = observers.begin(&Beginning { started_us, head: &head, client, is_secure });
//! observed.route(&route.observed);              // ObservedRoute, kept by the route; see Observers::route
//! observed.queued(waited_us);                   // only if the request had to wait for a place
//! observed.trace().set_request(&mut headers);   // once, after the client's own fields were taken off
//! loop {
//!     observed.arm(&arm);                       // or observed.server(&server); the last one wins
//!     observed.connected(took_us);              // only for a new connection
//!     let attempt = observed.attempt(&mut request);   // just before it is sent
//!     observed.attempt_failed(attempt, "broken");   // then again from the top, which counts a retry
//!     observed.attempt_answered(attempt, status);   // the head of the answer is there
//! }
//! observed.masked(MaskingSummary { time_us, patterns });   // for the request and for the answer; both are added up
//! observed.refused("unreachable");              // the gateway answers in place of a release
//! observed.answered(status);                    // the status that the client gets, whoever gave it
//! observed.trace().set_answer(&mut headers);
//! observed.bytes_in(n); observed.bytes_out(n);  // for each frame of data
//! observed.complete();                          // the answer's body is whole; at once if it is the gateway's own
//! observed.cut("idle");                         // instead, if it is known why it is not
//! observed.end();                               // the answer's body is dropped, or the tunnel is over
//! ```
//!
//! Dropping an `Observed` ends it too; only the first end counts. A request that ends without a status is one
//! whose client went away; one with a status that is not complete was broken off. Both are errors for the log.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use http::request;
use portcullis_api::data::DataStanding;
use portcullis_config::{AccessLogConfig, LoggedPaths, TracesConfig};

use crate::access_log::{AccessLog, AccessLogError};
use crate::metrics::counters::GatewayBlock;
use crate::metrics::{GatewayCounters, RouteCounters};
use crate::protect::Trace;

pub(crate) mod endpoints;
mod gathering;
pub(crate) mod line_limit;
mod observed;
mod span;
mod tracer;
mod watched;

pub(crate) use gathering::Gathering;
pub(crate) use observed::Observed;
pub(crate) use tracer::{Tracer, TracerCounters, TracerError};
pub(crate) use watched::{Backing, WatchedRoute};

/// What tells about requests, shared by all workers.
#[derive(Debug)]
pub(crate) struct Observers {
    log: AccessLog,
    paths: LoggedPaths,
    gateway: GatewayCounters,
    tracer: Option<Tracer>,
    routes: Mutex<BTreeMap<Arc<str>, Arc<ObservedRoute>>>,
    watched: ArcSwap<Vec<WatchedRoute>>,
    workers: usize,
    /// How the service's data is looked after, as it was told last.
    data: ArcSwap<Option<(String, DataStanding)>>,
}

/// What is counted of one route.
#[derive(Debug)]
pub(crate) struct ObservedRoute {
    /// Its name.
    pub(crate) name: Arc<str>,
    /// The counters.
    pub(crate) counters: RouteCounters,
}

/// How a request begins.
#[derive(Debug)]
pub(crate) struct Beginning<'a> {
    /// Monotonic time of its head in microseconds.
    pub(crate) started_us: u64,
    /// Its head as the client sent it.
    pub(crate) head: &'a request::Parts,
    /// The client's address, behind trusted proxies.
    pub(crate) client: IpAddr,
    /// Whether it came over TLS.
    pub(crate) is_secure: bool,
}

/// Why nothing can be told about requests.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ObserveError {
    /// The log of requests.
    #[error(transparent)]
    Log(#[from] AccessLogError),
    /// The traces.
    #[error(transparent)]
    Traces(#[from] TracerError),
}

/// The observers as one worker has them: a request of it touches no count of references that another worker
/// writes.
#[derive(Debug)]
pub(crate) struct WorkerObservers {
    shared: Arc<Observers>,
    worker: usize,
    /// Requests so far that brought no trace of their own.
    traces_begun: Cell<u64>,
}

impl Observers {
    /// Opens the log and, if there are to be traces, starts to send them.
    ///
    /// # Errors
    /// The log cannot be opened, the collector's URL is none, or there is no thread.
    pub(crate) fn start(
        log: &AccessLogConfig,
        traces: Option<&TracesConfig>,
        workers: usize,
    ) -> Result<Observers, ObserveError> {
        let tracer = traces.map(Tracer::start);
        Ok(Observers {
            log: AccessLog::start(log, workers)?,
            paths: log.paths,
            gateway: GatewayCounters::new(workers),
            tracer: tracer.transpose()?,
            routes: Mutex::default(),
            watched: ArcSwap::default(),
            workers,
            data: ArcSwap::default(),
        })
    }

    /// Takes note of how a service's data is looked after.
    pub(crate) fn note_data(&self, service: &str, data: DataStanding) {
        self.data.store(Arc::new(Some((service.to_owned(), data))));
    }

    /// How the service's data is looked after, if that was told.
    pub(crate) fn data(&self) -> Arc<Option<(String, DataStanding)>> {
        self.data.load_full()
    }

    /// What is counted of the route of this name. Asked when the table is made, with names of the settings; a route
    /// that comes back under its name counts on.
    pub(crate) fn route(&self, name: &str) -> Arc<ObservedRoute> {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(route) = routes.get(name) {
            return Arc::clone(route);
        }
        let name: Arc<str> = name.into();
        let route = Arc::new(ObservedRoute {
            name: Arc::clone(&name),
            counters: RouteCounters::new(self.workers),
        });
        routes.insert(name, Arc::clone(&route));
        route
    }

    /// Says which routes are in force, when the table is made: metrics and readiness tell of these. Counters of
    /// routes that are not among them are forgotten.
    pub(crate) fn set_watched(&self, watched: Vec<WatchedRoute>) {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        routes.retain(|name, _| watched.iter().any(|route| route.observed.name == *name));
        self.watched.store(Arc::new(watched));
    }

    /// The routes in force.
    pub(crate) fn watched(&self) -> Arc<Vec<WatchedRoute>> {
        self.watched.load_full()
    }

    /// The counters of what concerns no route.
    pub(crate) fn gateway(&self) -> &GatewayCounters {
        &self.gateway
    }

    /// Opens the log's file anew.
    pub(crate) fn reopen_log(&self) {
        self.log.reopen();
    }

    /// Lines that the log lost.
    pub(crate) fn lines_dropped(&self) -> u64 {
        self.log.dropped()
    }

    /// The traces' sender, if there is one.
    pub(crate) fn tracer(&self) -> Option<&Tracer> {
        self.tracer.as_ref()
    }
}

impl WorkerObservers {
    /// The observers for one worker.
    pub(crate) fn new(shared: Arc<Observers>, worker: usize) -> Rc<WorkerObservers> {
        Rc::new(WorkerObservers {
            shared,
            worker,
            traces_begun: Cell::new(0),
        })
    }

    /// The counters of this worker of what concerns no route.
    pub(crate) fn block(&self) -> &GatewayBlock {
        self.shared.gateway.block(self.worker)
    }

    /// Begins a request.
    pub(crate) fn begin(self: &Rc<Self>, beginning: &Beginning<'_>) -> Observed {
        let headers = &beginning.head.headers;
        let trace = match &self.shared.tracer {
            Some(tracer) => Trace::begin(headers, || self.draws(tracer.sample())),
            None => Trace::pass(headers),
        };
        Observed::begin(Rc::clone(self), beginning, trace)
    }

    /// Whether this trace that begins here is the one of so many that is sampled.
    fn draws(&self, sample: u64) -> bool {
        let begun = self.traces_begun.get();
        self.traces_begun.set(begun + 1);
        begun.is_multiple_of(sample)
    }
}

#[cfg(test)]
impl Observers {
    /// Observers that tell nobody.
    pub(crate) fn none() -> Observers {
        let nowhere = crate::settings::ObserveSettings::default();
        Observers::start(&nowhere.log, None, 1).expect("observers")
    }
}

#[cfg(test)]
mod tests;

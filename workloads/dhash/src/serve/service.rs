//! What all requests share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::Semaphore;

use super::meter::Meter;
use super::metrics::Metrics;
use super::reload::{Stamp, stamp};
use super::{Fault, ServeOptions};
use crate::bounds::{REQUEST_LIMITS, WAITING_PER_CORE};
use crate::clock;
use crate::extract::{HashOptions, Speed};
use crate::hash::Hash;
use crate::library::{Library, LibraryError};
use crate::parallel;

/// The state of a running service.
#[derive(Debug)]
pub(crate) struct Service {
    pub(super) options: ServeOptions,
    pub(super) metrics: Metrics,
    pub(super) meter: Meter,
    /// Places for images that are being hashed or wait for it.
    pub(super) places: Arc<Semaphore>,
    /// Places for images that are being hashed.
    pub(super) workers: Arc<Semaphore>,
    snapshot: ArcSwap<Snapshot>,
    seen: Mutex<Stamp>,
    /// Why the file on disk is not the one that is served.
    refusal: ArcSwapOption<String>,
    requests: AtomicU64,
    stopping: AtomicBool,
    started: Instant,
}

/// A library, with its hashes beside each other for the scan.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) library: Library,
    pub(super) hashes: Vec<Hash>,
}

impl Snapshot {
    pub(super) fn new(library: Library) -> Self {
        let hashes = library.images.iter().map(|image| image.hash).collect();
        Self { library, hashes }
    }
}

impl Service {
    /// Loads the library and prepares everything else.
    pub(super) fn open(options: ServeOptions) -> Result<Self, LibraryError> {
        // Stamped before it is read: a change in between is then seen as one.
        let seen = stamp(&options.library);
        let snapshot = Snapshot::new(Library::open(&options.library)?);
        let cores = parallel::cores();
        let service = Self {
            metrics: Metrics::new(&options.release_version, options.algorithm.id()),
            meter: Meter::default(),
            places: Arc::new(Semaphore::new(cores * (1 + WAITING_PER_CORE))),
            workers: Arc::new(Semaphore::new(cores)),
            snapshot: ArcSwap::from_pointee(snapshot),
            seen: Mutex::new(seen),
            refusal: ArcSwapOption::empty(),
            requests: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
            started: clock::instant(),
            options,
        };
        if service.options.fault != Fault::None {
            tracing::warn!(fault = %service.options.fault, "misbehaving on purpose");
        }
        Ok(service)
    }

    /// How images in requests are hashed.
    pub(super) fn hash_options(&self) -> HashOptions {
        let algorithm = self.options.algorithm;
        HashOptions {
            algorithm,
            speed: Speed::Exact,
            limits: REQUEST_LIMITS,
        }
    }

    /// The library that is served now.
    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Serves another library from now on.
    pub(super) fn take(&self, snapshot: Snapshot) {
        self.snapshot.store(Arc::new(snapshot));
        self.refusal.store(None);
        self.metrics.reloads.inc();
    }

    /// Keeps the library, and remembers why.
    pub(super) fn refuse(&self, reason: String) {
        self.refusal.store(Some(Arc::new(reason)));
        self.metrics.refused_reloads.inc();
    }

    /// Why the last change of the file was refused, until one is taken.
    pub(super) fn refusal(&self) -> Option<Arc<String>> {
        self.refusal.load_full()
    }

    /// Looks at the file; true if it is not as it was seen last.
    pub(super) fn notice_change(&self) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let now = stamp(&self.options.library);
        std::mem::replace(&mut *seen, now) != now
    }

    /// Announces the end: `/health` turns to 503.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether the end was announced.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Time since the start.
    pub(super) fn uptime(&self) -> Duration {
        clock::instant().saturating_duration_since(self.started)
    }

    /// The number of this `/hash` or `/lookup` request, counted from 0.
    pub(super) fn count_request(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed)
    }

    /// The `corrupt` fault: wrong hashes under the old digest, on disk and in memory. The reload
    /// does not see it, as it would not in a service whose own writer is at fault.
    pub(super) fn corrupt(&self) -> Result<(), LibraryError> {
        let path = &self.options.library;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut library = Library::open(path)?;
        for image in &mut library.images {
            image.hash = Hash(!image.hash.0.rotate_left(17));
        }
        library.overwrite_unsealed(path)?;
        *seen = stamp(path);
        self.snapshot.store(Arc::new(Snapshot::new(library)));
        Ok(())
    }
}

//! The shared server, as one process knows it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use rustls::RootCertStore;
use secrecy::{ExposeSecret, SecretString};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{info, warn};

use super::SharedError;
use super::address::Address;
use super::script::Decision;
use super::subject_key::SubjectKey;
use crate::bounds::SHARED_CONNECT_TIMEOUT_MS;
use crate::clock;

/// A Redis or Valkey server: where it is, and how it does. One for the process; every worker has a
/// [`super::SharedStore`] to it.
///
/// Making one derives a key, which takes some milliseconds, and reads the system's certificates under
/// `rediss`. It opens no connection.
#[derive(Debug)]
pub struct SharedServer {
    pub(super) address: Address,
    pub(super) keys: SubjectKey,
    pub(super) decision: Decision,
    pub(crate) timeout_ms: u64,
    prefix: String,
    links: Mutex<Links>,
    answered: AtomicU64,
    counted_here: AtomicU64,
    /// Until then buckets here may be emptier than the common ones.
    claims_until_ms: AtomicU64,
}

/// How the shared server does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SharedStanding {
    /// Whether it answers every worker that asked so far.
    pub is_up: bool,
    /// Requests that it decided about.
    pub answered: u64,
    /// Requests that were counted on this gateway alone.
    pub counted_here: u64,
    /// How often it went away.
    pub outages: u64,
}

/// How a worker's connection does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LinkState {
    /// The first attempt is under way.
    New,
    Up,
    Down,
    /// The worker has stopped.
    Gone,
}

#[derive(Debug, Default)]
struct Links {
    up: usize,
    down: usize,
    outages: u64,
}

/// A connection that passed a probe; it ends when this is dropped.
pub(crate) struct Live {
    pub(crate) connection: MultiplexedConnection,
    pub(super) driver: JoinSet<()>,
    /// How long the second probe took.
    answer_us: u64,
}

impl SharedServer {
    /// The server of `[gateway.shared]`. `url` is what its `redis` says or refers to: whoever calls has
    /// read the reference. Every key begins with `prefix`; a request waits for at most `timeout_ms`.
    ///
    /// # Errors
    ///
    /// The URL is none, or there are no certificates to check the server with.
    pub fn new(
        url: &SecretString,
        prefix: &str,
        timeout_ms: u64,
    ) -> Result<SharedServer, SharedError> {
        SharedServer::with_roots(url, prefix, timeout_ms, None)
    }

    /// With other certificates than the system's, if there are some given.
    pub(super) fn with_roots(
        url: &SecretString,
        prefix: &str,
        timeout_ms: u64,
        roots: Option<RootCertStore>,
    ) -> Result<SharedServer, SharedError> {
        let address = Address::new(url.expose_secret(), roots)?;
        Ok(SharedServer {
            keys: SubjectKey::new(prefix, address.password()),
            address,
            decision: Decision::new(),
            timeout_ms,
            prefix: prefix.to_owned(),
            links: Mutex::default(),
            answered: AtomicU64::new(0),
            counted_here: AtomicU64::new(0),
            claims_until_ms: AtomicU64::new(0),
        })
    }

    /// Host and port, or the path of the socket; nothing secret.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address.text
    }

    /// What every key begins with.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// How it does.
    #[must_use]
    pub fn standing(&self) -> SharedStanding {
        let links = self.links();
        SharedStanding {
            is_up: links.up > 0 && links.down == 0,
            answered: self.answered.load(Relaxed),
            counted_here: self.counted_here.load(Relaxed),
            outages: links.outages,
        }
    }

    /// Whether limits could be counted there: makes a connection, counts something twice and ends it.
    /// Answers with how long the second time took, in microseconds.
    ///
    /// # Errors
    ///
    /// The server is not reached, refuses, or takes longer than `[gateway.shared] timeout`.
    pub async fn probe(&self) -> Result<u64, SharedError> {
        Ok(self.connect().await?.answer_us)
    }

    /// A connection over which the server counted something, the second time within the time that a
    /// request waits.
    pub(crate) async fn connect(&self) -> Result<Live, SharedError> {
        let whole = async {
            let (mut connection, future) = self.address.connect().await?;
            let mut driver = JoinSet::new();
            driver.spawn(future);
            // The first time the script is loaded.
            self.try_out(&mut connection).await?;
            Ok((connection, driver))
        };
        let (mut connection, driver) = self.within(SHARED_CONNECT_TIMEOUT_MS, whole).await?;
        let begun_us = clock::monotonic_us();
        let again = self.try_out(&mut connection);
        self.within(self.timeout_ms, again).await?;
        Ok(Live {
            connection,
            driver,
            answer_us: clock::monotonic_us() - begun_us,
        })
    }

    /// Bounds what is asked.
    pub(crate) async fn within<T>(
        &self,
        timeout_ms: u64,
        asked: impl Future<Output = Result<T, SharedError>>,
    ) -> Result<T, SharedError> {
        let answer = timeout(Duration::from_millis(timeout_ms), asked).await;
        answer.unwrap_or_else(|_| {
            Err(SharedError::Timeout {
                address: self.address.text.clone(),
                timeout_ms,
            })
        })
    }

    /// A request was decided about there.
    pub(super) fn count_answered(&self) {
        self.answered.fetch_add(1, Relaxed);
    }

    /// A request was counted here, by limits that fill within `whole_ns`.
    pub(super) fn count_here(&self, whole_ns: u64, now_ms: u64) {
        self.counted_here.fetch_add(1, Relaxed);
        let until_ms = now_ms.saturating_add(whole_ns.div_ceil(1_000_000));
        self.claims_until_ms.fetch_max(until_ms, Relaxed);
    }

    /// Whether buckets here may be emptier than the common ones.
    pub(super) fn is_claiming(&self, now_ms: u64) -> bool {
        now_ms < self.claims_until_ms.load(Relaxed)
    }

    /// A worker's connection changed. The first one that goes down and the last one that comes up again are
    /// told, so that the log has one line for each change, not one for each worker.
    pub(super) fn turn(&self, from: LinkState, to: LinkState, why: Option<&SharedError>) {
        if from == to {
            return;
        }
        let mut links = self.links();
        let before = (links.up, links.down);
        match from {
            LinkState::Up => links.up -= 1,
            LinkState::Down => links.down -= 1,
            LinkState::New | LinkState::Gone => {}
        }
        match to {
            LinkState::Up => links.up += 1,
            LinkState::Down => links.down += 1,
            LinkState::New | LinkState::Gone => {}
        }
        let after = (links.up, links.down);
        let server = self.address.text.as_str();
        if before.1 == 0 && after.1 > 0 {
            links.outages += 1;
            let why = why.map(SharedError::line).unwrap_or_default();
            warn!(
                server,
                why, "the shared server is away: limits are counted here alone"
            );
        }
        let is_first = before == (0, 0) && after == (1, 0);
        if to == LinkState::Up && after.1 == 0 && (before.1 > 0 || is_first) {
            info!(server, "the shared server counts the limits");
        }
    }

    async fn try_out(&self, connection: &mut MultiplexedConnection) -> Result<(), SharedError> {
        let tried = self.decision.probe(connection, &self.keys).await;
        tried.map_err(|error| SharedError::refused(&self.address.text, &error))
    }

    fn links(&self) -> MutexGuard<'_, Links> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! One worker's way to the shared server.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::server::{LinkState, SharedServer};
use super::{SharedError, script::Decided};
use crate::bounds::{SHARED_RETRY_MAX_MS, SHARED_RETRY_MIN_MS, SHARED_STEADY_MS};
use crate::clock;
use crate::protect::{Claim, LimitDecision, LimitSubject, RouteLimits};

/// Asks the shared server about limits, over one connection that all requests of a worker share: questions
/// are written one after the other without waiting for answers.
///
/// The first question that is not answered in time ends the connection. Until a task in the background
/// has another one over which the server answers in time, requests are counted here at once: a server that
/// is gone or hangs costs the requests that were waiting one time-out, and nobody after them.
#[derive(Debug)]
pub struct SharedStore {
    link: Arc<Link>,
    /// Ends with the store.
    _keeper: JoinSet<()>,
}

struct Link {
    server: Arc<SharedServer>,
    current: Mutex<Current>,
    /// Somebody found the connection broken.
    broken: Notify,
}

struct Current {
    state: LinkState,
    connection: Option<MultiplexedConnection>,
    /// Which connection it is: what is said about an earlier one is of no interest.
    number: u64,
}

impl SharedStore {
    /// Begins to connect, on the runtime that this is called on. Until that is done, requests are counted
    /// here.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn start(server: Arc<SharedServer>) -> SharedStore {
        let link = Arc::new(Link {
            server,
            current: Mutex::new(Current {
                state: LinkState::New,
                connection: None,
                number: 0,
            }),
            broken: Notify::new(),
        });
        let mut keeper = JoinSet::new();
        keeper.spawn(Arc::clone(&link).keep());
        SharedStore {
            link,
            _keeper: keeper,
        }
    }

    /// Whether this worker's questions are answered at the moment.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.link.current().state == LinkState::Up
    }

    /// Takes a token from every limit, or none from any, as [`RouteLimits::check`] does: in the shared
    /// server if it answers within `[gateway.shared] timeout`, otherwise here. `now_ms` is monotonic.
    ///
    /// Whatever the server answers is noted in the buckets here, so that counting here goes on from it; and
    /// what was counted here is told to the server when it is back (`protect::limit::elsewhere`).
    pub async fn check(
        &self,
        limits: &RouteLimits,
        subject: &LimitSubject<'_>,
        now_ms: u64,
    ) -> LimitDecision {
        let claims = limits.claims(subject);
        let Some(longest_ns) = claims.iter().map(Claim::whole_ns).max() else {
            return limits.check(subject, now_ms);
        };
        let server = &self.link.server;
        match self.link.ask(&claims, subject, now_ms).await {
            Some(Decided::Allowed(missing_ns)) => {
                server.count_answered();
                limits.allowed_elsewhere(&claims, &missing_ns, now_ms)
            }
            Some(Decided::Refused(index, wait_ns)) if index < claims.len() => {
                server.count_answered();
                limits.refused_elsewhere(&claims[index], wait_ns, now_ms)
            }
            _ => {
                server.count_here(longest_ns, now_ms);
                limits.check(subject, now_ms)
            }
        }
    }
}

impl Drop for SharedStore {
    fn drop(&mut self) {
        self.link.turn(LinkState::Gone, None, None);
    }
}

impl Link {
    /// The server's decision; `None` when there is none in time.
    async fn ask(
        &self,
        claims: &[Claim<'_>],
        subject: &LimitSubject<'_>,
        now_ms: u64,
    ) -> Option<Decided> {
        let (mut connection, number) = {
            let current = self.current();
            (current.connection.clone()?, current.number)
        };
        let server = &*self.server;
        let least = server.is_claiming(now_ms).then_some(now_ms);
        let asked = async {
            let question = (least, None);
            let decision = &server.decision;
            let answer = decision.ask(&mut connection, &server.keys, claims, subject, question);
            match answer.await {
                Ok(Decided::Unclear) => Err(SharedError::Refused {
                    address: server.address.text.clone(),
                    reason: "its answer has another form".to_owned(),
                }),
                Ok(decided) => Ok(decided),
                Err(error) => Err(SharedError::refused(&server.address.text, &error)),
            }
        };
        match server.within(server.timeout_ms, asked).await {
            Ok(decided) => Some(decided),
            Err(error) => {
                self.fail(number, &error);
                None
            }
        }
    }

    /// Keeps a connection, for as long as the worker lives.
    async fn keep(self: Arc<Link>) {
        let mut pause_ms = SHARED_RETRY_MIN_MS;
        loop {
            match self.server.connect().await {
                Ok(live) => {
                    let since_ms = clock::monotonic_ms();
                    let mut driver = live.driver;
                    let number = self.turn(LinkState::Up, Some(live.connection), None);
                    tokio::select! {
                        _ = driver.join_next() => {
                            let address = self.server.address.text.clone();
                            self.fail(number, &SharedError::Closed { address });
                        }
                        () = self.until_broken(number) => {}
                    }
                    if clock::monotonic_ms() - since_ms >= SHARED_STEADY_MS {
                        pause_ms = SHARED_RETRY_MIN_MS;
                    }
                }
                Err(error) => {
                    self.turn(LinkState::Down, None, Some(&error));
                }
            }
            // Gateways that lost the server together do not come back together.
            let pause = rand::random_range(pause_ms / 2..=pause_ms);
            tokio::time::sleep(Duration::from_millis(pause)).await;
            pause_ms = (pause_ms * 2).min(SHARED_RETRY_MAX_MS);
        }
    }

    /// The connection of this number is of no use any more.
    fn fail(&self, number: u64, why: &SharedError) {
        if self.current().number == number {
            self.turn(LinkState::Down, None, Some(why));
            self.broken.notify_one();
        }
    }

    /// Waits until the connection of this number has failed.
    async fn until_broken(&self, number: u64) {
        // A call for an earlier connection may still be stored.
        while self.current().number == number {
            self.broken.notified().await;
        }
    }

    fn turn(
        &self,
        to: LinkState,
        connection: Option<MultiplexedConnection>,
        why: Option<&SharedError>,
    ) -> u64 {
        let mut current = self.current();
        if current.state != LinkState::Gone {
            self.server.turn(current.state, to, why);
            current.state = to;
            current.connection = connection;
            current.number += 1;
        }
        current.number
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut link = formatter.debug_struct("Link");
        link.field("state", &self.current().state);
        link.finish_non_exhaustive()
    }
}

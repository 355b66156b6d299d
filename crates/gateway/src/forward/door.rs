//! Letting a request of a service in.
//!
//! A request that the service is closed to waits here, with nothing of it sent, and looks at the split again when that
//! is another one. One that is let in is counted at its arm before the arm's mark is looked at
//! ([`crate::closing`]): whoever closes the service waits for it, or it waits for the service.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;
use std::time::Duration;

use http::request;

use super::Passage;
use super::dispatch::Targets;
use crate::clock;
use crate::closing::Closed;
use crate::headers;
use crate::in_flight::InFlight;
use crate::refusal::Refusal;
use crate::routing::Route;
use crate::service::{Assigned, Assignment, Service};

/// A request that is let in and counted.
pub(super) struct Admitted {
    pub(super) assigned: Assigned,
    pub(super) targets: Targets,
    pub(super) under_way: InFlight,
}

impl Passage {
    /// Waits until the service is open to the request, and counts it at the arm that it goes to.
    pub(super) async fn let_in(
        &mut self,
        mut service: Arc<Service>,
        head: &request::Parts,
    ) -> Result<(Arc<Service>, Admitted), Refusal> {
        let mut waited = Duration::ZERO;
        loop {
            let Some(split) = &service.active else {
                return Err(Passage::unrouted(&service));
            };
            let client = (&self.client_header, self.scheme);
            let assigned = service.assign(split, &head.headers, client);
            let closed = split.closed_to(&assigned.to).cloned();
            match &closed {
                Some(closed) if closed.closure.keeps_out(may_write(Some(closed), head)) => {
                    waited = self.wait_outside(&service, closed, waited).await?;
                }
                _ => {
                    let may_write = may_write(closed.as_deref(), head);
                    let mut targets = targets_of(&service, &assigned, may_write);
                    if let Some(under_way) = self.begin_at_arm(&mut targets) {
                        let admitted = Admitted {
                            assigned,
                            targets,
                            under_way,
                        };
                        return Ok((service, admitted));
                    }
                    // It was closed in this moment, and the table will say so.
                    tokio::task::yield_now().await;
                }
            }
            service = self.as_it_is(&service)?;
        }
    }

    /// Counts a request at the arm that is next, or at the stable arm in force if that one has left the split. `None`
    /// if the arm does not take it.
    pub(super) fn begin_at_arm(&self, targets: &mut Targets) -> Option<InFlight> {
        let Targets::Arms {
            next,
            stand_in,
            may_write,
            service,
            key,
        } = targets
        else {
            return None;
        };
        loop {
            let begun = InFlight::begin(Arc::clone(next), self.worker.index).writing(*may_write);
            if next.mark.get().keeps_out(*may_write) {
                begun.withdraw();
                return None;
            }
            if !next.is_retired() {
                return Some(begun.of(*key));
            }
            let stable = self.worker.with_table(|table| {
                let mut services = table.services.iter();
                let found = services.find(|one| one.settings.service == service.service)?;
                Some(Arc::clone(&found.active.as_ref()?.stable))
            });
            match stable.filter(|stable| !Arc::ptr_eq(stable, next)) {
                Some(stable) => {
                    begun.withdraw();
                    (*next, *stand_in) = (stable, None);
                }
                None => return Some(begun.of(*key)),
            }
        }
    }

    /// Waits until the closure ends, at most as long as it says. The place among the requests that the route takes at
    /// once is given up meanwhile: those that are let in need it.
    async fn wait_outside(
        &mut self,
        service: &Service,
        closed: &Arc<Closed>,
        waited: Duration,
    ) -> Result<Duration, Refusal> {
        let refusal = Refusal::Closed {
            retry_after_s: closed.closure.retry_after_s,
        };
        let refused = || {
            service.turned_away.fetch_add(1, Relaxed);
            refusal.clone()
        };
        let left = Duration::from_millis(closed.closure.hold_ms).saturating_sub(waited);
        let held = closed.wait().filter(|_| !left.is_zero());
        let held = held.ok_or_else(refused)?;
        let had_place = self.place.take().is_some();
        let began_us = clock::monotonic_us();
        let mut waiting = std::pin::pin!(tokio::time::timeout(left, held.ended()));
        // The time for the whole request ends the wait too: nothing was sent.
        let ended = std::future::poll_fn(|cx| match waiting.as_mut().poll(cx) {
            Poll::Pending if self.state.is_overdue() => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
            Poll::Ready(ended) => Poll::Ready(ended.is_ok()),
        });
        if !ended.await {
            return Err(refused());
        }
        if had_place && let Some(route) = self.route.clone() {
            let route: &Route = &route;
            self.enter(route).await?;
        }
        let waited_us = clock::monotonic_us().saturating_sub(began_us);
        Ok(waited + Duration::from_micros(waited_us))
    }

    /// The service as the table has it now.
    fn as_it_is(&self, service: &Service) -> Result<Arc<Service>, Refusal> {
        let name = &service.settings.service;
        let found = self.worker.with_table(|table| {
            let mut services = table.services.iter();
            services.find(|one| one.settings.service == *name).cloned()
        });
        found.ok_or(Refusal::UnknownHost)
    }
}

/// Whether a request may write. One that asks for another protocol may, once it speaks that, whatever its method was.
fn may_write(closed: Option<&Closed>, head: &request::Parts) -> bool {
    if headers::upgrade_protocol(&head.headers).is_some() {
        return true;
    }
    let (method, path) = (head.method.as_str(), head.uri.path());
    match closed {
        Some(closed) => closed.closure.may_write(method, path),
        None => !matches!(method, "GET" | "HEAD" | "OPTIONS"),
    }
}

/// Where a request may be sent.
fn targets_of(service: &Service, assigned: &Assigned, may_write: bool) -> Targets {
    let (next, stand_in) = match &assigned.to {
        Assignment::Stable(stable) | Assignment::StandIn { stable, .. } => (stable, None),
        Assignment::Canary { canary, stable } => (canary, Some(Arc::clone(stable))),
        Assignment::CanaryAlone(canary) => (canary, None),
    };
    Targets::Arms {
        next: Arc::clone(next),
        stand_in,
        may_write,
        service: Arc::clone(&service.settings),
        key: assigned.key,
    }
}

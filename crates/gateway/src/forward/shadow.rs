//! Mirrored requests: a share of what the stable arm answers is also sent to the canary, whose answer is compared
//! and thrown away.
//!
//! Only `GET` and `HEAD` without a body, which change nothing. The client waits for nothing of it, and
//! nothing of it counts as traffic of the canary: a gate that decides about users does not see it.
//! Cookies and authorisation go along, because without them the answers could not be compared; what the
//! canary sets in return is thrown away with its answer.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, StatusCode};
use portcullis_config::UpstreamProtocol;

use super::{Passage, Prepared};
use crate::arm::{ArmState, Health};
use crate::body::RequestBody;
use crate::bounds::{SHADOW_ANSWER_BYTES_MAX, SHADOW_TIMEOUT_MS, SHADOWS_MAX};
use crate::clock;
use crate::connection::ConnectionState;
use crate::endpoint::Endpoint;
use crate::retry;
use crate::service::{ActiveSplit, Service};
use crate::upstream::{ExchangeError, Http2Opened, Upstream};
use crate::worker::Worker;

/// One mirrored request; both sides tell it how they were answered.
pub(super) struct Shadowed {
    canary: Arc<ArmState>,
    worker: usize,
    /// What the stable arm answered.
    stable: RefCell<Option<StatusCode>>,
    /// What the canary answered; `Err` when it did not.
    shadow: RefCell<Option<Result<StatusCode, ()>>>,
}

/// Mirrors the request, if it is one that is.
pub(super) fn begin(
    passage: &Passage,
    service: &Service,
    split: &ActiveSplit,
    prepared: &Prepared,
) -> Option<Rc<Shadowed>> {
    let percent = service.settings.shadow_percent;
    let canary = split.canary.as_ref()?;
    if percent == 0
        || rand::random_range(0..100) >= percent
        || !matches!(prepared.head.method, Method::GET | Method::HEAD)
        || !prepared.body.is_empty()
        || passage.may_switch
        || canary.health() != Health::Healthy
    {
        return None;
    }
    let counters = canary.counters(passage.worker.index);
    let shadows = &passage.worker.shadows;
    if shadows.get() >= SHADOWS_MAX {
        counters.shadow.skipped();
        return None;
    }
    let shadowed = Rc::new(Shadowed {
        canary: Arc::clone(canary),
        worker: passage.worker.index,
        stable: RefCell::new(None),
        shadow: RefCell::new(None),
    });
    let request = Request::from_parts(prepared.head.clone(), RequestBody::Empty);
    let worker = Rc::clone(&passage.worker);
    let state = Rc::new(passage.state.stream());
    shadows.set(shadows.get() + 1);
    let mirrored = Rc::clone(&shadowed);
    tokio::task::spawn_local(async move {
        let started_us = clock::monotonic_us();
        let limit = Duration::from_millis(SHADOW_TIMEOUT_MS);
        let sent = send(&worker, &mirrored.canary, request, &state);
        let answered = tokio::time::timeout(limit, sent).await;
        let latency_us = clock::monotonic_us().saturating_sub(started_us);
        worker.shadows.set(worker.shadows.get().saturating_sub(1));
        let status = answered.unwrap_or_else(|_| Err("took too long".to_owned()));
        mirrored.shadow_answered(status, latency_us);
    });
    Some(shadowed)
}

impl Shadowed {
    /// The stable arm answered, or the gateway in its place.
    pub(super) fn answered(&self, status: StatusCode, latency_us: u64) {
        let counters = self.canary.counters(self.worker);
        counters.shadow.stable_answered(latency_us);
        self.stable.replace(Some(status));
        self.compare();
    }

    fn shadow_answered(&self, status: Result<StatusCode, String>, latency_us: u64) {
        let counters = self.canary.counters(self.worker);
        let status = match status {
            Ok(status) => {
                counters.shadow.answered(status, latency_us);
                Ok(status)
            }
            Err(cause) => {
                let release = &self.canary.arm.release;
                tracing::debug!(release, cause, "a mirrored request was not answered");
                counters.shadow.failed();
                Err(())
            }
        };
        self.shadow.replace(Some(status));
        self.compare();
    }

    /// Whoever is answered last compares.
    fn compare(&self) {
        if let (Some(stable), Some(shadow)) = (&*self.stable.borrow(), &*self.shadow.borrow())
            && *shadow != Ok(*stable)
        {
            self.canary.counters(self.worker).shadow.differed();
        }
    }
}

/// Asks the canary and reads its answer to the end.
async fn send(
    worker: &Worker,
    canary: &Arc<ArmState>,
    mut request: Request<RequestBody>,
    state: &ConnectionState,
) -> Result<StatusCode, String> {
    let endpoint = &canary.endpoint;
    let idle = match endpoint.protocol {
        UpstreamProtocol::Http1 => worker.pool.take(endpoint),
        UpstreamProtocol::Http2 => worker.pool.join(endpoint),
    };
    let mut answered = None;
    if let Some(mut upstream) = idle {
        let sent_us = clock::monotonic_us();
        match upstream.exchange(&mut request, state).await {
            Ok(answer) => answered = Some((answer, upstream)),
            Err(ExchangeError::NotSent(_)) => worker.pool.leave(endpoint),
            // An idle connection that the canary closed in this moment says nothing about its answer.
            Err(ExchangeError::Broken(error)) => {
                let broke = retry::Broke {
                    method: request.method(),
                    was_kept: true,
                    closed_unanswered: upstream.closed_unanswered(&error),
                    after_us: clock::monotonic_us().saturating_sub(sent_us),
                };
                if !broke.is_nobodys_fault() {
                    return Err(error.to_string());
                }
                worker.pool.leave(endpoint);
                *request.body_mut() = RequestBody::Empty;
            }
            Err(ExchangeError::Overdue) => return Err("took too long".to_owned()),
        }
    }
    let (answer, mut upstream) = match answered {
        Some(answered) => answered,
        None => {
            let mut upstream = connect(worker, endpoint).await?;
            let answer = upstream.exchange(&mut request, state).await;
            (answer.map_err(|_| "no answer".to_owned())?, upstream)
        }
    };
    let status = answer.status;
    let mut read = 0;
    loop {
        match std::future::poll_fn(|cx| upstream.poll_frame(cx)).await {
            None => break,
            Some(Err(error)) => return Err(error.to_string()),
            Some(Ok(frame)) => {
                read += frame.data_ref().map_or(0, bytes::Bytes::len) as u64;
                if read > SHADOW_ANSWER_BYTES_MAX {
                    return Ok(status);
                }
            }
        }
    }
    worker.pool.put(endpoint, upstream);
    Ok(status)
}

/// A new connection, or that which all share.
async fn connect(worker: &Worker, endpoint: &Arc<Endpoint>) -> Result<Upstream, String> {
    let opened = match endpoint.protocol {
        UpstreamProtocol::Http1 => return connected(Upstream::connect(endpoint).await),
        UpstreamProtocol::Http2 => match worker.pool.join_or_dial(endpoint).await {
            Ok(joined) => return Ok(joined),
            Err(_turn) => connected(Http2Opened::connect(endpoint).await)?,
        },
    };
    Ok(worker.pool.share(endpoint, opened))
}

fn connected<T>(connected: std::io::Result<T>) -> Result<T, String> {
    connected.map_err(|error| error.to_string())
}

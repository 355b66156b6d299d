//! One attempt to get an answer from one server.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::{Request, StatusCode, response};
use portcullis_config::{RouteTimeouts, UpstreamProtocol};

use super::Passage;
use crate::body::{KeptBody, RequestBody};
use crate::clock;
use crate::connection::{ClientFault, Step};
use crate::endpoint::Endpoint;
use crate::error::with_causes;
use crate::refusal::Refusal;
use crate::retry::{self, BodyLeft};
use crate::under_way::UnderWay;
use crate::upstream::{ExchangeError, Http2Opened, Upstream, UpstreamError};

/// The body of a request that can be sent again; the head stays when it is sent.
pub(super) enum SpareBody {
    /// There is none.
    Empty,
    /// It is all there.
    Whole(bytes::Bytes),
    /// What came of it is kept.
    Kept(std::rc::Rc<std::cell::RefCell<KeptBody>>),
}

/// Why an attempt gave no answer that is passed on.
pub(super) struct Failed {
    /// What the client is told if it is not tried again.
    pub(super) refusal: Refusal,
    /// For the log.
    pub(super) cause: String,
    /// What it means for another attempt; `None` if the client is to blame, and there is none.
    pub(super) kind: Option<retry::Failure>,
}

impl SpareBody {
    /// The body once more, if it is whole.
    pub(super) fn again(&self) -> Option<RequestBody> {
        match self {
            SpareBody::Empty => Some(RequestBody::Empty),
            SpareBody::Whole(text) => Some(RequestBody::Whole(text.clone())),
            SpareBody::Kept(kept) => {
                let whole = kept.borrow().is_whole();
                whole.then(|| RequestBody::Kept {
                    kept: std::rc::Rc::clone(kept),
                    sent: 0,
                })
            }
        }
    }

    /// What is left of the body.
    pub(super) fn left(&self) -> BodyLeft {
        match self {
            SpareBody::Empty => BodyLeft::Empty,
            SpareBody::Whole(_) => BodyLeft::Whole,
            SpareBody::Kept(kept) if kept.borrow().is_whole() => BodyLeft::Whole,
            SpareBody::Kept(_) => BodyLeft::Gone,
        }
    }
}

impl Failed {
    /// The request is where it was.
    fn not_sent(cause: String) -> Failed {
        let kind = Some(retry::Failure::NotSent);
        Failed::sent(Refusal::Unreachable, cause, kind)
    }

    fn sent(refusal: Refusal, cause: String, kind: Option<retry::Failure>) -> Failed {
        Failed {
            refusal,
            cause,
            kind,
        }
    }

    /// The answer's head was not passed on.
    pub(super) fn answered(status: StatusCode) -> Failed {
        let cause = format!("it answered {}", status.as_u16());
        let kind = Some(retry::Failure::Answered(status));
        Failed::sent(Refusal::Broken, cause, kind)
    }
}

impl Passage {
    /// Tries one server: over idle connections first, as long as they turn out to be dead before
    /// anything is sent, then over a new one.
    ///
    /// A server may close an idle connection in the very moment in which a request is sent on it. Nobody
    /// is to blame then, so a request that can be sent again is, once, over a new connection, and it counts as
    /// one attempt. [`retry::Broke`] says when it was that, and not a server that broke off its work.
    ///
    /// An attempt beside another one does not make that one's time shorter by its own connect.
    pub(super) async fn attempt(
        &self,
        under_way: &UnderWay,
        timeouts: &RouteTimeouts,
        (request, spare): (&mut Request<RequestBody>, Option<&SpareBody>),
        beside_another: bool,
    ) -> Result<(response::Parts, Upstream), Failed> {
        let pool = &self.worker.pool;
        let mut fresh = false;
        loop {
            let endpoint = under_way.endpoint();
            self.observe(under_way);
            let known = || self.known(endpoint);
            let (mut upstream, reused) = match (!fresh).then(known).flatten() {
                Some(upstream) => (upstream, true),
                None => match self
                    .connect(endpoint, timeouts.connect_ms, beside_another)
                    .await
                {
                    Ok(upstream) => (upstream, false),
                    Err(cause) => return Err(Failed::not_sent(cause)),
                },
            };
            under_way.sent();
            self.state.enter(Step::Answer, timeouts.first_byte_ms);
            let observed = self.observed.attempt(request);
            let sent_us = clock::monotonic_us();
            let exchanged = upstream.exchange(request, &self.state).await;
            if let Err(error) = &exchanged {
                self.observed.attempt_failed(observed, error.cause());
            }
            match exchanged {
                Ok(answer) => {
                    self.observed.attempt_answered(observed, answer.status);
                    return Ok((answer, upstream));
                }
                Err(ExchangeError::NotSent(error)) if reused => {
                    pool.leave(endpoint);
                    // A server that saw it is asked once more, however many connections there are.
                    fresh = matches!(error, UpstreamError::NotProcessed(_));
                }
                Err(ExchangeError::NotSent(error)) => {
                    return Err(Failed::not_sent(with_causes(&error)));
                }
                Err(ExchangeError::Broken(error)) => {
                    if let Some(fault) = self.state.client_fault() {
                        return Err(Failed::sent(fault.into(), with_causes(&error), None));
                    }
                    let broke = retry::Broke {
                        method: request.method(),
                        was_kept: reused,
                        closed_unanswered: upstream.closed_unanswered(&error),
                        after_us: clock::monotonic_us().saturating_sub(sent_us),
                    };
                    let spare = spare.filter(|_| broke.is_nobodys_fault());
                    if let Some(body) = spare.and_then(SpareBody::again) {
                        pool.leave(endpoint);
                        fresh = true;
                        *request.body_mut() = body;
                        continue;
                    }
                    let kind = Some(retry::Failure::Broken);
                    return Err(Failed::sent(Refusal::Broken, with_causes(&error), kind));
                }
                Err(ExchangeError::Overdue) => return Err(self.overdue()),
            }
        }
    }

    /// A connection that is there already.
    fn known(&self, endpoint: &Arc<Endpoint>) -> Option<Upstream> {
        match endpoint.protocol {
            UpstreamProtocol::Http2 => self.worker.pool.join(endpoint),
            UpstreamProtocol::Http1 => self.worker.pool.take(endpoint),
        }
    }

    /// Takes note of where the request is sent.
    pub(super) fn observe(&self, under_way: &UnderWay) {
        match under_way {
            UnderWay::Arm(arm) => self.observed.arm(arm.arm()),
            UnderWay::Server(at) => self.observed.server(at.server()),
        }
    }

    fn overdue(&self) -> Failed {
        let cause = "took too long".to_owned();
        match self.state.step() {
            Step::ClientBody => Failed::sent(Refusal::ClientStalled, cause, None),
            // The arm may wait for its client, and the client need not be asked again.
            Step::Call => Failed::sent(Refusal::CallSilent, cause, None),
            _ => {
                let kind = Some(retry::Failure::TimedOut);
                Failed::sent(Refusal::TimedOut, cause, kind)
            }
        }
    }

    async fn connect(
        &self,
        endpoint: &Arc<Endpoint>,
        limit_ms: u64,
        beside_another: bool,
    ) -> Result<Upstream, String> {
        let pool = &self.worker.pool;
        let mut connecting = std::pin::pin!(async {
            match endpoint.protocol {
                UpstreamProtocol::Http1 => Upstream::connect(endpoint).await,
                UpstreamProtocol::Http2 => match pool.join_or_dial(endpoint).await {
                    Ok(joined) => Ok(joined),
                    Err(_turn) => {
                        let opened = Http2Opened::connect(endpoint).await?;
                        Ok(pool.share(endpoint, opened))
                    }
                },
            }
        });
        let began_us = clock::monotonic_us();
        let took_us = || clock::monotonic_us().saturating_sub(began_us);
        let overdue = || Err(format!("no connection in {limit_ms} ms"));
        if beside_another {
            let limit = Duration::from_millis(limit_ms);
            let connected = tokio::time::timeout(limit, connecting).await;
            self.observed.connected(took_us());
            return connected.map_or_else(|_| overdue(), |it| it.map_err(|e| e.to_string()));
        }
        self.state.enter(Step::Connect, limit_ms);
        let connected = std::future::poll_fn(|cx| {
            let polled = connecting.as_mut().poll(cx);
            if polled.is_pending() && self.state.is_overdue() {
                return Poll::Ready(overdue());
            }
            polled.map_err(|error| error.to_string())
        });
        let connected = connected.await;
        self.observed.connected(took_us());
        connected
    }
}

impl From<ClientFault> for Refusal {
    fn from(fault: ClientFault) -> Refusal {
        match fault {
            ClientFault::Broke => Refusal::ClientBroke,
            ClientFault::TooSlow => Refusal::ClientStalled,
            ClientFault::TooLarge => Refusal::BodyTooLarge,
            ClientFault::Denied(denial) => denial.into(),
        }
    }
}

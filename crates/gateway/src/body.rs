//! The two bodies that pass through: the client's to the arm and the arm's to the client. Neither
//! is buffered; each frame is passed on as it comes, trailers included.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use crate::bounds::{BODY_RATE_WINDOW_MS, CLIENT_STALL_TIMEOUT_MS};
use crate::connection::{ConnectionState, Step};
use crate::in_flight::InFlight;
use crate::pool::Pool;
use crate::upstream::{Upstream, silent};

/// Why a body ended before its time.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// The side that sends it broke off.
    #[error("the body was broken off")]
    Broken(#[source] hyper::Error),
    /// The arm was silent for too long.
    #[error("the body paused for longer than the route allows")]
    Overdue,
    /// The client sends slower than it may.
    #[error("the body comes slower than is allowed")]
    TooSlow,
}

/// A request's body on its way to an arm.
pub(crate) struct RequestBody {
    incoming: Incoming,
    state: Rc<ConnectionState>,
    first_byte_ms: u64,
    /// When the measurement of its rate began, and what came since.
    measured_since_ms: u64,
    measured_bytes: u64,
}

/// The body of an answer to a client.
pub(crate) enum AnswerBody {
    /// Comes from an arm.
    Arm(Box<ArmBody>),
    /// Made here; `None` once it was taken.
    Own {
        /// What is left to send.
        text: Option<Bytes>,
        /// The connection it goes to.
        state: Rc<ConnectionState>,
    },
}

/// An arm's answer: drives the upstream connection, counts the request, and gives the connection
/// back.
pub(crate) struct ArmBody {
    incoming: Incoming,
    upstream: Option<Upstream>,
    in_flight: Option<InFlight>,
    pool: Rc<Pool>,
    state: Rc<ConnectionState>,
    idle_ms: u64,
}

impl RequestBody {
    /// Wraps the client's body. After its end the arm has `first_byte_ms` to answer.
    pub(crate) fn new(
        incoming: Incoming,
        state: Rc<ConnectionState>,
        first_byte_ms: u64,
    ) -> RequestBody {
        let measured_since_ms = state.now_ms();
        RequestBody {
            incoming,
            state,
            first_byte_ms,
            measured_since_ms,
            measured_bytes: 0,
        }
    }

    /// Whether what came in the last ten seconds is too little. An arm that takes nothing is not the
    /// client's fault: then nothing is asked of the client, and this is not called.
    fn is_too_slow(&mut self, bytes: usize) -> bool {
        self.measured_bytes += bytes as u64;
        let took_ms = self.state.now_ms().saturating_sub(self.measured_since_ms);
        if took_ms < BODY_RATE_WINDOW_MS {
            return false;
        }
        let wanted = self
            .state
            .clients
            .body_bytes_per_second_min
            .saturating_mul(took_ms)
            / 1_000;
        let is_too_slow = self.measured_bytes < wanted;
        self.measured_since_ms = self.state.now_ms();
        self.measured_bytes = 0;
        is_too_slow
    }

    /// Whether the upload still decides what the connection waits for.
    fn is_uploading(&self) -> bool {
        matches!(self.state.step(), Step::ClientBody | Step::Answer)
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.incoming).poll_frame(cx);
        if matches!(polled, Poll::Ready(None)) || self.incoming.is_end_stream() {
            self.state.tap.finish_body();
        }
        if self.is_uploading() {
            match &polled {
                Poll::Pending => {
                    self.state
                        .enter_once(Step::ClientBody, CLIENT_STALL_TIMEOUT_MS);
                }
                Poll::Ready(_) => self.state.enter(Step::Answer, self.first_byte_ms),
            }
        }
        match &polled {
            Poll::Ready(Some(Err(_))) => self.state.client_failed(),
            Poll::Ready(Some(Ok(frame))) if frame.is_data() => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                if self.is_too_slow(bytes) && !self.incoming.is_end_stream() {
                    self.state.client_failed();
                    return Poll::Ready(Some(Err(BodyError::TooSlow)));
                }
            }
            _ => {}
        }
        polled.map_err(BodyError::Broken)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl ArmBody {
    /// An answer whose head has come over `upstream`. The arm may pause for `idle_ms`.
    pub(crate) fn new(
        incoming: Incoming,
        upstream: Upstream,
        in_flight: InFlight,
        pool: Rc<Pool>,
        state: Rc<ConnectionState>,
        idle_ms: u64,
    ) -> ArmBody {
        let mut body = ArmBody {
            incoming,
            upstream: Some(upstream),
            in_flight: Some(in_flight),
            pool,
            state,
            idle_ms,
        };
        if body.incoming.is_end_stream() {
            body.complete();
        }
        body
    }

    /// The body is whole: the request is over and the connection is free again.
    fn complete(&mut self) {
        if let (Some(upstream), Some(in_flight)) = (self.upstream.take(), self.in_flight.take()) {
            self.pool.put(in_flight.arm(), upstream);
        }
    }

    /// The arm broke off.
    fn fail(&mut self) {
        self.upstream = None;
        if let Some(mut in_flight) = self.in_flight.take()
            && !self.state.has_client_failed()
        {
            tracing::warn!(
                release = in_flight.arm().arm.release,
                address = in_flight.arm().arm.address,
                "an answer was broken off in the middle of its body"
            );
            in_flight.failed();
        }
    }

    fn poll_incoming(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        // As in `Upstream::exchange`: whatever comes, comes out of `drive`.
        let polled = Pin::new(&mut self.incoming).poll_frame(&mut silent());
        match &mut self.upstream {
            Some(upstream) if polled.is_pending() => {
                if upstream.drive(cx) {
                    return Pin::new(&mut self.incoming).poll_frame(&mut silent());
                }
            }
            _ => return polled,
        }
        // The body of a shared connection is woken by the task that drives it.
        Pin::new(&mut self.incoming).poll_frame(cx)
    }
}

impl Body for ArmBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.poll_incoming(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                self.state.enter(Step::ClientRead, CLIENT_STALL_TIMEOUT_MS);
                if self.incoming.is_end_stream() {
                    self.complete();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(None) => {
                self.complete();
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(error))) => {
                self.fail();
                Poll::Ready(Some(Err(BodyError::Broken(error))))
            }
            Poll::Pending => {
                let idle_ms = self.idle_ms;
                self.state.enter_once(Step::AnswerBody, idle_ms);
                if self.state.is_overdue() {
                    self.fail();
                    return Poll::Ready(Some(Err(BodyError::Overdue)));
                }
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Drop for ArmBody {
    fn drop(&mut self) {
        self.state.enter_idle();
        self.state.tap.open();
    }
}

impl AnswerBody {
    /// A body made here.
    pub(crate) fn own(text: Bytes, state: Rc<ConnectionState>) -> AnswerBody {
        AnswerBody::Own {
            text: (!text.is_empty()).then_some(text),
            state,
        }
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        if let AnswerBody::Own { state, .. } = self {
            state.enter_idle();
            state.tap.open();
        }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            AnswerBody::Arm(body) => Pin::new(body.as_mut()).poll_frame(cx),
            AnswerBody::Own { text, .. } => {
                Poll::Ready(text.take().map(|text| Ok(Frame::data(text))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            AnswerBody::Arm(body) => body.is_end_stream(),
            AnswerBody::Own { text, .. } => text.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            AnswerBody::Arm(body) => body.size_hint(),
            AnswerBody::Own { text, .. } => {
                SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64))
            }
        }
    }
}

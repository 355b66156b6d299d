//! The body of an answer, from an arm or made here.

use std::error::Error;
use std::io::ErrorKind;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::BodyError;
use crate::arm::ArmState;
use crate::capacity::Place;
use crate::clock;
use crate::connection::{ConnectionState, Step};
use crate::masking::RestoredBody;
use crate::observe::{Observed, line_limit};
use crate::pool::Pool;
use crate::stream_watch::StreamWatch;
use crate::under_way::UnderWay;
use crate::upstream::{Upstream, UpstreamError};

/// The body of an answer to a client.
pub(crate) enum AnswerBody {
    /// Comes from an arm.
    Arm(Box<ArmBody>),
    /// Comes from an arm, and gets back what was hidden in the request.
    Restored(Box<RestoredBody>),
    /// Made here.
    Own(OwnBody),
}

/// A body that is made here.
pub(crate) struct OwnBody {
    /// What is left to send; `None` once it was taken.
    text: Option<Bytes>,
    /// The connection it goes to.
    state: Rc<ConnectionState>,
    /// The request, which ends with this body; `None` if it goes on in a tunnel.
    observed: Option<Rc<Observed>>,
}

/// An arm's answer: drives the upstream connection, counts the request, and gives the connection
/// back.
pub(crate) struct ArmBody {
    /// What brings it; `None` when it is over.
    upstream: Option<Upstream>,
    under_way: Option<UnderWay>,
    /// The request's place among those that the route takes at once.
    place: Option<Place>,
    pool: Rc<Pool>,
    state: Rc<ConnectionState>,
    observed: Rc<Observed>,
    idle_ms: u64,
    /// Somebody else reads it and answers with what he makes of it: what goes to the client, and when that is over, is
    /// told by him.
    is_behind: bool,
    /// How fast it comes, if it is an arm's stream.
    stream: Option<Box<StreamWatch>>,
}

impl ArmBody {
    /// An answer whose head has come over `upstream`. The arm may pause for `idle_ms`.
    pub(crate) fn new(
        upstream: Upstream,
        (under_way, place): (UnderWay, Option<Place>),
        (pool, state, observed): (Rc<Pool>, Rc<ConnectionState>, Rc<Observed>),
        idle_ms: u64,
    ) -> ArmBody {
        let mut body = ArmBody {
            upstream: Some(upstream),
            under_way: Some(under_way),
            place,
            pool,
            state,
            observed,
            idle_ms,
            is_behind: false,
            stream: None,
        };
        if body.is_end_stream() {
            body.complete();
        }
        body
    }

    /// Takes the times of a streamed answer.
    pub(crate) fn watch(&mut self, stream: Option<StreamWatch>) {
        self.stream = stream.map(Box::new);
    }

    /// The arm that answers, and whose worker's counters count it; `None` when it is no arm, or the answer is over.
    pub(crate) fn arm(&self) -> Option<Arc<ArmState>> {
        match self.under_way.as_ref()? {
            UnderWay::Arm(under_way) => Some(Arc::clone(under_way.arm())),
            UnderWay::Server(_) => None,
        }
    }

    /// Leaves it to the reader to say what goes to the client and when the request is over.
    pub(crate) fn stand_behind(&mut self) {
        self.is_behind = true;
    }

    /// The body is whole: the request is over and the connection is free again.
    fn complete(&mut self) {
        if !self.is_behind {
            self.observed.complete();
        }
        if let (Some(stream), Some(UnderWay::Arm(arm))) = (self.stream.take(), &self.under_way) {
            stream.ended(arm);
        }
        if let (Some(upstream), Some(under_way)) = (self.upstream.take(), self.under_way.take()) {
            self.pool.put(under_way.endpoint(), upstream);
        }
        if let Some(place) = self.place.take() {
            place.finish(clock::monotonic_us());
        }
    }

    /// The arm broke off, or took too long; `cause` is the word for it.
    fn fail(&mut self, cause: &'static str) {
        self.upstream = None;
        self.place = None;
        let is_clients = self.state.client_fault().is_some();
        self.observed.cut(if is_clients { "client" } else { cause });
        if let Some(mut under_way) = self.under_way.take()
            && !is_clients
        {
            let route = self.observed.route_name();
            if line_limit::may_write(route, "broken-off") {
                tracing::warn!(
                    request_id = self.observed.trace().request_id(),
                    route,
                    release = under_way.release(),
                    address = under_way.endpoint().address(),
                    cause,
                    "an answer was broken off in the middle of its body"
                );
            }
            under_way.failed();
        }
    }
}

/// Why an answer is cut by the server that sends it, in one word for the logs.
fn word_for(error: &UpstreamError) -> &'static str {
    match error {
        UpstreamError::Closed => "closed",
        UpstreamError::Io(error) if error.kind() == ErrorKind::UnexpectedEof => "closed",
        UpstreamError::Io(error) if error.kind() == ErrorKind::ConnectionReset => "reset",
        UpstreamError::Chunk => "chunk",
        UpstreamError::Head(_) | UpstreamError::HeadTooLong => "trailers",
        UpstreamError::RequestBody(_) | UpstreamError::RequestLength => "request",
        UpstreamError::Http2(error) => {
            let cause = error.source();
            let h2 = cause.and_then(|cause| cause.downcast_ref::<h2::Error>());
            match h2.is_some_and(h2::Error::is_reset) {
                true => "reset",
                false => "closed",
            }
        }
        _ => "broken",
    }
}

impl Body for ArmBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(upstream) = &mut self.upstream else {
            return Poll::Ready(None);
        };
        let polled = upstream.poll_frame(cx);
        let this = &mut *self;
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let (Some(stream), Some(UnderWay::Arm(arm))) = (&mut this.stream, &this.under_way)
            && let Some(data) = frame.data_ref()
        {
            stream.came(data, clock::monotonic_us(), arm);
        }
        match polled {
            Poll::Ready(Some(Ok(frame))) => {
                if !self.is_behind {
                    let bytes = frame.data_ref().map_or(0, Bytes::len);
                    self.observed.bytes_out(bytes);
                }
                if let (Some(trailers), Some(under_way)) =
                    (frame.trailers_ref(), &mut self.under_way)
                {
                    let status = under_way.judge_call(trailers);
                    self.observed.called(status);
                }
                self.state.enter_client_read();
                if self.is_end_stream() {
                    self.complete();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(None) => {
                self.complete();
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(error))) => {
                self.fail(word_for(&error));
                Poll::Ready(Some(Err(BodyError::Upstream(error))))
            }
            Poll::Pending => {
                let idle_ms = self.idle_ms;
                self.state.enter_once(Step::AnswerBody, idle_ms);
                if self.state.is_overdue() {
                    let is_whole = self.state.has_ended();
                    self.fail(if is_whole { "whole" } else { "idle" });
                    return Poll::Ready(Some(Err(BodyError::Overdue)));
                }
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.upstream.as_ref().is_none_or(Upstream::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let upstream = self.upstream.as_ref();
        upstream.map_or(SizeHint::with_exact(0), Upstream::size_hint)
    }
}

impl Drop for ArmBody {
    fn drop(&mut self) {
        if !self.is_behind {
            self.observed.end();
            self.state.enter_idle();
        }
    }
}

impl AnswerBody {
    /// A body made here.
    pub(crate) fn own(
        text: Bytes,
        state: Rc<ConnectionState>,
        observed: Rc<Observed>,
    ) -> AnswerBody {
        observed.bytes_out(text.len());
        observed.complete();
        AnswerBody::Own(OwnBody {
            text: (!text.is_empty()).then_some(text),
            state,
            observed: Some(observed),
        })
    }

    /// The empty body of an answer that changes the protocol: the request goes on.
    pub(crate) fn before_tunnel(state: Rc<ConnectionState>) -> AnswerBody {
        AnswerBody::Own(OwnBody {
            text: None,
            state,
            observed: None,
        })
    }
}

impl Drop for OwnBody {
    fn drop(&mut self) {
        if let Some(observed) = &self.observed {
            observed.end();
        }
        self.state.enter_idle();
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
            AnswerBody::Restored(body) => body.poll_frame(cx),
            AnswerBody::Own(own) => Poll::Ready(own.text.take().map(|text| Ok(Frame::data(text)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            AnswerBody::Arm(body) => body.is_end_stream(),
            AnswerBody::Restored(body) => body.is_end_stream(),
            AnswerBody::Own(own) => own.text.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            AnswerBody::Arm(body) => body.size_hint(),
            AnswerBody::Restored(_) => SizeHint::default(),
            AnswerBody::Own(own) => {
                SizeHint::with_exact(own.text.as_ref().map_or(0, |text| text.len() as u64))
            }
        }
    }
}

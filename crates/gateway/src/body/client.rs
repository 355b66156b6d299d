//! A client's body as it comes in, with everything that is asked of it: its rate, its length, and what may be
//! uploaded.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::BodyError;
use super::rate::BodyRate;
use crate::connection::{ClientFault, ConnectionState, Step};
use crate::observe::Observed;
use crate::protect::UploadCheck;

/// What is asked of a body.
#[derive(Debug)]
pub(crate) struct BodyRules {
    /// How long the arm may take after the body's end, in milliseconds.
    pub(crate) first_byte_ms: u64,
    /// How long a stream may be silent, in milliseconds.
    pub(crate) idle_ms: u64,
    /// A call of gRPC over HTTP/2, on the client's side and on the server's: a stream from its beginning, which may be as
    /// slow and as silent as its route allows.
    pub(crate) is_call: bool,
    /// The longest body, in bytes.
    pub(crate) bytes_max: u64,
    /// What may be uploaded.
    pub(crate) upload: Option<Box<UploadCheck>>,
}

/// The body of the request under way.
pub(crate) struct ClientBody {
    incoming: Incoming,
    state: Rc<ConnectionState>,
    /// Which request of the connection it belongs to. A server that speaks HTTP/2 may go on reading it when it has
    /// answered and the connection is at its next request, to which nothing of this applies.
    request: u64,
    observed: Rc<Observed>,
    rules: BodyRules,
    /// Came behind what the upload check held back.
    trailers: Option<Frame<Bytes>>,
    rate: BodyRate,
}

impl ClientBody {
    /// Wraps what comes in.
    pub(crate) fn new(
        incoming: Incoming,
        state: Rc<ConnectionState>,
        observed: Rc<Observed>,
        rules: BodyRules,
    ) -> ClientBody {
        ClientBody {
            rate: BodyRate::default(),
            trailers: None,
            incoming,
            request: state.request(),
            state,
            observed,
            rules,
        }
    }

    /// Whether the upload still decides what the connection waits for: the answer has not begun.
    fn is_uploading(&self) -> bool {
        matches!(
            self.state.step(),
            Step::ClientBody | Step::Call | Step::Answer
        )
    }

    /// The client has nothing to give now.
    fn wait(&mut self) {
        match self.rules.is_call {
            true => self.state.enter_once(Step::Call, self.rules.idle_ms),
            false => {
                self.rate.wait(self.state.now_ms());
                let limit_ms = self.state.clients.stall_timeout_ms;
                self.state.enter_once(Step::ClientBody, limit_ms);
            }
        }
    }

    /// Something came, or the end.
    fn go_on(&self) {
        match self.state.step() {
            Step::ClientBody | Step::Call | Step::Answer => {
                self.state.enter(Step::Answer, self.rules.first_byte_ms);
            }
            // A stream both ways, which is not silent.
            Step::AnswerBody => self.state.enter(Step::AnswerBody, self.rules.idle_ms),
            _ => {}
        }
    }

    fn poll_incoming(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.incoming).poll_frame(cx);
        if self.request != self.state.request() {
            return polled.map_err(BodyError::Broken);
        }
        if matches!(polled, Poll::Ready(None)) || self.incoming.is_end_stream() {
            self.state.tap.finish_body();
        }
        let is_measured = self.is_uploading() && !self.rules.is_call;
        match &polled {
            Poll::Pending if self.is_uploading() => self.wait(),
            Poll::Pending => {}
            Poll::Ready(_) => self.go_on(),
        }
        match &polled {
            Poll::Ready(Some(Err(_))) => self.state.client_failed(ClientFault::Broke),
            Poll::Ready(Some(Ok(frame))) if frame.is_data() => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                if let Err(error) = self.check(bytes, is_measured) {
                    return Poll::Ready(Some(Err(error)));
                }
            }
            _ => {}
        }
        polled.map_err(BodyError::Broken)
    }

    /// Looks at the length, and at the rate if that matters.
    fn check(&mut self, bytes: usize, is_measured: bool) -> Result<(), BodyError> {
        self.observed.bytes_in(bytes);
        if self.state.count_body(bytes) > self.rules.bytes_max {
            self.state.client_failed(ClientFault::TooLarge);
            return Err(BodyError::Refused);
        }
        let min = self.state.clients.body_bytes_per_second_min;
        if is_measured
            && self.rate.came(self.state.now_ms(), bytes, min)
            && !self.incoming.is_end_stream()
        {
            self.state.client_failed(ClientFault::TooSlow);
            return Err(BodyError::TooSlow);
        }
        Ok(())
    }

    /// What may be sent on of what comes, when that has to be looked into.
    fn poll_checked(
        &mut self,
        mut check: Box<UploadCheck>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            let frame = match self.poll_incoming(cx) {
                Poll::Pending => {
                    self.rules.upload = Some(check);
                    return Poll::Pending;
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(Some(Ok(frame))) => Some(frame),
                Poll::Ready(None) => None,
            };
            match frame.map(Frame::into_data) {
                Some(Ok(data)) => match check.push(&data) {
                    // Nothing is decided about it yet.
                    Ok(decided) if decided.is_empty() => {}
                    Ok(decided) => {
                        self.rules.upload = Some(check);
                        return Poll::Ready(Some(Ok(Frame::data(decided))));
                    }
                    Err(denial) => return self.refuse(denial),
                },
                other => {
                    self.trailers = other.and_then(Result::err);
                    return match check.finish() {
                        Ok(rest) if rest.is_empty() => Poll::Ready(self.trailers.take().map(Ok)),
                        Ok(rest) => Poll::Ready(Some(Ok(Frame::data(rest)))),
                        Err(denial) => self.refuse(denial),
                    };
                }
            }
        }
    }

    fn refuse(
        &self,
        denial: crate::protect::Denial,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.state.client_failed(ClientFault::Denied(denial));
        Poll::Ready(Some(Err(BodyError::Refused)))
    }
}

impl Body for ClientBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(trailers) = self.trailers.take() {
            return Poll::Ready(Some(Ok(trailers)));
        }
        match self.rules.upload.take() {
            None => self.poll_incoming(cx),
            Some(check) => self.poll_checked(check, cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream() && self.rules.upload.is_none() && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

//! A client's body as it comes in, with everything that is asked of it: its rate, its length, and what may be
//! uploaded.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::BodyError;
use crate::bounds::{BODY_RATE_WINDOW_MS, CLIENT_STALL_TIMEOUT_MS};
use crate::connection::{ClientFault, ConnectionState, Step};
use crate::observe::Observed;
use crate::protect::UploadCheck;

/// What is asked of a body.
#[derive(Debug)]
pub(crate) struct BodyRules {
    /// How long the arm may take after the body's end, in milliseconds.
    pub(crate) first_byte_ms: u64,
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
    /// When the measurement of its rate began, and what came since.
    measured_since_ms: u64,
    measured_bytes: u64,
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
            measured_since_ms: state.now_ms(),
            measured_bytes: 0,
            trailers: None,
            incoming,
            request: state.request(),
            state,
            observed,
            rules,
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
        if self.is_uploading() {
            match &polled {
                Poll::Pending => {
                    self.state
                        .enter_once(Step::ClientBody, CLIENT_STALL_TIMEOUT_MS);
                }
                Poll::Ready(_) => self.state.enter(Step::Answer, self.rules.first_byte_ms),
            }
        }
        match &polled {
            Poll::Ready(Some(Err(_))) => self.state.client_failed(ClientFault::Broke),
            Poll::Ready(Some(Ok(frame))) if frame.is_data() => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                if let Err(error) = self.check(bytes) {
                    return Poll::Ready(Some(Err(error)));
                }
            }
            _ => {}
        }
        polled.map_err(BodyError::Broken)
    }

    /// Looks at the length and the rate.
    fn check(&mut self, bytes: usize) -> Result<(), BodyError> {
        self.observed.bytes_in(bytes);
        if self.state.count_body(bytes) > self.rules.bytes_max {
            self.state.client_failed(ClientFault::TooLarge);
            return Err(BodyError::Refused);
        }
        if self.is_too_slow(bytes) && !self.incoming.is_end_stream() {
            self.state.client_failed(ClientFault::Broke);
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

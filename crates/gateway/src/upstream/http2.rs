//! One request's stream of an HTTP/2 connection to a server, which many requests share. gRPC servers speak nothing else.
//!
//! A request that the server says it did nothing with counts as not sent, whatever its method (RFC 9113, 8.7): its
//! stream was refused, or is beyond the last one of the server's goodbye. So that it can be sent again, the beginning of
//! its body is kept until the answer's head is there.
//!
//! A request ends with its answer: what the server did not want of the body until then is not sent any more, and the
//! stream is reset. The connection itself is not told by hyper's client when a body that waits for more is not needed
//! any more, so the body says it (`sent_body`).

use std::cell::RefCell;
use std::error::Error;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;

use super::{ExchangeError, UpstreamError};
use crate::body::{KeptBody, RequestBody};
use crate::connection::{ConnectionState, Step};

mod opened;
mod sent_body;

pub(crate) use opened::Http2Opened;
use opened::Seat;
use sent_body::{SentBody, Wanted};

/// One user of a shared connection.
pub(crate) struct Http2 {
    sender: SendRequest<SentBody>,
    /// The body of the answer that came.
    answer: Option<Incoming>,
    /// The body of the request, which is sent until this is dropped.
    wanted: Option<Wanted>,
    seat: Rc<Seat>,
}

/// The body of a request that is on its way, to give it back.
enum Spare {
    Empty,
    Whole(bytes::Bytes),
    Kept(Rc<RefCell<KeptBody>>),
    Gone,
}

impl Spare {
    /// Keeps what is sent of a request's body from now on.
    fn of(body: &mut RequestBody) -> Spare {
        let kept = match std::mem::replace(body, RequestBody::Empty) {
            RequestBody::Empty => return Spare::Empty,
            RequestBody::Whole(text) => {
                *body = RequestBody::Whole(text.clone());
                return Spare::Whole(text);
            }
            RequestBody::Once(client) => Rc::new(RefCell::new(KeptBody::new(*client))),
            RequestBody::Gone => {
                *body = RequestBody::Gone;
                return Spare::Gone;
            }
            RequestBody::Kept { kept, .. } => kept,
            // Another protocol gave it back: a server that speaks both is not asked in both.
            begun @ RequestBody::Begun { .. } => {
                *body = begun;
                return Spare::Gone;
            }
        };
        *body = RequestBody::Kept {
            kept: Rc::clone(&kept),
            sent: 0,
        };
        Spare::Kept(kept)
    }

    /// The body, if all of it is there.
    fn whole(self) -> Option<RequestBody> {
        match self {
            Spare::Empty => Some(RequestBody::Empty),
            Spare::Whole(text) => Some(RequestBody::Whole(text)),
            Spare::Kept(kept) if kept.borrow().is_whole() => {
                Some(RequestBody::Kept { kept, sent: 0 })
            }
            Spare::Kept(_) | Spare::Gone => None,
        }
    }
}

impl Http2 {
    /// Sends a request and waits until the answer's head is there. Its head stays, and its body when nothing was sent.
    pub(crate) async fn exchange(
        &mut self,
        request: &mut Request<RequestBody>,
        state: &ConnectionState,
    ) -> Result<response::Parts, ExchangeError> {
        let spare = Spare::of(request.body_mut());
        let (sent, wanted) = SentBody::new(take_body(request), &self.seat);
        self.wanted = Some(wanted);
        let sent = copy_of(request).map(|()| sent);
        let mut answer = std::pin::pin!(self.sender.try_send_request(sent));
        let answer = std::future::poll_fn(|cx| match answer.as_mut().poll(cx) {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending if state.is_overdue() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        });
        let mut error = match answer.await {
            Some(Ok(answer)) => {
                let (head, body) = answer.into_parts();
                self.answer = Some(body);
                self.seat.answered();
                if let Spare::Kept(kept) = spare {
                    KeptBody::leave(kept);
                }
                return Ok(head);
            }
            Some(Err(error)) => error,
            None => {
                // The server may be gone without a word, so others try another connection. One that may wait for
                // its client says nothing about its connection.
                if !matches!(state.step(), Step::ClientBody | Step::Call) {
                    self.seat.spoil();
                }
                return Err(ExchangeError::Overdue);
            }
        };
        if let Some(returned) = error.take_message() {
            self.seat.spoil();
            *request.body_mut() = returned.into_body().take_back();
            return Err(ExchangeError::NotSent(UpstreamError::Http2(
                error.into_error(),
            )));
        }
        let error = error.into_error();
        let meaning = Meaning::of(&error);
        match meaning {
            Meaning::StreamFailed => {}
            Meaning::Refused => self.seat.refused(),
            Meaning::NotProcessed | Meaning::ConnectionFailed => self.seat.spoil(),
        }
        if matches!(meaning, Meaning::Refused | Meaning::NotProcessed)
            && let Some(body) = spare.whole()
        {
            *request.body_mut() = body;
            return Err(ExchangeError::NotSent(UpstreamError::NotProcessed(error)));
        }
        Err(ExchangeError::Broken(UpstreamError::Http2(error)))
    }

    /// More of the answer's body, which the task that drives the connection brings.
    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UpstreamError>>> {
        match &mut self.answer {
            Some(answer) => {
                let polled = Pin::new(answer).poll_frame(cx);
                polled.map_err(UpstreamError::Http2)
            }
            None => Poll::Ready(None),
        }
    }

    /// Whether all of the answer was given away.
    pub(crate) fn is_end_stream(&self) -> bool {
        self.answer.as_ref().is_none_or(Body::is_end_stream)
    }

    /// How long the rest of the answer is, if that is known.
    pub(crate) fn size_hint(&self) -> SizeHint {
        let answer = self.answer.as_ref();
        answer.map_or(SizeHint::with_exact(0), Body::size_hint)
    }
}

/// What an error says about a request and its connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// The server did nothing with the request, and takes no more on this connection for now.
    Refused,
    /// The server did nothing with the request, and takes no more on this connection.
    NotProcessed,
    /// The request failed, and the connection is as good as before.
    StreamFailed,
    /// The connection failed.
    ConnectionFailed,
}

impl Meaning {
    fn of(error: &hyper::Error) -> Meaning {
        let source = error.source();
        let Some(inner) = source.and_then(|source| source.downcast_ref::<h2::Error>()) else {
            // The request's own body.
            return match error.is_user() {
                true => Meaning::StreamFailed,
                false => Meaning::ConnectionFailed,
            };
        };
        let refused = inner.is_reset() && inner.reason() == Some(h2::Reason::REFUSED_STREAM);
        match inner.is_remote() {
            true if refused => Meaning::Refused,
            // Only streams beyond the last one end with the server's goodbye; the others go on after it.
            true if inner.is_go_away() => Meaning::NotProcessed,
            _ if inner.is_reset() => Meaning::StreamFailed,
            _ => Meaning::ConnectionFailed,
        }
    }
}

/// Takes the body out of a request, and leaves [`RequestBody::Gone`].
fn take_body(request: &mut Request<RequestBody>) -> RequestBody {
    std::mem::replace(request.body_mut(), RequestBody::Gone)
}

/// The same head once more.
fn copy_of(request: &Request<RequestBody>) -> Request<()> {
    let mut copy = Request::new(());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.version_mut() = request.version();
    *copy.headers_mut() = request.headers().clone();
    copy
}

//! A request's body in the hands of a shared connection, which reads it in a task of its own.
//!
//! That task goes on when the request is over, and knows nothing of it: the server may have answered without having
//! read all, and the client may send no more. So whoever asked holds [`Wanted`]. When it is dropped the body is, too,
//! which frees the client's stream, and the connection finds an error in its place and resets the server's stream. Its
//! seat is free only then, because only then the server counts one stream less.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::opened::Seat;
use crate::body::{BodyError, RequestBody};

/// A body that is sent as long as it is wanted.
pub(super) struct SentBody(Rc<Shared>);

/// Who wants it sent, until it is dropped.
pub(super) struct Wanted(Rc<Shared>);

struct Shared {
    /// `None` when it is not wanted any more.
    body: RefCell<Option<RequestBody>>,
    /// Who waits for more of it.
    waker: RefCell<Option<Waker>>,
    _seat: Rc<Seat>,
}

impl SentBody {
    /// A body that is sent from a seat.
    pub(super) fn new(body: RequestBody, seat: &Rc<Seat>) -> (SentBody, Wanted) {
        let shared = Rc::new(Shared {
            body: RefCell::new(Some(body)),
            waker: RefCell::default(),
            _seat: Rc::clone(seat),
        });
        (SentBody(Rc::clone(&shared)), Wanted(shared))
    }

    /// The body, of which nothing was sent.
    pub(super) fn take_back(self) -> RequestBody {
        let body = self.0.body.borrow_mut().take();
        body.unwrap_or(RequestBody::Gone)
    }
}

impl Drop for Wanted {
    fn drop(&mut self) {
        let body = self.0.body.borrow_mut().take();
        drop(body);
        if let Some(waker) = self.0.waker.borrow_mut().take() {
            waker.wake();
        }
    }
}

impl Body for SentBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let mut body = self.0.body.borrow_mut();
        let Some(body) = body.as_mut() else {
            let reason = h2::Error::from(h2::Reason::CANCEL);
            return Poll::Ready(Some(Err(BodyError::Over(reason))));
        };
        let polled = Pin::new(body).poll_frame(cx);
        if polled.is_pending() {
            *self.0.waker.borrow_mut() = Some(cx.waker().clone());
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        let body = self.0.body.borrow();
        body.as_ref().is_some_and(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let body = self.0.body.borrow();
        body.as_ref()
            .map_or_else(SizeHint::default, Body::size_hint)
    }
}

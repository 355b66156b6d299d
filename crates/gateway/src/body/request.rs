//! A request's body on its way to an arm: as it comes, or kept so that it can be sent again.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::{BodyError, ClientBody, KeptBody};

/// What is sent to an arm.
pub(crate) enum RequestBody {
    /// None.
    Empty,
    /// There was one, and it was given to an attempt that failed. Reading it is an error, so that nobody takes it for an
    /// empty one.
    Gone,
    /// All of it, made from the client's.
    Whole(Bytes),
    /// The client's, which is sent once.
    Once(Box<ClientBody>),
    /// The client's, of which what came is kept.
    Kept {
        /// What is kept, shared with those who may send it again.
        kept: Rc<RefCell<KeptBody>>,
        /// How far this one has come.
        sent: u64,
    },
    /// One of these of which the first piece was taken and given back.
    Begun {
        /// The piece; empty once it was taken again.
        first: Bytes,
        /// What comes behind it.
        rest: Box<RequestBody>,
    },
}

impl RequestBody {
    /// Whether all of it that was not sent yet can be read.
    pub(crate) fn is_there(&self) -> bool {
        match self {
            RequestBody::Empty | RequestBody::Once(_) | RequestBody::Whole(_) => true,
            RequestBody::Gone => false,
            RequestBody::Kept { kept, sent } => kept.borrow().has_rest(*sent),
            RequestBody::Begun { rest, .. } => rest.is_there(),
        }
    }

    /// A body of which `first` was taken and is given back.
    pub(crate) fn begun(first: Bytes, rest: Option<RequestBody>) -> RequestBody {
        let rest = rest.unwrap_or(RequestBody::Empty);
        match first.is_empty() {
            true => rest,
            false => RequestBody::Begun {
                first,
                rest: Box::new(rest),
            },
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            RequestBody::Empty => Poll::Ready(None),
            RequestBody::Gone => Poll::Ready(Some(Err(BodyError::Gone))),
            RequestBody::Whole(text) => Poll::Ready(match text.is_empty() {
                true => None,
                false => Some(Ok(Frame::data(std::mem::take(text)))),
            }),
            RequestBody::Once(client) => Pin::new(client.as_mut()).poll_frame(cx),
            RequestBody::Kept { kept, sent } => KeptBody::poll(kept, sent, cx),
            RequestBody::Begun { first, rest } => match first.is_empty() {
                true => Pin::new(rest.as_mut()).poll_frame(cx),
                false => Poll::Ready(Some(Ok(Frame::data(std::mem::take(first))))),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            RequestBody::Empty => true,
            RequestBody::Gone => false,
            RequestBody::Whole(text) => text.is_empty(),
            RequestBody::Once(client) => client.is_end_stream(),
            RequestBody::Kept { kept, sent } => kept.borrow().is_end(*sent),
            RequestBody::Begun { first, rest } => first.is_empty() && rest.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            RequestBody::Empty => SizeHint::with_exact(0),
            RequestBody::Whole(text) => SizeHint::with_exact(text.len() as u64),
            RequestBody::Once(client) => client.size_hint(),
            // It is asked for once, before anything is sent.
            RequestBody::Kept { kept, .. } => kept.borrow().hint(),
            // It is the head that says how long it is.
            RequestBody::Gone | RequestBody::Begun { .. } => SizeHint::default(),
        }
    }
}

//! A request's body on its way to an arm: as it comes, or kept so that it can be sent again.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::{BodyError, ClientBody};
use crate::bounds::BODY_KEPT_BYTES_MAX;

/// What is sent to an arm.
pub(crate) enum RequestBody {
    /// None.
    Empty,
    /// There was one, and it was given to an attempt that failed. Reading it is an error, so that nobody takes it for an
    /// empty one.
    Gone,
    /// The client's, which is sent once.
    Once(Box<ClientBody>),
    /// The client's, of which what came is kept.
    Kept {
        /// What is kept, shared with those who may send it again.
        kept: Rc<RefCell<KeptBody>>,
        /// How many of the frames this one has sent.
        sent: usize,
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
            RequestBody::Empty | RequestBody::Once(_) => true,
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

/// A client's body of which what came is kept, as long as it is short.
///
/// With a hedged request two attempts read it at once. Whoever is first takes a frame from the client, and the other
/// gets it from what is kept. One that would miss a frame gets an error instead, and so does every reader of a body that
/// the client did not bring to its end: a server must never take a part for the whole.
pub(crate) struct KeptBody {
    client: ClientBody,
    frames: Vec<Bytes>,
    bytes: usize,
    /// How many frames came from the client, those that are not kept included.
    taken: usize,
    /// It became too long, and what came before is not there any more.
    gone: bool,
    ended: bool,
    /// The client broke off, or may not send what it sends.
    failed: bool,
    readers: Arc<Readers>,
    hint: SizeHint,
}

/// Who waits for more of a kept body. The client's side knows one waker only.
#[derive(Default)]
struct Readers(Mutex<Vec<Waker>>);

impl Readers {
    fn add(&self, waker: &Waker) {
        let mut wakers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !wakers.iter().any(|known| known.will_wake(waker)) {
            wakers.push(waker.clone());
        }
    }

    /// Wakes all but one, who runs already.
    fn wake_others(&self, running: &Waker) {
        let mut wakers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for waker in wakers.drain(..) {
            if !waker.will_wake(running) {
                waker.wake();
            }
        }
    }
}

impl Wake for Readers {
    fn wake(self: Arc<Self>) {
        let mut wakers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        wakers.drain(..).for_each(Waker::wake);
    }
}

impl KeptBody {
    /// Keeps what comes of a client's body.
    pub(crate) fn new(client: ClientBody) -> KeptBody {
        KeptBody {
            hint: client.size_hint(),
            client,
            frames: Vec::new(),
            bytes: 0,
            taken: 0,
            gone: false,
            ended: false,
            failed: false,
            readers: Arc::default(),
        }
    }

    /// Whether all of it can be sent again.
    pub(crate) fn is_whole(&self) -> bool {
        !self.gone
    }

    /// Whether all that comes behind `sent` frames can be read.
    fn has_rest(&self, sent: usize) -> bool {
        !self.gone || (sent >= self.taken && !self.failed)
    }

    fn keep(&mut self, data: &Bytes) {
        self.bytes += data.len();
        if self.bytes > BODY_KEPT_BYTES_MAX {
            self.gone = true;
            self.frames = Vec::new();
        }
        if !self.gone {
            self.frames.push(data.clone());
        }
    }

    /// The next frame for somebody who has sent `sent` of them.
    fn poll_next(
        &mut self,
        sent: &mut usize,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.failed {
            return Poll::Ready(Some(Err(BodyError::Refused)));
        }
        if let Some(data) = self.frames.get(*sent) {
            *sent += 1;
            return Poll::Ready(Some(Ok(Frame::data(data.clone()))));
        }
        if *sent < self.taken {
            return Poll::Ready(Some(Err(BodyError::Gone)));
        }
        if self.ended {
            return Poll::Ready(None);
        }
        self.readers.add(cx.waker());
        let waker = Waker::from(Arc::clone(&self.readers));
        let polled = Pin::new(&mut self.client).poll_frame(&mut Context::from_waker(&waker));
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                match frame.data_ref() {
                    Some(data) => self.keep(data),
                    // Trailers are not kept, so a body with them is sent once.
                    None => self.gone = true,
                }
                self.taken += 1;
                *sent = self.taken;
            }
            Poll::Ready(None) => self.ended = true,
            Poll::Ready(Some(Err(_))) => (self.gone, self.failed) = (true, true),
            Poll::Pending => return Poll::Pending,
        }
        self.readers.wake_others(cx.waker());
        polled
    }

    /// Whether somebody who has sent `sent` frames has sent all.
    fn is_end(&self, sent: usize) -> bool {
        sent >= self.taken && !self.failed && (self.ended || self.client.is_end_stream())
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
            RequestBody::Once(client) => Pin::new(client.as_mut()).poll_frame(cx),
            RequestBody::Kept { kept, sent } => kept.borrow_mut().poll_next(sent, cx),
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
            RequestBody::Once(client) => client.is_end_stream(),
            RequestBody::Kept { kept, sent } => kept.borrow().is_end(*sent),
            RequestBody::Begun { first, rest } => first.is_empty() && rest.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            RequestBody::Empty => SizeHint::with_exact(0),
            RequestBody::Once(client) => client.size_hint(),
            // It is asked for once, before anything is sent.
            RequestBody::Kept { kept, .. } => kept.borrow().hint,
            // It is the head that says how long it is.
            RequestBody::Gone | RequestBody::Begun { .. } => SizeHint::default(),
        }
    }
}

//! A client's body of which what came is kept, as long as it is short.
//!
//! With a hedged request two attempts read it at once. Whoever is first takes a frame from the client, and the other
//! gets it from what is kept. One that would miss a part gets an error instead, and so does every reader of a body that
//! the client did not bring to its end: a server must never take a part for the whole.
//!
//! What is kept is a copy in one piece of memory. A frame is part of a buffer that others may share, and keeping one
//! byte of it would keep all of that. It is kept only as long as somebody else may read the body: the last one who has
//! a share in it takes what comes as it is.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::{BodyError, ClientBody};
use crate::bounds::BODY_KEPT_BYTES_MAX;

/// A client's body, and what is kept of it.
pub(crate) struct KeptBody<B = ClientBody> {
    client: B,
    /// The beginning of the body.
    kept: Vec<u8>,
    /// How far the client has come: the bytes of its data, and one for trailers.
    taken: u64,
    /// Not all of what came is in `kept`.
    gone: bool,
    ended: bool,
    /// The client broke off, or may not send what it sends.
    failed: bool,
    readers: Arc<Readers>,
    hint: SizeHint,
}

impl<B> KeptBody<B>
where
    B: Body<Data = Bytes, Error = BodyError> + Unpin,
{
    /// Keeps what comes of a client's body.
    pub(crate) fn new(client: B) -> KeptBody<B> {
        KeptBody {
            hint: client.size_hint(),
            client,
            kept: Vec::new(),
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

    /// How long it is, as far as that was known before anything came.
    pub(crate) fn hint(&self) -> SizeHint {
        self.hint
    }

    /// Whether all that comes behind `sent` can be read.
    pub(super) fn has_rest(&self, sent: u64) -> bool {
        !self.gone || (sent >= self.taken && !self.failed)
    }

    /// Whether somebody who has come to `sent` has sent all.
    pub(super) fn is_end(&self, sent: u64) -> bool {
        sent >= self.taken && !self.failed && (self.ended || self.client.is_end_stream())
    }

    /// Gives up a share in the body. Nobody else is waited for then, so whoever is left may forget what was kept.
    pub(crate) fn leave(body: Rc<RefCell<KeptBody<B>>>) {
        let readers = Arc::clone(&body.borrow().readers);
        drop(body);
        readers.wake();
    }

    /// The next frame for somebody who has come to `sent`.
    pub(super) fn poll(
        body: &Rc<RefCell<KeptBody<B>>>,
        sent: &mut u64,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let is_alone = Rc::strong_count(body) == 1;
        let mut body = body.borrow_mut();
        if let Some(again) = body.again(sent) {
            return Poll::Ready(Some(again));
        }
        if is_alone {
            body.forget();
        }
        if body.ended {
            return Poll::Ready(None);
        }
        body.poll_client(sent, cx)
    }

    /// What came already, for somebody who has come to `sent`.
    fn again(&self, sent: &mut u64) -> Option<Result<Frame<Bytes>, BodyError>> {
        if self.failed {
            return Some(Err(BodyError::Refused));
        }
        let begin = usize::try_from(*sent).unwrap_or(usize::MAX);
        match self.kept.get(begin..) {
            Some(rest) if !rest.is_empty() => {
                *sent += rest.len() as u64;
                Some(Ok(Frame::data(Bytes::copy_from_slice(rest))))
            }
            _ if *sent < self.taken => Some(Err(BodyError::Gone)),
            _ => None,
        }
    }

    fn poll_client(
        &mut self,
        sent: &mut u64,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.readers.add(cx.waker());
        let waker = Waker::from(Arc::clone(&self.readers));
        let polled = Pin::new(&mut self.client).poll_frame(&mut Context::from_waker(&waker));
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                match frame.data_ref() {
                    Some(data) => {
                        self.taken += data.len() as u64;
                        self.keep(data);
                    }
                    // Trailers are not kept, so a body with them is sent once.
                    None => {
                        self.taken += 1;
                        self.forget();
                    }
                }
                *sent = self.taken;
            }
            Poll::Ready(None) => self.ended = true,
            Poll::Ready(Some(Err(_))) => {
                self.failed = true;
                self.forget();
            }
            Poll::Pending => return Poll::Pending,
        }
        self.readers.wake_others(cx.waker());
        polled
    }

    fn keep(&mut self, data: &[u8]) {
        match self.gone || self.taken > BODY_KEPT_BYTES_MAX as u64 {
            true => self.forget(),
            false => self.kept.extend_from_slice(data),
        }
    }

    fn forget(&mut self) {
        self.gone = true;
        self.kept = Vec::new();
    }
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

#[cfg(test)]
mod tests;

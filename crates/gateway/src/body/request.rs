//! A request's body on its way to an arm: as it comes, or kept so that it can be sent again.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::{BodyError, ClientBody};
use crate::bounds::BODY_KEPT_BYTES_MAX;

/// What is sent to an arm.
pub(crate) enum RequestBody {
    /// None.
    Empty,
    /// The client's, which is sent once.
    Once(Box<ClientBody>),
    /// The client's, of which what came is kept.
    Kept {
        /// What is kept, shared with those who may send it again.
        kept: Rc<RefCell<KeptBody>>,
        /// How many of the kept frames this one has sent.
        sent: usize,
    },
}

/// A client's body of which what came is kept, as long as it is short.
pub(crate) struct KeptBody {
    client: ClientBody,
    frames: Vec<Bytes>,
    bytes: usize,
    /// It became too long, and what came before is not there any more.
    gone: bool,
    ended: bool,
    hint: SizeHint,
}

impl KeptBody {
    /// Keeps what comes of a client's body.
    pub(crate) fn new(client: ClientBody) -> KeptBody {
        KeptBody {
            hint: client.size_hint(),
            client,
            frames: Vec::new(),
            bytes: 0,
            gone: false,
            ended: false,
        }
    }

    /// Whether all of it can be sent again.
    pub(crate) fn is_whole(&self) -> bool {
        !self.gone
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

    /// The next frame for somebody who has sent `sent` of the kept ones.
    fn poll_next(
        &mut self,
        sent: &mut usize,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(data) = self.frames.get(*sent) {
            *sent += 1;
            return Poll::Ready(Some(Ok(Frame::data(data.clone()))));
        }
        if self.ended {
            return Poll::Ready(None);
        }
        let polled = Pin::new(&mut self.client).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => match frame.data_ref() {
                Some(data) => {
                    self.keep(data);
                    *sent += 1;
                }
                // Trailers are not kept, so a body with them is sent once.
                None => self.gone = true,
            },
            Poll::Ready(None) => self.ended = true,
            Poll::Ready(Some(Err(_))) => self.gone = true,
            Poll::Pending => {}
        }
        polled
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
            RequestBody::Once(client) => Pin::new(client.as_mut()).poll_frame(cx),
            RequestBody::Kept { kept, sent } => kept.borrow_mut().poll_next(sent, cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            RequestBody::Empty => true,
            RequestBody::Once(client) => client.is_end_stream(),
            RequestBody::Kept { kept, sent } => {
                let kept = kept.borrow();
                let all_sent = *sent >= kept.frames.len();
                all_sent && (kept.ended || kept.client.is_end_stream())
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            RequestBody::Empty => SizeHint::with_exact(0),
            RequestBody::Once(client) => client.size_hint(),
            // It is asked for once, before anything is sent.
            RequestBody::Kept { kept, .. } => kept.borrow().hint,
        }
    }
}

//! One HTTP/1.1 connection, driven by whoever uses it.
//!
//! A client library with channels between a request and its connection, and with a task for each connection, costs
//! task switches, copies of heads and allocations that one request at a time does not need. Here the request's
//! future sends and reads itself and, once the answer's head is there, the answer's body does ([`crate::body`]).
//! The request's head is only looked at, so that it can be sent again without a copy.
//!
//! An idle connection is read by nobody. It is read once when it is taken from the pool, which is when a close by
//! the other side must be noticed. A connection is used again only if the request was sent to its end, the answer
//! came to its end, nothing came behind it and neither side said `close`.
//!
//! What is read of an answer is checked by httparse as strictly as it can be; how long an answer is, is decided in
//! one place (`answer_head`, RFC 9112, 6.3).

use std::io;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::{Request, response};
use http_body::{Frame, SizeHint};
use tokio::io::AsyncReadExt;

use super::{ExchangeError, UpstreamError, UpstreamStream, dial, silent};
use crate::body::RequestBody;
use crate::bounds::{CONNECTION_BUFFER_BYTES_MAX, UPSTREAM_BUFFER_BYTES};
use crate::connection::ConnectionState;
use crate::endpoint::Endpoint;

mod answer_head;
mod chunked;
mod sending;
#[cfg(any(test, fuzzing))]
mod whole;

use answer_head::HeadReader;
use chunked::Chunked;
use sending::Sending;
#[cfg(any(test, fuzzing))]
pub(crate) use whole::WholeAnswer;

/// A connection to a server. It goes through many hands, so it is one pointer.
pub(crate) struct Http1(Box<Link>);

struct Link {
    stream: UpstreamStream,
    /// What was read and belongs to nobody yet.
    read: BytesMut,
    /// How much is read at once.
    read_size: usize,
    head: HeadReader,
    /// Whether anything was read since the request began.
    has_heard: bool,
    sending: Sending,
    /// Why the request could not be sent to its end. The server may have answered all the same.
    send_error: Option<io::Error>,
    rest: Rest,
    /// Whether both sides keep the connection after this answer.
    keeps: bool,
}

/// What is left of the answer under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// Nothing: the last byte of it was given away, or there never was an answer.
    Nothing,
    /// Its head.
    Head,
    /// So many bytes.
    Length(u64),
    /// Chunks.
    Chunks(Chunked),
    /// All that comes until the server closes.
    UntilEnd,
}

impl Http1 {
    /// Connects. The caller bounds the time.
    pub(crate) async fn connect(endpoint: &Endpoint) -> io::Result<Http1> {
        Ok(Http1::over(dial(endpoint).await?))
    }

    fn over(stream: UpstreamStream) -> Http1 {
        Http1(Box::new(Link {
            stream,
            read: BytesMut::new(),
            read_size: UPSTREAM_BUFFER_BYTES,
            head: HeadReader::default(),
            has_heard: false,
            sending: Sending::default(),
            send_error: None,
            rest: Rest::Nothing,
            keeps: true,
        }))
    }

    /// Sends a request and reads until the answer's head is there. The head stays as it is; the body is taken, and
    /// given back if nothing was sent. If some was, there is [`RequestBody::Gone`] in its place.
    pub(crate) async fn exchange(
        &mut self,
        request: &mut Request<RequestBody>,
        state: &ConnectionState,
    ) -> Result<response::Parts, ExchangeError> {
        let link = &mut *self.0;
        let body = std::mem::replace(request.body_mut(), RequestBody::Gone);
        link.sending.begin(request, body);
        link.head.begin(request.method());
        link.rest = Rest::Head;
        link.has_heard = false;
        let answered = std::future::poll_fn(|cx| match link.poll_head(cx) {
            Poll::Pending if state.is_overdue() => Poll::Ready(Err(ExchangeError::Overdue)),
            Poll::Pending => Poll::Pending,
            Poll::Ready(answered) => Poll::Ready(answered.map_err(ExchangeError::Broken)),
        })
        .await;
        match answered {
            Err(ExchangeError::Broken(error)) => match link.sending.take_unsent() {
                Some((first, rest)) => {
                    *request.body_mut() = RequestBody::begun(first, rest);
                    Err(ExchangeError::NotSent(error))
                }
                None => Err(ExchangeError::Broken(error)),
            },
            other => other,
        }
    }

    /// Whether the connection ended before any byte of an answer.
    pub(crate) fn closed_unanswered(&self, error: &UpstreamError) -> bool {
        !self.0.has_heard && error.is_close()
    }

    /// More of the answer's body; what is left of the request is sent meanwhile.
    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UpstreamError>>> {
        let polled = self.0.poll_frame(cx);
        if let Poll::Ready(Some(Err(_))) = &polled {
            self.0.keeps = false;
            self.0.rest = Rest::Nothing;
        }
        polled
    }

    /// Whether all of the answer was given away.
    pub(crate) fn is_end_stream(&self) -> bool {
        self.0.rest == Rest::Nothing
    }

    /// How long the rest of the answer is, if that is known.
    pub(crate) fn size_hint(&self) -> SizeHint {
        match self.0.rest {
            Rest::Nothing => SizeHint::with_exact(0),
            Rest::Length(left) => SizeHint::with_exact(left),
            Rest::Head | Rest::Chunks(_) | Rest::UntilEnd => SizeHint::default(),
        }
    }

    /// Whether the connection is free for a request, as far as is known without a look at what the other side did
    /// since.
    pub(crate) fn is_free(&self) -> bool {
        let link = &self.0;
        link.keeps
            && link.rest == Rest::Nothing
            && link.sending.is_done()
            && link.send_error.is_none()
            && link.read.is_empty()
    }

    /// Whether the connection is open and free for a request, after a look at what the other side did.
    pub(crate) fn is_reusable(&mut self) -> bool {
        // Whatever comes of an idle connection is its end, or what nobody asked for.
        self.is_free() && self.0.poll_read(&mut silent()).is_pending()
    }

    /// The stream of a connection that changed its protocol, and what was read beyond the answer.
    pub(crate) async fn into_stream(self) -> Option<(UpstreamStream, Bytes)> {
        let mut link = self.0;
        let sent = std::future::poll_fn(|cx| link.poll_send(cx)).await;
        sent.ok()?;
        Some((link.stream, link.read.freeze()))
    }
}

impl Link {
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<response::Parts, UpstreamError>> {
        self.send_some(cx)?;
        loop {
            if let Some(answer) = self.head.read(&mut self.read)? {
                self.rest = answer.rest;
                self.keeps = answer.keeps;
                return Poll::Ready(Ok(answer.head));
            }
            if self.read_more(cx)?.is_pending() {
                return Poll::Pending;
            }
        }
    }

    fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UpstreamError>>> {
        if let Err(error) = self.send_some(cx) {
            return Poll::Ready(Some(Err(error)));
        }
        loop {
            match self.rest.read(&mut self.read) {
                Ok(Some(frame)) => return Poll::Ready(Some(Ok(frame))),
                Ok(None) if matches!(self.rest, Rest::Nothing | Rest::Head) => {
                    return Poll::Ready(None);
                }
                Ok(None) => {}
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
            match self.read_more(cx) {
                Ok(Poll::Pending) => return Poll::Pending,
                Ok(Poll::Ready(())) => {}
                Err(UpstreamError::Closed) if self.rest == Rest::UntilEnd => {
                    self.rest = Rest::Nothing;
                    return Poll::Ready(None);
                }
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
    }

    /// Sends what can be sent now. A connection that takes no more is not the end: the answer may be there.
    fn send_some(&mut self, cx: &mut Context<'_>) -> Result<(), UpstreamError> {
        if self.sending.is_done() || self.send_error.is_some() {
            return Ok(());
        }
        match self.poll_send(cx) {
            Poll::Ready(Err(UpstreamError::Io(error))) => {
                self.send_error = Some(error);
                Ok(())
            }
            Poll::Ready(Err(error)) => Err(error),
            Poll::Ready(Ok(())) | Poll::Pending => Ok(()),
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), UpstreamError>> {
        self.sending.poll(&mut self.stream, cx)
    }

    /// Reads more of an answer that is not whole.
    fn read_more(&mut self, cx: &mut Context<'_>) -> Result<Poll<()>, UpstreamError> {
        match self.poll_read(cx) {
            Poll::Ready(Ok(0)) => Err(match self.send_error.take() {
                Some(error) => UpstreamError::Io(error),
                None => UpstreamError::Closed,
            }),
            Poll::Ready(Ok(_)) => {
                self.has_heard = true;
                Ok(Poll::Ready(()))
            }
            Poll::Ready(Err(error)) => Err(UpstreamError::Io(error)),
            Poll::Pending => match self.send_error.take() {
                Some(error) => Err(UpstreamError::Io(error)),
                None => Ok(Poll::Pending),
            },
        }
    }

    /// Reads once. Larger pieces are read where they come, smaller ones where they do not.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let room = self.read.capacity() - self.read.len();
        if room < self.read_size.min(UPSTREAM_BUFFER_BYTES / 4) || room < self.read_size / 4 {
            // Memory that nobody has a part of any more is used again.
            self.read.reserve(self.read_size);
        }
        let room = self.read.capacity() - self.read.len();
        let reading = std::pin::pin!(self.stream.read_buf(&mut self.read));
        let polled = reading.poll(cx);
        if let Poll::Ready(Ok(count)) = polled {
            if count == room {
                self.read_size = (self.read_size * 2).min(CONNECTION_BUFFER_BYTES_MAX);
            } else if count < self.read_size / 4 {
                self.read_size = (self.read_size / 2).max(UPSTREAM_BUFFER_BYTES);
            }
        }
        polled
    }
}

impl Rest {
    /// The next frame in what was read; `None` if more has to be read, or if nothing is left.
    fn read(&mut self, read: &mut BytesMut) -> Result<Option<Frame<Bytes>>, UpstreamError> {
        let (frame, is_over) = match self {
            Rest::Nothing | Rest::Head => return Ok(None),
            Rest::UntilEnd => (take(read, usize::MAX).map(Frame::data), false),
            Rest::Length(left) => {
                let most = usize::try_from(*left).unwrap_or(usize::MAX);
                let data = take(read, most);
                *left -= data.as_ref().map_or(0, |data| data.len() as u64);
                (data.map(Frame::data), *left == 0)
            }
            Rest::Chunks(chunks) => {
                let frame = chunks.read(read)?;
                (frame, chunks.is_done())
            }
        };
        if is_over {
            *self = Rest::Nothing;
        }
        Ok(frame)
    }
}

/// Up to `most` bytes of what was read; `None` without any.
fn take(read: &mut BytesMut, most: usize) -> Option<Bytes> {
    let count = read.len().min(most);
    (count > 0).then(|| read.split_to(count).freeze())
}

#[cfg(test)]
mod tests;

//! A client's socket with a tap on what comes in, and with reasons for refusals that have none.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::bare_refusal;
use crate::connection::ConnectionState;

/// A client's socket that shows what comes in to its connection's [`HeadTap`], and gives refusals of hyper's own
/// a body.
///
/// [`HeadTap`]: crate::connection::ConnectionState::tap
#[derive(Debug)]
pub(crate) struct TappedStream<S> {
    stream: S,
    /// What was read from the stream before, and comes first.
    early: Bytes,
    state: Rc<ConnectionState>,
    /// What is written in place of a refusal, and how much of it was.
    refusal: Option<(Vec<u8>, usize)>,
}

/// How the last reading and writing of a stream went.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    is_dry: Cell<bool>,
    is_flushed: Cell<bool>,
}

impl Wire {
    /// Whether all was read that has come, and all was sent that was to be sent. hyper flushes a stream
    /// when it has written all that it has for it, and only then.
    pub(crate) fn is_still(&self) -> bool {
        self.is_dry.get() && self.is_flushed.get()
    }
}

impl<S: AsyncWrite + Unpin> TappedStream<S> {
    /// Writes the refusal that stands for `bytes`, if one does. `None` when `bytes` are to be written.
    fn poll_refusal(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Option<Poll<std::io::Result<usize>>> {
        if self.refusal.is_none() {
            self.refusal = bare_refusal::explained(bytes).map(|text| (text, 0));
        }
        let (text, written) = self.refusal.as_mut()?;
        while *written < text.len() {
            match Pin::new(&mut self.stream).poll_write(cx, &text[*written..]) {
                Poll::Ready(Ok(0)) => return Some(Poll::Ready(Ok(0))),
                Poll::Ready(Ok(count)) => *written += count,
                // hyper comes again with the same bytes.
                other => return Some(other),
            }
        }
        self.refusal = None;
        Some(Poll::Ready(Ok(bytes.len())))
    }
}

impl<S> TappedStream<S> {
    /// Taps `stream`, of which `early` was read already.
    pub(crate) fn new(stream: S, early: Bytes, state: Rc<ConnectionState>) -> TappedStream<S> {
        TappedStream {
            stream,
            early,
            state,
            refusal: None,
        }
    }

    /// The stream, and what of `early` nobody read.
    pub(crate) fn into_parts(self) -> (S, Bytes) {
        (self.stream, self.early)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TappedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let polled = if self.early.is_empty() {
            Pin::new(&mut self.stream).poll_read(cx, buffer)
        } else {
            let count = self.early.len().min(buffer.remaining());
            buffer.put_slice(&self.early[..count]);
            self.early.advance(count);
            Poll::Ready(Ok(()))
        };
        if polled.is_ready() {
            self.state.tap.push(&buffer.filled()[before..]);
        }
        self.state.wire.is_dry.set(polled.is_pending());
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TappedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.state.wire.is_flushed.set(false);
        match self.poll_refusal(cx, bytes) {
            Some(polled) => polled,
            None => Pin::new(&mut self.stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        let is_flushed = matches!(polled, Poll::Ready(Ok(())));
        self.state.wire.is_flushed.set(is_flushed);
        polled
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        // In the middle of a body it is closed with more care, by whoever gets it from hyper.
        if self.state.tap.is_in_body() {
            return Poll::Ready(Ok(()));
        }
        self.state.wire.is_flushed.set(false);
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        self.state.wire.is_flushed.set(false);
        if let [bytes] = slices
            && let Some(polled) = self.poll_refusal(cx, bytes)
        {
            return polled;
        }
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }
}

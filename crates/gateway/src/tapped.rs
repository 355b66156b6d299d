//! A client's socket with a tap on what comes in, and with reasons for refusals that have none.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::bare_refusal;
use crate::connection::HeadTap;

/// A client's socket that shows what comes in to a [`HeadTap`], and gives refusals of hyper's own a body.
#[derive(Debug)]
pub(crate) struct TappedStream<S> {
    stream: S,
    tap: Arc<HeadTap>,
    /// What is written in place of a refusal, and how much of it was.
    refusal: Option<(Vec<u8>, usize)>,
}

impl<S> TappedStream<S> {
    /// Taps `stream`.
    pub(crate) fn new(stream: S, tap: Arc<HeadTap>) -> TappedStream<S> {
        TappedStream {
            stream,
            tap,
            refusal: None,
        }
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

impl<S: AsyncRead + Unpin> AsyncRead for TappedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if polled.is_ready() {
            self.tap.push(&buffer.filled()[before..]);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TappedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        match self.poll_refusal(cx, bytes) {
            Some(polled) => polled,
            None => Pin::new(&mut self.stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
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
        if let [bytes] = slices
            && let Some(polled) = self.poll_refusal(cx, bytes)
        {
            return polled;
        }
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }
}

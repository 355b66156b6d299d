//! A connection that changed its protocol (WebSocket and the like): bytes pass both ways until one side ends, or
//! neither says anything for as long as the route allows. The route's time for a whole request does not end it.
//!
//! It is a request until then: in flight at its arm, its route and its place, with a line in the log when it is over,
//! which has the bytes of both directions. Draining waits for it, and cuts it off when the time is over. Whatever
//! ends it, the arm is not to blame: nobody but the two sides knows what they speak.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use crate::capacity::Place;
use crate::connection::{ConnectionState, Step};
use crate::observe::Observed;
use crate::under_way::UnderWay;
use crate::upstream::Upstream;

/// The arm's side of a tunnel that begins once the client has the answer. Dropping it ends the request.
pub(crate) struct Tunnel {
    upstream: Upstream,
    under_way: UnderWay,
    /// Its place among the requests that the route takes at once.
    _place: Option<Place>,
    observed: Rc<Observed>,
    idle_ms: u64,
}

/// One side of a tunnel: what comes from it is told, and begins the time for silence anew.
struct Side<'a, S> {
    stream: S,
    state: &'a ConnectionState,
    idle_ms: u64,
    observed: &'a Observed,
    /// Counts what comes from this side.
    count: fn(&Observed, usize),
}

impl std::fmt::Debug for Tunnel {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Tunnel")
            .field("under_way", &self.under_way)
            .finish_non_exhaustive()
    }
}

impl Tunnel {
    /// A tunnel to the arm that answered over `upstream`. Both sides may be silent for `idle_ms`.
    pub(crate) fn new(
        upstream: Upstream,
        (under_way, place): (UnderWay, Option<Place>),
        observed: Rc<Observed>,
        idle_ms: u64,
    ) -> Tunnel {
        Tunnel {
            upstream,
            under_way,
            _place: place,
            observed,
            idle_ms,
        }
    }

    /// Passes bytes, of which `early` came from the client already, until it is over. `state` is that of the client's
    /// connection, whose deadline it uses.
    pub(crate) async fn run<S: AsyncRead + AsyncWrite + Unpin>(
        self,
        client: S,
        early: &[u8],
        state: &ConnectionState,
    ) {
        let Tunnel {
            upstream,
            mut under_way,
            _place,
            observed,
            idle_ms,
        } = self;
        // The time for the whole request is one for the answer, which is over.
        state.end_never();
        state.enter(Step::Tunnel, idle_ms);
        let mut passing = std::pin::pin!(async {
            let Some((arm, first)) = upstream.into_stream().await else {
                under_way.failed();
                return;
            };
            let mut client = Side {
                stream: client,
                state,
                idle_ms,
                observed: &observed,
                count: Observed::bytes_in,
            };
            let mut arm = Side {
                stream: arm,
                state,
                idle_ms,
                observed: &observed,
                count: Observed::bytes_out,
            };
            observed.bytes_in(early.len());
            observed.bytes_out(first.len());
            // Either side may be gone before it took anything, which is nobody's error.
            if client.write_all(&first).await.is_ok()
                && arm.write_all(early).await.is_ok()
                && tokio::io::copy_bidirectional(&mut client, &mut arm)
                    .await
                    .is_ok()
            {
                observed.complete();
            }
        });
        std::future::poll_fn(|cx| {
            state.set_waker(cx.waker());
            match passing.as_mut().poll(cx) {
                Poll::Pending if state.is_overdue() => Poll::Ready(()),
                polled => polled,
            }
        })
        .await;
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Side<'_, S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let count = buffer.filled().len() - before;
        if count > 0 {
            self.state.enter(Step::Tunnel, self.idle_ms);
            (self.count)(self.observed, count);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Side<'_, S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

//! One HTTP/1.1 connection, driven by whoever uses it.
//!
//! hyper's usual way is a task of its own for every connection, which costs two task switches a
//! request. Here the request's future polls the connection itself and, once the answer's head is
//! there, the answer's body does ([`crate::body`]). An idle connection is polled by nobody; it is
//! polled once when it is taken from the pool, which is when a close by the other side must be
//! noticed.

use std::io;
use std::task::{Context, Poll};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::task::coop::has_budget_remaining;

use super::{ExchangeError, UpstreamStream, dial, silent};
use crate::body::RequestBody;
use crate::bounds::{ANSWER_HEADERS_MAX, CONNECTION_BUFFER_BYTES_MAX};
use crate::connection::ConnectionState;
use crate::endpoint::Endpoint;

/// A connection to a server.
pub(crate) struct Http1 {
    sender: SendRequest<RequestBody>,
    link: Link,
}

/// A connection, and whether hyper is done with it.
struct Link {
    /// `None` once nothing more can come of it.
    connection: Option<Connection<TokioIo<UpstreamStream>, RequestBody>>,
    /// hyper must not poll it again; what is left of it is the stream.
    finished: bool,
}

impl Http1 {
    /// Connects. The caller bounds the time.
    pub(crate) async fn connect(endpoint: &Endpoint) -> io::Result<Http1> {
        let stream = dial(endpoint).await?;
        let mut builder = http1::Builder::new();
        builder
            .max_buf_size(CONNECTION_BUFFER_BYTES_MAX)
            .max_headers(ANSWER_HEADERS_MAX);
        let handshake = builder.handshake(TokioIo::new(stream)).await;
        let (sender, connection) = handshake.map_err(io::Error::other)?;
        let link = Link {
            connection: Some(connection),
            finished: false,
        };
        Ok(Http1 { sender, link })
    }

    /// Sends a request and drives the connection until the answer's head is there.
    pub(crate) async fn exchange(
        &mut self,
        request: Request<RequestBody>,
        state: &ConnectionState,
    ) -> Result<Response<Incoming>, ExchangeError> {
        let mut answer = std::pin::pin!(self.sender.try_send_request(request));
        let link = &mut self.link;
        std::future::poll_fn(|cx| {
            link.drive(cx);
            // The answer comes out of `drive` alone, in this very poll: waking this task for it
            // would only run it twice. A Pending for lack of budget is the exception.
            let mut polled = answer.as_mut().poll(&mut silent());
            if polled.is_pending() && link.finished {
                // A request that is still in the queue comes back when the queue is dropped.
                link.connection = None;
                polled = answer.as_mut().poll(&mut silent());
            }
            if let Poll::Ready(answer) = polled {
                return Poll::Ready(answer.map_err(|mut error| match error.take_message() {
                    Some(request) => ExchangeError::NotSent(Box::new(request), error.into_error()),
                    None => ExchangeError::Broken(error.into_error()),
                }));
            }
            if !has_budget_remaining() {
                cx.waker().wake_by_ref();
            }
            if state.is_overdue() {
                Poll::Ready(Err(ExchangeError::Overdue))
            } else {
                Poll::Pending
            }
        })
        .await
    }

    /// Lets the connection do what it can: read more of a body, send more of one.
    pub(crate) fn drive(&mut self, cx: &mut Context<'_>) {
        self.link.drive(cx);
    }

    /// Whether the connection is open and free for a request, after a look at what the other side
    /// did.
    pub(crate) fn is_reusable(&mut self) -> bool {
        self.drive(&mut silent());
        !self.link.finished && self.sender.is_ready()
    }

    /// The stream of a connection that changed its protocol, and what was read beyond the answer.
    pub(crate) async fn into_stream(mut self) -> Option<(UpstreamStream, bytes::Bytes)> {
        std::future::poll_fn(|cx| {
            self.link.drive(cx);
            if self.link.finished {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        let parts = self.link.connection.take()?.into_parts();
        Some((parts.io.into_inner(), parts.read_buf))
    }
}

impl Link {
    fn drive(&mut self, cx: &mut Context<'_>) {
        // The outcome is also what the sender or the body reports, so it is not lost here.
        if let Some(connection) = &mut self.connection
            && !self.finished
        {
            self.finished = connection.poll_without_shutdown(cx).is_ready();
        }
    }
}

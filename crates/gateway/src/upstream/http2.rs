//! One HTTP/2 connection to a server, which many requests share. gRPC servers speak nothing else.
//!
//! The connection is driven by a task of its own, because its frames belong to many requests.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioIo, TokioTimer};

use super::{ExchangeError, UpstreamError, dial};
use crate::body::RequestBody;
use crate::bounds::{
    HTTP2_CONNECTION_WINDOW_BYTES, HTTP2_PING_PAUSE_MS, HTTP2_PING_TIMEOUT_MS,
    HTTP2_SEND_BUFFER_BYTES_MAX, HTTP2_STREAM_WINDOW_BYTES,
};
use crate::connection::ConnectionState;
use crate::endpoint::Endpoint;

/// One user of a shared connection.
pub(crate) struct Http2 {
    sender: SendRequest<RequestBody>,
    /// The body of the answer that came.
    answer: Option<Incoming>,
    users: Users,
}

/// A shared connection.
pub(crate) struct Http2Opened {
    sender: SendRequest<RequestBody>,
    users: Rc<Cell<usize>>,
}

/// Counts one user until it is dropped.
struct Users(Rc<Cell<usize>>);

/// Runs what belongs to a connection on the worker's thread.
#[derive(Clone, Copy)]
struct Local;

impl<F: Future<Output: 'static> + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, task: F) {
        tokio::task::spawn_local(task);
    }
}

impl Http2Opened {
    /// Connects, in plain text with prior knowledge (RFC 9113, 3.3). The caller bounds the time.
    pub(crate) async fn connect(endpoint: &Endpoint) -> io::Result<Http2Opened> {
        let stream = dial(endpoint).await?;
        let mut builder = Builder::new(Local);
        builder
            .timer(TokioTimer::new())
            .keep_alive_interval(Duration::from_millis(HTTP2_PING_PAUSE_MS))
            .keep_alive_timeout(Duration::from_millis(HTTP2_PING_TIMEOUT_MS))
            .initial_stream_window_size(HTTP2_STREAM_WINDOW_BYTES)
            .initial_connection_window_size(HTTP2_CONNECTION_WINDOW_BYTES)
            .max_send_buf_size(HTTP2_SEND_BUFFER_BYTES_MAX);
        let handshake = builder.handshake(TokioIo::new(stream)).await;
        let (sender, connection) = handshake.map_err(io::Error::other)?;
        tokio::task::spawn_local(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a shared connection to a server ended");
            }
        });
        Ok(Http2Opened {
            sender,
            users: Rc::default(),
        })
    }

    /// Another user of it.
    pub(crate) fn join(&self) -> Http2 {
        self.users.set(self.users.get() + 1);
        Http2 {
            sender: self.sender.clone(),
            answer: None,
            users: Users(Rc::clone(&self.users)),
        }
    }

    /// Whether the server takes new requests on it.
    pub(crate) fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Whether nobody uses it.
    pub(crate) fn is_idle(&self) -> bool {
        self.users.get() == 0
    }
}

impl Http2 {
    pub(crate) async fn exchange(
        &mut self,
        request: &mut Request<RequestBody>,
        state: &ConnectionState,
    ) -> Result<response::Parts, ExchangeError> {
        debug_assert!(self.users.0.get() > 0);
        let sent = match request.body() {
            // It is sent once.
            RequestBody::Once(_) | RequestBody::Begun { .. } => {
                std::mem::replace(request, Request::new(RequestBody::Empty))
            }
            RequestBody::Empty | RequestBody::Kept { .. } => {
                let (mut copy, ()) = Request::new(()).into_parts();
                copy.method = request.method().clone();
                copy.uri = request.uri().clone();
                copy.version = request.version();
                copy.headers = request.headers().clone();
                let body = std::mem::replace(request.body_mut(), RequestBody::Empty);
                Request::from_parts(copy, body)
            }
        };
        let mut answer = std::pin::pin!(self.sender.try_send_request(sent));
        let answer = std::future::poll_fn(|cx| match answer.as_mut().poll(cx) {
            Poll::Ready(Ok(answer)) => Poll::Ready(Ok(answer)),
            Poll::Ready(Err(mut error)) => Poll::Ready(Err(match error.take_message() {
                Some(returned) => {
                    *request = returned;
                    ExchangeError::NotSent(UpstreamError::Http2(error.into_error()))
                }
                None => ExchangeError::Broken(UpstreamError::Http2(error.into_error())),
            })),
            Poll::Pending if state.is_overdue() => Poll::Ready(Err(ExchangeError::Overdue)),
            Poll::Pending => Poll::Pending,
        })
        .await?;
        let (head, body) = answer.into_parts();
        self.answer = Some(body);
        Ok(head)
    }

    /// More of the answer's body, which the task that drives the connection brings.
    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UpstreamError>>> {
        match &mut self.answer {
            Some(answer) => {
                let polled = Pin::new(answer).poll_frame(cx);
                polled.map_err(UpstreamError::Http2)
            }
            None => Poll::Ready(None),
        }
    }

    /// Whether all of the answer was given away.
    pub(crate) fn is_end_stream(&self) -> bool {
        self.answer.as_ref().is_none_or(Body::is_end_stream)
    }

    /// How long the rest of the answer is, if that is known.
    pub(crate) fn size_hint(&self) -> SizeHint {
        let answer = self.answer.as_ref();
        answer.map_or(SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for Users {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

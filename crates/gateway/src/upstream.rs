//! One request's way to a server: a connection of its own, or a stream of a shared one.

use std::io;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, response};
use http_body::{Frame, SizeHint};
use tokio::net::TcpStream;

use crate::body::RequestBody;
use crate::bounds::SERVER_PROBES;
use crate::connection::ConnectionState;
use crate::endpoint::{Destination, Endpoint};
use crate::keep_alive::keep_alive;

mod error;
mod http1;
mod http2;
mod stream;
mod tls;

pub(crate) use error::{ExchangeError, UpstreamError};
use http1::Http1;
#[cfg(any(test, fuzzing))]
pub(crate) use http1::WholeAnswer;
pub(crate) use http2::{Http2, Http2Opened};
pub(crate) use stream::UpstreamStream;
pub(crate) use tls::UpstreamTlsClient;

#[cfg(test)]
pub(crate) use tls::tests;

/// A way to a server.
pub(crate) enum Upstream {
    /// A connection that one request at a time uses.
    Http1(Http1),
    /// A connection that many requests use at once; this is one of its users.
    Http2(Http2),
}

impl Upstream {
    /// Connects for HTTP/1.1. The caller bounds the time.
    pub(crate) async fn connect(endpoint: &Endpoint) -> io::Result<Upstream> {
        Http1::connect(endpoint).await.map(Upstream::Http1)
    }

    /// Sends a request and waits until the answer's head is there; its body comes out of
    /// [`Upstream::poll_frame`]. The request's body is taken, unless nothing was sent. Its head stays if there is
    /// no body, or one that is kept: such a request may be sent again.
    pub(crate) async fn exchange(
        &mut self,
        request: &mut Request<RequestBody>,
        state: &ConnectionState,
    ) -> Result<response::Parts, ExchangeError> {
        match self {
            Upstream::Http1(upstream) => upstream.exchange(request, state).await,
            Upstream::Http2(upstream) => upstream.exchange(request, state).await,
        }
    }

    /// Whether the exchange that failed with `error` ended as it does on a connection that the server closes because
    /// it was idle: with the connection's end, before any byte of an answer.
    pub(crate) fn closed_unanswered(&self, error: &UpstreamError) -> bool {
        match self {
            Upstream::Http1(upstream) => upstream.closed_unanswered(error),
            Upstream::Http2(_) => error.is_close(),
        }
    }

    /// More of the answer's body. Over HTTP/1.1 it is this that sends the rest of the request, too.
    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UpstreamError>>> {
        match self {
            Upstream::Http1(upstream) => upstream.poll_frame(cx),
            Upstream::Http2(upstream) => upstream.poll_frame(cx),
        }
    }

    /// Whether all of the answer was given away.
    pub(crate) fn is_end_stream(&self) -> bool {
        match self {
            Upstream::Http1(upstream) => upstream.is_end_stream(),
            Upstream::Http2(upstream) => upstream.is_end_stream(),
        }
    }

    /// How long the rest of the answer is, if that is known.
    pub(crate) fn size_hint(&self) -> SizeHint {
        match self {
            Upstream::Http1(upstream) => upstream.size_hint(),
            Upstream::Http2(upstream) => upstream.size_hint(),
        }
    }

    /// Whether another request may use it, as far as is known without a look at what the other side did since.
    pub(crate) fn is_free(&self) -> bool {
        match self {
            Upstream::Http1(upstream) => upstream.is_free(),
            // The pool keeps the connection itself.
            Upstream::Http2(_) => false,
        }
    }

    /// Whether another request may use it, after a look at what the other side did.
    pub(crate) fn is_reusable(&mut self) -> bool {
        match self {
            Upstream::Http1(upstream) => upstream.is_reusable(),
            // The pool keeps the connection itself.
            Upstream::Http2(_) => false,
        }
    }

    /// The stream of a connection that changed its protocol, and what was read beyond the answer.
    pub(crate) async fn into_stream(self) -> Option<(UpstreamStream, Bytes)> {
        match self {
            Upstream::Http1(upstream) => upstream.into_stream().await,
            Upstream::Http2(_) => None,
        }
    }
}

/// A context that wakes nobody.
pub(crate) fn silent() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

/// Opens a connection, and shakes hands where TLS is spoken. The caller bounds the time.
///
/// The system asks a silent server's system whether it is there, so that a connection to a machine that is gone ends,
/// whether it is in use or not.
pub(crate) async fn dial(endpoint: &Endpoint) -> io::Result<UpstreamStream> {
    let stream = match &endpoint.destination {
        Destination::Address(address) => TcpStream::connect(address).await?,
        Destination::Name(name) => TcpStream::connect(name.as_str()).await?,
    };
    stream.set_nodelay(true)?;
    keep_alive(&stream, &SERVER_PROBES)?;
    match &endpoint.tls {
        None => Ok(UpstreamStream::Plain(stream)),
        Some(tls) => tls.client.shake_hands(stream, &tls.server_name).await,
    }
}

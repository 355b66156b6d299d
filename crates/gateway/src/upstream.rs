//! One request's way to a server: a connection of its own, or a stream of a shared one.

use std::io;
use std::task::{Context, Waker};

use http::{Request, Response};
use hyper::body::Incoming;
use tokio::net::TcpStream;

use crate::body::RequestBody;
use crate::connection::ConnectionState;
use crate::endpoint::{Destination, Endpoint};

mod http1;
mod http2;
mod stream;
mod tls;

use http1::Http1;
pub(crate) use http2::{Http2, Http2Opened};
pub(crate) use stream::UpstreamStream;
pub(crate) use tls::UpstreamTlsClient;

#[cfg(test)]
pub(crate) use tls::tests;

/// A way to a server.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are of the large kind, and a box would cost an allocation"
)]
pub(crate) enum Upstream {
    /// A connection that one request at a time uses.
    Http1(Http1),
    /// A connection that many requests use at once; this is one of its users.
    Http2(Http2),
}

/// Why a request got no answer over a connection.
pub(crate) enum ExchangeError {
    /// Nothing of it was sent: here it is again.
    NotSent(Box<Request<RequestBody>>, hyper::Error),
    /// It was sent, at least in part.
    Broken(hyper::Error),
    /// The current step lasted too long.
    Overdue,
}

impl ExchangeError {
    /// What it was in one word.
    pub(crate) fn cause(&self) -> &'static str {
        match self {
            ExchangeError::NotSent(..) => "unreachable",
            ExchangeError::Broken(_) => "broken",
            ExchangeError::Overdue => "timed-out",
        }
    }
}

impl Upstream {
    /// Connects for HTTP/1.1. The caller bounds the time.
    pub(crate) async fn connect(endpoint: &Endpoint) -> io::Result<Upstream> {
        Http1::connect(endpoint).await.map(Upstream::Http1)
    }

    /// Sends a request and waits until the answer's head is there.
    pub(crate) async fn exchange(
        &mut self,
        request: Request<RequestBody>,
        state: &ConnectionState,
    ) -> Result<Response<Incoming>, ExchangeError> {
        match self {
            Upstream::Http1(upstream) => upstream.exchange(request, state).await,
            Upstream::Http2(upstream) => upstream.exchange(request, state).await,
        }
    }

    /// Lets the connection do what it can: read more of a body, send more of one. Returns whether it is
    /// this that brings the answer's body; a shared connection does that by itself.
    pub(crate) fn drive(&mut self, cx: &mut Context<'_>) -> bool {
        match self {
            Upstream::Http1(upstream) => {
                upstream.drive(cx);
                true
            }
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
    pub(crate) async fn into_stream(self) -> Option<(UpstreamStream, bytes::Bytes)> {
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
pub(crate) async fn dial(endpoint: &Endpoint) -> io::Result<UpstreamStream> {
    let stream = match &endpoint.destination {
        Destination::Address(address) => TcpStream::connect(address).await?,
        Destination::Name(name) => TcpStream::connect(name.as_str()).await?,
    };
    stream.set_nodelay(true)?;
    match &endpoint.tls {
        None => Ok(UpstreamStream::Plain(stream)),
        Some(tls) => tls.client.shake_hands(stream, &tls.server_name).await,
    }
}

//! HTTP/1.1 towards clients. A connection that is busy is hyper's; one that has been idle for a moment is
//! *parked*: what hyper keeps for it is given back, and only the socket is left, with a task that waits
//! until bytes come.
//!
//! hyper keeps about 20 KiB for a connection, whatever it does, and most connections do nothing most of
//! the time. A connection may be taken from hyper between two requests: the last answer was sent, and
//! all that came was read ([`ConnectionState::is_between_requests`]). What hyper has read of a next request
//! all the same goes along to its successor.

use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use bytes::Bytes;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::bounds::{CONNECTION_BUFFER_BYTES_MAX, LINGER_TIMEOUT_MS};
use crate::connection::{ConnectionState, Step};
use crate::forward::forward;
use crate::tapped::TappedStream;
use crate::tunnel::Tunnel;
use crate::worker::Worker;

/// A client's stream of bytes, over a socket that tells when more of them come.
pub(crate) trait ClientStream: AsyncRead + AsyncWrite + Unpin + 'static {
    /// The socket.
    fn socket(&self) -> &TcpStream;
}

impl ClientStream for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

impl ClientStream for Box<TlsStream<TcpStream>> {
    fn socket(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// What became of a connection that hyper had. The bytes were read from the stream already.
enum Served<S> {
    /// It ended in the middle of a request's body, and is still open.
    InBody(S),
    /// It is closed.
    Closed,
    /// It is of no use any more.
    Overdue,
    /// It is between two requests.
    Idle(S, Bytes),
    /// It is to change its protocol.
    Changed(S, Bytes, Box<Tunnel>),
}

/// Why hyper does not have a connection any more.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// It is done.
    Over,
    /// The client was too slow.
    Overdue,
    /// It is between two requests.
    Idle,
}

/// Serves a connection until it is closed.
pub(crate) async fn serve<S: ClientStream>(
    worker: Rc<Worker>,
    mut stream: S,
    state: Rc<ConnectionState>,
) -> Result<(), hyper::Error> {
    let mut early = Bytes::new();
    loop {
        state.unpark();
        // In boxes, so that a task that is parked has no room for them.
        let served = Box::pin(serve_some(&worker, stream, early, &state)).await?;
        match served {
            Served::Closed | Served::Overdue => return Ok(()),
            Served::InBody(stream) => {
                Box::pin(close(&worker, stream, &state)).await;
                return Ok(());
            }
            Served::Changed(stream, early, tunnel) => {
                Box::pin(tunnel.run(stream, &early, &state)).await;
                return Ok(());
            }
            Served::Idle(idle, read) => (stream, early) = (idle, read),
        }
        if early.is_empty() {
            state.park();
            if !more_comes(&worker, &mut stream, &state).await {
                return Ok(());
            }
        } else {
            state.enter(Step::Head, state.clients.head_timeout_ms);
        }
    }
}

/// Lets hyper serve a connection for as long as it is busy.
async fn serve_some<S: ClientStream>(
    worker: &Rc<Worker>,
    stream: S,
    early: Bytes,
    state: &Rc<ConnectionState>,
) -> Result<Served<S>, hyper::Error> {
    let stream = TokioIo::new(TappedStream::new(stream, early, Rc::clone(state)));
    let (serving, shared) = (Rc::clone(worker), Rc::clone(state));
    let service =
        service_fn(move |request| forward(Rc::clone(&serving), Rc::clone(&shared), request));
    let mut builder = http1::Builder::new();
    builder
        .max_buf_size(CONNECTION_BUFFER_BYTES_MAX)
        .max_headers(state.clients.headers_max as usize)
        .max_header_size(state.clients.head_bytes_max as usize);
    let mut connection = builder.serve_connection(stream, service);
    let mut closing = false;
    let ended = std::future::poll_fn(|cx| {
        state.set_waker(cx.waker());
        let mut polled = Pin::new(&mut connection).poll(cx);
        if polled.is_pending() && worker.is_closing() && !closing {
            closing = true;
            Pin::new(&mut connection).graceful_shutdown();
            polled = Pin::new(&mut connection).poll(cx);
        }
        state.notice_head();
        // An answer's body ends itself when it is overdue, unless hyper does not ask for it: then the client takes
        // nothing of what was written before. The body is dropped, and nobody is to blame.
        let waits = state.waits_for_client() || state.step() == Step::AnswerBody;
        if polled.is_pending() && waits && state.is_overdue() {
            return Poll::Ready(Ok(Ended::Overdue));
        }
        if polled.is_pending() && state.is_to_be_parked() {
            if !closing && state.is_between_requests() {
                return Poll::Ready(Ok(Ended::Idle));
            }
            state.park_later();
        }
        polled.map_ok(|()| Ended::Over)
    })
    .await?;
    let tunnel = state.take_tunnel();
    if ended == Ended::Overdue {
        return Ok(Served::Overdue);
    }
    let parts = connection.into_parts();
    let (stream, unread) = parts.io.into_inner().into_parts();
    // A copy, because also an empty piece of hyper's buffer keeps all of it.
    let early = Bytes::from([parts.read_buf, unread].concat());
    Ok(match (tunnel, ended) {
        (Some(tunnel), _) => Served::Changed(stream, early, tunnel),
        (None, Ended::Idle) => Served::Idle(stream, early),
        (None, _) if state.tap.is_in_body() => Served::InBody(stream),
        (None, _) => Served::Closed,
    })
}

/// Closes a connection in the middle of a request's body. The client's side is read for a moment more: a socket that is
/// closed with something unread in it takes the answer away from the client (RFC 9112, 9.6).
async fn close<S: ClientStream>(worker: &Worker, mut stream: S, state: &ConnectionState) {
    state.enter(Step::Idle, LINGER_TIMEOUT_MS);
    let mut is_shut = false;
    std::future::poll_fn(|cx| {
        state.set_waker(cx.waker());
        if state.is_overdue() || worker.is_closing() {
            return Poll::Ready(());
        }
        if !is_shut {
            match Pin::new(&mut stream).poll_shutdown(cx) {
                Poll::Ready(Ok(())) => is_shut = true,
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => {}
            }
        }
        let mut bytes = [0; 8 * 1024];
        loop {
            let mut read = ReadBuf::new(&mut bytes);
            match Pin::new(&mut stream).poll_read(cx, &mut read) {
                Poll::Ready(Ok(())) if !read.filled().is_empty() => {}
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await;
}

/// Waits until bytes come; `false` if the connection is over.
async fn more_comes<S: ClientStream>(
    worker: &Worker,
    stream: &mut S,
    state: &ConnectionState,
) -> bool {
    std::future::poll_fn(|cx| {
        state.set_waker(cx.waker());
        let mut byte = [0];
        match stream.socket().poll_peek(cx, &mut ReadBuf::new(&mut byte)) {
            Poll::Ready(peeked) => Poll::Ready(matches!(peeked, Ok(1..))),
            Poll::Pending if state.is_overdue() || worker.is_closing() => {
                // TLS says goodbye, which the socket has room for: everything else was sent.
                let _ = Pin::new(&mut *stream).poll_shutdown(cx);
                Poll::Ready(false)
            }
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

#[cfg(test)]
mod tests;

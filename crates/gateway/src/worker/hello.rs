//! How a connection begins: TLS, and which protocol the client speaks.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;
use std::time::Duration;

use tokio::io::ReadBuf;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::Worker;
use crate::bounds::{HELLO_TIMEOUT_MS, TICK_MS};
use crate::connection::{ConnectionState, Step};
use crate::tls::Tls;
use crate::{http1, http2};

/// How a connection begins whose client knows that it may speak HTTP/2.
const HTTP2_BEGIN: &[u8] = b"PRI";

impl Worker {
    /// Serves one connection in plain text. Clients that know that they may speak HTTP/2 begin with its
    /// preface (RFC 9113, 3.3).
    pub(super) async fn serve(self: Rc<Self>, stream: TcpStream, state: Rc<ConnectionState>) {
        state.park();
        let served = match self.speaks_http2(&stream, &state).await {
            Ok(true) => Box::pin(http2::serve(self, stream, state)).await,
            Ok(false) => http1::serve(self, stream, state).await,
            Err(_) => return,
        };
        if let Err(error) = served {
            tracing::debug!(%error, "a client's connection ended early");
        }
    }

    /// Serves one connection over TLS; the handshake says which protocol the client speaks.
    pub(super) async fn serve_secure(
        self: Rc<Self>,
        tls: Arc<Tls>,
        stream: TcpStream,
        state: Rc<ConnectionState>,
    ) {
        state.enter(Step::Head, HELLO_TIMEOUT_MS);
        let stream = match Box::pin(self.shake_hands(tls, stream, &state)).await {
            Ok(Some(stream)) => stream,
            Ok(None) => return,
            Err(error) => {
                let block = self.observers.block();
                block.handshakes_failed.fetch_add(1, Relaxed);
                tracing::debug!(%error, "a client's TLS handshake failed");
                return;
            }
        };
        self.observers.block().handshakes.fetch_add(1, Relaxed);
        state.enter_idle();
        let served = match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => Box::pin(http2::serve(self, stream, state)).await,
            _ => http1::serve(self, stream, state).await,
        };
        if let Err(error) = served {
            tracing::debug!(%error, "a client's connection ended early");
        }
    }

    async fn shake_hands(
        &self,
        tls: Arc<Tls>,
        stream: TcpStream,
        state: &ConnectionState,
    ) -> std::io::Result<Option<Box<TlsStream<TcpStream>>>> {
        let mut shaking = std::pin::pin!(tls.accept(stream));
        let shaken = std::future::poll_fn(|cx| {
            state.set_waker(cx.waker());
            let polled = shaking.as_mut().poll(cx);
            if polled.is_pending() && (state.is_overdue() || self.is_closing()) {
                return Poll::Ready(Err(std::io::ErrorKind::TimedOut.into()));
            }
            polled
        });
        Ok(shaken.await?.map(Box::new))
    }

    /// Whether the client begins with the preface of HTTP/2, `PRI * HTTP/2.0`. No method of HTTP/1.1 begins
    /// with these three letters.
    async fn speaks_http2(
        &self,
        stream: &TcpStream,
        state: &ConnectionState,
    ) -> std::io::Result<bool> {
        let mut begin = [0; HTTP2_BEGIN.len()];
        loop {
            let mut buffer = ReadBuf::new(&mut begin);
            let is_over = || state.is_overdue() || self.is_closing();
            let read = std::future::poll_fn(|cx| {
                state.set_waker(cx.waker());
                let polled = stream.poll_peek(cx, &mut buffer);
                if polled.is_pending() && is_over() {
                    return Poll::Ready(Err(std::io::ErrorKind::TimedOut.into()));
                }
                polled
            })
            .await?;
            let begin = &buffer.filled()[..read];
            if begin != &HTTP2_BEGIN[..read] || begin.is_empty() {
                return Ok(false);
            }
            if read == HTTP2_BEGIN.len() {
                return Ok(true);
            }
            // So far it may be either. What was seen stays in the socket, so there is nothing to wait on
            // but time.
            state.enter_once(Step::Head, state.clients.head_timeout_ms);
            if is_over() {
                return Err(std::io::ErrorKind::TimedOut.into());
            }
            // In a box, because few connections ever need it.
            Box::pin(tokio::time::sleep(Duration::from_millis(TICK_MS))).await;
        }
    }
}

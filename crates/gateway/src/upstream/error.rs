//! Why there is no answer, or no more of it.

use std::error::Error;
use std::io;

/// Why a request got no answer over a connection.
pub(crate) enum ExchangeError {
    /// Nothing of it was sent, or the server says that it did nothing with it: its body is whole, where it was.
    NotSent(UpstreamError),
    /// It was sent, at least in part.
    Broken(UpstreamError),
    /// The current step lasted too long.
    Overdue,
}

/// What went wrong on the way to a server or back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    /// The answer did not come to its end.
    #[error("the server closed the connection before its answer was whole")]
    Closed,
    /// The connection.
    #[error("the connection broke")]
    Io(#[source] io::Error),
    /// The head of the answer, or its trailers.
    #[error("the server's answer is not HTTP/1.1")]
    Head(#[source] httparse::Error),
    /// The head or the trailers of the answer.
    #[error("the head of the server's answer is too long")]
    HeadTooLong,
    /// `Content-Length` of the answer.
    #[error("the answer's Content-Length is not one number")]
    Length,
    /// `Transfer-Encoding` of the answer.
    #[error("the answer's Transfer-Encoding is not `chunked` alone in HTTP/1.1")]
    Coding,
    /// The chunked coding of the answer.
    #[error("the answer's chunks are not as HTTP/1.1 has them")]
    Chunk,
    /// The request's body broke off.
    #[error("the request's body did not come to its end")]
    RequestBody(#[source] Box<dyn Error + Send + Sync>),
    /// The request's body is shorter or longer than its head says.
    #[error("the request's body is not as long as its head says")]
    RequestLength,
    /// A shared connection, or a stream of it.
    #[error("the shared connection failed")]
    Http2(#[source] hyper::Error),
    /// The server took no stream for it.
    #[error("the server did not look at the request")]
    NotProcessed(#[source] hyper::Error),
}

impl UpstreamError {
    /// Whether it is nothing but the end of the connection: closed, reset, or given up in good order by the server of
    /// a shared one, with streams that it did not take (RFC 9113, 6.8 and 8.7).
    pub(crate) fn is_close(&self) -> bool {
        match self {
            UpstreamError::Closed => true,
            UpstreamError::Io(error) => is_close(error),
            UpstreamError::Http2(error) => {
                let cause = error.source();
                let io = cause.and_then(|cause| cause.downcast_ref::<io::Error>());
                let h2 = cause.and_then(|cause| cause.downcast_ref::<h2::Error>());
                error.is_closed()
                    || error.is_canceled()
                    || io.is_some_and(is_close)
                    || h2.is_some_and(|h2| {
                        let refused = h2.reason() == Some(h2::Reason::REFUSED_STREAM);
                        h2.is_remote() && (h2.is_go_away() || refused)
                    })
            }
            _ => false,
        }
    }
}

fn is_close(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::NotConnected
            | io::ErrorKind::UnexpectedEof
    )
}

impl ExchangeError {
    /// What it was in one word.
    pub(crate) fn cause(&self) -> &'static str {
        match self {
            ExchangeError::NotSent(_) => "unreachable",
            ExchangeError::Broken(_) => "broken",
            ExchangeError::Overdue => "timed-out",
        }
    }
}

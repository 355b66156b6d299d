//! The body of a request that is answered without it.
//!
//! On HTTP/1.1 a connection can only go on when the body is read, so a short one is, and thrown away. With a longer one,
//! or one whose client waits to be told that it may send it, the connection ends: the answer says so, and what
//! comes is read for a moment more ([`crate::http1`]), because otherwise the client might never see the answer.

use std::pin::Pin;
use std::task::Poll;

use http::header::{CONTENT_LENGTH, EXPECT};
use http::request;
use hyper::body::{Body, Incoming};

use super::Passage;
use crate::bounds::{UNREAD_BYTES_MAX, UNREAD_TIMEOUT_MS};
use crate::connection::{Protocol, Step};

/// A body that nobody has begun to read.
pub(super) struct Unread {
    incoming: Option<Incoming>,
    /// Whether it may be read and thrown away.
    is_short: bool,
}

impl Unread {
    /// The body of a request.
    pub(super) fn new(head: &request::Parts, incoming: Incoming) -> Unread {
        let length = head.headers.get(CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        let is_short = length.is_none_or(|length| length <= UNREAD_BYTES_MAX);
        Unread {
            incoming: Some(incoming),
            is_short: is_short && !head.headers.contains_key(EXPECT),
        }
    }

    /// Whether there is one.
    pub(super) fn has_body(&self) -> bool {
        self.incoming
            .as_ref()
            .is_some_and(|incoming| !incoming.is_end_stream())
    }

    /// The body, for somebody who reads it.
    pub(super) fn take(&mut self) -> Option<Incoming> {
        self.incoming.take()
    }
}

impl Passage {
    /// Reads what is left of a short body. It takes no place meanwhile.
    pub(super) async fn read_rest(&mut self, mut unread: Unread, closes: bool) {
        let is_wanted = unread.is_short
            && !closes
            && unread.has_body()
            && self.state.protocol() == Protocol::Http1;
        let Some(mut incoming) = unread.take().filter(|_| is_wanted) else {
            return;
        };
        self.place = None;
        self.state.enter(Step::ClientBody, UNREAD_TIMEOUT_MS);
        let mut read = 0;
        let state = &self.state;
        std::future::poll_fn(|cx| {
            loop {
                match Pin::new(&mut incoming).poll_frame(cx) {
                    Poll::Ready(Some(Ok(frame))) => {
                        read += frame.data_ref().map_or(0, |data| data.len() as u64);
                        if read > UNREAD_BYTES_MAX {
                            return Poll::Ready(());
                        }
                    }
                    Poll::Ready(None) => {
                        state.tap.finish_body();
                        return Poll::Ready(());
                    }
                    Poll::Ready(Some(Err(_))) => return Poll::Ready(()),
                    Poll::Pending if state.is_overdue() => return Poll::Ready(()),
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await;
        self.state.enter_client_read();
    }
}

//! A connection that requests share.
//!
//! It is driven by a task of its own, because its frames belong to many requests. It is shared once the server's
//! settings are there, which are the first thing that a server sends (RFC 9113, 3.4): nobody has to guess how many
//! streams it takes.

use std::cell::{Cell, OnceCell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use hyper::client::conn::http2::{Builder, Connection, SendRequest};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::Notify;

use super::{Http2, SentBody};
use crate::bounds::{
    HTTP2_CONNECTION_WINDOW_BYTES, HTTP2_PING_TIMEOUT_MS, HTTP2_SEND_BUFFER_BYTES_MAX,
    HTTP2_STREAM_WINDOW_BYTES, UPSTREAM_PING_PAUSE_MS,
};
use crate::endpoint::Endpoint;
use crate::upstream::{UpstreamStream, dial};

/// What the library says of the number of streams until the server's settings are there. They cannot say this: it is
/// not "any number", and everything else has 32 bits.
const UNKNOWN_STREAMS: usize = usize::MAX - 1;

/// A shared connection.
pub(crate) struct Http2Opened {
    sender: SendRequest<SentBody>,
    driven: Driven,
    load: Rc<Load>,
}

/// The connection until it ends: only when it is dropped nobody can send on it any more.
type Driven = Rc<RefCell<Option<Pin<Box<Connection<TokioIo<UpstreamStream>, SentBody, Local>>>>>>;

/// Who uses a connection.
#[derive(Default)]
struct Load {
    users: Cell<usize>,
    /// Nobody else may join: it failed, or may have.
    is_spoiled: Cell<bool>,
    /// The server refused a stream and has answered on none since.
    is_full: Cell<bool>,
    /// Who waits for a place.
    waiting: OnceCell<Rc<Notify>>,
}

/// A place on a connection until it is dropped: by who uses it, and by the body that is sent.
pub(super) struct Seat(Rc<Load>);

impl Http2Opened {
    /// Connects, in plain text with prior knowledge (RFC 9113, 3.3), and waits for the server's settings. The caller
    /// bounds the time.
    pub(crate) async fn connect(endpoint: &Endpoint) -> io::Result<Http2Opened> {
        let stream = dial(endpoint).await?;
        let local = Local::default();
        let mut builder = Builder::new(local.clone());
        builder
            .timer(TokioTimer::new())
            .keep_alive_interval(Duration::from_millis(UPSTREAM_PING_PAUSE_MS))
            .keep_alive_timeout(Duration::from_millis(HTTP2_PING_TIMEOUT_MS))
            .initial_max_send_streams(UNKNOWN_STREAMS)
            .initial_stream_window_size(HTTP2_STREAM_WINDOW_BYTES)
            .initial_connection_window_size(HTTP2_CONNECTION_WINDOW_BYTES)
            .max_send_buf_size(HTTP2_SEND_BUFFER_BYTES_MAX);
        let handshake = builder.handshake(TokioIo::new(stream)).await;
        let (sender, connection) = handshake.map_err(io::Error::other)?;
        let mut connection = Box::pin(connection);
        std::future::poll_fn(|cx| {
            if connection.current_max_send_streams() != UNKNOWN_STREAMS {
                return Poll::Ready(Ok(()));
            }
            // Frames are read by a task that the library made.
            local.wake_after_frames(cx.waker());
            match connection.as_mut().poll(cx) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Ok(())) => Poll::Ready(Err(not_http2())),
                Poll::Ready(Err(error)) => Poll::Ready(Err(io::Error::other(error))),
            }
        })
        .await?;
        let driven: Driven = Rc::new(RefCell::new(Some(connection)));
        tokio::task::spawn_local(drive(Rc::clone(&driven)));
        Ok(Http2Opened {
            sender,
            driven,
            load: Rc::default(),
        })
    }

    /// Wakes those who wait for a place whenever a user leaves.
    pub(crate) fn tell(&self, waiting: &Rc<Notify>) {
        let _ = self.load.waiting.set(Rc::clone(waiting));
    }

    /// Another user of it.
    pub(crate) fn join(&self) -> Http2 {
        self.load.users.set(self.users() + 1);
        Http2 {
            sender: self.sender.clone(),
            answer: None,
            wanted: None,
            seat: Rc::new(Seat(Rc::clone(&self.load))),
        }
    }

    /// Whether the server takes new requests on it.
    pub(crate) fn is_open(&self) -> bool {
        !self.load.is_spoiled.get() && !self.sender.is_closed()
    }

    /// Whether the server takes one more stream beside those that are open, as far as is known: after it refused one,
    /// it has none for others until it answers.
    pub(crate) fn has_room(&self) -> bool {
        if self.load.is_full.get() {
            return false;
        }
        // It is borrowed for longer only while it is polled, where nobody asks this.
        let driven = self.driven.try_borrow();
        let streams_max = driven.map_or(0, |driven| {
            let connection = driven.as_ref();
            connection.map_or(0, |connection| connection.current_max_send_streams())
        });
        self.users() < streams_max
    }

    /// How many use it.
    pub(crate) fn users(&self) -> usize {
        self.load.users.get()
    }
}

impl Seat {
    /// Lets nobody else join the connection; those who use it go on.
    pub(super) fn spoil(&self) {
        self.0.is_spoiled.set(true);
    }

    /// Takes note that the server refused a stream.
    pub(super) fn refused(&self) {
        self.0.is_full.set(true);
    }

    /// Takes note that the server answered on a stream.
    pub(super) fn answered(&self) {
        self.0.is_full.set(false);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let load = &self.0;
        load.users.set(load.users.get().saturating_sub(1));
        if let Some(waiting) = load.waiting.get() {
            waiting.notify_waiters();
        }
    }
}

/// Brings requests to the connection until it ends.
async fn drive(driven: Driven) {
    let ended = std::future::poll_fn(|cx| {
        let mut driven = driven.borrow_mut();
        match driven.as_mut() {
            Some(connection) => connection.as_mut().poll(cx),
            None => Poll::Ready(Ok(())),
        }
    });
    if let Err(error) = ended.await {
        tracing::debug!(%error, "a shared connection to a server ended");
    }
    let ended = driven.borrow_mut().take();
    drop(ended);
}

fn not_http2() -> io::Error {
    let text = "it ended the connection before it said anything in HTTP/2";
    io::Error::new(io::ErrorKind::UnexpectedEof, text)
}

/// Runs what belongs to a connection on the worker's thread.
#[derive(Clone, Default)]
struct Local(Rc<Cell<Option<Waker>>>);

impl Local {
    /// Wakes once when a task of the connection was run.
    fn wake_after_frames(&self, waker: &Waker) {
        self.0.set(Some(waker.clone()));
    }
}

impl<F: Future<Output: 'static> + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, task: F) {
        let waiting = Rc::clone(&self.0);
        tokio::task::spawn_local(async move {
            let mut task = std::pin::pin!(task);
            std::future::poll_fn(|cx: &mut Context<'_>| {
                let polled = task.as_mut().poll(cx);
                if let Some(waker) = waiting.take() {
                    waker.wake();
                }
                polled
            })
            .await
        });
    }
}

//! HTTP/2 towards clients: every stream is a task with a state of its own.
//!
//! hyper hands each stream to an executor. Ours runs it on the worker's thread, and watches it: a client
//! that takes nothing of an answer is not seen by the code that makes the answer, because nobody asks
//! for more of it. So the task itself ends a stream that is overdue, which resets it.

use std::cell::RefCell;
use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::body::{AnswerBody, BodyError};
use crate::bounds::{
    HTTP2_CONNECTION_WINDOW_BYTES, HTTP2_PIECE_BYTES_MAX, HTTP2_PING_PAUSE_MS,
    HTTP2_PING_TIMEOUT_MS, HTTP2_RESETS_PENDING_MAX, HTTP2_SEND_BUFFER_BYTES_MAX,
    HTTP2_STREAM_WINDOW_BYTES,
};
use crate::connection::{ConnectionState, Protocol};
use crate::forward::forward;
use crate::worker::{OpenStream, Worker};

/// The state of the stream whose task is running, once its request is there.
type Slot = Rc<RefCell<Option<Rc<ConnectionState>>>>;

/// Runs streams on the worker's thread.
#[derive(Clone)]
struct Streams {
    /// Where the running task looks for its stream's state.
    current: Rc<RefCell<Option<Slot>>>,
}

/// One stream's task.
struct StreamTask<F> {
    task: Pin<Box<F>>,
    slot: Slot,
    current: Rc<RefCell<Option<Slot>>>,
}

/// An answer on a stream; the stream is over when it is dropped.
///
/// It goes to the client in pieces, each of which has the client's time anew: hyper asks for the next one only when
/// the client has let the one before come.
struct StreamBody {
    body: AnswerBody,
    /// What is left of a frame.
    rest: Bytes,
    stream: OpenStream,
}

/// Serves a connection whose client speaks HTTP/2, until it is closed.
pub(crate) async fn serve<S>(
    worker: Rc<Worker>,
    stream: S,
    state: Rc<ConnectionState>,
) -> Result<(), hyper::Error>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    state.set_protocol(Protocol::Http2);
    state.unpark();
    let streams = Streams {
        current: Rc::default(),
    };
    let current = Rc::clone(&streams.current);
    let (serving, shared) = (Rc::clone(&worker), Rc::clone(&state));
    let service = service_fn(move |request| {
        let (serving, shared) = (Rc::clone(&serving), Rc::clone(&shared));
        answer(serving, shared, Rc::clone(&current), request)
    });
    let mut builder = http2::Builder::new(streams);
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_millis(HTTP2_PING_PAUSE_MS))
        .keep_alive_timeout(Duration::from_millis(HTTP2_PING_TIMEOUT_MS))
        .max_concurrent_streams(state.clients.streams_max)
        .max_header_list_size(state.clients.head_bytes_max)
        .max_pending_accept_reset_streams(HTTP2_RESETS_PENDING_MAX)
        .initial_stream_window_size(HTTP2_STREAM_WINDOW_BYTES)
        .initial_connection_window_size(HTTP2_CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(HTTP2_SEND_BUFFER_BYTES_MAX);
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut closing = false;
    std::future::poll_fn(|cx| {
        state.set_waker(cx.waker());
        if worker.is_draining() && !closing {
            closing = true;
            connection.as_mut().graceful_shutdown();
        }
        let polled = connection.as_mut().poll(cx);
        if polled.is_pending() && state.waits_for_client() && state.is_overdue() {
            return Poll::Ready(Ok(()));
        }
        polled
    })
    .await
}

async fn answer(
    worker: Rc<Worker>,
    connection: Rc<ConnectionState>,
    current: Rc<RefCell<Option<Slot>>>,
    request: Request<Incoming>,
) -> Result<Response<StreamBody>, Infallible> {
    let stream = worker.open_stream(connection);
    let state = Rc::clone(stream.state());
    // Only now: hyper makes this future while the connection's task runs, and asks it from the stream's own.
    if let Some(slot) = current.borrow().as_ref() {
        *slot.borrow_mut() = Some(Rc::clone(&state));
    }
    let mut answering = std::pin::pin!(forward(worker, Rc::clone(&state), request));
    let answer = std::future::poll_fn(|cx| {
        state.set_waker(cx.waker());
        answering.as_mut().poll(cx)
    })
    .await?;
    Ok(answer.map(|body| StreamBody {
        body,
        rest: Bytes::new(),
        stream,
    }))
}

impl<F: Future<Output = ()> + 'static> Executor<F> for Streams {
    fn execute(&self, task: F) {
        tokio::task::spawn_local(StreamTask {
            task: Box::pin(task),
            slot: Slot::default(),
            current: Rc::clone(&self.current),
        });
    }
}

impl<F: Future<Output = ()>> Future for StreamTask<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        *this.current.borrow_mut() = Some(Rc::clone(&this.slot));
        let polled = this.task.as_mut().poll(cx);
        *this.current.borrow_mut() = None;
        if polled.is_pending()
            && let Some(state) = this.slot.borrow().as_ref()
        {
            state.set_waker(cx.waker());
            if state.waits_for_client() && state.is_overdue() {
                // Dropping what sends the answer resets the stream.
                return Poll::Ready(());
            }
        }
        polled
    }
}

impl Body for StreamBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        this.stream.state().set_waker(cx.waker());
        if !this.rest.is_empty() {
            this.stream.state().enter_client_read();
            return Poll::Ready(Some(Ok(Frame::data(this.take_piece()))));
        }
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        polled.map_ok(|frame| match frame.into_data() {
            Ok(data) => {
                this.rest = data;
                Frame::data(this.take_piece())
            }
            Err(other) => other,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        match self.rest.len() as u64 {
            0 => self.body.size_hint(),
            rest => {
                let hint = self.body.size_hint();
                let mut whole = SizeHint::new();
                whole.set_lower(hint.lower() + rest);
                if let Some(upper) = hint.upper() {
                    whole.set_upper(upper + rest);
                }
                whole
            }
        }
    }
}

impl StreamBody {
    fn take_piece(&mut self) -> Bytes {
        let length = self.rest.len().min(HTTP2_PIECE_BYTES_MAX);
        self.rest.split_to(length)
    }
}

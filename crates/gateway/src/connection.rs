//! One client connection, or one stream of an HTTP/2 connection: its deadline, the step it is at, and a
//! tap on what the client sends.
//!
//! A connection, the request on it and the upstream connection that answers it are all one task, so
//! there is one deadline at a time and one waker for it. The worker's ticker looks at the deadlines
//! of all its connections every [`TICK_MS`](crate::bounds::TICK_MS); setting one is a store into a
//! cell, where a timer per request would cost a lock and a heap operation.

use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;

use http::HeaderValue;
use portcullis_config::ClientsConfig;

/// What a connection is waiting for, which decides what its deadline means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The next request; nothing of it has come.
    Idle,
    /// The rest of a request's head.
    Head,
    /// A connection to an arm.
    Connect,
    /// More of the request's body from the client.
    ClientBody,
    /// The arm: to take the request and begin to answer.
    Answer,
    /// More of the answer's body from the arm.
    AnswerBody,
    /// The client, to take what was answered.
    ClientRead,
    /// Its streams, each of which has a state of its own.
    Streams,
}

/// How requests come over a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// One after the other: HTTP/1.1 or 1.0.
    Http1,
    /// As streams side by side: HTTP/2.
    Http2,
}

/// What is shared between a connection's parts. All of them run on one thread.
#[derive(Debug)]
pub(crate) struct ConnectionState {
    /// The client's address as `X-Forwarded-For` has it.
    pub(crate) peer_header: HeaderValue,
    /// Whether the client speaks TLS.
    pub(crate) is_secure: bool,
    /// What the client may do.
    pub(crate) clients: Rc<ClientsConfig>,
    protocol: Cell<Protocol>,
    /// Streams under way, of an HTTP/2 connection.
    streams: Cell<usize>,
    step: Cell<Step>,
    deadline_ms: Cell<u64>,
    now_ms: Rc<Cell<u64>>,
    waker: RefCell<Option<Waker>>,
    client_failed: Cell<bool>,
    /// Shows the bytes of the head that the client is sending.
    pub(crate) tap: Arc<HeadTap>,
}

impl ConnectionState {
    /// A connection that waits for its first request. `now_ms` is the worker's coarse clock.
    pub(crate) fn new(
        peer: IpAddr,
        is_secure: bool,
        clients: Rc<ClientsConfig>,
        now_ms: Rc<Cell<u64>>,
    ) -> ConnectionState {
        let text = peer.to_canonical().to_string();
        let peer_header = HeaderValue::from_str(&text);
        ConnectionState::of(
            peer_header.unwrap_or_else(|_| HeaderValue::from_static("unknown")),
            is_secure,
            clients,
            now_ms,
        )
    }

    /// The state of a stream that begins on this connection.
    pub(crate) fn stream(&self) -> ConnectionState {
        let peer_header = self.peer_header.clone();
        let clients = Rc::clone(&self.clients);
        let now_ms = Rc::clone(&self.now_ms);
        let stream = ConnectionState::of(peer_header, self.is_secure, clients, now_ms);
        stream.protocol.set(Protocol::Http2);
        stream
    }

    fn of(
        peer_header: HeaderValue,
        is_secure: bool,
        clients: Rc<ClientsConfig>,
        now_ms: Rc<Cell<u64>>,
    ) -> ConnectionState {
        let head_bytes_max = clients.head_bytes_max as usize;
        ConnectionState {
            peer_header,
            is_secure,
            clients,
            protocol: Cell::new(Protocol::Http1),
            streams: Cell::new(0),
            step: Cell::new(Step::Idle),
            deadline_ms: Cell::new(u64::MAX),
            now_ms,
            waker: RefCell::new(None),
            client_failed: Cell::new(false),
            tap: Arc::new(HeadTap::new(head_bytes_max)),
        }
    }

    /// Enters `step`, which may last `limit_ms`.
    pub(crate) fn enter(&self, step: Step, limit_ms: u64) {
        self.step.set(step);
        self.deadline_ms
            .set(self.now_ms.get().saturating_add(limit_ms));
    }

    /// Enters `step` unless it is the current one already, so that its deadline stays.
    pub(crate) fn enter_once(&self, step: Step, limit_ms: u64) {
        if self.step.get() != step {
            self.enter(step, limit_ms);
        }
    }

    /// Waits for the next request.
    pub(crate) fn enter_idle(&self) {
        self.enter(Step::Idle, self.clients.idle_timeout_ms);
    }

    /// The worker's coarse clock.
    pub(crate) fn now_ms(&self) -> u64 {
        self.now_ms.get()
    }

    /// The current step.
    pub(crate) fn step(&self) -> Step {
        self.step.get()
    }

    /// Whether the current step has lasted too long.
    pub(crate) fn is_overdue(&self) -> bool {
        self.deadline_ms.get() <= self.now_ms.get()
    }

    /// Whether a request is under way here; those of streams are under way there.
    pub(crate) fn is_busy(&self) -> bool {
        !matches!(self.step.get(), Step::Idle | Step::Head | Step::Streams)
    }

    /// How requests come.
    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol.get()
    }

    /// Sets how requests come, once that is known.
    pub(crate) fn set_protocol(&self, protocol: Protocol) {
        self.protocol.set(protocol);
    }

    /// Counts a stream that began.
    pub(crate) fn stream_began(&self) {
        self.streams.set(self.streams.get() + 1);
        self.enter(Step::Streams, u64::MAX);
    }

    /// Counts a stream that ended. Without any the connection is idle.
    pub(crate) fn stream_ended(&self) {
        self.streams.set(self.streams.get().saturating_sub(1));
        if self.streams.get() == 0 {
            self.enter_idle();
        }
    }

    /// Whether what the connection waits for is the client's to do.
    pub(crate) fn waits_for_client(&self) -> bool {
        matches!(self.step.get(), Step::Idle | Step::Head | Step::ClientRead)
    }

    /// Takes note that the client broke off in the middle of a body: not an arm's error.
    pub(crate) fn client_failed(&self) {
        self.client_failed.set(true);
    }

    /// Whether the client broke off.
    pub(crate) fn has_client_failed(&self) -> bool {
        self.client_failed.get()
    }

    /// Sets whom to wake; called whenever the connection's task runs.
    pub(crate) fn set_waker(&self, waker: &Waker) {
        let mut slot = self.waker.borrow_mut();
        match slot.as_ref() {
            Some(known) if known.will_wake(waker) => {}
            _ => *slot = Some(waker.clone()),
        }
    }

    /// Runs the connection's task.
    pub(crate) fn wake(&self) {
        if let Some(waker) = self.waker.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }

    /// Enters [`Step::Head`] if the first bytes of a request came while the connection was idle.
    pub(crate) fn notice_head(&self) {
        if self.step.get() == Step::Idle && self.tap.has_bytes() {
            self.enter(Step::Head, self.clients.head_timeout_ms);
        }
    }
}

/// A copy of the bytes of the head that a client is sending.
///
/// hyper drops `Content-Length` silently when there is a `Transfer-Encoding` too, so the raw bytes
/// are the only way to refuse such a request. One thread alone uses a tap; it is made of a lock and
/// an atomic only because hyper moves sockets that may be upgraded, and wants them to be `Send`.
#[derive(Debug)]
pub(crate) struct HeadTap {
    bytes_max: usize,
    open: AtomicBool,
    bytes: Mutex<Vec<u8>>,
}

impl HeadTap {
    pub(crate) fn new(bytes_max: usize) -> HeadTap {
        HeadTap {
            bytes_max,
            open: AtomicBool::new(true),
            bytes: Mutex::default(),
        }
    }

    /// Forgets the head that was just parsed; with `look`, says whether it had a `Content-Length`
    /// line.
    ///
    /// `has_body` closes the tap until [`HeadTap::open`]. What was read beyond the head stays if it
    /// is the beginning of the next head. In a request that is pipelined behind a body the line is
    /// not seen; there hyper's own rule holds, which is safe as well (the length is ignored and not
    /// passed on, and the connection closes).
    pub(crate) fn finish_head(&self, look: bool, has_body: bool) -> bool {
        self.open.store(!has_body, Relaxed);
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let end = head_end(&bytes);
        let found = look && has_content_length(&bytes[..end]);
        if has_body {
            bytes.clear();
        } else {
            bytes.drain(..end);
        }
        found
    }

    /// Opens the tap: the next bytes belong to a request's head.
    pub(crate) fn open(&self) {
        self.open.store(true, Relaxed);
    }

    pub(crate) fn has_bytes(&self) -> bool {
        !self
            .bytes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_empty()
    }

    /// Takes note of what was read.
    pub(crate) fn push(&self, new: &[u8]) {
        if self.open.load(Relaxed) {
            let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
            let room = self.bytes_max.saturating_sub(bytes.len());
            bytes.extend_from_slice(&new[..new.len().min(room)]);
        }
    }
}

/// Where the first head in `bytes` ends: behind its empty line, or at the end if there is none.
fn head_end(bytes: &[u8]) -> usize {
    // Empty lines before the request line are allowed (RFC 9112, 2.2).
    let start = bytes
        .iter()
        .position(|byte| !matches!(byte, b'\r' | b'\n'))
        .unwrap_or(0);
    let mut line_start = start;
    for newline in memchr::memchr_iter(b'\n', &bytes[start..]) {
        let newline = start + newline;
        if matches!(&bytes[line_start..newline], b"" | b"\r") {
            return newline + 1;
        }
        line_start = newline + 1;
    }
    bytes.len()
}

fn has_content_length(head: &[u8]) -> bool {
    let name = b"content-length";
    head.split(|byte| *byte == b'\n').any(|line| {
        line.len() > name.len()
            && line[..name.len()].eq_ignore_ascii_case(name)
            && line[name.len()] == b':'
    })
}

#[cfg(test)]
mod tests;

//! One client connection, or one stream of an HTTP/2 connection: its deadline, the step it is at, and a
//! tap on what the client sends.
//!
//! A connection, the request on it and the upstream connection that answers it are all one task, so
//! there is one deadline at a time and one waker for it. The worker's ticker looks at the deadlines
//! of all its connections every [`TICK_MS`](crate::bounds::TICK_MS); setting one is a store into a
//! cell, where a timer per request would cost a lock and a heap operation.
//!
//! # Who is waited for, and who is blamed
//!
//! A request passes through these steps; each has one deadline, and whoever is waited for when it passes is to
//! blame.
//!
//! - While a piece of the request is on its way to the arm: [`Step::Answer`], for `first_byte` of the route,
//!   anew for each piece. An arm that takes nothing is the arm's fault: 504.
//! - When the arm has taken all that came and more is to come: [`Step::ClientBody`], for `stall_timeout` of the
//!   clients, anew for each piece. The client is to blame: 408. The arm need not answer yet, so `first_byte` does not
//!   run, however long it takes until the request is whole.
//! - The same in a call of gRPC: [`Step::Call`], for `idle` of the route, anew for each piece. In a call either side
//!   may be silent because the other one is, so neither is to blame: 504, which counts against no arm and is not
//!   tried again. It is a call only if HTTP/2 is spoken on both sides: everything else that says so is an upload.
//!   Neither `stall_timeout` nor the lowest rate bounds a call, so single bytes keep one open; what bounds it is the
//!   time for the whole request.
//! - When the request is whole: [`Step::Answer`], for `first_byte`: 504.
//! - When the answer has begun, it is a stream both ways: [`Step::AnswerBody`], for `idle`, anew for each piece in
//!   either direction. The answer is broken off. If it is not even asked for its body, because the client has not
//!   taken what was written before it, nobody is to blame.
//! - When the client has to take some of it: [`Step::ClientRead`], for `stall_timeout`. The connection or the stream
//!   is reset, and the arm is not to blame.
//! - After a change of protocol: [`Step::Tunnel`], for `idle`, anew for every byte in either direction.
//!
//! The time for the whole request, if the route has one, ends any of them but the last: it is a time for the answer,
//! and the answer that changes the protocol ends with its head.

use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

use http::HeaderValue;
use portcullis_config::ClientsConfig;

use crate::bounds::PARK_AFTER_MS;
use crate::protect::Denial;
use crate::tapped::Wire;
use crate::tunnel::Tunnel;

mod head_tap;

pub(crate) use head_tap::{BodyFraming, HeadTap};

/// What a connection is waiting for, which decides what its deadline means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The next request; nothing of it has come.
    Idle,
    /// The same, without anything that serves it: only the socket is kept.
    Parked,
    /// The rest of a request's head.
    Head,
    /// A connection to an arm.
    Connect,
    /// More of the request's body from the client.
    ClientBody,
    /// Either side of a call of gRPC whose answer has not begun: the client may say more, and need not.
    Call,
    /// The arm: to take the request and begin to answer.
    Answer,
    /// More of the answer's body from the arm.
    AnswerBody,
    /// The client, to take what was answered.
    ClientRead,
    /// Its streams, each of which has a state of its own.
    Streams,
    /// Either side of a connection that changed its protocol.
    Tunnel,
}

/// How requests come over a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// One after the other: HTTP/1.1 or 1.0.
    Http1,
    /// As streams side by side: HTTP/2.
    Http2,
}

/// What is wrong with a request's body, found while it passes through.
#[derive(Debug, Clone)]
pub(crate) enum ClientFault {
    /// The client broke off.
    Broke,
    /// It comes slower than it may.
    TooSlow,
    /// It is longer than the route takes.
    TooLarge,
    /// What is in it may not be sent.
    Denied(Denial),
}

/// What is shared between a connection's parts. All of them run on one thread.
#[derive(Debug)]
pub(crate) struct ConnectionState {
    /// The client's address as `X-Forwarded-For` has it.
    pub(crate) peer_header: HeaderValue,
    /// Whether the client speaks TLS.
    pub(crate) is_secure: bool,
    /// What the client may do.
    pub(crate) clients: Arc<ClientsConfig>,
    /// The client's address.
    pub(crate) peer: IpAddr,
    protocol: Cell<Protocol>,
    /// Streams under way, of an HTTP/2 connection.
    streams: Cell<usize>,
    step: Cell<Step>,
    deadline_ms: Cell<u64>,
    /// When the request under way must be over.
    end_ms: Cell<u64>,
    now_ms: Rc<Cell<u64>>,
    waker: RefCell<Option<Waker>>,
    fault: RefCell<Option<ClientFault>>,
    body_bytes: Cell<u64>,
    /// Counts requests, so that what is left of an earlier one is known.
    request: Cell<u64>,
    /// When to look whether the connection can be parked.
    park_at_ms: Cell<u64>,
    /// What begins once the client has the answer that changes the protocol.
    tunnel: RefCell<Option<Box<Tunnel>>>,
    /// Shows the bytes of the head that the client is sending.
    pub(crate) tap: HeadTap,
    /// How the last reading and writing went.
    pub(crate) wire: Wire,
}

impl ConnectionState {
    /// A connection that waits for its first request. `now_ms` is the worker's coarse clock.
    pub(crate) fn new(
        peer: IpAddr,
        is_secure: bool,
        clients: Arc<ClientsConfig>,
        now_ms: Rc<Cell<u64>>,
    ) -> ConnectionState {
        let peer = peer.to_canonical();
        let text = peer.to_string();
        let peer_header = HeaderValue::from_str(&text);
        ConnectionState::of(
            peer,
            peer_header.unwrap_or_else(|_| HeaderValue::from_static("unknown")),
            is_secure,
            clients,
            now_ms,
        )
    }

    /// The state of a stream that begins on this connection.
    pub(crate) fn stream(&self) -> ConnectionState {
        let peer_header = self.peer_header.clone();
        let clients = Arc::clone(&self.clients);
        let now_ms = Rc::clone(&self.now_ms);
        let stream = ConnectionState::of(self.peer, peer_header, self.is_secure, clients, now_ms);
        stream.protocol.set(Protocol::Http2);
        stream
    }

    fn of(
        peer: IpAddr,
        peer_header: HeaderValue,
        is_secure: bool,
        clients: Arc<ClientsConfig>,
        now_ms: Rc<Cell<u64>>,
    ) -> ConnectionState {
        let head_bytes_max = clients.head_bytes_max as usize;
        ConnectionState {
            peer_header,
            is_secure,
            clients,
            peer,
            protocol: Cell::new(Protocol::Http1),
            streams: Cell::new(0),
            step: Cell::new(Step::Idle),
            deadline_ms: Cell::new(u64::MAX),
            end_ms: Cell::new(u64::MAX),
            now_ms,
            waker: RefCell::new(None),
            fault: RefCell::new(None),
            body_bytes: Cell::new(0),
            request: Cell::new(0),
            park_at_ms: Cell::new(u64::MAX),
            tunnel: RefCell::new(None),
            tap: HeadTap::new(head_bytes_max),
            wire: Wire::default(),
        }
    }

    /// Enters `step`, which may last `limit_ms`.
    pub(crate) fn enter(&self, step: Step, limit_ms: u64) {
        self.step.set(step);
        let until_ms = self.now_ms.get().saturating_add(limit_ms);
        self.deadline_ms.set(until_ms.min(self.end_ms.get()));
        self.park_at_ms.set(u64::MAX);
    }

    /// A request begins. `limit_ms` is how long the current step may last.
    pub(crate) fn begin_request(&self, step: Step, limit_ms: u64) {
        self.end_ms.set(u64::MAX);
        self.fault.replace(None);
        self.body_bytes.set(0);
        self.request.set(self.request.get() + 1);
        self.enter(step, limit_ms);
    }

    /// The number of the request under way on this connection, or of the last one.
    pub(crate) fn request(&self) -> u64 {
        self.request.get()
    }

    /// The request under way must be over in `limit_ms`, its answer included.
    pub(crate) fn end_within(&self, limit_ms: u64) {
        self.end_ms.set(self.now_ms.get().saturating_add(limit_ms));
    }

    /// Enters `step` unless it is the current one already, so that its deadline stays.
    pub(crate) fn enter_once(&self, step: Step, limit_ms: u64) {
        if self.step.get() != step {
            self.enter(step, limit_ms);
        }
    }

    /// Waits for the client to take what was answered.
    pub(crate) fn enter_client_read(&self) {
        self.enter(Step::ClientRead, self.clients.stall_timeout_ms);
    }

    /// The answer is over: what follows has no end of its own.
    pub(crate) fn end_never(&self) {
        self.end_ms.set(u64::MAX);
    }

    /// Whether the time of the request under way is over.
    pub(crate) fn has_ended(&self) -> bool {
        self.end_ms.get() <= self.now_ms.get()
    }

    /// Waits for the next request.
    pub(crate) fn enter_idle(&self) {
        self.end_never();
        self.enter(Step::Idle, self.clients.idle_timeout_ms);
        self.park_later();
    }

    /// Lets the connection be parked in a moment, if it is one for HTTP/1.1 and still idle then.
    pub(crate) fn park_later(&self) {
        if self.protocol.get() == Protocol::Http1 {
            self.park_at_ms.set(self.now_ms.get() + PARK_AFTER_MS);
        }
    }

    /// Whether it is time to look whether the connection can be parked.
    pub(crate) fn is_to_be_parked(&self) -> bool {
        self.park_at_ms.get() <= self.now_ms.get()
    }

    /// Whether the connection is between two requests: the last answer is sent, and nothing that was read
    /// is left.
    pub(crate) fn is_between_requests(&self) -> bool {
        self.step.get() == Step::Idle && self.tap.is_between() && self.wire.is_still()
    }

    /// Takes note that there is nothing but the socket until bytes come. The deadline stays.
    pub(crate) fn park(&self) {
        self.step.set(Step::Parked);
        self.park_at_ms.set(u64::MAX);
        self.tap.shrink();
    }

    /// Takes note that the connection is served, from the beginning or again. The deadline stays until
    /// something of a request comes.
    pub(crate) fn unpark(&self) {
        if self.step.get() == Step::Parked {
            self.step.set(Step::Idle);
        }
        self.park_later();
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

    /// Whether the connection's task has something to do that no socket tells it.
    pub(crate) fn is_due(&self) -> bool {
        self.is_overdue() || self.is_to_be_parked()
    }

    /// Whether a request or a tunnel is under way here; the requests of streams are under way there.
    pub(crate) fn is_busy(&self) -> bool {
        let is_quiet = match self.step.get() {
            Step::Idle | Step::Parked | Step::Head | Step::Streams => true,
            Step::Connect | Step::ClientBody | Step::Call | Step::Answer => false,
            Step::AnswerBody | Step::ClientRead | Step::Tunnel => false,
        };
        !is_quiet || self.tunnel.borrow().is_some()
    }

    /// Lets `tunnel` begin once the client has the answer.
    pub(crate) fn change_protocol(&self, tunnel: Tunnel) {
        *self.tunnel.borrow_mut() = Some(Box::new(tunnel));
    }

    /// The tunnel that is to begin.
    pub(crate) fn take_tunnel(&self) -> Option<Box<Tunnel>> {
        self.tunnel.borrow_mut().take()
    }

    /// How requests come.
    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol.get()
    }

    /// Sets how requests come, once that is known.
    pub(crate) fn set_protocol(&self, protocol: Protocol) {
        self.protocol.set(protocol);
        self.park_at_ms.set(u64::MAX);
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
        matches!(
            self.step.get(),
            Step::Idle | Step::Parked | Step::Head | Step::ClientRead
        )
    }

    /// Takes note of what is wrong with the body that the client sends: not an arm's error. The first fault
    /// counts.
    pub(crate) fn client_failed(&self, fault: ClientFault) {
        self.fault.borrow_mut().get_or_insert(fault);
    }

    /// What was wrong with the client's body.
    pub(crate) fn client_fault(&self) -> Option<ClientFault> {
        self.fault.borrow().clone()
    }

    /// Counts bytes of the request's body; returns how many there were so far.
    pub(crate) fn count_body(&self, bytes: usize) -> u64 {
        let sum = self.body_bytes.get() + bytes as u64;
        self.body_bytes.set(sum);
        sum
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

#[cfg(test)]
mod tests;

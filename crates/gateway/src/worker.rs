//! One worker: a thread with a runtime, a listener and a pool of its own. Workers share nothing but
//! the routing table and the counters.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use arc_swap::ArcSwap;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use portcullis_config::ClientsConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};

use crate::bounds::{
    ACCEPT_RETRY_MS, CONNECTION_BUFFER_BYTES_MAX, DRAIN_LINGER_MS, HELLO_TIMEOUT_MS,
    LISTEN_BACKLOG, TICK_MS,
};
use crate::client_addresses::{ClientAddresses, Counted};
use crate::clock;
use crate::connection::{ConnectionState, Step};
use crate::doors::Door;
use crate::forward::forward;
use crate::http2;
use crate::pool::Pool;
use crate::route::Table;
use crate::tapped::TappedStream;
use crate::tls::Tls;

/// How a connection begins whose client knows that it may speak HTTP/2.
const HTTP2_BEGIN: &[u8] = b"PRI";

/// What a worker is told while it runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Orders {
    /// Grows with every change of the table: idle connections to removed arms are closed.
    pub(crate) table_changes: u64,
    /// Accept no connections yet.
    pub(crate) held: bool,
    /// Stop.
    pub(crate) stop: Option<Stop>,
}

/// How to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stop {
    /// How long idle connections stay open, so that requests on their way are still answered.
    pub(crate) linger: Duration,
    /// How long all of it may take.
    pub(crate) within: Duration,
}

impl Stop {
    /// Within a time of which the shorter part goes to idle connections.
    pub(crate) fn within(within: Duration) -> Stop {
        let linger = Duration::from_millis(DRAIN_LINGER_MS);
        Stop { linger, within }
    }
}

/// What clients may do, as one worker is told.
#[derive(Debug, Clone)]
pub(crate) struct Guests {
    pub(crate) clients: ClientsConfig,
    /// Shared by all workers.
    pub(crate) addresses: Arc<ClientAddresses>,
    pub(crate) connections_max: usize,
}

/// A client's connection, where it is from, and whether it came in where TLS is spoken.
type Accepted = (TcpStream, SocketAddr, bool);

/// How far a worker is with stopping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Serving,
    /// Every answer closes its connection.
    Draining,
    /// Connections without a request are closed as well.
    Closing,
}

/// One worker's state. All of it belongs to one thread.
pub(crate) struct Worker {
    /// Which of the workers it is; the index of its counters.
    pub(crate) index: usize,
    /// The routing table.
    pub(crate) table: Arc<ArcSwap<Table>>,
    /// Idle upstream connections.
    pub(crate) pool: Rc<Pool>,
    /// TLS towards clients; `None` where it is not spoken.
    tls: Option<Arc<Tls>>,
    /// What clients may do.
    clients: Rc<ClientsConfig>,
    addresses: Arc<ClientAddresses>,
    /// This worker's share of all connections.
    connections_max: usize,
    now_ms: Rc<Cell<u64>>,
    phase: Cell<Phase>,
    connections: RefCell<HashMap<u64, Rc<ConnectionState>>>,
    next_connection: Cell<u64>,
    /// Streams under way on HTTP/2 connections.
    streams: RefCell<HashMap<u64, Rc<ConnectionState>>>,
    next_stream: Cell<u64>,
    tunnels: Cell<usize>,
    /// A connection was opened or closed.
    changed: Notify,
}

/// Counts one open tunnel.
pub(crate) struct OpenTunnel(Rc<Worker>);

impl Drop for OpenTunnel {
    fn drop(&mut self) {
        self.0.tunnels.set(self.0.tunnels.get() - 1);
        self.0.changed.notify_waiters();
    }
}

impl Worker {
    /// A worker that has not started.
    pub(crate) fn new(
        index: usize,
        table: Arc<ArcSwap<Table>>,
        tls: Option<Arc<Tls>>,
        guests: Guests,
    ) -> Worker {
        let now_ms = Rc::new(Cell::new(clock::monotonic_ms()));
        Worker {
            index,
            table,
            pool: Rc::new(Pool::new(Rc::clone(&now_ms))),
            tls,
            clients: Rc::new(guests.clients),
            addresses: guests.addresses,
            connections_max: guests.connections_max,
            now_ms,
            phase: Cell::new(Phase::Serving),
            connections: RefCell::default(),
            next_connection: Cell::new(0),
            streams: RefCell::default(),
            next_stream: Cell::new(0),
            tunnels: Cell::new(0),
            changed: Notify::new(),
        }
    }

    /// TLS towards clients; `None` where it is not spoken.
    pub(crate) fn tls(&self) -> Option<&Tls> {
        self.tls.as_deref()
    }

    /// Whether answers must close their connections.
    pub(crate) fn is_draining(&self) -> bool {
        self.phase.get() != Phase::Serving
    }

    /// Counts a tunnel until the result is dropped.
    pub(crate) fn count_tunnel(self: &Rc<Self>) -> OpenTunnel {
        self.tunnels.set(self.tunnels.get() + 1);
        OpenTunnel(Rc::clone(self))
    }

    /// Begins a stream on an HTTP/2 connection; it is under way until the result is dropped.
    pub(crate) fn open_stream(self: &Rc<Self>, connection: Rc<ConnectionState>) -> OpenStream {
        let state = Rc::new(connection.stream());
        let id = self.next_stream.get();
        self.next_stream.set(id + 1);
        self.streams.borrow_mut().insert(id, Rc::clone(&state));
        connection.stream_began();
        OpenStream {
            worker: Rc::clone(self),
            connection,
            state,
            id,
        }
    }

    /// Serves until it is ordered to stop; returns how many requests and tunnels were cut off.
    pub(crate) async fn run(
        self: Rc<Self>,
        doors: Vec<Door<std::net::TcpListener>>,
        mut orders: watch::Receiver<Orders>,
    ) -> std::io::Result<usize> {
        let opened = doors.into_iter().map(|door| {
            let listener = TcpListener::from_std(door.listener)?;
            let is_secure = door.is_secure;
            Ok(Door {
                listener,
                is_secure,
            })
        });
        let doors: Vec<Door<TcpListener>> = opened.collect::<std::io::Result<_>>()?;
        tokio::task::spawn_local(Rc::clone(&self).tick());
        let stop = loop {
            let held = orders.borrow().held;
            tokio::select! {
                accepted = self.accept(&doors), if !held => self.open(accepted),
                changed = orders.changed() => {
                    self.pool.sweep();
                    let stop = orders.borrow().stop;
                    // Without anyone to give orders there is no gateway any more.
                    let orphaned = changed.is_err().then_some(Stop::within(Duration::ZERO));
                    if let Some(stop) = stop.or(orphaned) {
                        break stop;
                    }
                }
            }
        };
        self.phase.set(Phase::Draining);
        for door in doors {
            self.open_waiting(&door.listener.into_std()?, door.is_secure);
        }
        Ok(self.drain(stop).await)
    }

    /// Waits for the requests under way, closing connections as they fall idle.
    async fn drain(&self, stop: Stop) -> usize {
        let within = stop.within;
        let linger = within.min(stop.linger);
        for connection in self.connections.borrow().values() {
            connection.wake();
        }
        let _ = tokio::time::timeout(linger, self.all_closed()).await;
        self.phase.set(Phase::Closing);
        for connection in self.connections.borrow().values() {
            connection.wake();
        }
        let _ = tokio::time::timeout(within.saturating_sub(linger), self.all_closed()).await;
        let connections = self.connections.borrow();
        let busy = connections.values().filter(|state| state.is_busy()).count();
        busy + self.streams.borrow().len() + self.tunnels.get()
    }

    async fn all_closed(&self) {
        loop {
            let changed = self.changed.notified();
            if self.connections.borrow().is_empty() && self.tunnels.get() == 0 {
                return;
            }
            changed.await;
        }
    }

    /// Serves the connections that the system has accepted already; closing the listener would reset
    /// them. The system is asked itself: tokio may not know yet that connections wait, and hides some of
    /// them once a task has had its share of time.
    fn open_waiting(self: &Rc<Self>, listener: &std::net::TcpListener, is_secure: bool) {
        // New ones may come as fast as these are taken; those that waited fit into the queue.
        for _ in 0..=LISTEN_BACKLOG {
            let accepted = listener.accept().and_then(|(stream, peer)| {
                stream.set_nonblocking(true)?;
                Ok((TcpStream::from_std(stream)?, peer, is_secure))
            });
            match accepted {
                Ok(accepted) => self.open(accepted),
                // One client was gone already; the next may not be.
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionAborted => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept the connections that wait");
                    return;
                }
            }
        }
    }

    async fn accept(&self, doors: &[Door<TcpListener>]) -> Accepted {
        loop {
            let changed = self.changed.notified();
            if self.connections.borrow().len() >= self.connections_max {
                changed.await;
                continue;
            }
            match std::future::poll_fn(|cx| poll_accept(doors, cx)).await {
                Ok(accepted) => return accepted,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(ACCEPT_RETRY_MS)).await;
                }
            }
        }
    }

    fn open(self: &Rc<Self>, (stream, peer, is_secure): Accepted) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a client was gone before it was served");
            return;
        }
        self.now_ms.set(clock::monotonic_ms());
        let Some(counted) = self.addresses.count(peer.ip()) else {
            tracing::debug!("a client has too many connections: another one is closed");
            return;
        };
        let (clients, now_ms) = (Rc::clone(&self.clients), Rc::clone(&self.now_ms));
        let state = Rc::new(ConnectionState::new(peer.ip(), is_secure, clients, now_ms));
        state.enter_idle();
        let id = self.next_connection.get();
        self.next_connection.set(id + 1);
        self.connections.borrow_mut().insert(id, Rc::clone(&state));
        self.changed.notify_waiters();
        let worker = Rc::clone(self);
        tokio::task::spawn_local(async move {
            let closed = Closed {
                worker: Rc::clone(&worker),
                id,
                _counted: counted,
            };
            match worker.tls.clone().filter(|_| is_secure) {
                Some(tls) => worker.serve_secure(&tls, stream, state).await,
                None => worker.serve(stream, state).await,
            }
            drop(closed);
        });
    }

    /// Serves one connection in plain text. Clients that know that they may speak HTTP/2 begin with its
    /// preface (RFC 9113, 3.3).
    async fn serve(self: Rc<Self>, stream: TcpStream, state: Rc<ConnectionState>) {
        let served = match self.speaks_http2(&stream, &state).await {
            Ok(true) => http2::serve(self, stream, state).await,
            Ok(false) => self.serve_http1(stream, state).await,
            Err(_) => return,
        };
        if let Err(error) = served {
            tracing::debug!(%error, "a client's connection ended early");
        }
    }

    /// Serves one connection over TLS; the handshake says which protocol the client speaks.
    async fn serve_secure(
        self: Rc<Self>,
        tls: &Tls,
        stream: TcpStream,
        state: Rc<ConnectionState>,
    ) {
        state.enter(Step::Head, HELLO_TIMEOUT_MS);
        let mut shaking = std::pin::pin!(tls.accept(stream));
        let shaken = std::future::poll_fn(|cx| {
            state.set_waker(cx.waker());
            let polled = shaking.as_mut().poll(cx);
            if polled.is_pending() && (state.is_overdue() || self.phase.get() == Phase::Closing) {
                return Poll::Ready(Err(std::io::ErrorKind::TimedOut.into()));
            }
            polled
        });
        let stream = match shaken.await {
            Ok(Some(stream)) => stream,
            Ok(None) => return,
            Err(error) => {
                tracing::debug!(%error, "a client's TLS handshake failed");
                return;
            }
        };
        state.enter_idle();
        let served = match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => http2::serve(self, stream, state).await,
            _ => self.serve_http1(stream, state).await,
        };
        if let Err(error) = served {
            tracing::debug!(%error, "a client's connection ended early");
        }
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
            let read = std::future::poll_fn(|cx| {
                state.set_waker(cx.waker());
                let polled = stream.poll_peek(cx, &mut buffer);
                if polled.is_pending() && (state.is_overdue() || self.phase.get() == Phase::Closing)
                {
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
            tokio::time::sleep(Duration::from_millis(TICK_MS)).await;
        }
    }

    async fn serve_http1<S>(
        self: Rc<Self>,
        stream: S,
        state: Rc<ConnectionState>,
    ) -> Result<(), hyper::Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let stream = TokioIo::new(TappedStream::new(stream, Arc::clone(&state.tap)));
        let (worker, shared) = (Rc::clone(&self), Rc::clone(&state));
        let service =
            service_fn(move |request| forward(Rc::clone(&worker), Rc::clone(&shared), request));
        let mut builder = http1::Builder::new();
        builder
            .max_buf_size(CONNECTION_BUFFER_BYTES_MAX)
            .max_headers(self.clients.headers_max as usize);
        builder.max_header_size(self.clients.head_bytes_max as usize);
        let mut connection =
            std::pin::pin!(builder.serve_connection(stream, service).with_upgrades());
        let mut closing = false;
        std::future::poll_fn(|cx| {
            state.set_waker(cx.waker());
            let mut polled = connection.as_mut().poll(cx);
            if polled.is_pending() && self.phase.get() == Phase::Closing && !closing {
                closing = true;
                connection.as_mut().graceful_shutdown();
                polled = connection.as_mut().poll(cx);
            }
            state.notice_head();
            if polled.is_pending() && state.waits_for_client() && state.is_overdue() {
                return Poll::Ready(Ok(()));
            }
            polled
        })
        .await
    }

    /// Keeps the coarse clock, wakes what is overdue and sweeps the pool, as long as there is
    /// anything.
    async fn tick(self: Rc<Self>) {
        let mut interval = tokio::time::interval(Duration::from_millis(TICK_MS));
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            if self.connections.borrow().is_empty() && self.pool.is_empty() {
                self.changed.notified().await;
            }
            interval.tick().await;
            self.now_ms.set(clock::monotonic_ms());
            for connection in self.connections.borrow().values() {
                if connection.is_overdue() {
                    connection.wake();
                }
            }
            for stream in self.streams.borrow().values() {
                if stream.is_overdue() {
                    stream.wake();
                }
            }
            self.pool.sweep_if_due();
        }
    }
}

/// A stream under way.
pub(crate) struct OpenStream {
    worker: Rc<Worker>,
    connection: Rc<ConnectionState>,
    state: Rc<ConnectionState>,
    id: u64,
}

impl OpenStream {
    /// The stream's own state.
    pub(crate) fn state(&self) -> &Rc<ConnectionState> {
        &self.state
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.worker.streams.borrow_mut().remove(&self.id);
        self.connection.stream_ended();
    }
}

/// The next connection of any of the listeners.
fn poll_accept(
    doors: &[Door<TcpListener>],
    cx: &mut Context<'_>,
) -> Poll<std::io::Result<Accepted>> {
    for door in doors {
        if let Poll::Ready(accepted) = door.listener.poll_accept(cx) {
            let accepted = accepted.map(|(stream, peer)| (stream, peer, door.is_secure));
            return Poll::Ready(accepted);
        }
    }
    Poll::Pending
}

/// Takes a connection off the worker's list, however its task ends.
struct Closed {
    worker: Rc<Worker>,
    id: u64,
    _counted: Counted,
}

impl Drop for Closed {
    fn drop(&mut self) {
        self.worker.connections.borrow_mut().remove(&self.id);
        self.worker.changed.notify_waiters();
    }
}

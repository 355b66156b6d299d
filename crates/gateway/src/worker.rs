//! One worker: a thread with a runtime, a listener and a pool of its own. Workers share nothing but
//! the routing table and the counters.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, Cache};
use portcullis_mask::Limits;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};

use crate::bounds::{CLIENT_PROBES, DRAIN_LINGER_MS, TICK_MS};
use crate::client_addresses::ClientAddresses;
use crate::clock;
use crate::connection::ConnectionState;
use crate::conversations::Conversations;
use crate::doors::Door;
use crate::keep_alive::keep_alive;
use crate::masking::{MaskingAudit, Vault};
use crate::observe::{WorkerObservers, line_limit};
use crate::pool::Pool;
use crate::shared::{SharedServer, SharedStore};
use crate::table::Table;
use crate::tls::Tls;

mod accept;
mod drain;
mod hello;
mod open_stream;

pub(crate) use open_stream::OpenStream;

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

/// What all workers share.
#[derive(Debug, Clone)]
pub(crate) struct Share {
    /// The routing table.
    pub(crate) table: Arc<ArcSwap<Table>>,
    /// TLS towards clients; `None` where it is not spoken.
    pub(crate) tls: Option<Arc<Tls>>,
    /// How many connections each client has.
    pub(crate) addresses: Arc<ClientAddresses>,
    /// What is shared with other gateways.
    pub(crate) server: Option<Arc<SharedServer>>,
    /// Where conversations are kept.
    pub(crate) vault: Arc<Vault>,
}

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
    /// The routing table, and the one that this worker saw last: as long as it is the same, a look at it writes
    /// to no memory that other workers read.
    table: RefCell<Cache<Arc<ArcSwap<Table>>, Arc<Table>>>,
    /// What tells about requests.
    pub(crate) observers: Rc<WorkerObservers>,
    /// Idle upstream connections.
    pub(crate) pool: Rc<Pool>,
    /// TLS towards clients; `None` where it is not spoken.
    tls: Option<Arc<Tls>>,
    addresses: Arc<ClientAddresses>,
    server: Option<Arc<SharedServer>>,
    store: OnceCell<SharedStore>,
    vault: Arc<Vault>,
    conversations: OnceCell<Arc<Conversations>>,
    /// How many workers share the connections.
    workers: usize,
    now_ms: Rc<Cell<u64>>,
    phase: Cell<Phase>,
    connections: RefCell<HashMap<u64, Rc<ConnectionState>>>,
    next_connection: Cell<u64>,
    /// Streams under way on HTTP/2 connections.
    streams: RefCell<HashMap<u64, Rc<ConnectionState>>>,
    next_stream: Cell<u64>,
    /// Mirrored requests under way.
    pub(crate) shadows: Cell<usize>,
    /// A connection was opened or closed.
    changed: Notify,
}

impl Worker {
    /// A worker that has not started: the one at a place, and how many there are.
    pub(crate) fn new(
        (index, workers): (usize, usize),
        share: Share,
        observers: Rc<WorkerObservers>,
    ) -> Worker {
        let now_ms = Rc::new(Cell::new(clock::monotonic_ms()));
        Worker {
            index,
            table: RefCell::new(Cache::new(share.table)),
            observers,
            pool: Rc::new(Pool::new(Rc::clone(&now_ms))),
            tls: share.tls,
            addresses: share.addresses,
            server: share.server,
            store: OnceCell::new(),
            vault: share.vault,
            conversations: OnceCell::new(),
            workers,
            now_ms,
            phase: Cell::new(Phase::Serving),
            connections: RefCell::default(),
            next_connection: Cell::new(0),
            streams: RefCell::default(),
            next_stream: Cell::new(0),
            shadows: Cell::new(0),
            changed: Notify::new(),
        }
    }

    /// Looks at the routing table in force. `look` must not ask for it again.
    pub(crate) fn with_table<T>(&self, look: impl FnOnce(&Table) -> T) -> T {
        look(self.table.borrow_mut().load())
    }

    /// What counts limits together with other gateways.
    pub(crate) fn store(&self) -> Option<&SharedStore> {
        self.store.get()
    }

    /// Where conversations are kept; `None` as long as nothing is masked.
    pub(crate) fn conversations(&self) -> Option<Arc<Conversations>> {
        if self.conversations.get().is_none() {
            let _ = self.conversations.set(self.vault.of_worker()?);
        }
        self.conversations.get().cloned()
    }

    /// The record of what was masked.
    pub(crate) fn masking_audit(&self) -> &Arc<MaskingAudit> {
        self.vault.audit()
    }

    /// The most that one conversation may hold.
    pub(crate) fn mapping_limits(&self) -> Limits {
        self.vault.limits()
    }

    /// TLS towards clients; `None` where it is not spoken.
    pub(crate) fn tls(&self) -> Option<&Tls> {
        self.tls.as_deref()
    }

    /// Whether answers must close their connections.
    pub(crate) fn is_draining(&self) -> bool {
        self.phase.get() != Phase::Serving
    }

    /// Whether connections without a request must close.
    pub(crate) fn is_closing(&self) -> bool {
        self.phase.get() == Phase::Closing
    }

    /// Serves until it is ordered to stop; returns how many requests and tunnels were cut off.
    pub(crate) async fn run(
        self: Rc<Self>,
        doors: Vec<Door<std::net::TcpListener>>,
        mut orders: watch::Receiver<Orders>,
    ) -> std::io::Result<usize> {
        let opened = doors.into_iter().map(|door| {
            keep_alive(&door.listener, &CLIENT_PROBES)?;
            let listener = TcpListener::from_std(door.listener)?;
            let is_secure = door.is_secure;
            Ok(Door {
                listener,
                is_secure,
            })
        });
        let doors: Vec<Door<TcpListener>> = opened.collect::<std::io::Result<_>>()?;
        if let Some(server) = &self.server {
            // Only here is there a runtime for its connection.
            self.store
                .get_or_init(|| SharedStore::start(Arc::clone(server)));
        }
        tokio::task::spawn_local(Rc::clone(&self).tick());
        let stop = loop {
            let held = orders.borrow().held;
            tokio::select! {
                accepted = self.accept(&doors), if !held => self.open(accepted),
                changed = orders.changed() => {
                    self.pool.sweep();
                    // The table before is not kept until the next request.
                    self.with_table(|_| ());
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
        let cut_off = self.drain(stop).await;
        line_limit::tell_all_left_out();
        Ok(cut_off)
    }

    /// Keeps the coarse clock, wakes what is due and sweeps the pool, as long as there is
    /// anything.
    async fn tick(self: Rc<Self>) {
        let mut interval = tokio::time::interval(Duration::from_millis(TICK_MS));
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut has_to_tell = false;
        loop {
            let is_idle = self.connections.borrow().is_empty() && self.pool.is_empty();
            if is_idle && !has_to_tell {
                self.changed.notified().await;
            }
            interval.tick().await;
            self.now_ms.set(clock::monotonic_ms());
            has_to_tell = line_limit::tell_left_out(self.now_ms.get());
            for connection in self.connections.borrow().values() {
                if connection.is_due() {
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

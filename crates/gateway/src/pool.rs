//! The idle upstream connections of one worker.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::Notify;

use crate::bounds::{
    POOL_IDLE_PER_ENDPOINT_MAX, POOL_IDLE_TIMEOUT_MS, POOL_SWEEP_MS, SHARED_IDLE_TIMEOUT_MS,
};
use crate::endpoint::Endpoint;
use crate::upstream::{Http2Opened, Upstream};

/// Idle connections by endpoint, the most recently used last. An endpoint is known by its address in memory:
/// a worker meets a handful, so a list is faster than a map.
pub(crate) struct Pool {
    pools: RefCell<Vec<EndpointPool>>,
    now_ms: Rc<Cell<u64>>,
    swept_at_ms: Cell<u64>,
}

struct EndpointPool {
    endpoint: Arc<Endpoint>,
    idle: Vec<Idle>,
    /// The connection that requests share, where the endpoint speaks HTTP/2.
    shared: Option<Http2Opened>,
    shared_used_at_ms: u64,
    dialling: Rc<Dialling>,
}

/// Whether somebody is opening a connection that all will share, so that the others wait for it.
#[derive(Default)]
struct Dialling {
    is_under_way: Cell<bool>,
    over: Notify,
}

/// The turn to open the shared connection, until it is dropped.
pub(crate) struct Turn(Rc<Dialling>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.is_under_way.set(false);
        self.0.over.notify_waiters();
    }
}

struct Idle {
    upstream: Upstream,
    since_ms: u64,
}

impl Pool {
    /// An empty pool; `now_ms` is the worker's coarse clock.
    pub(crate) fn new(now_ms: Rc<Cell<u64>>) -> Pool {
        Pool {
            pools: RefCell::default(),
            swept_at_ms: Cell::new(now_ms.get()),
            now_ms,
        }
    }

    /// Whether no connection is kept.
    pub(crate) fn is_empty(&self) -> bool {
        self.pools.borrow().is_empty()
    }

    /// [`Pool::sweep`], if the last one is a while ago.
    pub(crate) fn sweep_if_due(&self) {
        if self.now_ms.get().saturating_sub(self.swept_at_ms.get()) >= POOL_SWEEP_MS {
            self.sweep();
        }
    }

    /// Another use of the connection that requests share, if it is still open.
    pub(crate) fn join(&self, endpoint: &Arc<Endpoint>) -> Option<Upstream> {
        let mut pools = self.pools.borrow_mut();
        let pool = pools
            .iter_mut()
            .find(|pool| Arc::ptr_eq(&pool.endpoint, endpoint))?;
        let shared = pool.shared.take().filter(Http2Opened::is_open)?;
        let joined = shared.join();
        pool.shared = Some(shared);
        pool.shared_used_at_ms = self.now_ms.get();
        Some(Upstream::Http2(joined))
    }

    /// Keeps a connection for all who come, and joins it.
    pub(crate) fn share(&self, endpoint: &Arc<Endpoint>, opened: Http2Opened) -> Upstream {
        let joined = opened.join();
        self.of(endpoint, |pool, now_ms| {
            pool.shared = Some(opened);
            pool.shared_used_at_ms = now_ms;
        });
        Upstream::Http2(joined)
    }

    /// Lets nobody else join a connection that took no request; those who use it go on.
    pub(crate) fn leave(&self, endpoint: &Arc<Endpoint>) {
        self.of(endpoint, |pool, _| pool.shared = None);
    }

    /// Waits for the connection that somebody else is opening, or for the turn to open one.
    pub(crate) async fn join_or_dial(&self, endpoint: &Arc<Endpoint>) -> Result<Upstream, Turn> {
        loop {
            if let Some(joined) = self.join(endpoint) {
                return Ok(joined);
            }
            let dialling = self.of(endpoint, |pool, _| Rc::clone(&pool.dialling));
            if !dialling.is_under_way.replace(true) {
                return Err(Turn(dialling));
            }
            dialling.over.notified().await;
        }
    }

    fn of<T>(
        &self,
        endpoint: &Arc<Endpoint>,
        change: impl FnOnce(&mut EndpointPool, u64) -> T,
    ) -> T {
        let now_ms = self.now_ms.get();
        let mut pools = self.pools.borrow_mut();
        let index = match pools
            .iter()
            .position(|pool| Arc::ptr_eq(&pool.endpoint, endpoint))
        {
            Some(index) => index,
            None => {
                pools.push(EndpointPool {
                    endpoint: Arc::clone(endpoint),
                    idle: Vec::new(),
                    shared: None,
                    shared_used_at_ms: now_ms,
                    dialling: Rc::default(),
                });
                pools.len() - 1
            }
        };
        change(&mut pools[index], now_ms)
    }

    /// The connection that was used last and is still open.
    pub(crate) fn take(&self, endpoint: &Arc<Endpoint>) -> Option<Upstream> {
        let mut pools = self.pools.borrow_mut();
        let pool = pools
            .iter_mut()
            .find(|pool| Arc::ptr_eq(&pool.endpoint, endpoint))?;
        while let Some(mut idle) = pool.idle.pop() {
            if idle.upstream.is_reusable() {
                return Some(idle.upstream);
            }
        }
        None
    }

    /// Takes a connection back, unless it cannot be used again or is not wanted any more. Whether the other side
    /// closes it is seen when it is taken.
    pub(crate) fn put(&self, endpoint: &Arc<Endpoint>, upstream: Upstream) {
        if endpoint.is_retired() || !upstream.is_free() {
            return;
        }
        let idle = Idle {
            upstream,
            since_ms: self.now_ms.get(),
        };
        self.of(endpoint, |pool, _| {
            if pool.idle.len() < POOL_IDLE_PER_ENDPOINT_MAX {
                pool.idle.push(idle);
            }
        });
    }

    /// Closes connections that were idle for too long, that the other side closed, or whose
    /// endpoint is retired.
    pub(crate) fn sweep(&self) {
        let now_ms = self.now_ms.get();
        self.swept_at_ms.set(now_ms);
        self.pools.borrow_mut().retain_mut(|pool| {
            if pool.endpoint.is_retired() {
                return false;
            }
            pool.idle.retain_mut(|idle| {
                now_ms.saturating_sub(idle.since_ms) < POOL_IDLE_TIMEOUT_MS
                    && idle.upstream.is_reusable()
            });
            let unused = |shared: &Http2Opened| {
                shared.is_idle()
                    && now_ms.saturating_sub(pool.shared_used_at_ms) >= SHARED_IDLE_TIMEOUT_MS
            };
            pool.shared = pool
                .shared
                .take()
                .filter(|shared| shared.is_open() && !unused(shared));
            !pool.idle.is_empty() || pool.shared.is_some()
        });
    }
}

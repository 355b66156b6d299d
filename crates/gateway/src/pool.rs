//! The idle upstream connections of one worker.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::Notify;

use crate::bounds::{
    POOL_IDLE_PER_ENDPOINT_MAX, POOL_IDLE_TIMEOUT_MS, POOL_SWEEP_MS, SHARED_IDLE_TIMEOUT_MS,
    SHARED_PER_ENDPOINT_MAX,
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
    /// The connections that requests share, where the endpoint speaks HTTP/2: as many as its streams need, the oldest
    /// first.
    shared: Vec<Shared>,
    dialling: Rc<Dialling>,
}

/// Whether somebody is opening a connection that all will share, so that the others wait for it, or for a place on one
/// that there is.
#[derive(Default)]
struct Dialling {
    is_under_way: Cell<bool>,
    /// A place may be free, or the turn to open a connection.
    changed: Rc<Notify>,
}

/// The turn to open the shared connection, until it is dropped.
pub(crate) struct Turn(Rc<Dialling>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.is_under_way.set(false);
        self.0.changed.notify_waiters();
    }
}

struct Shared {
    opened: Http2Opened,
    used_at_ms: u64,
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

    /// Another use of a connection that requests share: the first one with a free stream, so that others become idle
    /// when there is less to do. `None` if there is none, and another connection may be opened; when there are as many
    /// as may be, the request waits for a stream of the one with the fewest.
    pub(crate) fn join(&self, endpoint: &Arc<Endpoint>) -> Option<Upstream> {
        let mut pools = self.pools.borrow_mut();
        let pool = pools
            .iter_mut()
            .find(|pool| Arc::ptr_eq(&pool.endpoint, endpoint))?;
        pool.shared.retain(|shared| shared.opened.is_open());
        let is_full = pool.shared.len() >= SHARED_PER_ENDPOINT_MAX;
        let free = pool.shared.iter().position(|it| it.opened.has_room());
        let place = free.or_else(|| {
            let places = (0..pool.shared.len()).filter(|_| is_full);
            places.min_by_key(|place| pool.shared[*place].opened.users())
        })?;
        let shared = &mut pool.shared[place];
        shared.used_at_ms = self.now_ms.get();
        Some(Upstream::Http2(shared.opened.join()))
    }

    /// Keeps a connection for all who come, and joins it.
    pub(crate) fn share(&self, endpoint: &Arc<Endpoint>, opened: Http2Opened) -> Upstream {
        let joined = opened.join();
        self.of(endpoint, |pool, used_at_ms| {
            opened.tell(&pool.dialling.changed);
            pool.shared.push(Shared { opened, used_at_ms });
        });
        Upstream::Http2(joined)
    }

    /// Lets nobody else join connections that failed; those who use them go on.
    pub(crate) fn leave(&self, endpoint: &Arc<Endpoint>) {
        self.of(endpoint, |pool, _| {
            pool.shared.retain(|shared| shared.opened.is_open());
        });
    }

    /// Waits for the connection that somebody else is opening, for a place on another, or for the turn to open one.
    pub(crate) async fn join_or_dial(&self, endpoint: &Arc<Endpoint>) -> Result<Upstream, Turn> {
        loop {
            if let Some(joined) = self.join(endpoint) {
                return Ok(joined);
            }
            let dialling = self.of(endpoint, |pool, _| Rc::clone(&pool.dialling));
            if !dialling.is_under_way.replace(true) {
                return Err(Turn(dialling));
            }
            dialling.changed.notified().await;
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
                    shared: Vec::new(),
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
            pool.shared.retain(|shared| {
                let idle_ms = now_ms.saturating_sub(shared.used_at_ms);
                let is_used = shared.opened.users() > 0 || idle_ms < SHARED_IDLE_TIMEOUT_MS;
                shared.opened.is_open() && is_used
            });
            !pool.idle.is_empty() || !pool.shared.is_empty()
        });
    }
}

#[cfg(test)]
mod tests;

//! The idle upstream connections of one worker.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::Notify;

use crate::arm::ArmState;
use crate::bounds::{
    POOL_IDLE_PER_ARM_MAX, POOL_IDLE_TIMEOUT_MS, POOL_SWEEP_MS, SHARED_IDLE_TIMEOUT_MS,
};
use crate::upstream::{Http2Opened, Upstream};

/// Idle connections by arm, the most recently used last. An arm is known by its address in memory:
/// a worker meets a handful, so a list is faster than a map.
pub(crate) struct Pool {
    arms: RefCell<Vec<ArmPool>>,
    now_ms: Rc<Cell<u64>>,
    swept_at_ms: Cell<u64>,
}

struct ArmPool {
    arm: Arc<ArmState>,
    idle: Vec<Idle>,
    /// The connection that requests share, where the arm speaks HTTP/2.
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
            arms: RefCell::default(),
            swept_at_ms: Cell::new(now_ms.get()),
            now_ms,
        }
    }

    /// Whether no connection is kept.
    pub(crate) fn is_empty(&self) -> bool {
        self.arms.borrow().is_empty()
    }

    /// [`Pool::sweep`], if the last one is a while ago.
    pub(crate) fn sweep_if_due(&self) {
        if self.now_ms.get().saturating_sub(self.swept_at_ms.get()) >= POOL_SWEEP_MS {
            self.sweep();
        }
    }

    /// Another use of the connection that requests share, if it is still open.
    pub(crate) fn join(&self, arm: &Arc<ArmState>) -> Option<Upstream> {
        let mut arms = self.arms.borrow_mut();
        let pool = arms.iter_mut().find(|pool| Arc::ptr_eq(&pool.arm, arm))?;
        let shared = pool.shared.take().filter(Http2Opened::is_open)?;
        let joined = shared.join();
        pool.shared = Some(shared);
        pool.shared_used_at_ms = self.now_ms.get();
        Some(Upstream::Http2(joined))
    }

    /// Keeps a connection for all who come, and joins it.
    pub(crate) fn share(&self, arm: &Arc<ArmState>, opened: Http2Opened) -> Upstream {
        let joined = opened.join();
        self.of(arm, |pool, now_ms| {
            pool.shared = Some(opened);
            pool.shared_used_at_ms = now_ms;
        });
        Upstream::Http2(joined)
    }

    /// Lets nobody else join a connection that took no request; those who use it go on.
    pub(crate) fn leave(&self, arm: &Arc<ArmState>) {
        self.of(arm, |pool, _| pool.shared = None);
    }

    /// Waits for the connection that somebody else is opening, or for the turn to open one.
    pub(crate) async fn join_or_dial(&self, arm: &Arc<ArmState>) -> Result<Upstream, Turn> {
        loop {
            if let Some(joined) = self.join(arm) {
                return Ok(joined);
            }
            let dialling = self.of(arm, |pool, _| Rc::clone(&pool.dialling));
            if !dialling.is_under_way.replace(true) {
                return Err(Turn(dialling));
            }
            dialling.over.notified().await;
        }
    }

    fn of<T>(&self, arm: &Arc<ArmState>, change: impl FnOnce(&mut ArmPool, u64) -> T) -> T {
        let now_ms = self.now_ms.get();
        let mut arms = self.arms.borrow_mut();
        let index = match arms.iter().position(|pool| Arc::ptr_eq(&pool.arm, arm)) {
            Some(index) => index,
            None => {
                arms.push(ArmPool {
                    arm: Arc::clone(arm),
                    idle: Vec::new(),
                    shared: None,
                    shared_used_at_ms: now_ms,
                    dialling: Rc::default(),
                });
                arms.len() - 1
            }
        };
        change(&mut arms[index], now_ms)
    }

    /// The connection that was used last and is still open.
    pub(crate) fn take(&self, arm: &Arc<ArmState>) -> Option<Upstream> {
        let mut arms = self.arms.borrow_mut();
        let pool = arms.iter_mut().find(|pool| Arc::ptr_eq(&pool.arm, arm))?;
        while let Some(mut idle) = pool.idle.pop() {
            if idle.upstream.is_reusable() {
                return Some(idle.upstream);
            }
        }
        None
    }

    /// Takes a connection back, unless it cannot be used again or is not wanted any more.
    pub(crate) fn put(&self, arm: &Arc<ArmState>, mut upstream: Upstream) {
        if arm.is_retired() || !upstream.is_reusable() {
            return;
        }
        let idle = Idle {
            upstream,
            since_ms: self.now_ms.get(),
        };
        self.of(arm, |pool, _| {
            if pool.idle.len() < POOL_IDLE_PER_ARM_MAX {
                pool.idle.push(idle);
            }
        });
    }

    /// Closes connections that were idle for too long, that the other side closed, or whose arm is
    /// out of the split.
    pub(crate) fn sweep(&self) {
        let now_ms = self.now_ms.get();
        self.swept_at_ms.set(now_ms);
        self.arms.borrow_mut().retain_mut(|pool| {
            if pool.arm.is_retired() {
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

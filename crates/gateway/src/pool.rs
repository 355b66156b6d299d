//! The idle upstream connections of one worker.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use crate::arm::ArmState;
use crate::bounds::{POOL_IDLE_PER_ARM_MAX, POOL_IDLE_TIMEOUT_MS, POOL_SWEEP_MS};
use crate::upstream::Upstream;

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
        let mut arms = self.arms.borrow_mut();
        match arms.iter_mut().find(|pool| Arc::ptr_eq(&pool.arm, arm)) {
            Some(pool) if pool.idle.len() < POOL_IDLE_PER_ARM_MAX => pool.idle.push(idle),
            Some(_) => {}
            None => arms.push(ArmPool {
                arm: Arc::clone(arm),
                idle: vec![idle],
            }),
        }
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
            !pool.idle.is_empty()
        });
    }
}

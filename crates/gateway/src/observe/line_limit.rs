//! How many lines of one kind the log gets from the data path.
//!
//! A client decides how many requests are refused, so it must not decide how many lines are written: that would
//! fill disks, and hide everything else. Of each kind, which is a route and a cause, a worker writes a few lines
//! a second and then one that says how many were left out. Counters have all of them, and so has the log of
//! requests.
//!
//! It is kept by thread, because a worker is a thread and everything about a request happens there: no lock, and
//! nothing that has to be handed to whatever may write such a line.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use crate::bounds::{LINES_OF_A_KIND_MAX, LINES_WINDOW_MS};
use crate::clock;

/// What one worker wrote lately. Kinds of which there was nothing lately are forgotten, so there are never
/// more than routes times causes.
#[derive(Debug, Default)]
pub(crate) struct LineLimit {
    /// By cause, then by the route's name.
    kinds: HashMap<&'static str, HashMap<Arc<str>, Kind>>,
    /// What was left out of seconds that are over.
    left_out: Vec<LeftOut>,
}

/// Lines of one kind that were not written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LeftOut {
    route: Arc<str>,
    cause: &'static str,
    lines: u64,
}

/// One kind since its first line.
#[derive(Debug)]
struct Kind {
    since_ms: u64,
    written: u32,
    left_out: u64,
}

thread_local! {
    static OF_THREAD: RefCell<LineLimit> = RefCell::default();
}

/// Whether this worker may write a line about a request of a route, empty without one. `cause` is a word of
/// this program, the same every time.
pub(crate) fn may_write(route: &str, cause: &'static str) -> bool {
    let now_ms = clock::monotonic_ms();
    OF_THREAD.with_borrow_mut(|limit| limit.may_write(route, cause, now_ms))
}

/// Writes how many lines were left out until a second ago; asked on every tick. Whether there is something to
/// tell later.
pub(crate) fn tell_left_out(now_ms: u64) -> bool {
    let (left_out, is_over) = OF_THREAD.with_borrow_mut(|limit| match limit.is_empty() {
        true => (Vec::new(), true),
        false => (limit.take_left_out(now_ms), limit.is_empty()),
    });
    for kind in left_out {
        let LeftOut {
            route,
            cause,
            lines,
        } = kind;
        tracing::warn!(
            route = &*route,
            cause,
            lines,
            "more lines like this were left out"
        );
    }
    !is_over
}

/// Writes all of it, as the last thing that a worker does.
pub(crate) fn tell_all_left_out() {
    tell_left_out(u64::MAX);
}

impl LineLimit {
    fn may_write(&mut self, route: &str, cause: &'static str, now_ms: u64) -> bool {
        let kinds = self.kinds.entry(cause).or_default();
        let Some(kind) = kinds.get_mut(route) else {
            kinds.insert(route.into(), Kind::begin(now_ms));
            return true;
        };
        if kind.is_over(now_ms) {
            let over = std::mem::replace(kind, Kind::begin(now_ms));
            self.left_out.extend(over.left_out(route.into(), cause));
            return true;
        }
        if kind.written < LINES_OF_A_KIND_MAX {
            kind.written += 1;
            return true;
        }
        kind.left_out += 1;
        false
    }

    /// What was left out of seconds that are over, and forgets these.
    fn take_left_out(&mut self, now_ms: u64) -> Vec<LeftOut> {
        let mut left_out = std::mem::take(&mut self.left_out);
        for (cause, kinds) in &mut self.kinds {
            let over = kinds.extract_if(|_, kind| kind.is_over(now_ms));
            left_out.extend(over.filter_map(|(route, kind)| kind.left_out(route, cause)));
        }
        self.kinds.retain(|_, kinds| !kinds.is_empty());
        left_out
    }

    fn is_empty(&self) -> bool {
        self.kinds.is_empty() && self.left_out.is_empty()
    }
}

impl Kind {
    fn begin(now_ms: u64) -> Kind {
        Kind {
            since_ms: now_ms,
            written: 1,
            left_out: 0,
        }
    }

    fn is_over(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.since_ms) >= LINES_WINDOW_MS
    }

    fn left_out(self, route: Arc<str>, cause: &'static str) -> Option<LeftOut> {
        (self.left_out > 0).then_some(LeftOut {
            route,
            cause,
            lines: self.left_out,
        })
    }
}

#[cfg(test)]
mod tests;

//! Keeping requests of a service out while its data is moved.
//!
//! What is closed is a part of the split, so it changes as the split does: as a whole. A request that is kept out waits,
//! with nothing of it sent anywhere, until the split is another one, and is refused when it has waited as long as the
//! closure says.
//!
//! # When it is closed
//! Whoever closes a service wants to know when the last request that it should keep out is over. So a closed arm is marked
//! before the table says it, and a request is counted before it looks at the mark: either it sees the mark, or it is
//! counted when the counts are read. Counting, marking, looking and reading are all in one order (`SeqCst`), as with
//! arms that are retired ([`crate::in_flight::InFlight::begin`]).

use std::sync::Arc;
use std::sync::atomic::{
    AtomicU8, AtomicUsize,
    Ordering::{Relaxed, SeqCst},
};

use portcullis_api::gateway::{ClosedFor, ClosedTo, Closure};
use tokio::sync::watch;

use crate::bounds::HELD_MAX;

/// A closure in force.
#[derive(Debug)]
pub(crate) struct Closed {
    /// What it keeps out.
    pub(crate) closure: Closure,
    /// Requests that wait for its end.
    held: AtomicUsize,
    ended: watch::Sender<bool>,
}

/// A request that waits. Dropping it ends the wait.
pub(crate) struct Held {
    closed: Arc<Closed>,
}

/// What an arm is marked with.
#[derive(Debug, Default)]
pub(crate) struct Mark(AtomicU8);

/// What a marked arm does not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marked {
    /// It takes everything.
    Open,
    /// It takes what only reads.
    ToWrites,
    /// It takes nothing.
    ToEverything,
}

impl Closed {
    pub(crate) fn new(closure: Closure) -> Closed {
        Closed {
            closure,
            held: AtomicUsize::new(0),
            ended: watch::Sender::new(false),
        }
    }

    /// How many requests wait.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Relaxed)
    }

    /// Lets go of everybody who waits; they look at the split again.
    pub(crate) fn end(&self) {
        self.ended.send_replace(true);
    }

    /// Waits for the end, unless as many wait as may.
    pub(crate) fn wait(self: &Arc<Closed>) -> Option<Held> {
        if self.held.fetch_add(1, Relaxed) >= HELD_MAX {
            self.held.fetch_sub(1, Relaxed);
            return None;
        }
        Some(Held {
            closed: Arc::clone(self),
        })
    }

    /// What arms are marked with for it: the stable one, and the canary.
    pub(crate) fn marks(&self) -> (Marked, Marked) {
        let to = match self.closure.to {
            ClosedTo::Writes => Marked::ToWrites,
            ClosedTo::Everything => Marked::ToEverything,
        };
        match self.closure.of {
            ClosedFor::Everyone => (to, to),
            ClosedFor::StableUsers => (to, Marked::Open),
        }
    }
}

impl Held {
    /// Ends when the closure does.
    pub(crate) async fn ended(&self) {
        let mut ended = self.closed.ended.subscribe();
        // The sender lives as long as this.
        let _ = ended.wait_for(|ended| *ended).await;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.closed.held.fetch_sub(1, Relaxed);
    }
}

impl Mark {
    pub(crate) fn set(&self, marked: Marked) {
        self.0.store(marked as u8, SeqCst);
    }

    pub(crate) fn get(&self) -> Marked {
        match self.0.load(SeqCst) {
            value if value == Marked::ToWrites as u8 => Marked::ToWrites,
            value if value == Marked::ToEverything as u8 => Marked::ToEverything,
            _ => Marked::Open,
        }
    }
}

impl Marked {
    /// Whether an arm with this mark does not take a request that may write, or that only reads.
    pub(crate) fn keeps_out(self, may_write: bool) -> bool {
        match self {
            Marked::Open => false,
            Marked::ToWrites => may_write,
            Marked::ToEverything => true,
        }
    }
}

#[cfg(test)]
mod tests;

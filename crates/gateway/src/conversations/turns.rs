//! Turns at a conversation that several requests of this process change at once.
//!
//! Whoever is alone takes no turn: it reads, masks and saves. One that was too late to save waits for its turn, and everybody
//! who comes while somebody waits does too, so that each is late at most as often as others had begun before it. A turn is
//! held while a request is masked and kept, never while it is sent. Other processes are not held up by it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedMutexGuard;

use super::keys::RecordName;

/// The conversations at which somebody waits or has a turn: as many as there are such requests at most.
#[derive(Default)]
pub(crate) struct Turns {
    queues: Mutex<HashMap<RecordName, Arc<tokio::sync::Mutex<()>>>>,
}

/// A turn at a conversation, until it is dropped.
pub(crate) struct Turn {
    // Given up before the seat is.
    _guard: OwnedMutexGuard<()>,
    _seat: Seat,
}

/// A place in the queue of a conversation.
struct Seat {
    turns: Arc<Turns>,
    name: RecordName,
    queue: Option<Arc<tokio::sync::Mutex<()>>>,
}

impl Turns {
    /// Whether somebody waits for a turn or has one.
    pub(super) fn is_queued(&self, name: &RecordName) -> bool {
        self.queues().contains_key(name)
    }

    /// A turn, when everybody who came before has had theirs.
    pub(super) async fn turn(self: &Arc<Self>, name: RecordName) -> Turn {
        let queue = Arc::clone(self.queues().entry(name).or_default());
        let seat = Seat {
            turns: Arc::clone(self),
            name,
            queue: Some(Arc::clone(&queue)),
        };
        Turn {
            _guard: queue.lock_owned().await,
            _seat: seat,
        }
    }

    fn queues(&self) -> MutexGuard<'_, HashMap<RecordName, Arc<tokio::sync::Mutex<()>>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut queues = self.turns.queues();
        self.queue = None;
        // Counted while nobody else can take a seat.
        if let Some(queue) = queues.get(&self.name)
            && Arc::strong_count(queue) == 1
        {
            queues.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests;

//! How much may be put back at once: a short placeholder may stand for a long value, and an answer may repeat it as often
//! as somebody asks for.

use std::cell::Cell;

/// The room for values.
#[derive(Debug)]
pub(super) struct Room {
    bytes_left: Cell<usize>,
    is_exceeded: Cell<bool>,
}

impl Room {
    /// Room without a bound.
    pub(super) const fn endless() -> Room {
        Room {
            bytes_left: Cell::new(usize::MAX),
            is_exceeded: Cell::new(false),
        }
    }

    /// Makes room for so many bytes. That it was exceeded once is not forgotten.
    pub(super) fn make(&self, bytes: usize) {
        self.bytes_left.set(bytes);
    }

    /// Takes so many bytes, if there is room for them.
    pub(super) fn take(&self, bytes: usize) -> bool {
        match self.bytes_left.get().checked_sub(bytes) {
            Some(left) => self.bytes_left.set(left),
            None => self.is_exceeded.set(true),
        }
        !self.is_exceeded.get()
    }

    /// Whether something was not put back.
    pub(super) fn is_exceeded(&self) -> bool {
        self.is_exceeded.get()
    }
}

//! A second look at a folder, after everything in it was read.

use crate::scan::{Item, Scan};

/// Compares what is found now, in any order, with what was found first. Nothing of it is kept but which items were there again:
/// another list of all of them would be as large as the first.
pub(super) struct SecondLook<'a> {
    first: &'a Scan,
    met: Vec<bool>,
    differs: bool,
}

impl<'a> SecondLook<'a> {
    pub(super) fn after(first: &'a Scan) -> Self {
        Self {
            first,
            met: vec![false; first.items.len()],
            differs: false,
        }
    }

    /// Something was found. It must be as it was, and not there twice: a folder that changes while it is listed may list one
    /// name twice and another not at all.
    pub(super) fn item(&mut self, found: &Item) {
        match self.first.position(&found.path) {
            Some(at) if !self.met[at] && self.first.items[at] == *found => self.met[at] = true,
            _ => self.differs = true,
        }
    }

    /// Whether just the same was found as at first.
    pub(super) fn is_the_same(&self) -> bool {
        !self.differs && self.met.iter().all(|met| *met)
    }
}

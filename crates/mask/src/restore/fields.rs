//! Restoring the texts of an answer with one mapping.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use super::{Encoding, RestoreCounts, Restorer, Room, Vocabulary};
use crate::wire::{Unmask, Unmasks};

/// Restores every text of one answer with the vocabulary of its conversation, and counts.
#[derive(Clone)]
pub struct FieldRestorers {
    vocabulary: Arc<Vocabulary>,
    counts: Rc<Cell<RestoreCounts>>,
    room: Rc<Room>,
    minds_json: bool,
}

impl FieldRestorers {
    /// Restores with this vocabulary, without a bound on how long texts become.
    #[must_use]
    pub fn new(vocabulary: Arc<Vocabulary>) -> FieldRestorers {
        FieldRestorers {
            vocabulary,
            counts: Rc::default(),
            room: Rc::new(Room::endless()),
            minds_json: false,
        }
    }

    /// Escapes values in plain texts that are JSON or hold it: see [`Restorer::minding_json`].
    #[must_use]
    pub fn minding_json(mut self) -> FieldRestorers {
        self.minds_json = true;
        self
    }

    /// Makes room for so many bytes of values in all texts together, beginning with the next. A value for which there is
    /// no room is not put back, and neither is any behind it.
    pub fn make_room(&self, bytes: usize) {
        self.room.make(bytes);
    }

    /// Whether there was no room for a value.
    #[must_use]
    pub fn is_out_of_room(&self) -> bool {
        self.room.is_exceeded()
    }

    /// What was restored in all texts that have ended.
    #[must_use]
    pub fn counts(&self) -> RestoreCounts {
        self.counts.get()
    }
}

impl Unmasks for FieldRestorers {
    type Text = FieldRestorer;

    fn text(&self, encoding: crate::wire::Encoding) -> FieldRestorer {
        let encoding = match encoding {
            crate::wire::Encoding::Text => Encoding::Plain,
            crate::wire::Encoding::JsonText => Encoding::Json,
        };
        let restorer = Restorer::new(Arc::clone(&self.vocabulary), encoding);
        FieldRestorer {
            restorer: match self.minds_json {
                true => restorer.minding_json(),
                false => restorer,
            },
            counts: Rc::clone(&self.counts),
            room: Rc::clone(&self.room),
            counted: RestoreCounts::default(),
        }
    }
}

/// Restores one text of an answer.
pub struct FieldRestorer {
    restorer: Restorer,
    counts: Rc<Cell<RestoreCounts>>,
    room: Rc<Room>,
    /// What of this text is in the counts already.
    counted: RestoreCounts,
}

impl FieldRestorer {
    /// Adds what was counted since the last time.
    fn count(&mut self) {
        let now = self.restorer.counts();
        let mut all = self.counts.get();
        all.restored += now.restored - self.counted.restored;
        all.look_alikes += now.look_alikes - self.counted.look_alikes;
        self.counts.set(all);
        self.counted = now;
    }
}

impl Unmask for FieldRestorer {
    fn push(&mut self, piece: &str, out: &mut String) {
        self.restorer.push_within(piece, &self.room, out);
        self.count();
    }

    fn finish(&mut self, out: &mut String) {
        self.restorer.finish_within(&self.room, out);
        self.count();
    }

    fn is_holding(&self) -> bool {
        self.restorer.held() > 0
    }
}

//! Data in answers that this conversation did not hide, looked for before the placeholders are restored.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use portcullis_mask::wire::{Encoding, Unmask, Unmasks};
use portcullis_mask::{
    AnswerScan, Counts, FieldRestorer, FieldRestorers, Mapping, MaskError, Masker, RestoreCounts,
};

use super::MaskingRefusal;
use crate::bounds::MASKING_RESTORED_BYTES_MAX;

/// Restores the texts of one answer, and looks through them first if that is wanted.
#[derive(Clone)]
pub(crate) struct LeakRestorers {
    restorers: FieldRestorers,
    scan: Option<Scanning>,
}

/// What looks through the texts of one answer.
#[derive(Clone)]
struct Scanning {
    masker: Arc<Masker>,
    mapping: Rc<Mapping>,
    /// Whether texts come whole.
    is_whole: bool,
    told: Rc<Told>,
}

#[derive(Default)]
struct Told {
    counts: RefCell<Counts>,
    is_blocked: Cell<bool>,
}

/// One text.
pub(crate) struct LeakRestorer {
    restorer: FieldRestorer,
    scan: Option<(Scanning, AnswerScan, String)>,
    /// Whether something of it is held back by the scan.
    is_held: bool,
}

impl LeakRestorers {
    /// Restores with these, and looks through texts with a masker for answers, if there is one. `is_whole` says that
    /// every text comes in one piece.
    pub(crate) fn new(
        restorers: FieldRestorers,
        masker: Option<&Arc<Masker>>,
        mapping: &Mapping,
        is_whole: bool,
    ) -> LeakRestorers {
        restorers.make_room(MASKING_RESTORED_BYTES_MAX);
        LeakRestorers {
            restorers,
            scan: masker.map(|masker| Scanning {
                masker: Arc::clone(masker),
                mapping: Rc::new(mapping.clone()),
                is_whole,
                told: Rc::default(),
            }),
        }
    }

    /// Makes room for values that are put back, in whole answers and for the next piece of a stream.
    pub(crate) fn make_room(&self) {
        self.restorers.make_room(MASKING_RESTORED_BYTES_MAX);
    }

    /// Why the answer must not go on: it holds what is to be withheld, or more values than there is room for.
    pub(crate) fn refusal(&self) -> Option<MaskingRefusal> {
        if self.is_blocked() {
            return Some(MaskingRefusal::Leaked);
        }
        let is_too_long = self.restorers.is_out_of_room();
        is_too_long.then_some(MaskingRefusal::AnswerTooLong)
    }

    /// What was restored.
    pub(crate) fn counts(&self) -> RestoreCounts {
        self.restorers.counts()
    }

    /// What was found that this conversation did not hide.
    pub(crate) fn leaks(&self) -> Counts {
        let told = self.scan.as_ref().map(|scan| scan.told.counts.borrow());
        told.map_or_else(Counts::default, |counts| counts.clone())
    }

    /// Whether it holds what is to be withheld.
    fn is_blocked(&self) -> bool {
        self.scan
            .as_ref()
            .is_some_and(|scan| scan.told.is_blocked.get())
    }
}

impl Unmasks for LeakRestorers {
    type Text = LeakRestorer;

    fn text(&self, encoding: Encoding) -> LeakRestorer {
        LeakRestorer {
            restorer: self.restorers.text(encoding),
            scan: self
                .scan
                .clone()
                .map(|scan| (scan, AnswerScan::new(), String::new())),
            is_held: false,
        }
    }
}

impl LeakRestorer {
    /// Gives what was looked through to the restorer.
    fn pass(&mut self, piece: &str, is_last: bool, out: &mut String) {
        let Some((scan, lines, whole)) = &mut self.scan else {
            self.restorer.push(piece, out);
            return;
        };
        let mut seen = String::new();
        let looked = match (scan.is_whole, is_last) {
            (true, false) => {
                whole.push_str(piece);
                return;
            }
            (true, true) => {
                let whole = std::mem::take(whole);
                scan.masker.scan_answer(&whole, &scan.mapping).map(|found| {
                    seen.push_str(&found.text);
                    scan.told.counts.borrow_mut().add(&found.counts);
                })
            }
            (false, _) => {
                let mut looked = lines.push(&scan.masker, &scan.mapping, piece, &mut seen);
                if is_last && looked.is_ok() {
                    looked = lines.finish(&scan.masker, &scan.mapping, &mut seen);
                }
                if is_last {
                    scan.told.counts.borrow_mut().add(lines.counts());
                }
                looked
            }
        };
        if let Err(error) = looked {
            let was_blocked = scan.told.is_blocked.replace(true);
            // A stream is over with the first one; of a whole answer each text is looked at once.
            if let MaskError::Blocked { counts, .. } = error
                && (scan.is_whole || !was_blocked)
            {
                scan.told.counts.borrow_mut().add(&counts);
            }
            return;
        }
        self.is_held = !is_last && !piece.ends_with('\n');
        self.restorer.push(&seen, out);
    }
}

impl Unmask for LeakRestorer {
    fn push(&mut self, piece: &str, out: &mut String) {
        self.pass(piece, false, out);
    }

    fn finish(&mut self, out: &mut String) {
        if self.scan.is_some() {
            self.pass("", true, out);
        }
        self.restorer.finish(out);
    }

    fn is_holding(&self) -> bool {
        self.is_held || self.restorer.is_holding()
    }
}

//! Data in answers that this conversation did not hide, looked for before the placeholders are restored.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use portcullis_config::LeakAction;
use portcullis_mask::wire::{Encoding, Unmask, Unmasks};
use portcullis_mask::{
    AnswerScan, Counts, FieldRestorer, FieldRestorers, Known, Mapping, MaskError, Masker,
    RequestValues, RestoreCounts,
};

use super::{MaskingRefusal, Session};
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
    /// What the request held, which its answer may repeat.
    request: Rc<RequestValues>,
    /// Whether texts come whole.
    is_whole: bool,
    /// Texts pass at once, and a copy of them is looked through.
    only_counts: bool,
    /// What cannot be looked through passes.
    passes_unknown: bool,
    told: Rc<Told>,
}

#[derive(Default)]
struct Told {
    counts: RefCell<Counts>,
    is_blocked: Cell<bool>,
    /// How much could not be looked through.
    unread: Cell<u64>,
}

/// One text.
pub(crate) struct LeakRestorer {
    restorer: FieldRestorer,
    scan: Option<(Scanning, AnswerScan, String)>,
    /// Nothing is put back into it.
    is_stray: bool,
}

impl LeakRestorers {
    /// Restores the answer to the request of a session, and looks through it where its mask wants that. `is_whole` says
    /// that every text comes in one piece.
    pub(crate) fn new(session: &Session, is_whole: bool) -> LeakRestorers {
        let restorers = FieldRestorers::new(session.vocabulary()).minding_json();
        restorers.make_room(MASKING_RESTORED_BYTES_MAX);
        let profile = session.profile();
        LeakRestorers {
            restorers,
            scan: profile.leaks.as_ref().map(|masker| Scanning {
                masker: Arc::clone(masker),
                mapping: Rc::new(session.mapping().clone()),
                request: Rc::new(session.request_values.clone()),
                is_whole,
                passes_unknown: profile.passes_unknown(),
                only_counts: profile.config.leaks == LeakAction::Report,
                told: Rc::default(),
            }),
        }
    }

    /// How much of the answer could not be looked through.
    pub(crate) fn unread(&self) -> u64 {
        self.scan.as_ref().map_or(0, |scan| scan.told.unread.get())
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
        let refuses = |scan: &Scanning| {
            scan.told.unread.get() > 0 && !scan.only_counts && !scan.passes_unknown
        };
        if self.scan.as_ref().is_some_and(refuses) {
            return Some(MaskingRefusal::AnswerUnknown);
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
            is_stray: false,
        }
    }

    fn stray(&self) -> Option<LeakRestorer> {
        let scan = self.scan.clone()?;
        let scan = Scanning {
            is_whole: true,
            ..scan
        };
        Some(LeakRestorer {
            restorer: self.restorers.text(Encoding::Text),
            scan: Some((scan, AnswerScan::new(), String::new())),
            is_stray: true,
        })
    }

    fn cannot_read(&self) {
        if let Some(scan) = &self.scan {
            scan.told.unread.set(scan.told.unread.get() + 1);
        }
    }

    fn is_over(&self) -> bool {
        self.refusal().is_some()
    }
}

impl LeakRestorer {
    /// Gives what was looked through on.
    fn give(&mut self, seen: &str, out: &mut String) {
        match self.is_stray {
            true => out.push_str(seen),
            false => self.restorer.push(seen, out),
        }
    }

    /// Looks through a copy of what passes at once.
    fn count(&mut self, piece: &str, is_last: bool) {
        let Some((scan, words, whole)) = &mut self.scan else {
            return;
        };
        let known = Known::from(&*scan.mapping).with_request(&scan.request);
        if scan.is_whole {
            whole.push_str(piece);
            if is_last && let Ok(found) = scan.masker.scan_answer(&std::mem::take(whole), known) {
                scan.told.counts.borrow_mut().add(&found.counts);
            }
            return;
        }
        // What is only counted is never blocked.
        let mut unused = String::new();
        let _ = words.push(&scan.masker, known, piece, &mut unused);
        if is_last {
            let _ = words.finish(&scan.masker, known, &mut unused);
        }
        scan.told.counts.borrow_mut().add(&words.take_counts());
    }

    /// Gives what was looked through to the restorer.
    fn pass(&mut self, piece: &str, is_last: bool, out: &mut String) {
        if self.scan.as_ref().is_none_or(|(scan, ..)| scan.only_counts) {
            self.count(piece, is_last);
            self.give(piece, out);
            return;
        }
        let Some((scan, words, whole)) = &mut self.scan else {
            return;
        };
        let known = Known::from(&*scan.mapping).with_request(&scan.request);
        let mut seen = String::new();
        let looked = match (scan.is_whole, is_last) {
            (true, false) => {
                whole.push_str(piece);
                return;
            }
            (true, true) => {
                let whole = std::mem::take(whole);
                scan.masker.scan_answer(&whole, known).map(|found| {
                    seen.push_str(&found.text);
                    scan.told.counts.borrow_mut().add(&found.counts);
                })
            }
            (false, _) => {
                let mut looked = words.push(&scan.masker, known, piece, &mut seen);
                if is_last && looked.is_ok() {
                    looked = words.finish(&scan.masker, known, &mut seen);
                }
                scan.told.counts.borrow_mut().add(&words.take_counts());
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
        self.give(&seen, out);
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
        let waits = |(scan, words, _): &(Scanning, AnswerScan, String)| {
            !scan.only_counts && words.held() > 0
        };
        self.scan.as_ref().is_some_and(waits) || self.restorer.is_holding()
    }
}

//! Collecting problems while a file is read: nothing stops at the first.

use std::cell::{Cell, RefCell};
use std::ops::Range;

use crate::bounds::PROBLEMS_MAX;
use crate::overlay::Overlay;
use crate::source::Source;
use crate::{Code, Problem, Problems};

/// A value with the place at which it stands.
#[derive(Debug, Clone)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) spot: Spot,
    /// Whether it stands in the file; otherwise it is the default.
    pub(crate) given: bool,
}

/// A place in the file.
#[derive(Debug, Clone)]
pub(crate) struct Spot {
    /// Bytes of the text.
    pub(crate) span: Range<usize>,
    /// The key with its tables, for machines.
    pub(crate) key: String,
    /// The key with its table, for people.
    pub(crate) label: String,
}

/// What is wrong with a value, before it is known where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) code: Code,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

/// The problems found so far.
pub(crate) struct Report<'s> {
    source: &'s Source,
    found: RefCell<Vec<Problem>>,
    omitted: Cell<usize>,
    /// How often anything was noted, also what was noted before.
    told: Cell<usize>,
    /// The environment that is being read, if it is one.
    overlay: RefCell<Option<Overlay>>,
}

impl<T> At<T> {
    /// The same place with another value.
    pub(crate) fn map<U>(self, change: impl FnOnce(T) -> U) -> At<U> {
        At {
            value: change(self.value),
            spot: self.spot,
            given: self.given,
        }
    }
}

impl Wrong {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Wrong {
        Wrong {
            code,
            message: message.into(),
            hint: None,
        }
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Wrong {
        self.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub(crate) fn maybe(mut self, hint: Option<String>) -> Wrong {
        self.hint = hint;
        self
    }
}

impl<'s> Report<'s> {
    pub(crate) fn new(source: &'s Source) -> Report<'s> {
        Report {
            source,
            found: RefCell::default(),
            omitted: Cell::new(0),
            told: Cell::new(0),
            overlay: RefCell::default(),
        }
    }

    /// The text that is read.
    pub(crate) fn source(&self) -> &'s Source {
        self.source
    }

    /// What is noted from now on is about an environment, or about the file as it stands.
    pub(crate) fn read_as(&self, overlay: Option<Overlay>) {
        self.overlay.replace(overlay);
    }

    /// Whether no more problems are kept.
    pub(crate) fn is_full(&self) -> bool {
        self.found.borrow().len() >= PROBLEMS_MAX
    }

    /// Notes a problem. The same one at the same place is kept once.
    pub(crate) fn add(&self, spot: &Spot, wrong: Wrong) {
        self.told.set(self.told.get() + 1);
        if self.is_full() {
            self.omitted.set(self.omitted.get() + 1);
            return;
        }
        let mut problem = self.problem(spot, wrong);
        let mut found = self.found.borrow_mut();
        let mut kept = found.contains(&problem);
        // A problem that the file has only when an environment is laid over it.
        if let Some(overlay) = self.overlay.borrow().as_ref()
            && !kept
            && !overlay.covers(&spot.span)
        {
            problem.message = format!("{} (in the environment {})", problem.message, overlay.name);
            kept = found.contains(&problem);
        }
        if !kept {
            found.push(problem);
        }
    }

    /// Grows with everything that is noted, so that it tells whether something was noted in between.
    pub(crate) fn told(&self) -> usize {
        self.told.get()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.borrow().is_empty()
    }

    /// All problems, in the order of the file.
    pub(crate) fn into_problems(self) -> Problems {
        let mut problems = self.found.into_inner();
        problems.sort_by_key(|problem| (problem.line, problem.column));
        Problems {
            problems,
            omitted: self.omitted.get(),
        }
    }

    fn problem(&self, spot: &Spot, wrong: Wrong) -> Problem {
        let (line, column) = self.source.locate(spot.span.start);
        let overlay = self.overlay.borrow();
        let own = overlay
            .as_ref()
            .filter(|overlay| overlay.covers(&spot.span));
        let (key, label) = match own {
            Some(own) => (
                format!("{}.{}", own.key(), spot.key),
                own.label(&spot.label),
            ),
            None => (spot.key.clone(), spot.label.clone()),
        };
        Problem {
            file: self.source.file.clone(),
            line,
            column,
            key,
            message: wrong.message,
            hint: wrong.hint,
            code: wrong.code,
            label,
            excerpt: self.source.excerpt(&spot.span),
        }
    }
}

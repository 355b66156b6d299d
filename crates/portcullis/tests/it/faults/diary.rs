//! The journal's file, read beside the engine that writes it.

use std::path::Path;

use portcullis_engine::History;
use portcullis_journal::{Entry, Journal, Scope, SqliteJournal};
use portcullis_rollout::{Run, State};
use tokio::runtime::{Builder, Runtime};

/// What a test has read of the journal so far.
pub(super) struct Diary {
    runtime: Runtime,
    journal: SqliteJournal,
    scope: Scope,
    history: History,
    /// Every entry that was read: it was acknowledged, so it must stay.
    pub(super) entries: Vec<Entry>,
}

impl Diary {
    pub(super) fn open(file: &Path) -> Diary {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let journal = runtime
            .block_on(SqliteJournal::open_read_only(file))
            .unwrap();
        let mut diary = Diary {
            runtime,
            journal,
            scope: Scope::new("dhash").unwrap(),
            history: History::read(&[]).unwrap(),
            entries: Vec::new(),
        };
        diary.catch_up();
        diary
    }

    /// Reads what was written since. Returns whether that was anything.
    pub(super) fn catch_up(&mut self) -> bool {
        let next = self.entries.len() as u64 + 1;
        let new = self
            .runtime
            .block_on(self.journal.read(&self.scope, next))
            .unwrap();
        for entry in &new {
            self.history.push(entry).unwrap();
        }
        let any = !new.is_empty();
        self.entries.extend(new);
        any
    }

    /// Panics if an entry that was read before is gone or changed.
    pub(super) fn check_nothing_is_lost(&mut self) {
        let whole = self
            .runtime
            .block_on(self.journal.read(&self.scope, 1))
            .unwrap();
        assert!(
            whole.starts_with(&self.entries),
            "acknowledged entries are gone: {} were read, {} are there",
            self.entries.len(),
            whole.len()
        );
        self.catch_up();
    }

    /// Where the last rollout stands: the place between two journal entries at which a kill hits.
    pub(super) fn place(&self) -> String {
        let Some(last) = self.history.last() else {
            return "nothing planned".to_owned();
        };
        match last.rollout().state() {
            State::Planned => "planned".to_owned(),
            State::Advancing { at, run, .. } => format!("do {at} {}", word(run)),
            State::Watching { at, tally } if tally.is_empty() => format!("gate {at} opened"),
            State::Watching { at, .. } => format!("gate {at} measured"),
            State::Paused { at, .. } => format!("paused {at}"),
            State::Unwinding { at, run, .. } => format!("undo {at} {}", word(run)),
            State::Held { at, .. } => format!("held {at}"),
            State::Done { end, .. } => format!("{end:?}"),
        }
    }

    /// The verdict sentence of the last rollout.
    pub(super) fn sentence(&self) -> String {
        let last = self.history.last();
        last.map_or_else(String::new, |last| last.rollout().sentence())
    }

    /// Whether the last rollout waits for a person, and for what.
    pub(super) fn question(&self) -> Option<String> {
        let last = self.history.last()?;
        match last.rollout().state() {
            State::Paused { .. } | State::Held { .. } => Some(last.rollout().sentence()),
            _ => None,
        }
    }
}

fn word(run: &Run) -> &'static str {
    match run {
        Run::InFlight => "begun",
        Run::InDoubt => "in doubt",
        Run::Resting { .. } => "resting",
    }
}

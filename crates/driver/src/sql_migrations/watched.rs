//! A session whose locks are watched while it migrates a copy.

use std::time::Duration;

use portcullis_migration::ConcurrentIndex;

use super::ledger::Entry;
use super::session::{IndexState, Session, Value};
use crate::LockWatch;

/// A session that has the locks looked at around each statement and around the end of each transaction.
pub(super) struct Watched<'w, S> {
    session: S,
    locks: &'w LockWatch,
    /// The transaction that is open, and the statement of it that took longest.
    open: Option<Open>,
}

struct Open {
    since: Duration,
    longest: (Duration, String),
}

impl<'w, S: Session> Watched<'w, S> {
    pub(super) fn new(session: S, locks: &'w LockWatch) -> Watched<'w, S> {
        Watched {
            session,
            locks,
            open: None,
        }
    }
}

impl<S: Session> Session for Watched<'_, S> {
    async fn make_ledger(&mut self) -> Result<(), sqlx::Error> {
        self.session.make_ledger().await
    }

    async fn make_reversals(&mut self) -> Result<(), sqlx::Error> {
        self.session.make_reversals().await
    }

    async fn reversals(&mut self) -> Result<Vec<(u64, String)>, sqlx::Error> {
        self.session.reversals().await
    }

    async fn entries(&mut self) -> Result<Option<Vec<Entry>>, sqlx::Error> {
        self.session.entries().await
    }

    async fn begin(&mut self) -> Result<(), sqlx::Error> {
        let since = self.locks.elapsed();
        let begun = self.session.begin().await;
        self.open = Some(Open {
            since,
            longest: (Duration::ZERO, String::new()),
        });
        begun
    }

    async fn end(&mut self, keep: bool) -> Result<(), sqlx::Error> {
        let ended = self.session.end(keep).await;
        self.locks.look().await;
        if let Some(open) = self.open.take() {
            self.locks.wrote(open.since, &open.longest.1).await;
        }
        ended
    }

    async fn run(&mut self, statement: &str) -> Result<u64, sqlx::Error> {
        self.locks.look().await;
        let from = self.locks.elapsed();
        let ran = self.session.run(statement).await;
        let took = self.locks.elapsed().saturating_sub(from);
        // What this statement took is held until the commit, so it cannot be missed here.
        self.locks.look().await;
        match &mut self.open {
            Some(open) if took >= open.longest.0 => open.longest = (took, statement.to_owned()),
            Some(_) => {}
            None => self.locks.wrote(from, statement).await,
        }
        ran
    }

    async fn write(&mut self, sql: &str, values: Vec<Value>) -> Result<(), sqlx::Error> {
        self.session.write(sql, values).await
    }

    async fn reset(&mut self) -> Result<(), sqlx::Error> {
        self.session.reset().await
    }

    async fn invalid_indexes(&mut self) -> Result<Vec<String>, sqlx::Error> {
        self.session.invalid_indexes().await
    }

    async fn index_state(&mut self, index: &ConcurrentIndex) -> Result<IndexState, sqlx::Error> {
        self.session.index_state(index).await
    }

    async fn close(self) {
        self.session.close().await;
    }
}

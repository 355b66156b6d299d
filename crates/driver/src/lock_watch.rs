//! Which locks a migration holds on a copy, and for how long.
//!
//! A second session looks at the server's locks at a short interval. Where Portcullis carries out the statements itself it
//! also looks before and after each of them and around each commit, so no lock that a transaction holds until its end can be
//! missed, and each duration has tight bounds. Between two looks a lock may come and go: how far apart they were is told, so
//! that "none was seen" is never taken for "there was none".

mod mode;
mod postgres;
mod sqlite;
mod tracker;

use std::sync::Arc;
use std::time::Duration;

use portcullis_rollout::{StoreLocation, StoreRef};
use tokio::sync::{Mutex, Notify};
use tokio::task::JoinHandle;

pub use mode::LockMode;

use crate::MigrationDatabase;
use crate::bounds::LOCK_LOOK_PAUSE;
use crate::clock::Stopwatch;
use postgres::PostgresEye;
use sqlite::SqliteEye;
use tracker::Tracker;

/// A lock that was held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldLock {
    /// The table, with its schema unless that is `public`; for SQLite the store.
    pub table: String,
    /// How strong it is.
    pub mode: LockMode,
    /// No hold was longer than this.
    pub at_most: Duration,
    /// The longest hold was seen for so long.
    pub seen_for: Duration,
    /// How many transactions held it.
    pub times: u64,
    /// What took it for the longest time, without the values in it; empty if nobody knows.
    pub statement: String,
    /// How large the table is with its indexes, or the SQLite file, before the migration.
    pub table_bytes: Option<u64>,
}

/// What was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LockReport {
    /// The locks that keep anybody waiting, the strongest and longest first.
    pub locks: Vec<HeldLock>,
    /// How often was looked.
    pub looks: u64,
    /// The longest time in which a lock may have come and gone unseen.
    pub widest_gap: Duration,
    /// Why it is not known, or not known to the end.
    pub unknown: Option<String>,
}

/// A look at the locks of one database, until it is ended.
pub struct LockWatch {
    shared: Arc<Shared>,
    poller: JoinHandle<()>,
}

struct Shared {
    watch: Stopwatch,
    seeing: Mutex<Seeing>,
    /// No look is cut off in the middle of an answer.
    stop: Notify,
}

struct Seeing {
    eye: Eye,
    tracker: Tracker,
    unknown: Option<String>,
}

enum Eye {
    Postgres(Box<PostgresEye>),
    Sqlite(SqliteEye),
    Closed,
}

impl Drop for LockWatch {
    fn drop(&mut self) {
        self.poller.abort();
    }
}

impl LockWatch {
    /// Begins to look at a store; nothing for one that is no database. `own_sql` says that this process carries out the
    /// statements itself.
    ///
    /// # Errors
    /// Why the locks cannot be seen.
    pub async fn begin(store: &StoreRef, own_sql: bool) -> Result<Option<LockWatch>, String> {
        let mut tracker = Tracker::default();
        let eye = match &store.location {
            // A server of Redis carries out one command after the other; there are no locks to be seen.
            StoreLocation::File { .. }
            | StoreLocation::Directory { .. }
            | StoreLocation::Redis { .. } => return Ok(None),
            StoreLocation::Sqlite { path } => {
                let eye = SqliteEye::new(path, own_sql);
                tracker.know(sqlite::DATABASE, &store.name, eye.bytes());
                Eye::Sqlite(eye)
            }
            StoreLocation::Postgres { .. } => {
                let database = MigrationDatabase::of_store(store).await;
                let database = database.map_err(|error| error.to_string())?;
                let eye = PostgresEye::open(&database, &mut tracker).await;
                Eye::Postgres(Box::new(eye?))
            }
        };
        let shared = Arc::new(Shared {
            watch: Stopwatch::start(),
            seeing: Mutex::new(Seeing {
                eye,
                tracker,
                unknown: None,
            }),
            stop: Notify::new(),
        });
        shared.look().await;
        let poller = tokio::spawn({
            let shared = Arc::clone(&shared);
            async move {
                let paused = || tokio::time::timeout(LOCK_LOOK_PAUSE, shared.stop.notified());
                while paused().await.is_err() {
                    shared.look().await;
                }
            }
        });
        Ok(Some(LockWatch { shared, poller }))
    }

    /// Looks now, because a statement or a transaction begins or ends.
    pub(crate) async fn look(&self) {
        self.shared.look().await;
    }

    /// How long it has been looking.
    pub(crate) fn elapsed(&self) -> Duration {
        self.shared.watch.elapsed()
    }

    /// This process has had SQLite's right to write since `from`, for at most until now.
    pub(crate) async fn wrote(&self, from: Duration, statement: &str) {
        let until = self.elapsed();
        let mut seeing = self.shared.seeing.lock().await;
        if let Eye::Sqlite(_) = seeing.eye {
            let mode = LockMode::SqliteWrite;
            seeing
                .tracker
                .held(sqlite::DATABASE, mode, (from, until), statement);
        }
    }

    /// Looks once more, and says what was seen.
    pub async fn end(mut self) -> LockReport {
        self.shared.stop.notify_one();
        let _ = (&mut self.poller).await;
        self.shared.look().await;
        let mut seeing = self.shared.seeing.lock().await;
        if let Eye::Postgres(eye) = std::mem::replace(&mut seeing.eye, Eye::Closed) {
            // The copy is to be dropped, and a session would be in the way.
            eye.close().await;
        }
        let mut report = seeing.tracker.report(self.shared.watch.elapsed());
        report.unknown = seeing.unknown.take();
        report
    }
}

impl Shared {
    async fn look(&self) {
        let mut seeing = self.seeing.lock().await;
        let Seeing {
            eye,
            tracker,
            unknown,
        } = &mut *seeing;
        if unknown.is_some() {
            return;
        }
        let from = self.watch.elapsed();
        let seen = match eye {
            Eye::Postgres(eye) => eye.look().await,
            Eye::Sqlite(eye) => match eye.look() {
                Ok(Some(seen)) => Ok(seen),
                // What this process does itself is told and not looked for.
                Ok(None) => return,
                Err(error) => Err(error),
            },
            Eye::Closed => return,
        };
        match seen {
            Ok(seen) => tracker.look(from, self.watch.elapsed(), seen),
            Err(why) => *unknown = Some(why),
        }
    }
}

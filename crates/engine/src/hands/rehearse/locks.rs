//! Which locks a rehearsed migration held, in words, and whether they were held too long.

use std::time::Duration;

use portcullis_driver::{HeldLock, LockReport, LockWatch};
use portcullis_rollout::{Fact, LockLimit, MigrationOrder, ReverseOrder, StoreRef};

use crate::hands::size_words;

/// So many locks are told of one store; a migration of a thousand tables says how many more there were.
const LOCKS_TOLD_MAX: usize = 20;

/// What a person can do about a lock that is held too long.
const SHORTER: &str = "make it shorter: a statement of its own file ends its locks with its own transaction, an index can be \
                       built CONCURRENTLY, a constraint added NOT VALID and validated later, rows changed in batches \
                       (phase backfill); or raise longest_lock in [data]; or close the service meanwhile (read_only, cut-over)";

/// The watches over the databases that a migration may change.
pub(super) struct Locks {
    seen: Vec<(String, Result<LockWatch, String>)>,
}

/// What came of them, by store.
pub(super) struct LocksSeen(Vec<(String, LockReport)>);

impl Locks {
    /// Begins to watch a migration.
    pub(super) async fn begin(migration: &MigrationOrder, stores: &[StoreRef]) -> Locks {
        let own = match migration {
            MigrationOrder::Command(_) => None,
            MigrationOrder::Sql(order) => Some(&order.migration.store),
        };
        Locks::watch(own, stores).await
    }

    /// Begins to watch a reverse.
    pub(super) async fn of_reverse(reverse: &ReverseOrder, stores: &[StoreRef]) -> Locks {
        let own = match reverse {
            ReverseOrder::Command { .. } => None,
            ReverseOrder::Sql { reverses } => Some(&reverses.store),
        };
        Locks::watch(own, stores).await
    }

    async fn watch(own: Option<&StoreRef>, stores: &[StoreRef]) -> Locks {
        let mut seen = Vec::new();
        for store in own.map_or(stores, std::slice::from_ref) {
            match LockWatch::begin(store, own.is_some()).await {
                Ok(None) => {}
                Ok(Some(watch)) => seen.push((store.name.clone(), Ok(watch))),
                Err(why) => seen.push((store.name.clone(), Err(why))),
            }
        }
        Locks { seen }
    }

    /// The watch over the database of SQL files.
    pub(super) fn own(&self) -> Option<&LockWatch> {
        self.seen.iter().find_map(|(_, seen)| seen.as_ref().ok())
    }

    /// Ends them.
    pub(super) async fn end(self) -> LocksSeen {
        let mut reports = Vec::new();
        for (store, seen) in self.seen {
            let report = match seen {
                Ok(watch) => watch.end().await,
                Err(why) => LockReport {
                    unknown: Some(why),
                    ..LockReport::default()
                },
            };
            reports.push((store, report));
        }
        LocksSeen(reports)
    }
}

impl LocksSeen {
    /// All of it, as evidence.
    pub(super) fn facts(&self) -> Vec<Fact> {
        let mut facts = Vec::new();
        for (store, report) in &self.0 {
            let told = report.locks.iter().take(LOCKS_TOLD_MAX);
            facts
                .extend(told.map(|lock| Fact::new(format!("lock on {}", lock.table), words(lock))));
            if let Some(more) = report.locks.len().checked_sub(LOCKS_TOLD_MAX + 1) {
                let more = format!("{} more, shorter or weaker", more + 1);
                facts.push(Fact::new(format!("locks in {store}"), more));
            }
            if let Some(why) = &report.unknown {
                let told = format!("not known: {why}");
                facts.push(Fact::new(format!("locks in {store}"), told));
            } else if !report.widest_gap.is_zero() {
                facts.push(Fact::new(format!("locks in {store}"), looked(report)));
            }
        }
        facts
    }

    /// Why the migration may not run beside a release that serves: what was held too long, or cannot be excluded.
    pub(super) fn refused(&self, limit: LockLimit) -> Option<(String, Fact)> {
        let longest = Duration::from_millis(limit.longest_ms);
        let allowed = format!("longest_lock in [data] allows {}", span(longest));
        for (store, report) in &self.0 {
            if let Some(why) = &report.unknown {
                let message = format!(
                    "{allowed}, and how long locks are held in {store} is not known: {why}"
                );
                let todo = "let the migration's user see pg_locks and pg_stat_activity, or remove longest_lock from [data]";
                return Some((message, Fact::new("do", todo)));
            }
            let matters = |lock: &&HeldLock| {
                let stops =
                    lock.mode.stops_reads() || (lock.mode.stops_writes() && !limit.only_reads);
                stops && lock.at_most > longest
            };
            if let Some(lock) = report.locks.iter().find(matters) {
                let told = words(lock);
                let message = format!(
                    "users of {} would wait for too long, {allowed}: {told}",
                    lock.table
                );
                return Some((message, Fact::new("do", SHORTER)));
            }
            if report.widest_gap > longest {
                let message = format!(
                    "{allowed}, and the locks in {store} could be looked at only every {}: a longer one may have been missed",
                    span(report.widest_gap)
                );
                let todo = "rehearse again when the machine is less busy, or raise longest_lock";
                return Some((message, Fact::new("do", todo)));
            }
        }
        None
    }
}

/// One lock.
fn words(lock: &HeldLock) -> String {
    let times = match lock.times {
        1 => String::new(),
        times => format!(" {times} times, the longest"),
    };
    let mut words = format!("{}{times} for at most {}", lock.mode, span(lock.at_most));
    if let Some(waits) = lock.mode.keeps_waiting() {
        words.push_str(&format!(": {waits}"));
    }
    if !lock.statement.is_empty() {
        words.push_str(&format!("; taken by {}", lock.statement));
    }
    if let Some(bytes) = lock.table_bytes {
        words.push_str(&format!("; {} large", size_words(bytes)));
    }
    words
}

/// What a look cannot show.
fn looked(report: &LockReport) -> String {
    let found = match report.locks.is_empty() {
        true => "none was seen that keeps anybody waiting; ",
        false => "",
    };
    format!(
        "{found}looked at {} times: one that came and went within {} may be missing",
        report.looks,
        span(report.widest_gap)
    )
}

/// A duration, in milliseconds or seconds.
fn span(duration: Duration) -> String {
    let ms = duration.as_secs_f64() * 1000.0;
    match ms {
        short if short < 10.0 => format!("{short:.1} ms"),
        short if short < 10_000.0 => format!("{short:.0} ms"),
        long => format!("{:.1} s", long / 1000.0),
    }
}

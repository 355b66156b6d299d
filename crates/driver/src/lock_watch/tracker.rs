//! What looks at locks say about how long each was held.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::mode::LockMode;
use super::{HeldLock, LockReport, postgres};

/// A lock that was seen at one look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    /// Who holds it: the session and its transaction.
    pub(super) holder: String,
    /// On what.
    pub(super) relation: i64,
    pub(super) mode: LockMode,
    /// What its holder runs, or ran last.
    pub(super) statement: String,
}

/// Puts looks together.
#[derive(Debug, Default)]
pub(super) struct Tracker {
    /// What was there before, with its size.
    known: BTreeMap<i64, (String, Option<u64>)>,
    open: HashMap<(String, i64, LockMode), Open>,
    ended: BTreeMap<(i64, LockMode), HeldLock>,
    /// When the look before began.
    last: Option<Duration>,
    looks: u64,
    widest_gap: Duration,
}

/// A lock that is held.
#[derive(Debug)]
struct Open {
    /// It was not held before.
    after: Duration,
    first: Duration,
    last: Duration,
    statement: String,
}

impl Tracker {
    /// There is a table of that name.
    pub(super) fn know(&mut self, relation: i64, name: &str, bytes: Option<u64>) {
        self.known.insert(relation, (name.to_owned(), bytes));
    }

    /// What was seen at a look that began at `from` and ended at `until`.
    pub(super) fn look(&mut self, from: Duration, until: Duration, seen: Vec<Seen>) {
        let before = self.last.unwrap_or(from);
        self.widest_gap = self.widest_gap.max(until.saturating_sub(before));
        self.looks += 1;
        self.last = Some(from);
        let mut open = std::mem::take(&mut self.open);
        for lock in seen {
            if lock.mode.keeps_waiting().is_none() || !self.known.contains_key(&lock.relation) {
                continue;
            }
            let key = (lock.holder, lock.relation, lock.mode);
            let held = match open.remove(&key) {
                Some(held) => Open { last: from, ..held },
                None => Open {
                    after: before,
                    first: until,
                    last: from,
                    statement: lock.statement,
                },
            };
            self.open.insert(key, held);
        }
        for ((_, relation, mode), gone) in open {
            self.over(relation, mode, &gone, until);
        }
    }

    /// A lock was held within this time, as whoever held it says.
    pub(super) fn held(
        &mut self,
        relation: i64,
        mode: LockMode,
        (from, until): (Duration, Duration),
        statement: &str,
    ) {
        self.looks += 1;
        let held = Open {
            after: from,
            first: from,
            last: until,
            statement: statement.to_owned(),
        };
        self.over(relation, mode, &held, until);
    }

    fn over(&mut self, relation: i64, mode: LockMode, held: &Open, until: Duration) {
        let Some((table, bytes)) = self.known.get(&relation) else {
            return;
        };
        let at_most = until.saturating_sub(held.after);
        let so_far = self.ended.entry((relation, mode));
        let so_far = so_far.or_insert_with(|| HeldLock {
            table: table.clone(),
            mode,
            at_most: Duration::ZERO,
            seen_for: Duration::ZERO,
            times: 0,
            statement: String::new(),
            table_bytes: *bytes,
        });
        so_far.times += 1;
        if at_most >= so_far.at_most {
            so_far.at_most = at_most;
            so_far.seen_for = held.last.saturating_sub(held.first);
            so_far.statement = postgres::shown(&held.statement);
        }
    }

    /// All of it; what is still held was held until `until`.
    pub(super) fn report(&mut self, until: Duration) -> LockReport {
        for ((_, relation, mode), held) in std::mem::take(&mut self.open) {
            self.over(relation, mode, &held, until);
        }
        let mut locks: Vec<HeldLock> = self.ended.values().cloned().collect();
        let strength = |lock: &HeldLock| {
            (
                lock.mode.stops_reads(),
                lock.mode.stops_writes(),
                lock.at_most,
            )
        };
        locks.sort_by_key(|lock| std::cmp::Reverse(strength(lock)));
        LockReport {
            locks,
            looks: self.looks,
            widest_gap: self.widest_gap,
            unknown: None,
        }
    }
}

#[cfg(test)]
mod tests;

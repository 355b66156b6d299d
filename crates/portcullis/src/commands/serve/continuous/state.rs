//! How an archive stands, put together from what its tasks see.

use std::sync::{Mutex, PoisonError};

use portcullis_api::data::{ContinuousStanding, RecoverableRange};
use portcullis_backup::{BaseBackup, LogGap, Received, RecoveryRange};
use portcullis_config::ContinuousConfig;
use portcullis_engine::{size_words, span_words};

use crate::bounds::{ARCHIVE_GAP_TOLD_MS, ARCHIVE_TROUBLE_MS};
use crate::clock::now_ms;
use crate::continuous_range::{ms, range_ms};

/// What the tasks of an archive saw last.
#[derive(Debug, Default)]
pub(super) struct ArchiveState {
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    received: Received,
    receiving: bool,
    /// Why nothing is received, and since when.
    not_received: Option<(u64, String)>,
    /// Why the cluster could not be copied.
    not_copied: Option<String>,
    /// What was wrong when it was read back.
    not_sound: Option<String>,
    /// Why it cannot be seen what it has.
    not_seen: Option<String>,
    ranges: Vec<RecoveryRange>,
    /// The log that is missing or damaged.
    gaps: Vec<LogGap>,
    base: Option<BaseBackup>,
}

impl ArchiveState {
    fn with<T>(&self, work: impl FnOnce(&mut Seen) -> T) -> T {
        work(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The stream goes on.
    pub(super) fn received(&self, received: &Received) {
        self.with(|seen| {
            seen.received = received.clone();
            if received.until.is_some() && received.behind.is_some() {
                seen.receiving = true;
                seen.not_received = None;
            }
        });
    }

    /// The stream ended.
    pub(super) fn ended(&self, why: String) {
        self.with(|seen| {
            seen.receiving = false;
            let since_ms = seen
                .not_received
                .take()
                .map_or_else(now_ms, |(since, _)| since);
            seen.not_received = Some((since_ms, why));
        });
    }

    pub(super) fn is_receiving(&self) -> bool {
        self.with(|seen| seen.receiving)
    }

    /// What the copier saw.
    pub(super) fn looked(
        &self,
        ranges: Vec<RecoveryRange>,
        gaps: Vec<LogGap>,
        base: Option<BaseBackup>,
    ) {
        self.with(|seen| {
            seen.ranges = ranges;
            seen.gaps = gaps;
            seen.base = base;
        });
    }

    /// Whether it could see it.
    pub(super) fn looked_at(&self, failure: Option<String>) {
        self.with(|seen| seen.not_seen = failure);
    }

    pub(super) fn copied(&self, outcome: Result<(), String>) {
        self.with(|seen| seen.not_copied = outcome.err());
    }

    pub(super) fn verified(&self, outcome: Result<(), String>) {
        self.with(|seen| seen.not_sound = outcome.err());
    }

    /// How the archive stands now.
    pub(super) fn standing(&self, config: &ContinuousConfig) -> ContinuousStanding {
        self.with(|seen| {
            let until_ms = seen.until_ms();
            let mut recoverable: Vec<RecoverableRange> = seen.ranges.iter().map(range_ms).collect();
            // It goes on between two looks.
            let open = seen.ranges.last().is_some_and(|range| range.open);
            if let (true, Some(last), Some(until_ms)) = (open, recoverable.last_mut(), until_ms) {
                last.to_ms = last.to_ms.max(until_ms);
            }
            ContinuousStanding {
                store: config.store.clone(),
                receiving: seen.receiving,
                received_until_ms: until_ms,
                recoverable,
                base_ms: seen.base.as_ref().map(|base| ms(base.stopped_at)),
                slot_kept_bytes: seen.receiving.then_some(seen.received.kept_bytes),
                troubles: seen.troubles(config, now_ms()),
            }
        })
    }
}

impl Seen {
    /// Up to when everything that was committed can be recovered: what was received after log that is missing is of no use
    /// before the cluster is copied again.
    fn until_ms(&self) -> Option<u64> {
        let closed = self.ranges.last().filter(|range| !range.open);
        match closed {
            Some(range) => Some(ms(range.to)),
            None => self.received.until.map(ms),
        }
    }

    fn troubles(&self, config: &ContinuousConfig, now_ms: u64) -> Vec<String> {
        let store = &config.store;
        let mut troubles = Vec::new();
        let until_ms = self.until_ms();
        let lasting =
            |(since_ms, _): &&(u64, String)| now_ms.saturating_sub(*since_ms) >= ARCHIVE_TROUBLE_MS;
        if let Some((since_ms, why)) = self.not_received.as_ref().filter(lasting) {
            let lasts = span_words(now_ms.saturating_sub(*since_ms) / 1000 * 1000);
            troubles.push(format!(
                "store {store:?}: no write-ahead log is received: {why} (for {lasts})"
            ));
        }
        // Also when there is a new copy: what was lost stays lost.
        let recent = |gap: &&LogGap| {
            let closed_ms = gap.until.map(|until| now_ms.saturating_sub(ms(until)));
            closed_ms.is_none_or(|closed_ms| closed_ms < ARCHIVE_GAP_TOLD_MS)
        };
        for gap in self.gaps.iter().filter(recent) {
            troubles.push(format!("store {store:?}: {}", gap.words()));
        }
        if let Some(why) = &self.not_seen {
            troubles.push(format!(
                "store {store:?}: its archive cannot be looked at: {why}"
            ));
        }
        let behind_ms = until_ms.map(|until_ms| now_ms.saturating_sub(until_ms));
        if let Some(behind_ms) = behind_ms.filter(|behind_ms| *behind_ms > config.rpo_ms) {
            troubles.push(format!(
                "store {store:?}: its archive is behind by more than its rpo (by {}, of at most {})",
                span_words(behind_ms / 1000 * 1000),
                span_words(config.rpo_ms)
            ));
        }
        let half = config.slot_bytes_max / 2;
        if self.receiving && self.received.kept_bytes > half {
            troubles.push(format!(
                "store {store:?}: the replication slot {} makes the server keep much write-ahead log ({}; at {} it is \
                 dropped)",
                config.slot,
                size_words(self.received.kept_bytes),
                size_words(config.slot_bytes_max)
            ));
        }
        if self.received.wal_status.as_deref() == Some("unreserved") {
            troubles.push(format!(
                "store {store:?}: the server is about to remove write-ahead log that was not received; raise its \
                 max_slot_wal_keep_size"
            ));
        }
        if let Some(why) = &self.not_copied {
            troubles.push(format!(
                "store {store:?}: the cluster could not be copied: {why}"
            ));
        }
        if let Some(why) = &self.not_sound {
            troubles.push(format!(
                "store {store:?}: its archive is not in order and does not count as a backup: {why}"
            ));
        }
        troubles
    }
}

//! Conversations in this process.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::keys::RecordName;
use super::{Record, Saved, StoreUsage};
use crate::clock;

/// Conversations that end with the process. Bounded: the ones that were not used for longest go first.
pub struct MemoryStore {
    kept: Mutex<Kept>,
    records_max: usize,
    bytes_max: usize,
}

#[derive(Default)]
struct Kept {
    records: HashMap<RecordName, Entry>,
    /// Records in the order of their last use.
    by_use: BTreeMap<u64, RecordName>,
    /// Counts uses.
    uses: u64,
    /// Bytes of all contents.
    bytes: usize,
}

struct Entry {
    content: Vec<u8>,
    version: u64,
    used: u64,
    expires_ms: u64,
}

impl MemoryStore {
    /// Room for so many conversations, with so many bytes in all.
    #[must_use]
    pub fn new(records_max: usize, bytes_max: usize) -> MemoryStore {
        MemoryStore {
            kept: Mutex::default(),
            records_max,
            bytes_max,
        }
    }

    /// How many conversations are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept().records.len()
    }

    /// How much is kept, also of what is over and was not looked for since.
    pub(super) fn usage(&self) -> StoreUsage {
        let kept = self.kept();
        StoreUsage {
            records: Some(kept.records.len() as u64),
            bytes: Some(kept.bytes as u64),
        }
    }

    /// Whether none is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn get(&self, name: &RecordName, ttl_ms: u64) -> Option<Record> {
        let now_ms = clock::monotonic_ms();
        let mut kept = self.kept();
        if kept.records.get(name)?.expires_ms <= now_ms {
            kept.remove(name);
            return None;
        }
        kept.touch(name, now_ms.saturating_add(ttl_ms));
        let entry = kept.records.get(name)?;
        Some(Record {
            content: entry.content.clone(),
            version: entry.version,
        })
    }

    pub(super) fn put(
        &self,
        name: &RecordName,
        content: Vec<u8>,
        version: u64,
        ttl_ms: u64,
    ) -> Saved {
        let now_ms = clock::monotonic_ms();
        let mut kept = self.kept();
        let there = kept
            .records
            .get(name)
            .filter(|entry| entry.expires_ms > now_ms);
        if there.map_or(0, |entry| entry.version) != version {
            return Saved::Outdated;
        }
        kept.remove(name);
        kept.bytes += content.len();
        let entry = Entry {
            content,
            version: version + 1,
            used: 0,
            expires_ms: now_ms,
        };
        kept.records.insert(*name, entry);
        kept.touch(name, now_ms.saturating_add(ttl_ms));
        while kept.records.len() > self.records_max
            || kept.bytes > self.bytes_max && kept.records.len() > 1
        {
            let Some((_, oldest)) = kept.by_use.first_key_value() else {
                break;
            };
            let oldest = *oldest;
            kept.remove(&oldest);
        }
        Saved::As(version + 1)
    }

    pub(super) fn remove(&self, name: &RecordName) {
        self.kept().remove(name);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Notes a use.
    fn touch(&mut self, name: &RecordName, expires_ms: u64) {
        let Some(entry) = self.records.get_mut(name) else {
            return;
        };
        self.by_use.remove(&entry.used);
        self.uses += 1;
        entry.used = self.uses;
        entry.expires_ms = expires_ms;
        self.by_use.insert(self.uses, *name);
    }

    fn remove(&mut self, name: &RecordName) {
        if let Some(entry) = self.records.remove(name) {
            self.by_use.remove(&entry.used);
            self.bytes -= entry.content.len();
        }
    }
}

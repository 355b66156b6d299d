//! The buckets of many keys, in bounded memory.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::bucket::{NS_PER_MS, Rate, Taken};
use crate::protect::bounds::{LIMIT_SHARDS, LIMIT_SPARE_BUCKETS, LIMIT_SWEEP_MS};

/// Buckets by the hash of their key. It lies in parts with a lock each; a lock is held for one look-up,
/// or at most every [`LIMIT_SWEEP_MS`] for one pass over its part.
#[derive(Debug)]
pub(super) struct Table {
    shards: Vec<Mutex<Shard>>,
    keys_max: usize,
}

/// Aligned so that two locks never share a line of the processor's cache.
#[derive(Debug)]
#[repr(align(128))]
struct Shard {
    buckets: HashMap<u64, u64, BuildHasherDefault<Hashed>>,
    /// What keys share for which there is no room; made when it is first needed.
    spare: Vec<u64>,
    sweep_at_ns: u64,
}

/// Takes a key that is a hash already as it is.
#[derive(Debug, Default)]
struct Hashed(u64);

impl Table {
    pub(super) fn new(keys_max: usize) -> Table {
        let shard = || {
            Mutex::new(Shard {
                buckets: HashMap::default(),
                spare: Vec::new(),
                sweep_at_ns: 0,
            })
        };
        Table {
            shards: (0..LIMIT_SHARDS).map(|_| shard()).collect(),
            keys_max: (keys_max / LIMIT_SHARDS).max(1),
        }
    }

    pub(super) fn len(&self) -> usize {
        let lock = |shard| -> MutexGuard<'_, Shard> {
            Mutex::lock(shard).unwrap_or_else(PoisonError::into_inner)
        };
        self.shards.iter().map(|s| lock(s).buckets.len()).sum()
    }

    pub(super) fn take(&self, key: u64, now_ns: u64, rate: Rate) -> Taken {
        let mut shard = self.shard(key);
        let shard = &mut *shard;
        if let Some(full_at_ns) = shard.buckets.get_mut(&key) {
            let taken = rate.take(*full_at_ns, now_ns);
            *full_at_ns = taken.full_at_ns.unwrap_or(*full_at_ns);
            return taken;
        }
        if shard.buckets.len() >= self.keys_max {
            shard.sweep(now_ns);
        }
        if shard.buckets.len() < self.keys_max {
            let taken = rate.take(0, now_ns);
            if let Some(full_at_ns) = taken.full_at_ns {
                shard.buckets.insert(key, full_at_ns);
            }
            return taken;
        }
        let full_at_ns = shard.spare(key);
        let taken = rate.take(*full_at_ns, now_ns);
        *full_at_ns = taken.full_at_ns.unwrap_or(*full_at_ns);
        Taken {
            spare: true,
            ..taken
        }
    }

    /// What [`Table::take`] would say, with nothing taken.
    pub(super) fn look(&self, key: u64, now_ns: u64, rate: Rate) -> Taken {
        let shard = self.shard(key);
        let full_at_ns = match shard.buckets.get(&key) {
            Some(full_at_ns) => *full_at_ns,
            None if shard.buckets.len() < self.keys_max => 0,
            None => shard.spare.get(spare_index(key)).copied().unwrap_or(0),
        };
        rate.take(full_at_ns, now_ns)
    }

    /// When the bucket of a key is full again; 0 for a key that is not known.
    pub(super) fn full_at_ns(&self, key: u64) -> u64 {
        let shard = self.shard(key);
        shard.buckets.get(&key).copied().unwrap_or(0)
    }

    /// Sees to it that the bucket of a key is not full before `full_at_ns`. A new key for which there is
    /// no room is left out: a spare bucket is not raised for one of those that share it.
    pub(super) fn raise(&self, key: u64, full_at_ns: u64, now_ns: u64) {
        let mut shard = self.shard(key);
        let shard = &mut *shard;
        if let Some(known) = shard.buckets.get_mut(&key) {
            *known = full_at_ns.max(*known);
            return;
        }
        if shard.buckets.len() >= self.keys_max {
            shard.sweep(now_ns);
        }
        if shard.buckets.len() < self.keys_max {
            shard.buckets.insert(key, full_at_ns);
        }
    }

    /// Puts a token back; `spare` as [`Table::take`] said.
    pub(super) fn give_back(&self, key: u64, spare: bool, rate: Rate) {
        let mut shard = self.shard(key);
        let full_at_ns = match spare {
            true => Some(shard.spare(key)),
            // A key that was forgotten in between has a full bucket: there is nothing to put back.
            false => shard.buckets.get_mut(&key),
        };
        if let Some(full_at_ns) = full_at_ns {
            *full_at_ns = rate.give_back(*full_at_ns);
        }
    }

    fn shard(&self, key: u64) -> MutexGuard<'_, Shard> {
        // The upper bits: the map inside uses the lower ones and the uppermost seven.
        let index = (key >> 40) as usize % self.shards.len();
        let shard = &self.shards[index];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    /// Forgets keys whose buckets are full, unless that was done just now.
    fn sweep(&mut self, now_ns: u64) {
        if now_ns < self.sweep_at_ns {
            return;
        }
        self.sweep_at_ns = now_ns.saturating_add(LIMIT_SWEEP_MS * NS_PER_MS);
        self.buckets.retain(|_, full_at_ns| *full_at_ns > now_ns);
        if self.buckets.len() < self.buckets.capacity() / 4 {
            self.buckets.shrink_to_fit();
        }
    }

    fn spare(&mut self, key: u64) -> &mut u64 {
        if self.spare.is_empty() {
            self.spare = vec![0; LIMIT_SPARE_BUCKETS];
        }
        &mut self.spare[spare_index(key)]
    }
}

/// Which of its part's spare buckets a key shares.
fn spare_index(key: u64) -> usize {
    (key >> 32) as usize % LIMIT_SPARE_BUCKETS
}

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests;

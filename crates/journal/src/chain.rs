//! The hash chain: how hashes are computed and how a chain is checked. Pure.
//!
//! # Encoding
//! A hash is the SHA-256 over a list of fields, each written as its length in bytes (64-bit,
//! big-endian) followed by its bytes. Because every field carries its length, no two different
//! lists have the same encoding. Numbers are fields of eight bytes, big-endian; texts are UTF-8;
//! hashes are their 32 raw bytes.
//!
//! * genesis: `"portcullis-journal-genesis-v1"`, scope
//! * entry: `"portcullis-journal-entry-v1"`, scope, seq, epoch, at_ms, by, body, prev_hash

use sha2::{Digest, Sha256};

use crate::{Breakage, Broken, Entry, Epoch, Hash, Record, Scope, Verified};

const GENESIS_LABEL: &str = "portcullis-journal-genesis-v1";
const ENTRY_LABEL: &str = "portcullis-journal-entry-v1";

/// The `prev_hash` of a scope's first entry; see the encoding above.
#[must_use]
pub fn genesis_hash(scope: &Scope) -> Hash {
    digest(&[GENESIS_LABEL.as_bytes(), scope.as_str().as_bytes()])
}

/// The hash of an entry: over its scope and all of its fields but `hash` itself.
#[must_use]
pub fn entry_hash(scope: &Scope, entry: &Entry) -> Hash {
    digest(&[
        ENTRY_LABEL.as_bytes(),
        scope.as_str().as_bytes(),
        &entry.seq.to_be_bytes(),
        &entry.epoch.0.to_be_bytes(),
        &entry.at_ms.to_be_bytes(),
        entry.by.as_bytes(),
        entry.body.as_bytes(),
        &entry.prev_hash.0,
    ])
}

/// The entry that follows `last` (its seq and hash) in the chain of `scope`.
pub(crate) fn next_entry(
    scope: &Scope,
    last: Option<(u64, Hash)>,
    epoch: Epoch,
    record: Record,
) -> Entry {
    let (last_seq, prev_hash) = last.unwrap_or_else(|| (0, genesis_hash(scope)));
    let Record { at_ms, by, body } = record;
    let seq = last_seq + 1;
    let mut entry = Entry {
        seq,
        epoch,
        at_ms,
        by,
        body,
        prev_hash,
        hash: prev_hash,
    };
    entry.hash = entry_hash(scope, &entry);
    entry
}

/// Checks a chain entry by entry, so that it need not fit in memory.
pub(crate) struct ChainCheck {
    scope: Scope,
    entries: u64,
    epoch: Epoch,
    head: Hash,
    /// A head known from elsewhere that has not been met yet.
    known: Option<Hash>,
}

impl ChainCheck {
    pub(crate) fn new(scope: Scope, known: Option<Hash>) -> Self {
        let head = genesis_hash(&scope);
        let known = known.filter(|known| *known != head);
        Self {
            scope,
            entries: 0,
            epoch: Epoch(0),
            head,
            known,
        }
    }

    /// Takes the next entry in order of seq.
    pub(crate) fn push(&mut self, entry: &Entry) -> Result<(), Broken> {
        let seq = self.entries + 1;
        let broken = |what, expected: String, found: String| {
            Err(Broken {
                scope: self.scope.clone(),
                seq,
                what,
                expected,
                found,
            })
        };
        if entry.seq != seq {
            return broken(Breakage::Sequence, seq.to_string(), entry.seq.to_string());
        }
        if entry.prev_hash != self.head {
            let (expected, found) = (self.head.to_string(), entry.prev_hash.to_string());
            return broken(Breakage::PreviousHash, expected, found);
        }
        let hash = entry_hash(&self.scope, entry);
        if entry.hash != hash {
            return broken(
                Breakage::EntryHash,
                hash.to_string(),
                entry.hash.to_string(),
            );
        }
        if entry.epoch < self.epoch {
            let expected = format!("{} or more", self.epoch);
            return broken(Breakage::EpochOrder, expected, entry.epoch.to_string());
        }
        self.entries = seq;
        self.epoch = entry.epoch;
        self.head = hash;
        self.known = self.known.filter(|known| *known != hash);
        Ok(())
    }

    /// The chain is complete.
    pub(crate) fn finish(self) -> Result<Verified, Broken> {
        match self.known {
            Some(known) => Err(Broken {
                scope: self.scope,
                seq: self.entries,
                what: Breakage::KnownHead,
                expected: known.to_string(),
                found: format!("{} entries that end in {}", self.entries, self.head),
            }),
            None => Ok(Verified {
                entries: self.entries,
                head: self.head,
            }),
        }
    }
}

fn digest(fields: &[&[u8]]) -> Hash {
    let mut sha = Sha256::new();
    for field in fields {
        sha.update((field.len() as u64).to_be_bytes());
        sha.update(field);
    }
    Hash(sha.finalize().into())
}

#[cfg(test)]
mod tests;

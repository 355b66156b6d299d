//! Streams: their entries, their groups, and what was handed out and not acknowledged.
//!
//! When a consumer was last seen, and how many entries there ever were, does not count: servers of different versions
//! keep different parts of that, and a client that only looks changes it.

use std::io::Read;

use sha2::{Digest, Sha256};

use super::packed::listpack;
use super::value::field;
use super::{RdbReader, RdbWrong};
use crate::row_set::RowSet;

/// An entry was deleted and is still there.
const DELETED: i64 = 1;
/// An entry has the same fields as the first of its node.
const SAME_FIELDS: i64 = 2;

impl<R: Read> RdbReader<R> {
    pub(super) fn stream(&mut self, version: u8) -> Result<Sha256, RdbWrong> {
        let mut digest = Sha256::new();
        let nodes = self.length()?;
        for _ in 0..nodes {
            let (first, packed) = (self.string()?, self.string()?);
            node(&first, &packed, &mut digest)
                .ok_or_else(|| self.damaged("the entries of a stream cannot be read"))?;
        }
        self.length()?;
        self.numbers(2, Some(&mut digest))?; // the last identifier
        if version >= 2 {
            self.numbers(5, None)?; // the first one, the largest deleted one, how many there ever were
        }
        let groups = self.length()?;
        let mut all = RowSet::default();
        for _ in 0..groups {
            all.add(self.group(version)?);
        }
        digest.update(all.entry(String::new()).digest);
        Ok(digest)
    }

    fn group(&mut self, version: u8) -> Result<Sha256, RdbWrong> {
        let mut digest = Sha256::new();
        field(&mut digest, &self.string()?);
        self.numbers(2, Some(&mut digest))?; // the last identifier that was handed out
        if version >= 2 {
            self.numbers(1, None)?; // how many were
        }
        let pending = self.length()?;
        digest.update(pending.to_le_bytes());
        for _ in 0..pending {
            digest.update(self.array::<16>()?);
            digest.update(self.array::<8>()?);
            self.numbers(1, Some(&mut digest))?;
        }
        let consumers = self.length()?;
        let mut all = RowSet::default();
        for _ in 0..consumers {
            let mut consumer = Sha256::new();
            field(&mut consumer, &self.string()?);
            self.array::<8>()?;
            if version >= 3 {
                self.array::<8>()?;
            }
            let pending = self.length()?;
            for _ in 0..pending {
                consumer.update(self.array::<16>()?);
            }
            all.add(consumer);
        }
        digest.update(all.entry(String::new()).digest);
        Ok(digest)
    }

    fn numbers(&mut self, count: usize, mut digest: Option<&mut Sha256>) -> Result<(), RdbWrong> {
        for _ in 0..count {
            let number = self.length()?;
            if let Some(digest) = &mut digest {
                digest.update(number.to_le_bytes());
            }
        }
        Ok(())
    }
}

/// The entries of one node; `first` is the identifier at which those of its entries are counted from.
fn node(first: &[u8], packed: &[u8], digest: &mut Sha256) -> Option<()> {
    let (ms, sequence) = first.split_at_checked(8)?;
    let ms = u64::from_be_bytes(ms.try_into().ok()?);
    let sequence = u64::from_be_bytes(sequence.try_into().ok()?);
    let elements = listpack(packed)?;
    let mut elements = elements.iter();
    let number = |from: &mut std::slice::Iter<'_, Vec<u8>>| -> Option<i64> {
        std::str::from_utf8(from.next()?).ok()?.parse().ok()
    };
    let living = number(&mut elements)?;
    let deleted = number(&mut elements)?;
    let fields = usize::try_from(number(&mut elements)?).ok()?;
    let names: Vec<&Vec<u8>> = elements.by_ref().take(fields).collect();
    (names.len() == fields).then_some(())?;
    number(&mut elements)?;
    for _ in 0..living.checked_add(deleted)? {
        let flags = number(&mut elements)?;
        let id = [
            ms.wrapping_add_signed(number(&mut elements)?),
            sequence.wrapping_add_signed(number(&mut elements)?),
        ];
        let mut entry = Sha256::new();
        let count = match flags & SAME_FIELDS != 0 {
            true => fields,
            false => usize::try_from(number(&mut elements)?).ok()?,
        };
        for index in 0..count {
            let name = match flags & SAME_FIELDS != 0 {
                true => names.get(index)?,
                false => elements.next()?,
            };
            field(&mut entry, name);
            field(&mut entry, elements.next()?);
        }
        number(&mut elements)?;
        if flags & DELETED == 0 {
            digest.update(id[0].to_le_bytes());
            digest.update(id[1].to_le_bytes());
            digest.update(entry.finalize());
        }
    }
    elements.next().is_none().then_some(())
}

//! The digest of a set of rows, in whatever order they come.
//!
//! The SHA-256 of each row is added up modulo 2^256, and the sum is hashed with the number of rows. Rows that
//! are equal count each. This tells data that differs by accident or by a program; it is no proof against
//! somebody who can choose rows by the billion to make a sum come out. What proves that a stored backup is
//! what was written are the SHA-256 of its files.

use sha2::{Digest, Sha256};

use crate::TableEntry;

/// Rows that were read so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct RowSet {
    /// The sum, its lowest 64 bits first.
    sum: [u64; 4],
    rows: u64,
}

impl RowSet {
    /// Counts a row in, of which `row` is the digest.
    pub(crate) fn add(&mut self, row: Sha256) {
        let digest = row.finalize();
        let mut carry = false;
        for (limb, bytes) in self.sum.iter_mut().zip(digest.chunks_exact(8)) {
            let mut eight = [0; 8];
            eight.copy_from_slice(bytes);
            let (sum, over) = limb.overflowing_add(u64::from_le_bytes(eight));
            let (sum, over_again) = sum.overflowing_add(u64::from(carry));
            (*limb, carry) = (sum, over || over_again);
        }
        self.rows += 1;
    }

    /// The entry of the table whose rows these are.
    pub(crate) fn entry(self, name: String) -> TableEntry {
        let mut all = Sha256::new();
        all.update(self.rows.to_le_bytes());
        for limb in self.sum {
            all.update(limb.to_le_bytes());
        }
        TableEntry {
            name,
            rows: self.rows,
            digest: hex::encode(all.finalize()),
            last_key: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(rows: &[&str]) -> TableEntry {
        let mut set = RowSet::default();
        for row in rows {
            set.add(Sha256::new().chain_update(row));
        }
        set.entry("t".to_owned())
    }

    #[test]
    fn the_order_does_not_count_and_everything_else_does() {
        assert_eq!(entry(&["a", "b", "c"]), entry(&["c", "a", "b"]));
        assert_ne!(entry(&["a", "b"]), entry(&["a", "c"]));
        assert_ne!(entry(&["a"]), entry(&["a", "a"]));
        assert_ne!(entry(&["a", "a", "b"]), entry(&["a", "b", "b"]));
        assert_ne!(entry(&[]).digest, entry(&[""]).digest);
        assert_eq!(entry(&["a", "a"]).rows, 2);
    }

    /// The sum wraps around after a few thousand rows at the latest in each limb.
    #[test]
    fn sums_that_wrap_around_are_told_apart_and_stay_equal_in_any_order() {
        let rows: Vec<String> = (0..5_000).map(|number| number.to_string()).collect();
        let mut words: Vec<&str> = rows.iter().map(String::as_str).collect();
        let forward = entry(&words);
        words.reverse();
        assert_eq!(entry(&words), forward);
        words[17] = "other";
        assert_ne!(entry(&words), forward);
    }
}

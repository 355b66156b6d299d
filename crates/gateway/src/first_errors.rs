//! Which routing keys had an error since the canary joined the split.
//!
//! A broken session makes many errors that are not independent, so a gate compares first errors: each key counts
//! once, with the arm that it had then. Both arms share one set, for a key that was forgotten or mistaken for another
//! must be so whichever arm it belongs to. It is a bitmap of fixed size: two keys may share a bit, and then the second
//! one is not counted. That loses evidence and never makes any, because who shares a bit with whom does not depend on
//! the arm.
//!
//! The set is kept in a file ([`kept`]), so that a key counts once in a rollout and not once in each life of the gateway.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::bounds::FIRST_ERROR_BITS;

mod kept;

pub(crate) use kept::{KeptPair, KeptSets};

/// The keys that had an error.
#[derive(Debug)]
pub(crate) struct FirstErrors {
    seen: Box<[AtomicU64]>,
}

impl FirstErrors {
    /// A set without any key.
    pub(crate) fn new() -> FirstErrors {
        let words = FIRST_ERROR_BITS / 64;
        FirstErrors {
            seen: (0..words).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Takes note of an error of the key with this hash; whether it was its first one.
    pub(crate) fn is_first(&self, key: u64) -> bool {
        // The low bits say which arm a key has; these are others.
        let bit = (key >> 32) as usize % FIRST_ERROR_BITS;
        let mask = 1 << (bit % 64);
        self.seen[bit / 64].fetch_or(mask, Relaxed) & mask == 0
    }

    /// The set as bytes. Every key that was counted before the call is in it.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let words = self.seen.iter().map(|word| word.load(Relaxed));
        words.flat_map(u64::to_le_bytes).collect()
    }

    /// The set that these bytes are of; `None` when they are of no set of this size.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<FirstErrors> {
        let (words, rest) = bytes.as_chunks::<8>();
        let fits = rest.is_empty() && words.len() == FIRST_ERROR_BITS / 64;
        fits.then(|| FirstErrors {
            seen: words
                .iter()
                .map(|word| AtomicU64::new(u64::from_le_bytes(*word)))
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sticky::BucketHash;

    #[test]
    fn each_key_counts_once_and_few_are_mistaken_for_another() {
        let (hash, keys) = (BucketHash::new("shop"), FirstErrors::new());
        let of = |number: u32| hash.of(&number.to_le_bytes());
        let first = (0..1_000).filter(|key| keys.is_first(of(*key))).count();
        assert!((990..=1_000).contains(&first), "{first}");
        let again = (0..1_000).filter(|key| keys.is_first(of(*key))).count();
        assert_eq!(again, 0);
    }

    #[test]
    fn whether_a_key_is_mistaken_does_not_depend_on_its_bucket() {
        let (hash, keys) = (BucketHash::new("shop"), FirstErrors::new());
        let mut counted = [0_u32; 2];
        let mut all = [0_u32; 2];
        for number in 0..60_000_u32 {
            let key = hash.of(&number.to_le_bytes());
            let half = usize::from(hash.bucket(&number.to_le_bytes()) >= 5_000);
            all[half] += 1;
            counted[half] += u32::from(keys.is_first(key));
        }
        let shares = [0, 1].map(|half| f64::from(counted[half]) / f64::from(all[half]));
        assert!(shares[0] < 0.9, "some are mistaken: {shares:?}");
        assert!((shares[0] - shares[1]).abs() < 0.02, "{shares:?}");
    }
}

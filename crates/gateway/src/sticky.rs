//! Which users the canary gets: a pure function of the user's key, the service and the weight.
//!
//! Every key falls into one of 10,000 buckets for good, and the canary has the buckets below
//! `weight x 100`. So the assignment is *monotone*: as the weight grows, users move to the canary
//! and none moves back. The hash is fixed by this file, not by a library's choice, because the same
//! user must meet the same arm after a restart, an upgrade and on another gateway: FNV-1a with 64
//! bits (<http://www.isthe.com/chongo/tech/comp/fnv/>) over the service's name, a byte 0xFF (which
//! no UTF-8 text has) and the key, then the finaliser of MurmurHash3 (`fmix64`), because FNV's low
//! bits alone are too weak for a remainder.

use http::HeaderMap;
use http::header::COOKIE;

/// Into how many parts users are divided: one hundredth of a percent each.
pub(crate) const BUCKETS: u16 = 10_000;

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// The hash of one service's users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BucketHash {
    /// The FNV-1a state after the service's name and the separator.
    prefix: u64,
}

impl BucketHash {
    /// The hash for `service`: two services divide the same users differently.
    pub(crate) fn new(service: &str) -> BucketHash {
        BucketHash {
            prefix: fnv1a(fnv1a(FNV_OFFSET, service.as_bytes()), &[0xff]),
        }
    }

    /// The hash of `key`.
    pub(crate) fn of(self, key: &[u8]) -> u64 {
        fmix64(fnv1a(self.prefix, key))
    }

    /// The bucket of `key`, 0..[`BUCKETS`].
    #[cfg(test)]
    pub(crate) fn bucket(self, key: &[u8]) -> u16 {
        bucket_of(self.of(key))
    }
}

/// The bucket of the key with this hash, 0..[`BUCKETS`].
pub(crate) fn bucket_of(hash: u64) -> u16 {
    (hash % u64::from(BUCKETS)) as u16
}

/// How many buckets belong to the canary at `weight_percent`.
pub(crate) fn canary_buckets(weight_percent: u8) -> u16 {
    u16::from(weight_percent.min(100)) * (BUCKETS / 100)
}

/// The value of the cookie `name`, if the request has it and it is not empty.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    for line in headers.get_all(COOKIE) {
        for pair in line.as_bytes().split(|byte| *byte == b';') {
            let pair = pair.trim_ascii();
            if let Some(rest) = pair.strip_prefix(name.as_bytes())
                && let Some(value) = rest.strip_prefix(b"=")
                && !value.is_empty()
            {
                return Some(value);
            }
        }
    }
    None
}

fn fnv1a(state: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(state, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(FNV_PRIME)
    })
}

fn fmix64(mut hash: u64) -> u64 {
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests;

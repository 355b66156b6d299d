//! What a verification found wrong.

use std::fmt;

use crate::Scope;

/// The first place where a chain does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the journal of {scope} is broken at entry {seq}: {what}: expected {expected}, found {found}; \
     stop acting on it, keep the file, and restore it from a copy"
)]
pub struct Broken {
    /// Whose chain.
    pub scope: Scope,
    /// The sequence number at which it was noticed.
    pub seq: u64,
    /// Which rule does not hold.
    pub what: Breakage,
    /// What the rule calls for: a hash, a number or a description.
    pub expected: String,
    /// What is in the journal instead.
    pub found: String,
}

/// Which rule of the chain does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breakage {
    /// The numbers are not 1, 2, 3 and so on: an entry was removed or inserted.
    Sequence,
    /// An entry does not name the hash of the entry before it.
    PreviousHash,
    /// An entry's own hash does not fit its content: scope, seq, epoch, time, author, body or
    /// previous hash was changed.
    EntryHash,
    /// An entry has a lower epoch than the one before it: the fence did not hold.
    EpochOrder,
    /// A column holds what no journal writes, such as a hash that is not 64 hexadecimal digits.
    Unreadable,
    /// A head that is known from elsewhere is not in the chain: the tail was cut off, or the whole
    /// chain was replaced.
    KnownHead,
}

impl fmt::Display for Breakage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sequence => "its number does not follow (an entry was removed or inserted)",
            Self::PreviousHash => "it does not continue the entry before it",
            Self::EntryHash => "its content does not fit its hash (it was changed)",
            Self::EpochOrder => "its epoch is lower than that of the entry before it",
            Self::Unreadable => "a column cannot be read",
            Self::KnownHead => "the known head is not in the chain (the tail was cut off)",
        })
    }
}

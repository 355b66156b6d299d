//! What is known of a journal that lost its tail.

use crate::{Hash, Scope};

/// The database lacks an entry that was acknowledged: its tail was lost, or it was replaced by another or
/// an older one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the journal {path} is torn: entry {known_seq} of {scope} with hash {known_hash} was \
     acknowledged, but the journal has {found}; keep the file and put the journal back from a \
     newer copy, or, to go on without the lost entries, move {head_path} away"
)]
pub struct Torn {
    /// The file.
    pub path: String,
    /// Whose chain.
    pub scope: Scope,
    /// The number of the entry that must be there.
    pub known_seq: u64,
    /// Its hash.
    pub known_hash: Hash,
    /// What the chain ends with instead.
    pub found: String,
    /// The file that remembers the head.
    pub head_path: String,
}

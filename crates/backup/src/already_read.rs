//! Files that were read a moment ago, so that they need not be read again as long as they are the same.

use std::collections::HashMap;

use crate::scan::Stamp;

/// The SHA-256 of files, by what they are on the disk and how they were when they were read. There may be many, so digests are
/// kept as bytes.
#[derive(Default)]
pub(crate) struct AlreadyRead(HashMap<(u64, u64), (Stamp, [u8; 32])>);

impl AlreadyRead {
    pub(crate) fn insert(&mut self, stamp: Stamp, sha256: [u8; 32]) {
        self.0.insert(stamp.identity(), (stamp, sha256));
    }

    pub(crate) fn add(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    /// The digest of the file that has this stamp now, if it had it when it was read.
    pub(crate) fn sha256(&self, now: &Stamp) -> Option<&[u8; 32]> {
        let (then, sha256) = self.0.get(&now.identity())?;
        (then == now).then_some(sha256)
    }
}

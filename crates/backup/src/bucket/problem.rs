//! What keeps the objects of a bucket from being backed up or put back.

/// What keeps the objects of a bucket from being backed up or put back. No text has a secret in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BucketProblem {
    /// The address, or what is shown there, cannot be used.
    #[error("{0}")]
    Address(String),
    /// The bucket is not there.
    #[error("there is no bucket {bucket} ({why}); make it, or correct the store's url")]
    NoBucket {
        /// Its name.
        bucket: String,
        /// What the server said.
        why: String,
    },
    /// The bucket is in another region.
    #[error(
        "the bucket {bucket} is in another region ({why}); write region = \"{region}\" into its [[store]]"
    )]
    WrongRegion {
        /// Its name.
        bucket: String,
        /// Where it is, as the server says.
        region: String,
        /// What the server said.
        why: String,
    },
    /// The server does not let us.
    #[error(
        "cannot {doing}: access was refused ({why}); look at the key, its rights and this machine's clock"
    )]
    Refused {
        /// What was attempted.
        doing: String,
        /// What the server said.
        why: String,
    },
    /// It failed, and was tried again in vain.
    #[error("cannot {doing}: {why}")]
    Failed {
        /// What was attempted.
        doing: String,
        /// What was found.
        why: String,
    },
    /// Somebody writes to the store while it is put back.
    #[error(
        "{key} was changed by somebody else while the store was put back; stop what writes to it, then put it back again"
    )]
    Changed {
        /// The key.
        key: String,
    },
    /// What was written is not what the backup holds.
    #[error(
        "{place} is not as in the backup after it was put back: expected the digest {expected}, found {found}"
    )]
    Differs {
        /// Where.
        place: String,
        /// The digest of the manifest.
        expected: String,
        /// The digest of what was read.
        found: String,
    },
    /// There is something where a copy should go.
    #[error("there is something at {place} already; a copy goes to a place where nothing is")]
    TargetExists {
        /// Where.
        place: String,
    },
    /// What is to be removed has no mark of ours.
    #[error(
        "{place} was not made by Portcullis for a copy, so it is not removed; remove it by hand"
    )]
    NotOurs {
        /// Where.
        place: String,
    },
    /// There is no room in the vault.
    #[error(
        "there is no room in {place}, where the objects are unpacked: {needed} bytes are needed, {free} are free"
    )]
    NoRoom {
        /// Where.
        place: String,
        /// How much is needed.
        needed: u64,
        /// How much there is.
        free: u64,
    },
    /// An object is too large to be copied aside.
    #[error(
        "{key} has {bytes} bytes and would be replaced: S3 copies no more than 5 GiB at once, so it cannot be kept aside; \
         nothing was changed; let the bucket keep versions, or move it away by hand"
    )]
    TooLarge {
        /// The key.
        key: String,
        /// How large it is.
        bytes: u64,
    },
}

impl BucketProblem {
    /// Whether the same may go well at another time without anybody changing anything.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Failed { .. } | Self::Changed { .. })
    }
}

//! What keeps a continuous archive from being written or recovered from.

use jiff::Timestamp;

use super::RecoveryRange;
use crate::PostgresProblem;

/// What keeps a continuous archive from being written or recovered from. No text has a password or a row in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContinuousProblem {
    /// Something of the server, or of a program of PostgreSQL's.
    #[error(transparent)]
    Postgres(#[from] PostgresProblem),
    /// There is no archive.
    #[error(
        "there is no continuous archive at {folder}; `[store.continuous]` in the configuration begins one, and \
         `portcullis serve` keeps it"
    )]
    NoArchive {
        /// Where it was looked for.
        folder: String,
    },
    /// Another process keeps it.
    #[error("another process receives into {folder}; one at a time does")]
    Busy {
        /// The archive.
        folder: String,
    },
    /// The archive is of another cluster than the one that was found.
    #[error(
        "the archive {folder} is of the cluster {expected}, and the server is the cluster {found} (its system \
         identifier): a new cluster needs a new archive; move the folder aside if the old one is to be kept"
    )]
    OtherCluster {
        /// The archive.
        folder: String,
        /// The system identifier in the archive.
        expected: String,
        /// The system identifier of the server.
        found: String,
    },
    /// The server cannot be archived as it is set up.
    #[error("the server of {place} cannot be archived: {why}")]
    NotPossible {
        /// Host, port and database.
        place: String,
        /// What is in the way, and what would help.
        why: String,
    },
    /// The stream ended.
    #[error("the stream of the write-ahead log ended: {why}")]
    StreamEnded {
        /// What was said last.
        why: String,
    },
    /// The server has removed what was not received yet.
    #[error(
        "the server has removed write-ahead log that was not received yet, so what was committed in between \
         cannot be recovered; the archive begins anew with the next base backup ({why})"
    )]
    LogRemoved {
        /// What was said.
        why: String,
    },
    /// The slot kept more on the server than it may.
    #[error(
        "the replication slot {slot} made the server keep {kept_bytes} bytes of write-ahead log, more than \
         slot_keep_max ({limit_bytes}): it was dropped so that the server's disk does not fill; the archive \
         begins anew with the next base backup"
    )]
    SlotGivenUp {
        /// Its name.
        slot: String,
        /// How much was kept.
        kept_bytes: u64,
        /// How much it may keep.
        limit_bytes: u64,
    },
    /// It was told to stop.
    #[error("it was stopped")]
    Stopped,
    /// A file of the archive is not what it should be.
    #[error("{file} of the archive is damaged: {why}")]
    Damaged {
        /// The file, below the archive.
        file: String,
        /// What is wrong.
        why: String,
    },
    /// The moment cannot be recovered to.
    #[error("{} cannot be recovered to; {}", moment(asked), possible(ranges))]
    OutOfRange {
        /// The moment that was asked for; `None` is the last one.
        asked: Option<Timestamp>,
        /// The moments that can.
        ranges: Vec<RecoveryRange>,
    },
    /// The server's program of the same version is not installed here.
    #[error(
        "a cluster of PostgreSQL {major} is recovered by the server of the same version, which was not found in \
         {looked}; install it here (Debian: postgresql-{major})"
    )]
    ServerMissing {
        /// The version.
        major: u32,
        /// Where it was looked for.
        looked: String,
    },
    /// The server refuses to run as root, and there is nobody else.
    #[error(
        "PostgreSQL refuses to run as root, and this machine has no user postgres to run it as; create it (Debian: \
         postgresql-common does), or run this as another user"
    )]
    NobodyToRunAs,
    /// There is no place for the recovered cluster.
    #[error("{folder} cannot take the recovered cluster: {why}")]
    PlaceRefused {
        /// The folder.
        folder: String,
        /// What is wrong with it, and what would help.
        why: String,
    },
    /// The recovery did not get to its end.
    #[error("the recovery failed: {why}")]
    RecoveryFailed {
        /// What the server said last.
        why: String,
    },
}

impl ContinuousProblem {
    /// Whether the same may go well at another time without anybody changing anything.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Postgres(problem) => problem.is_passing(),
            Self::Busy { .. } | Self::StreamEnded { .. } => true,
            _ => false,
        }
    }
}

fn moment(asked: &Option<Timestamp>) -> String {
    match asked {
        Some(asked) => asked.to_string(),
        None => "the last moment".to_owned(),
    }
}

/// The moments that can be recovered to, in words.
pub(super) fn possible(ranges: &[RecoveryRange]) -> String {
    let words: Vec<String> = ranges.iter().map(ToString::to_string).collect();
    match words.is_empty() {
        true => {
            "nothing can yet: a base backup and the write-ahead log that belongs to it are needed"
                .to_owned()
        }
        false => format!("what can is {}", words.join(" and ")),
    }
}

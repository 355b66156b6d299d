//! What keeps a tool's store from being backed up or put back.

use std::path::PathBuf;

use crate::bounds::COMMAND_ATTEMPTS;

/// What keeps a tool's store from being backed up or put back. No text has a value of a secret in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandProblem {
    /// The program is not there, or may not be run.
    #[error("the program `{program}` {why}; install it, or correct the command in [[store]]")]
    NotFound {
        /// The program.
        program: String,
        /// What was looked for and where.
        why: String,
    },
    /// A command ended otherwise than with code 0.
    #[error("its {what} command {end}{said}")]
    Failed {
        /// Which command.
        what: &'static str,
        /// How it ended.
        end: String,
        /// The end of what it said on standard error, with what stands before it; empty if it said nothing.
        said: String,
    },
    /// A command took too long and was killed with all that it had started.
    #[error(
        "its {what} command took longer than {limit_s} s and was killed{said}; see why, or set a longer `timeout`"
    )]
    TimedOut {
        /// Which command.
        what: &'static str,
        /// Its limit.
        limit_s: u64,
        /// As for [`CommandProblem::Failed`].
        said: String,
    },
    /// The backup command ended with code 0 and wrote nothing.
    #[error(
        "its backup command ended with code 0 and wrote nothing to its standard output; a backup of nothing would be \
         none"
    )]
    Empty,
    /// The backup command wrote more than there is room for.
    #[error(
        "its backup command wrote {written} bytes to {} and there is room for {free} more, which is not enough to pack \
         them; it was killed: make room, or see whether it ever ends",
        path.display()
    )]
    NoRoom {
        /// Where.
        path: PathBuf,
        /// How much it had written.
        written: u64,
        /// How much is free.
        free: u64,
    },
    /// What a command wrote cannot be written down.
    #[error("what its {what} command says cannot be written: {why}")]
    NotWritten {
        /// Which command.
        what: &'static str,
        /// The failure.
        why: String,
    },
    /// A command printed something else than it should.
    #[error("its {what} command must print {expected}, and printed {found:?}")]
    NotUnderstood {
        /// Which command.
        what: &'static str,
        /// What was expected.
        expected: &'static str,
        /// The beginning of what was printed.
        found: String,
    },
    /// The content changed during each attempt to back it up.
    #[error(
        "its digest command printed another word after the backup than before it, {COMMAND_ATTEMPTS} times: {before}, \
         then {after}; pause writes to it while it is backed up"
    )]
    Changing {
        /// The word before the last attempt.
        before: String,
        /// The word after it.
        after: String,
    },
    /// The restore command ended with code 0, and the store is not as in the backup.
    #[error(
        "its restore command ended with code 0, and the store is not as in the backup: expected {expected}, found \
         {found}; what was there before is kept as {kept}"
    )]
    NotRestored {
        /// The digest of the backup.
        expected: String,
        /// That of the store.
        found: String,
        /// Where the data from before is.
        kept: String,
    },
    /// The restore command ended with code 0, and what had to be done after it failed.
    #[error(
        "its data was replaced, for its restore command ended with code 0, and what comes after that failed: {why}; \
         what was there before is kept as {kept}"
    )]
    FailedAfter {
        /// What failed.
        why: String,
        /// Where the data from before is.
        kept: String,
    },
    /// The restore command failed. It is not known how far it got.
    #[error(
        "its restore command failed, and how far it got is not known: {why}; what was there before is kept as {kept}"
    )]
    HalfRestored {
        /// How it failed.
        why: String,
        /// Where the data from before is.
        kept: String,
    },
    /// Nobody knows whether the store is as in a backup.
    #[error(
        "nobody can tell whether it is as in a backup: it has neither a digest command nor `repeats = true`, and {why}"
    )]
    NothingKnown {
        /// What is known.
        why: String,
    },
    /// Nobody can count what came since a backup.
    #[error("what came since a backup cannot be counted in a store that commands back up")]
    CannotCount,
    /// Its commands know no copies.
    #[error(
        "it cannot be copied: its commands would work on live data; if they heed PORTCULLIS_COPY, set copies = true in \
         its [[store]]"
    )]
    NoCopies,
    /// What was noted cannot be read or written.
    #[error("its note {} cannot be {doing}: {why}", path.display())]
    Memory {
        /// What was attempted.
        doing: &'static str,
        /// The note.
        path: PathBuf,
        /// The failure.
        why: String,
    },
}

impl CommandProblem {
    /// Whether a command that read the data says that it is no good, and not that it could not be run.
    #[must_use]
    pub fn is_about_data(&self) -> bool {
        matches!(self, Self::Failed { .. })
    }
}

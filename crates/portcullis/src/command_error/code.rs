//! Every error of the command line: its number, what it means, what to do, and the exit code it ends
//! with. The texts of `portcullis explain` and of docs/reference/errors.md come from here, so that they
//! cannot differ from what the program prints.
//!
//! A number keeps its meaning for ever; a new meaning gets a new number.

use std::fmt;

use super::Exit;

/// A kind of error, with a number that people can look up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ErrorCode {
    Configuration,
    Usage,
    UnknownWord,
    BadValue,
    MissingArgument,
    Contradiction,
    UnknownCode,
    UnknownTopic,
    NoCommandGuessed,
    StateFolder,
    NoToken,
    BadToken,
    LockHeld,
    FileUnwritable,
    NoServer,
    NotAuthorised,
    NotFound,
    EngineStopped,
    AnswerUnreadable,
    ServerFailed,
    RequestRefused,
    ServeFailed,
    RequestUnreadable,
    RestartNeeded,
    NoApplication,
    NotDify,
    PlanRefused,
    UnknownRelease,
    NoPredecessor,
    ArtifactUnreadable,
    NoFreePort,
    PlanMoved,
    NothingLive,
    StillLive,
    NotNow,
    NotLive,
    UnknownRollout,
    RolledBack,
    Waits,
    Inconclusive,
    Detached,
    JournalFailed,
    NoJournal,
    JournalUnreadable,
    BackupFailed,
    NoBackup,
    NoStore,
    StoreInUse,
    DatabaseRefused,
    CopyFailed,
    NotReadThrough,
    BucketRefused,
    MigrationRefused,
    MigrationFailed,
    MigrationUnderWay,
    NoDatabase,
    Failed,
    Internal,
}

/// What a code stands for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meaning {
    /// The number after `PC`, with four digits.
    pub(crate) number: u16,
    /// A few words.
    pub(crate) title: &'static str,
    /// What it means, in one to three sentences.
    pub(crate) meaning: &'static str,
    /// What to do about it.
    pub(crate) remedy: &'static str,
    /// The exit code of a command that ends with it.
    pub(crate) exit: Exit,
}

/// The words of the engine's API and of the gateway's admin API, and the code that tells of each.
const WORDS: [(&str, ErrorCode); 38] = [
    ("configuration", ErrorCode::Configuration),
    ("not_authorised", ErrorCode::NotAuthorised),
    ("not_found", ErrorCode::NotFound),
    ("journal_unreadable", ErrorCode::JournalUnreadable),
    ("engine_stopped", ErrorCode::EngineStopped),
    ("internal", ErrorCode::ServerFailed),
    ("other_environment", ErrorCode::RequestRefused),
    ("invalid_split", ErrorCode::RequestRefused),
    ("stale_epoch", ErrorCode::RequestRefused),
    ("unhealthy_arm", ErrorCode::RequestRefused),
    ("overtaken", ErrorCode::RequestRefused),
    ("succeeded", ErrorCode::RequestRefused),
    ("not_saved", ErrorCode::ServerFailed),
    ("too_many_followers", ErrorCode::RequestRefused),
    ("gateway_unreachable", ErrorCode::ServerFailed),
    ("not_reloaded", ErrorCode::RequestRefused),
    ("restart_needed", ErrorCode::RestartNeeded),
    ("not_recorded", ErrorCode::StateFolder),
    ("invalid_bypass", ErrorCode::RequestRefused),
    ("no_bypass", ErrorCode::RequestRefused),
    ("request_unreadable", ErrorCode::RequestUnreadable),
    ("method_not_allowed", ErrorCode::RequestUnreadable),
    ("media_type", ErrorCode::RequestUnreadable),
    ("body_too_large", ErrorCode::RequestUnreadable),
    ("not_a_split_change", ErrorCode::RequestUnreadable),
    ("not_a_bypass", ErrorCode::RequestUnreadable),
    ("plan_refused", ErrorCode::PlanRefused),
    ("unknown_release", ErrorCode::UnknownRelease),
    ("no_predecessor", ErrorCode::NoPredecessor),
    ("artifact_unreadable", ErrorCode::ArtifactUnreadable),
    ("no_free_port", ErrorCode::NoFreePort),
    ("plan_moved", ErrorCode::PlanMoved),
    ("migration_refused", ErrorCode::MigrationRefused),
    ("nothing_live", ErrorCode::NothingLive),
    ("still_live", ErrorCode::StillLive),
    ("not_now", ErrorCode::NotNow),
    ("not_live", ErrorCode::NotLive),
    ("unknown_rollout", ErrorCode::UnknownRollout),
];

impl ErrorCode {
    /// Every code, by number.
    pub(crate) const ALL: [ErrorCode; 58] = [
        ErrorCode::Configuration,
        ErrorCode::Usage,
        ErrorCode::UnknownWord,
        ErrorCode::BadValue,
        ErrorCode::MissingArgument,
        ErrorCode::Contradiction,
        ErrorCode::UnknownCode,
        ErrorCode::UnknownTopic,
        ErrorCode::NoCommandGuessed,
        ErrorCode::StateFolder,
        ErrorCode::NoToken,
        ErrorCode::BadToken,
        ErrorCode::LockHeld,
        ErrorCode::FileUnwritable,
        ErrorCode::NoServer,
        ErrorCode::NotAuthorised,
        ErrorCode::NotFound,
        ErrorCode::EngineStopped,
        ErrorCode::AnswerUnreadable,
        ErrorCode::ServerFailed,
        ErrorCode::RequestRefused,
        ErrorCode::ServeFailed,
        ErrorCode::RequestUnreadable,
        ErrorCode::RestartNeeded,
        ErrorCode::NoApplication,
        ErrorCode::NotDify,
        ErrorCode::PlanRefused,
        ErrorCode::UnknownRelease,
        ErrorCode::NoPredecessor,
        ErrorCode::ArtifactUnreadable,
        ErrorCode::NoFreePort,
        ErrorCode::PlanMoved,
        ErrorCode::NothingLive,
        ErrorCode::StillLive,
        ErrorCode::NotNow,
        ErrorCode::NotLive,
        ErrorCode::UnknownRollout,
        ErrorCode::RolledBack,
        ErrorCode::Waits,
        ErrorCode::Inconclusive,
        ErrorCode::Detached,
        ErrorCode::JournalFailed,
        ErrorCode::NoJournal,
        ErrorCode::JournalUnreadable,
        ErrorCode::BackupFailed,
        ErrorCode::NoBackup,
        ErrorCode::NoStore,
        ErrorCode::StoreInUse,
        ErrorCode::DatabaseRefused,
        ErrorCode::CopyFailed,
        ErrorCode::NotReadThrough,
        ErrorCode::BucketRefused,
        ErrorCode::MigrationRefused,
        ErrorCode::MigrationFailed,
        ErrorCode::MigrationUnderWay,
        ErrorCode::NoDatabase,
        ErrorCode::Failed,
        ErrorCode::Internal,
    ];

    /// The code of an error that was given none: every error has one.
    pub(crate) fn of_exit(exit: Exit) -> ErrorCode {
        match exit {
            Exit::Done | Exit::Failed => ErrorCode::Failed,
            Exit::Usage => ErrorCode::Usage,
            Exit::RolledBack => ErrorCode::RolledBack,
            Exit::Waits => ErrorCode::Waits,
            Exit::Inconclusive => ErrorCode::Inconclusive,
            Exit::LeaseHeld => ErrorCode::LockHeld,
            Exit::Unreachable => ErrorCode::NoServer,
            Exit::NotAuthorised => ErrorCode::NotAuthorised,
            Exit::Internal => ErrorCode::Internal,
            Exit::Detached => ErrorCode::Detached,
        }
    }

    /// The code of a refusal by the API, from its word in [`portcullis_api::Problem`].
    pub(crate) fn of_refusal(word: Option<&str>, status: u16) -> ErrorCode {
        let known = word.and_then(|word| WORDS.iter().find(|(known, _)| *known == word));
        match (known, word, status) {
            (_, _, 401 | 403) => ErrorCode::NotAuthorised,
            (Some((_, code)), _, _) => *code,
            (None, None, 404) => ErrorCode::NotFound,
            (None, _, 500) => ErrorCode::ServerFailed,
            (None, _, _) => ErrorCode::RequestRefused,
        }
    }

    /// The words by which the APIs say it, in the field `code` of their refusals.
    pub(crate) fn words(self) -> impl Iterator<Item = &'static str> {
        let ours = WORDS.iter().filter(move |(_, code)| *code == self);
        ours.map(|(word, _)| *word)
    }

    /// What it stands for.
    pub(crate) fn meaning(self) -> Meaning {
        meanings::meaning(self)
    }
}

impl fmt::Display for ErrorCode {
    /// `PC0601`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PC{:04}", self.meaning().number)
    }
}

mod meanings;

#[cfg(test)]
mod tests;

//! Why a plan is refused.

use crate::ReleaseId;

/// One reason why a plan cannot be made. All of them are reported together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanProblem {
    /// The plan has no steps.
    #[error("the plan has no steps")]
    Empty,
    /// The release already serves.
    #[error("release {0} already serves; there is nothing to do")]
    AlreadyServes(ReleaseId),
    /// Two steps have the same name.
    #[error("two steps are named `{0}`")]
    DuplicateName(String),
    /// A step before the pivot cannot be undone.
    #[error("step `{0}` cannot be undone but comes before the pivot")]
    ImpossibleBeforePivot(String),
    /// The pivot is not a step that cannot be undone.
    #[error("the pivot must be the first step that cannot be undone, or the end")]
    PivotMisplaced,
    /// A migration comes after the pivot.
    #[error("step `{0}` migrates data after the pivot, where a failure cannot be undone")]
    MigrationAfterPivot(String),
    /// A migration has no backup before it.
    #[error("step `{0}` migrates data with no verified backup before it")]
    MigrationWithoutBackup(String),
    /// The release that serves is stopped while requests go to it.
    #[error("step `{0}` stops the release that serves while requests still go to it")]
    StoppedWhileOpen(String),
    /// Traffic is shifted to a release that was not started.
    #[error("step `{0}` shifts traffic before the release is started")]
    ShiftBeforeStart(String),
    /// A gate has no rule that can be judged at its weight.
    #[error("the gate at {weight} percent {problem}")]
    Gate {
        /// The gate's weight in percent.
        weight: u8,
        /// What is wrong, in words that follow "the gate at ... percent".
        problem: String,
    },
    /// The weights do not rise to 100.
    #[error("the weights must rise and end with 100, not {0:?}")]
    Weights(Vec<u8>),
    /// A migration of a store that two releases would share without being able to.
    #[error(
        "release {0} migrates data that the serving release shares while both run; if the serving \
         release works on migrated data, say `compatible = true` under [data] and the rehearsal will \
         prove it; if it cannot, say `strategy = \"cut-over\"` under [service]: users are kept out while the \
         data is migrated"
    )]
    NotCompatible(ReleaseId),
    /// Going back is to reverse the migration, and that cannot be.
    #[error(
        "going back is to reverse the migration of release {release} (rollback = \"reverse\" in [data]), and {why}; {todo}, or set \
         rollback = \"restore\""
    )]
    NotReversible {
        /// The release.
        release: ReleaseId,
        /// What is missing.
        why: String,
        /// What would help.
        todo: &'static str,
    },
    /// The release migrates data but no store is declared.
    #[error("release {0} has a migration, but the service declares no store to back up")]
    MigrationWithoutStore(ReleaseId),
    /// A backup is needed but no name was given for it.
    #[error("the plan needs a backup but has no name for it")]
    NoBackupName,
    /// A number that must be at least one is zero.
    #[error("step `{0}` needs a deadline and at least one attempt")]
    NoTimeOrAttempt(String),
    /// A place in a command or check has no value.
    #[error("`{{{name}}}` in {context} is not known; known are {known}")]
    UnknownPlace {
        /// The place's name.
        name: String,
        /// Where it stands.
        context: String,
        /// The names that have a value.
        known: String,
    },
}

//! Deliberate breaches, one rule each: an explorer whose checks miss them is worth nothing.

/// A way in which runner or driver break a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mutation {
    /// After a crash the attempt is run again instead of being looked at first.
    RetryWithoutProbe,
    /// An abort is accepted towards the person and then forgotten.
    DropHalt,
    /// Going back skips the undo of the step that failed.
    UndoStartsOneBelow,
    /// After a failure past the pivot the steps before it are undone all the same.
    UnwindPastPivot,
    /// An attempt that was under way at a crash takes effect after the probe has answered.
    LateLanding,
    /// A restore that loses writes is run without asking.
    RestoreWithoutConsent,
    /// An attempt counts as done because it said so, whatever the probe sees.
    BelieveTheExitCode,
}

impl Mutation {
    /// Every mutation.
    pub const ALL: [Mutation; 7] = [
        Mutation::RetryWithoutProbe,
        Mutation::DropHalt,
        Mutation::UndoStartsOneBelow,
        Mutation::UnwindPastPivot,
        Mutation::LateLanding,
        Mutation::RestoreWithoutConsent,
        Mutation::BelieveTheExitCode,
    ];
}

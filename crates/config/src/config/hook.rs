//! Commands of the user's own at the steps of a rollout.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// One `[[hook]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookConfig {
    /// Its name, which no other hook of the file has: 1 to 63 characters of `a-z`, `0-9` and `-`.
    pub name: String,
    /// When it is run; at least one, all different.
    pub on: Vec<HookPoint>,
    /// Program and arguments. Not empty.
    pub command: Vec<String>,
    /// The folder it runs in: that of the configuration file.
    pub folder: PathBuf,
    /// Environment variables; a value may be a reference to a secret, see
    /// [`portcullis_rollout::ValueSource`].
    pub env: BTreeMap<String, String>,
    /// How long it may take, in milliseconds.
    pub timeout_ms: u64,
    /// What it means when it fails; always [`HookFailure::Note`] when `on` has [`HookPoint::Notice`].
    pub on_failure: HookFailure,
    /// The same for a rollout that returns to an earlier release.
    pub on_failure_back: HookFailure,
}

/// When a hook is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HookPoint {
    /// Before a step is begun.
    Before(HookStep),
    /// After a step has succeeded.
    After(HookStep),
    /// Whenever a person is told something: paused, held, going back, done.
    Notice,
}

/// The kind of step that a hook is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HookStep {
    /// Every step, whatever its kind.
    Any,
    /// Looking at program, address, stores and vault.
    Preflight,
    /// Copying the stores.
    Backup,
    /// Trying the migration on a copy.
    Rehearse,
    /// Asking a person.
    Approve,
    /// Changing the live data.
    Migrate,
    /// Starting the new release.
    Start,
    /// Asking it known questions.
    Smoke,
    /// Moving traffic.
    Shift,
    /// Measuring.
    Gate,
    /// Making the new release the stable one.
    Promote,
    /// Stopping the old release.
    Retire,
}

/// What a hook's failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookFailure {
    /// The step has failed.
    Fail,
    /// It is noted, and the rollout goes on.
    Note,
}

impl HookStep {
    /// All of them.
    pub const ALL: [HookStep; 12] = [
        HookStep::Preflight,
        HookStep::Backup,
        HookStep::Rehearse,
        HookStep::Approve,
        HookStep::Migrate,
        HookStep::Start,
        HookStep::Smoke,
        HookStep::Shift,
        HookStep::Gate,
        HookStep::Promote,
        HookStep::Retire,
        HookStep::Any,
    ];

    /// The word of the file, for example `migrate`.
    pub fn as_str(self) -> &'static str {
        match self {
            HookStep::Any => "any",
            HookStep::Preflight => "preflight",
            HookStep::Backup => "backup",
            HookStep::Rehearse => "rehearse",
            HookStep::Approve => "approve",
            HookStep::Migrate => "migrate",
            HookStep::Start => "start",
            HookStep::Smoke => "smoke",
            HookStep::Shift => "shift",
            HookStep::Gate => "gate",
            HookStep::Promote => "promote",
            HookStep::Retire => "retire",
        }
    }
}

impl HookPoint {
    /// All of them.
    pub fn all() -> impl Iterator<Item = HookPoint> {
        let before = HookStep::ALL.into_iter().map(HookPoint::Before);
        let after = HookStep::ALL.into_iter().map(HookPoint::After);
        before.chain(after).chain([HookPoint::Notice])
    }

    /// The point that a text of the file names.
    pub(crate) fn of(text: &str) -> Option<HookPoint> {
        HookPoint::all().find(|point| point.to_string() == text)
    }
}

impl fmt::Display for HookPoint {
    /// As the file has it, for example `before-migrate`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HookPoint::Before(step) => write!(f, "before-{}", step.as_str()),
            HookPoint::After(step) => write!(f, "after-{}", step.as_str()),
            HookPoint::Notice => f.write_str("notice"),
        }
    }
}

impl HookFailure {
    /// The word of the file.
    pub fn as_str(self) -> &'static str {
        match self {
            HookFailure::Fail => "fail",
            HookFailure::Note => "note",
        }
    }
}

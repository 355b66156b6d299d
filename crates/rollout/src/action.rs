//! What a step does. Every action carries all it needs: the plan that is printed is what runs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use portcullis_analysis::{Analysis, Rule, Sample, Signal};
use serde::{Deserialize, Serialize};

use crate::{
    Artifact, ClosedTo, Closure, FigureOrder, LedgerCheck, MigrationOrder, ReleaseId, ReverseOrder,
    ServiceName, StoreRef, SyntheticOrder, Target, Weight,
};

/// What a step does to the world.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Action {
    /// Look at everything that could stop the rollout before anything is touched.
    Preflight(PreflightOrder),
    /// Copy the stores to the vault and read the copy back.
    Backup(BackupOrder),
    /// Restore that backup to a scratch folder, migrate it there and try both releases on it.
    Rehearse(Box<Rehearsal>),
    /// Wait for a person.
    Approve(Approval),
    /// Change the live data.
    Migrate(MigrationOrder),
    /// Start a release beside what runs.
    Start(Launch),
    /// Try a started release with known questions and answers.
    Smoke(SmokeOrder),
    /// Replace the service's traffic split.
    Shift(Split),
    /// Measure until the analysis decides.
    Gate(GateOrder),
    /// Make the candidate the release that serves.
    Promote(Box<Promotion>),
    /// Wait until a release has no requests left, then stop it.
    Retire(CutOff),
    /// Put a backup back in place of the live data.
    Restore(RestoreOrder),
    /// Reverse a migration of the live data.
    Reverse(Box<ReverseOrder>),
    /// Run a command of the operator's beside the rollout.
    Hook(HookOrder),
}

/// What pre-flight looks at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreflightOrder {
    /// The program must be there with this hash.
    pub artifact: Artifact,
    /// The address must be free for the new release.
    pub address: String,
    /// The stores must be readable, and the vault must have room for a copy of each.
    pub stores: Vec<StoreRef>,
    /// The release that serves now must be healthy: a rollback would go back to it.
    pub serving: Option<SmokeOrder>,
    /// What the steps that follow take from elsewhere must be there: a secret that is missing is found
    /// before anything is touched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretNeed>,
    /// What the database's ledger of SQL files must say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<LedgerCheck>,
    /// How old the last verified backup may be; missing when any age will do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup_age: Option<BackupAge>,
    /// What the steps that follow write to disks besides the backup; missing when that is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<RoomNeed>,
}

/// What a rollout writes to disks besides its backups. How much that is, is estimated from what the stores hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomNeed {
    /// The folder in which a rehearsal has copies of the stores, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copies: Option<PathBuf>,
    /// When a backup is put back, if ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub put_back: Option<BesideStores>,
    /// How many backups of the stores lie in the vault by then.
    pub backups: u32,
}

/// When data is prepared beside the stores, to be put into their place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BesideStores {
    /// That is the way back, or the release's own way: without the room there is none.
    Needed,
    /// Only when the reverse of the migration fails: that there is no room is worth a warning.
    IfReverseFails,
}

/// How old the last verified backup may be when a rollout starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupAge {
    /// The service of the backups.
    pub service: ServiceName,
    /// Their environment.
    pub environment: String,
    /// The age, in milliseconds.
    pub max_ms: u64,
    /// Whether one that is older refuses the rollout, or is only noted.
    pub refuses: bool,
    /// The stores with a continuous archive, if all stores have one: then the archives may be younger than any backup.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub archives: Vec<ArchiveAge>,
}

/// When the continuous archive of a store counts as a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveAge {
    /// The store.
    pub store: String,
    /// How far it may be behind, in milliseconds.
    pub behind_max_ms: u64,
    /// How long ago it may have been read back, in milliseconds.
    pub verified_max_ms: u64,
}

/// A reference to a secret that a step will need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretNeed {
    /// Who needs it, for example `the variable TOKEN of release 1.1`.
    pub needed_by: String,
    /// The reference, see [`crate::ValueSource`].
    pub reference: String,
    /// The folder at which relative paths start and in which commands run.
    pub folder: PathBuf,
}

/// Which stores are copied, under which name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupOrder {
    /// The backup's name: `<service>_<environment>_<UTC time>`.
    pub name: String,
    /// The service.
    pub service: ServiceName,
    /// The environment, for example `production`.
    pub environment: String,
    /// The release that wrote the data.
    pub release: Option<ReleaseId>,
    /// Why it is made; names the rollout, so that a backup of the same name that was made for something
    /// else is not taken for this one.
    pub reason: String,
    /// What is copied.
    pub stores: Vec<StoreRef>,
}

/// Which backup is put back, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreOrder {
    /// The backup's name.
    pub backup: String,
    /// The live stores that it replaces.
    pub stores: Vec<StoreRef>,
}

/// A migration tried out on a restored copy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rehearsal {
    /// The backup that is restored; `None` when the release has no data to rehearse on.
    pub backup: String,
    /// The folder for the copy; removed afterwards.
    pub scratch: PathBuf,
    /// Where each store of the backup goes within it.
    pub stores: Vec<StoreRef>,
    /// The migration, aimed at the copy; `None` when the new release changes the data itself, as it starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub migration: Option<MigrationOrder>,
    /// The phases that come later in the rollout, aimed at the copy as well. After each that leaves the serving release
    /// running, both releases are tried again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub later: Vec<MigrationOrder>,
    /// The release that serves now, aimed at the migrated copy: it must still answer rightly, or the two
    /// may not share the data.
    pub old: Option<Trial>,
    /// The new release, aimed at the migrated copy.
    pub new: Trial,
    /// How the migration is reversed, aimed at the copy, where going back does that: the copy must be as it was then, and the
    /// release that serves must work on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back: Option<Box<WayBack>>,
    /// What no lock of the migration may exceed; `None` where nobody works on the store meanwhile, or any time will do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock_limit: Option<LockLimit>,
}

/// A way back that is rehearsed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WayBack {
    /// What is reversed.
    pub order: ReverseOrder,
    /// The release that serves now, aimed at the copy.
    pub old: Trial,
}

/// How long a migration may keep users waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockLimit {
    /// In milliseconds.
    pub longest_ms: u64,
    /// Users' writes are kept out meanwhile, so that only locks that reads wait for count.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub only_reads: bool,
}

/// A release started for a try-out and stopped again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// How it is started.
    pub launch: Launch,
    /// What it must answer.
    pub smoke: SmokeOrder,
}

/// A question to a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// What is asked, in one sentence.
    pub question: String,
}

/// A program with its arguments. Nothing of it is given to a shell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Environment variables that are set for it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// The folder it runs in.
    pub folder: PathBuf,
}

/// How a release is started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launch {
    /// The service.
    pub service: ServiceName,
    /// The release.
    pub release: ReleaseId,
    /// Where it will listen.
    pub target: Target,
    /// The program, checked against its hash before it is run.
    pub artifact: Artifact,
    /// What is run.
    pub command: Command,
    /// The check that must pass before it counts as started.
    pub ready: Check,
    /// How long that may take, in milliseconds.
    pub ready_timeout_ms: u64,
    /// How long it may take to stop after being asked, in milliseconds; then it is killed.
    pub stop_timeout_ms: u64,
}

/// Questions to a started release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmokeOrder {
    /// The release that is asked.
    pub release: ReleaseId,
    /// Where it listens.
    pub address: String,
    /// The questions; all must be answered as expected.
    pub checks: Vec<Check>,
}

/// One HTTP request and what its answer must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The method, for example `GET`.
    pub method: String,
    /// Path and query, starting with `/`.
    pub path: String,
    /// A file whose bytes are sent as the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_file: Option<PathBuf>,
    /// The status expected.
    pub status: u16,
    /// Values expected in the JSON answer, by RFC 6901 pointer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub json: BTreeMap<String, serde_json::Value>,
    /// Text that the answer must contain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
    /// How long the answer may take, in milliseconds.
    pub timeout_ms: u64,
}

/// A traffic split, whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// The service.
    pub service: ServiceName,
    /// The release that serves.
    pub stable: SplitArm,
    /// The candidate.
    pub canary: Option<SplitArm>,
    /// The candidate's share.
    pub weight: Weight,
    /// Who is kept out; nobody when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Closure>,
}

/// The last change of traffic, and what must be running when it is called done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promotion {
    /// The split in which the candidate is the stable release.
    pub split: Split,
    /// What was started: the promotion counts as done only while this very program runs there.
    pub launch: Launch,
}

/// One side of a split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitArm {
    /// The release.
    pub release: ReleaseId,
    /// Where it listens.
    pub address: String,
}

/// What a gate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateRole {
    /// It must pass before the rollout goes on; not being able to decide pauses the rollout.
    #[default]
    Decide,
    /// The release is promoted and the old one is kept warm. Only a failure matters: it goes back at
    /// once. Too little traffic to decide is no reason to wait for a person.
    KeepWarm,
}

/// A gate: what is measured, and what decides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GateOrder {
    /// The service whose traffic is measured.
    pub service: ServiceName,
    /// What the gate is for.
    #[serde(default)]
    pub role: GateRole,
    /// The candidate.
    pub canary: SplitArm,
    /// The concurrent stable arm; `None` when all traffic goes to the candidate.
    pub baseline: Option<SplitArm>,
    /// The candidate's share while the gate is open.
    pub weight: Weight,
    /// The rules.
    pub analysis: Analysis,
    /// Questions put to the candidate directly while the gate is open.
    pub checks: Vec<Check>,
    /// Where the candidate reports figures of itself: path and the JSON pointer of each figure by name.
    pub metrics: Option<MetricsSource>,
    /// Figures from elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub figures: Vec<FigureOrder>,
    /// The same figures of the stable release, where a rule compares them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stable_figures: Vec<FigureOrder>,
    /// Synthetic requests, sent while there are too few of users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synthetic: Option<SyntheticOrder>,
    /// How far apart the journal's entries of this gate are, in milliseconds, while nothing follows from what is
    /// measured: each has all measurements since the one before, as one. 0 records each measurement by itself.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub record_ms: u64,
    /// The release that runs on without traffic, where one is kept warm: a failure goes back to it only while it
    /// answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Kept>,
}

/// A release that runs on without traffic, and what it must answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The release.
    pub arm: SplitArm,
    /// The questions.
    pub checks: Vec<Check>,
}

fn is_zero(ms: &u64) -> bool {
    *ms == 0
}

/// A JSON document in which a service reports figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricsSource {
    /// Path and query, starting with `/`.
    pub path: String,
    /// The figures: name in the rules, RFC 6901 pointer in the document.
    pub figures: BTreeMap<String, String>,
}

/// Which release is stopped, and how patiently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutOff {
    /// The service.
    pub service: ServiceName,
    /// The release.
    pub release: ReleaseId,
    /// Where it runs.
    pub target: Target,
    /// How long its last requests may take, in milliseconds.
    pub drain_timeout_ms: u64,
    /// How long it may take to stop after being asked, in milliseconds; then it is killed.
    pub stop_timeout_ms: u64,
}

/// A command of the operator's that is run before or after a step.
///
/// It gets one JSON document on standard input: the step that it belongs to, the verdict sentence and the
/// plan. A crash of Portcullis in the middle may run it once more, so it should do no harm twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookOrder {
    /// Its name in the configuration.
    pub name: String,
    /// Before or after the step.
    pub when: HookTime,
    /// The name of the step that it belongs to.
    pub step: String,
    /// What is run.
    pub command: Command,
    /// How long it may take, in milliseconds.
    pub timeout_ms: u64,
    /// Whether a failure fails the step; otherwise it is only noted.
    pub must_succeed: bool,
    /// What it gets on standard input. Filled in when an attempt is made and never recorded: it has the
    /// plan in it, which the journal has already.
    #[serde(skip)]
    pub input: String,
}

/// Before or after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HookTime {
    /// Before the step.
    Before,
    /// After the step.
    After,
}

impl GateOrder {
    /// Whether a rule compares this figure with the stable release's.
    pub fn compares_figure(&self, name: &str) -> bool {
        let mut rules = self.analysis.rules.iter();
        rules.any(|rule| {
            rule.test.needs_baseline()
                && rule.signal
                    == Signal::Metric {
                        name: name.to_owned(),
                    }
        })
    }

    /// How many checks had failed in a row at a sample, where a rule of this gate is about that; else 0.
    pub(crate) fn failures_in_a_row(&self, sample: &Sample) -> u64 {
        let is_health = |rule: &Rule| rule.signal == Signal::HealthFailures;
        match &sample.health {
            Some(health) if self.analysis.rules.iter().any(is_health) => {
                u64::from(health.consecutive_failures)
            }
            _ => 0,
        }
    }
}

impl Split {
    /// Whether the candidate may take users' writes under this split.
    pub fn exposes_canary(&self) -> bool {
        self.weight.percent() > 0 && !self.keeps_all_writes_out()
    }

    /// Whether no user's write reaches any release.
    pub fn keeps_all_writes_out(&self) -> bool {
        let closed = self.closed.as_ref();
        closed.is_some_and(Closure::keeps_all_writes_out)
    }

    /// Whether no request reaches the stable release.
    pub fn shuts_stable(&self) -> bool {
        let closed = self.closed.as_ref();
        closed.is_some_and(|closed| closed.to == ClosedTo::Everything)
    }
}

impl HookTime {
    /// The word, as configuration and plan write it.
    pub fn word(self) -> &'static str {
        match self {
            HookTime::Before => "before",
            HookTime::After => "after",
        }
    }
}

impl Action {
    /// The word for this kind of action, as the plan and the timeline print it.
    pub fn word(&self) -> &'static str {
        match self {
            Action::Preflight(_) => "preflight",
            Action::Backup(_) => "backup",
            Action::Rehearse(_) => "rehearse",
            Action::Approve(_) => "approve",
            Action::Migrate(_) => "migrate",
            Action::Start(_) => "start",
            Action::Smoke(_) => "smoke",
            Action::Shift(_) => "shift",
            Action::Gate(_) => "gate",
            Action::Promote(_) => "promote",
            Action::Retire(_) => "retire",
            Action::Restore(_) => "restore",
            Action::Reverse(_) => "reverse",
            Action::Hook(_) => "hook",
        }
    }
}

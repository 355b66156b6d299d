//! All that a plan is made from.

use std::path::PathBuf;

use super::KeepWarm;
use super::steps::Places;
use crate::{
    BackupAge, Check, DataPolicy, FigureOrder, GateOrder, GateRole, Hook, LedgerCheck,
    MetricsSource, Migration, MigrationPhase, PlanProblem, Purpose, ReadRequest, Release,
    RolloutId, Running, SplitArm, StoreRef, Strategy, SyntheticOrder, SyntheticQuestion,
    SyntheticRequest, SyntheticTraffic, Target, Weight,
};
use portcullis_analysis::Analysis;

/// A check at a gate may take this long even where measurements are closer together, in milliseconds.
const CHECK_AT_GATE_MIN_MS: u64 = 1_000;

/// What a plan is made from. Whatever depends on the moment (addresses, names with a time) is in it,
/// so that making the plan is a pure function.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanRequest {
    /// The rollout's name.
    pub id: RolloutId,
    /// When the plan is made, milliseconds since the Unix epoch.
    pub created_at_ms: u64,
    /// The environment.
    pub environment: String,
    /// Forward or back.
    pub purpose: Purpose,
    /// The release that shall serve.
    pub release: Release,
    /// Where it will run: a free address.
    pub target: Target,
    /// The release that serves now.
    pub previous: Option<Running>,
    /// How traffic moves.
    pub strategy: Strategy,
    /// What a rollback means for the data.
    pub policy: DataPolicy,
    /// The service's stores.
    pub stores: Vec<StoreRef>,
    /// The folder that commands run in.
    pub folder: PathBuf,
    /// A folder for rehearsal copies that nothing else uses.
    pub scratch: PathBuf,
    /// Free addresses for the try-outs of the old and the new release in the rehearsal.
    pub trial_addresses: [String; 2],
    /// How old the last verified backup may be; `None` when any age will do.
    pub backup_age: Option<BackupAge>,
    /// The name of the backup that the plan makes.
    pub backup_name: Option<String>,
    /// The check that tells that a release is up.
    pub ready: Check,
    /// The smoke checks.
    pub smoke: Vec<Check>,
    /// The rules of the gates.
    pub analysis: Analysis,
    /// Figures that the service reports of itself.
    pub metrics: Option<MetricsSource>,
    /// Figures from elsewhere, with places that are not filled in.
    pub figures: Vec<FigureOrder>,
    /// What gates ask both releases when too few users do.
    pub synthetic: Option<SyntheticTraffic>,
    /// What the ledger of SQL files must say before anything is touched.
    pub ledger: Option<LedgerCheck>,
    /// A question to a person before live data or traffic is touched.
    pub approval: Option<String>,
    /// Commands of the operator's.
    pub hooks: Vec<Hook>,
    /// How long the old release is kept running after the new one was promoted.
    pub keep_warm: KeepWarm,
    /// How users are kept out, where they are.
    pub closing: Closing,
    /// The name of the backup that is made while they are kept out.
    pub final_backup_name: Option<String>,
    /// The backup whose data a release gets back that served before a cut-over.
    pub restores: Option<String>,
    /// How long things may take.
    pub timeouts: Timeouts,
}

/// How users are kept out of a service while its data is moved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Closing {
    /// How long a request waits for the service to open before it is refused, in milliseconds.
    pub hold_ms: u64,
    /// After how many seconds a refused client should come again.
    pub retry_after_s: u64,
    /// Requests that write nothing though their method says that they may.
    pub reads: Vec<ReadRequest>,
}

/// How long things may take, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// A release to become ready.
    pub ready_ms: u64,
    /// A release to stop after being asked.
    pub stop_ms: u64,
    /// A release's last requests.
    pub drain_ms: u64,
    /// A backup, its verification, or a restore.
    pub backup_ms: u64,
    /// A migration.
    pub migrate_ms: u64,
    /// Anything short: pre-flight, smoke checks, a change of the split.
    pub short_ms: u64,
}

impl PlanRequest {
    /// The phases of the release's SQL files in which there is something to do; none for a command. The first one is there
    /// with any other: going back begins at it.
    pub(crate) fn phases(&self) -> Vec<MigrationPhase> {
        let Some(Migration::Sql(sql)) = &self.release.migration else {
            return Vec::new();
        };
        let serving = self.previous.as_ref();
        let serving = serving.and_then(|running| running.release.migration.as_ref());
        let has = |phase: &MigrationPhase| !sql.new_files(*phase, serving).is_empty();
        let mut phases: Vec<MigrationPhase> = MigrationPhase::ALL.into_iter().filter(has).collect();
        if !phases.is_empty() && !phases.contains(&MigrationPhase::Expand) {
            phases.insert(0, MigrationPhase::Expand);
        }
        phases
    }

    /// Whether data is migrated on the way.
    pub(crate) fn migrates(&self) -> bool {
        let has_work = match &self.release.migration {
            None => false,
            Some(Migration::Command(_)) => true,
            Some(Migration::Sql(_)) => !self.phases().is_empty(),
        };
        has_work && self.purpose == Purpose::Deploy
    }

    /// Whether going back reverses what the release does to the data.
    pub(crate) fn reverses(&self) -> bool {
        self.policy.reverse && self.migrates() && self.previous.is_some()
    }

    /// Whether the two releases never run beside each other.
    pub(crate) fn cuts_over(&self) -> bool {
        matches!(self.strategy, Strategy::CutOver { .. }) && self.previous.is_some()
    }

    /// Whether users' writes are kept out until the new release is promoted, or opened to.
    pub(crate) fn closes(&self) -> bool {
        let read_only = self.policy.read_only && self.migrates() && self.previous.is_some();
        self.cuts_over() || read_only
    }

    /// Whether the release that serves has migrated data under it while it runs.
    pub(crate) fn shares_migrated(&self) -> bool {
        let Some(Migration::Sql(sql)) = &self.release.migration else {
            return self.release.migration.is_some();
        };
        let serving = self.previous.as_ref();
        let serving = serving.and_then(|running| running.release.migration.as_ref());
        [MigrationPhase::Expand, MigrationPhase::Backfill]
            .into_iter()
            .any(|phase| !sql.new_files(phase, serving).is_empty())
    }

    /// The name of the database for the rehearsal's copy of a store: of letters, digits and `_`, no longer than a
    /// database's name may be, and one that no other plan has on the same server.
    pub(crate) fn copy_name(&self, store: usize) -> String {
        const ROLLOUT_BYTES_MAX: usize = 32;
        let plain = |letter: char| {
            if letter.is_ascii_alphanumeric() {
                letter
            } else {
                '_'
            }
        };
        let rollout: String = self.id.as_str().chars().map(plain).collect();
        let cut = rollout.len().saturating_sub(ROLLOUT_BYTES_MAX);
        format!(
            "portcullis_{}_{:x}_{store}",
            &rollout[cut..],
            self.created_at_ms
        )
    }

    /// What a started release is asked: the smoke checks, and the ready check first unless one of them
    /// asks the same.
    pub(crate) fn questions(&self) -> impl Iterator<Item = &Check> {
        let asked =
            |check: &Check| check.path == self.ready.path && check.method == self.ready.method;
        let ready = (!self.smoke.iter().any(asked)).then_some(&self.ready);
        ready.into_iter().chain(&self.smoke)
    }

    /// What a release is asked at a gate. An answer that takes longer than the pause between two
    /// measurements is a failed check: one release that hangs must not hold up the measurement that
    /// shows it.
    pub(crate) fn questions_at(&self, analysis: &Analysis) -> impl Iterator<Item = Check> {
        let longest_ms = longest_ms(analysis);
        self.questions()
            .cloned()
            .map(move |check| within(check, longest_ms))
    }

    /// The ready check as it is asked at a gate.
    pub(crate) fn ready_at(&self, analysis: &Analysis) -> Check {
        within(self.ready.clone(), longest_ms(analysis))
    }

    /// The gate that stays open while the old release is kept warm: see [`KeepWarm::analysis`].
    pub(crate) fn keep_warm_gate(&self, canary: SplitArm) -> Option<GateOrder> {
        if self.keep_warm.window_ms == 0 {
            return None;
        }
        let analysis = self
            .keep_warm
            .analysis_after(&self.analysis, &self.strategy);
        Some(GateOrder {
            record_ms: self.keep_warm.record_ms(&analysis),
            kept: None,
            service: self.release.service.clone(),
            role: GateRole::KeepWarm,
            canary,
            baseline: None,
            weight: Weight::ALL,
            analysis,
            checks: Vec::new(),
            metrics: self.metrics.clone(),
            figures: self.figures_of(&self.release, &self.target.address),
            stable_figures: Vec::new(),
            synthetic: None,
        })
    }

    /// The figures from elsewhere, asked for a release.
    fn figures_of(&self, release: &Release, address: &str) -> Vec<FigureOrder> {
        let places = Places::new(release, address, &self.stores);
        let orders = self.figures.iter();
        orders
            .map(|order| order.filled(|text| places.fill_known(text)))
            .collect()
    }

    /// The release that serves beside the candidate of a gate.
    fn beside(&self, gate: &GateOrder) -> Option<&Release> {
        let stable = gate.baseline.as_ref()?;
        let previous = self.previous.as_ref().map(|previous| &previous.release);
        previous.filter(|release| release.id == stable.release)
    }

    /// The gate with all that is asked while it is open: known questions of the candidate, figures of the stable release
    /// that rules compare, and synthetic requests of both.
    /// Also the problems: places of a question that do not exist.
    pub(crate) fn with_questions(&self, mut gate: GateOrder) -> (GateOrder, Vec<PlanProblem>) {
        let mut places = Places::new(&self.release, &gate.canary.address, &self.stores);
        let asked = self.questions_at(&gate.analysis);
        gate.checks = asked.map(|check| places.check(&check)).collect();
        let mut of_stable = None;
        if let (Some(release), Some(stable)) = (self.beside(&gate), &gate.baseline) {
            let figures = self.figures_of(release, &stable.address).into_iter();
            let compared = figures.filter(|order| gate.compares_figure(&order.name));
            gate.stable_figures = compared.collect();
            of_stable = Some(Places::new(release, &stable.address, &self.stores));
        }
        if gate.role == GateRole::Decide {
            let order = |traffic| synthetic(traffic, &gate.analysis, &mut places, &mut of_stable);
            gate.synthetic = self.synthetic.as_ref().map(order);
        }
        let mut problems = places.problems;
        problems.extend(of_stable.into_iter().flat_map(|places| places.problems));
        (gate, problems)
    }

    /// A gate over releases that run already, which measures them outside of any rollout; `self.release` is the
    /// candidate's.
    ///
    /// # Errors
    /// What is wrong with a check: places that do not exist.
    pub fn standing_gate(
        &self,
        canary: SplitArm,
        baseline: Option<SplitArm>,
        weight: Weight,
        analysis: Analysis,
    ) -> Result<GateOrder, Vec<PlanProblem>> {
        let figures = self.figures_of(&self.release, &canary.address);
        let gate = GateOrder {
            service: self.release.service.clone(),
            role: GateRole::Decide,
            canary,
            baseline,
            weight,
            analysis,
            checks: Vec::new(),
            metrics: self.metrics.clone(),
            figures,
            stable_figures: Vec::new(),
            synthetic: None,
            record_ms: 0,
            kept: None,
        };
        let (gate, problems) = self.with_questions(gate);
        match problems.is_empty() {
            true => Ok(gate),
            false => Err(problems),
        }
    }

    /// The gate's order at a weight, before it is checked.
    pub(crate) fn gate(&self, split: &crate::Split) -> Option<GateOrder> {
        let canary = split.canary.clone()?;
        let all = split.weight.percent() == 100 || split.shuts_stable();
        Some(GateOrder {
            service: split.service.clone(),
            role: GateRole::Decide,
            canary,
            baseline: (!all).then(|| split.stable.clone()),
            weight: split.weight,
            analysis: if all {
                self.analysis.without_baseline()
            } else {
                self.analysis.beside_baseline()
            },
            checks: Vec::new(),
            metrics: self.metrics.clone(),
            figures: self.figures_of(&self.release, &self.target.address),
            stable_figures: Vec::new(),
            synthetic: None,
            record_ms: 0,
            kept: None,
        })
    }
}

/// The synthetic requests of one gate. Like a check, an answer that takes longer than the pause between two measurements
/// has failed.
fn synthetic(
    traffic: &SyntheticTraffic,
    analysis: &Analysis,
    of_canary: &mut Places,
    of_stable: &mut Option<Places>,
) -> SyntheticOrder {
    let longest_ms = longest_ms(analysis);
    let question = |request: &SyntheticRequest| {
        let check = within(request.check.clone(), longest_ms);
        SyntheticQuestion {
            canary: of_canary.check(&check),
            stable: of_stable.as_mut().map(|places| places.check(&check)),
            headers: request.headers.clone(),
        }
    };
    SyntheticOrder {
        rate: traffic.rate,
        below: traffic.below,
        questions: traffic.requests.iter().map(question).collect(),
        folder: traffic.folder.clone(),
    }
}

/// How long a check may take at a gate, in milliseconds.
fn longest_ms(analysis: &Analysis) -> u64 {
    analysis.interval_ms.max(CHECK_AT_GATE_MIN_MS)
}

/// A check that takes at most so long.
fn within(check: Check, longest_ms: u64) -> Check {
    Check {
        timeout_ms: check.timeout_ms.min(longest_ms),
        ..check
    }
}

//! Making a plan: which steps, in which order, with which inverse.

use std::collections::BTreeSet;

mod closing;
mod data;

use super::notes::notes;
use super::steps::Places;
use super::{room, secrets};
use crate::{
    Action, Approval, Check, Command, CutOff, GateOrder, Hook, HookOrder, HookTime, Kept, Launch,
    MigrationOrder, MigrationPhase, NoticeHook, Plan, PlanProblem, PlanRequest, PreflightOrder,
    Promotion, Purpose, Release, Running, SmokeOrder, Split, SplitArm, Step, StepIndex, StoreRef,
    Strategy, Target, Undo, Weight,
};
use portcullis_analysis::{Analysis, AnalysisProblem};

mod outside;

/// How often a step that is safe to repeat is tried.
const ATTEMPTS: u32 = 3;
/// What an attempt at a hook may take longer than the hook itself, in milliseconds: to end what it left.
const HOOK_GRACE_MS: u64 = 10_000;

impl Plan {
    /// The plan for a request. Pure: equal requests give equal plans.
    ///
    /// # Errors
    /// All problems that the request has, not only the first.
    pub fn build(request: &PlanRequest) -> Result<Plan, Vec<PlanProblem>> {
        let mut builder = Builder {
            request,
            later: Vec::new(),
            steps: Vec::new(),
            problems: Vec::new(),
        };
        builder.check_request();
        builder.prepare();
        builder.start();
        match (&request.previous, &request.strategy) {
            (None, _) => builder.promote_first(),
            (Some(_), strategy) => builder.shift(strategy),
        }
        let notices = builder.notices();
        let Builder {
            mut steps,
            mut problems,
            ..
        } = builder;
        secrets::look_first(&mut steps);
        room::look_first(&mut steps);
        let pivot = steps
            .iter()
            .position(|step| step.undo == Undo::Impossible)
            .unwrap_or(steps.len());
        match Plan::from_steps(request, steps, StepIndex(pivot)) {
            Ok(mut plan) if problems.is_empty() => {
                plan.notes = notes(request);
                plan.notices = notices;
                Ok(plan)
            }
            Ok(_) => Err(problems),
            Err(more) => {
                problems.extend(more);
                Err(problems)
            }
        }
    }
}

/// The rules that every plan keeps, however it was made.
pub(super) fn check(steps: &[Step], pivot: StepIndex) -> Vec<PlanProblem> {
    let mut problems = Vec::new();
    if steps.is_empty() {
        problems.push(PlanProblem::Empty);
    }
    let mut names = BTreeSet::new();
    let (mut backed_up, mut started) = (false, false);
    let (mut shut, mut promoted) = (false, false);
    for (index, step) in steps.iter().enumerate() {
        let name = step.name.clone();
        if !names.insert(step.name.as_str()) {
            problems.push(PlanProblem::DuplicateName(name.clone()));
        }
        if step.deadline_ms == 0 || step.attempts_max == 0 {
            problems.push(PlanProblem::NoTimeOrAttempt(name.clone()));
        }
        if index < pivot.0 && step.undo == Undo::Impossible {
            problems.push(PlanProblem::ImpossibleBeforePivot(name.clone()));
        }
        match &step.action {
            Action::Backup(_) => backed_up = true,
            Action::Start(_) => started = true,
            Action::Migrate(order) => {
                // What takes away comes when nobody is left who could go back to it.
                if index >= pivot.0 && !order.contracts() {
                    problems.push(PlanProblem::MigrationAfterPivot(name.clone()));
                }
                if !backed_up {
                    problems.push(PlanProblem::MigrationWithoutBackup(name));
                }
            }
            Action::Shift(split) => {
                if split.canary.is_some() && !started {
                    problems.push(PlanProblem::ShiftBeforeStart(name));
                }
                shut = split.shuts_stable();
            }
            Action::Promote(_) => promoted = true,
            Action::Retire(_) if !promoted && !shut => {
                problems.push(PlanProblem::StoppedWhileOpen(name));
            }
            _ => {}
        }
    }
    let undoable = |at: StepIndex| steps.get(at.0).is_some_and(|s| s.undo != Undo::Impossible);
    if pivot.0 > steps.len() || undoable(pivot) {
        problems.push(PlanProblem::PivotMisplaced);
    }
    problems
}

struct Builder<'a> {
    request: &'a PlanRequest,
    /// Phases of the migration that come after the new release has the traffic.
    later: Vec<(MigrationPhase, MigrationOrder)>,
    steps: Vec<Step>,
    problems: Vec<PlanProblem>,
}

impl Builder<'_> {
    /// Adds a step, with the hooks that belong before and after it.
    fn push(&mut self, name: &str, action: Action, undo: Undo, deadline_ms: u64, attempts: u32) {
        self.hooks(HookTime::Before, name, &action);
        self.steps.push(Step {
            name: name.to_owned(),
            action: action.clone(),
            undo,
            deadline_ms,
            attempts_max: attempts,
        });
        self.hooks(HookTime::After, name, &action);
    }

    /// Hooks are steps of their own: the plan shows them, and the journal has their outcomes.
    fn hooks(&mut self, when: HookTime, step: &str, action: &Action) {
        let request = self.request;
        for hook in request.hooks.iter().filter(|hook| hook.is_at(when, action)) {
            let order = HookOrder {
                name: hook.name.clone(),
                when,
                step: step.to_owned(),
                command: self.hook_command(hook),
                timeout_ms: hook.timeout_ms,
                must_succeed: hook.must_succeed_in(request.purpose),
                input: String::new(),
            };
            self.steps.push(Step {
                name: format!("{}-{}-{step}", hook.name, when.word()),
                action: Action::Hook(order),
                undo: Undo::Nothing,
                deadline_ms: hook.timeout_ms + HOOK_GRACE_MS,
                // A failure is not repeated. An attempt that a crash of ours cut off is.
                attempts_max: ATTEMPTS,
            });
        }
    }

    fn hook_command(&mut self, hook: &Hook) -> Command {
        let request = self.request;
        let address = &request.target.address;
        let mut places = Places::new(&request.release, address, &request.stores);
        let context = format!("the command of hook {}", hook.name);
        let raw = &hook.command;
        let filled = places.command(&raw.argv, &raw.env, &raw.folder, &context);
        self.note(places.problems);
        filled
    }

    fn notices(&mut self) -> Vec<NoticeHook> {
        let request = self.request;
        let told = request.hooks.iter().filter(|hook| hook.is_told());
        told.map(|hook| NoticeHook {
            name: hook.name.clone(),
            command: self.hook_command(hook),
            timeout_ms: hook.timeout_ms,
        })
        .collect()
    }

    fn check_request(&mut self) {
        let request = self.request;
        let release = &request.release;
        if request
            .previous
            .as_ref()
            .is_some_and(|previous| previous.release.id == release.id)
        {
            self.problems
                .push(PlanProblem::AlreadyServes(release.id.clone()));
        }
        if request.migrates() {
            if request.stores.is_empty() {
                self.problems
                    .push(PlanProblem::MigrationWithoutStore(release.id.clone()));
            }
            let beside = request.previous.is_some() && !request.cuts_over();
            if beside && request.shares_migrated() && !request.policy.compatible {
                self.problems
                    .push(PlanProblem::NotCompatible(release.id.clone()));
            }
        }
        if let Strategy::Canary { weights } | Strategy::CutOver { weights } = &request.strategy {
            let rising = weights.windows(2).all(|pair| pair[0] < pair[1]);
            let from_above_zero = weights.first().is_some_and(|first| first.percent() > 0);
            if !rising || !from_above_zero || weights.last() != Some(&Weight::ALL) {
                let given = weights.iter().map(|weight| weight.percent()).collect();
                self.problems.push(PlanProblem::Weights(given));
            }
        }
        if !request.stores.is_empty() && request.backup_name.is_none() {
            self.problems.push(PlanProblem::NoBackupName);
        }
    }

    /// Everything before the new release is started: nothing here can be noticed by a user.
    fn prepare(&mut self) {
        let request = self.request;
        let serving = request.previous.as_ref().map(|previous| SmokeOrder {
            release: previous.release.id.clone(),
            address: previous.target.address.clone(),
            checks: vec![self.fill_check(
                &previous.release,
                &previous.target.address,
                &request.ready,
            )],
        });
        let preflight = PreflightOrder {
            artifact: request.release.artifact.clone(),
            address: request.target.address.clone(),
            stores: request.stores.clone(),
            serving,
            secrets: Vec::new(),
            room: None,
            ledger: request.ledger.clone(),
            // A way back must not fail for the age of a backup.
            backup_age: request
                .backup_age
                .clone()
                .filter(|_| request.purpose == Purpose::Deploy && !request.stores.is_empty()),
        };
        let short_ms = request.timeouts.short_ms;
        self.push(
            "preflight",
            Action::Preflight(preflight),
            Undo::Nothing,
            short_ms,
            ATTEMPTS,
        );
        let mut backup = self.back_up();
        let migrates = request.migrates();
        self.rehearse(backup.as_deref());
        if let Some(question) = &request.approval {
            let action = Action::Approve(Approval {
                question: question.clone(),
            });
            self.push("approve", action, Undo::Nothing, short_ms, 1);
        }
        if request.closes() {
            self.close();
            // What is restored is what was there when the last write had ended.
            backup = self.final_backup().or(backup);
        }
        self.restore_earlier();
        if migrates {
            self.migrate(backup.as_deref());
        }
    }

    fn start(&mut self) {
        let request = self.request;
        let release = &request.release;
        let launch = self.launch(release, &request.target, &request.stores);
        let smoke = self.smoke(release, &request.target.address);
        let undo = Undo::Run {
            action: Box::new(Action::Retire(self.cut_off(&launch))),
        };
        let deadline_ms = request.timeouts.ready_ms + request.timeouts.short_ms;
        self.push("start", Action::Start(launch), undo, deadline_ms, 2);
        let smoke_ms = smoke
            .checks
            .iter()
            .map(|check| check.timeout_ms)
            .sum::<u64>();
        let deadline_ms = smoke_ms + request.timeouts.short_ms;
        self.push("smoke", Action::Smoke(smoke), Undo::Nothing, deadline_ms, 2);
    }

    /// The first release of a service: there is nothing to compare with and nothing to go back to.
    fn promote_first(&mut self) {
        let request = self.request;
        let short_ms = request.timeouts.short_ms;
        let promotion = self.promotion(self.promoted());
        self.push("promote", promotion, Undo::Impossible, short_ms, ATTEMPTS);
    }

    /// The split that sends everybody to the new release.
    fn promoted(&self) -> Split {
        let request = self.request;
        Split {
            service: request.release.service.clone(),
            stable: arm(&request.release, &request.target),
            canary: None,
            weight: Weight::NONE,
            closed: None,
        }
    }

    fn shift(&mut self, strategy: &Strategy) {
        let request = self.request;
        let Some(previous) = &request.previous else {
            return;
        };
        let closed = self.closed_while_tried();
        let split = |weight| Split {
            service: request.release.service.clone(),
            stable: arm(&previous.release, &previous.target),
            canary: Some(arm(&request.release, &request.target)),
            weight,
            closed: closed.clone(),
        };
        // Whatever share the new release had, going back takes it out of the split, at once: not even
        // a request that asks for the canary reaches it any more.
        let alone = Split {
            canary: None,
            closed: self.closed_before(),
            ..split(Weight::NONE)
        };
        let back = || Undo::Run {
            action: Box::new(Action::Shift(alone.clone())),
        };
        let (weights, gated) = match strategy {
            Strategy::Canary { weights } => (weights.clone(), true),
            // Who has served before is not tried out.
            Strategy::CutOver { weights } => (weights.clone(), request.restores.is_none()),
            Strategy::BlueGreen => (vec![Weight::ALL], true),
            Strategy::AtOnce => (vec![Weight::ALL], false),
        };
        let short_ms = request.timeouts.short_ms;
        for weight in weights {
            let split = split(weight);
            let gate = request.gate(&split).filter(|_| gated);
            let word = if request.cuts_over() { "open" } else { "shift" };
            let name = format!("{word}-{}", weight.percent());
            self.push(&name, Action::Shift(split), back(), short_ms, ATTEMPTS);
            if let Some(gate) = gate {
                self.gate(gate, weight);
            }
        }
        let promotion = self.promotion(self.promoted());
        if request.cuts_over() {
            // The old release was stopped long ago; there is nothing to keep warm or to retire.
            self.push("promote", promotion, Undo::Impossible, short_ms, ATTEMPTS);
            return;
        }
        self.later_phases(MigrationPhase::Backfill);
        self.push("promote", promotion, back(), short_ms, ATTEMPTS);
        if let Some(mut gate) = request.keep_warm_gate(arm(&request.release, &request.target)) {
            gate.kept = Some(self.kept(previous, &gate.analysis));
            self.open_gate("keep-warm", gate);
        }
        let old = self.cut_off_previous(previous);
        let deadline_ms = request.timeouts.drain_ms + request.timeouts.stop_ms + short_ms;
        self.push(
            "retire",
            Action::Retire(old),
            Undo::Impossible,
            deadline_ms,
            ATTEMPTS,
        );
        self.later_phases(MigrationPhase::Contract);
    }

    fn gate(&mut self, gate: GateOrder, weight: Weight) {
        for problem in gate.analysis.problems() {
            let problem = match problem {
                AnalysisProblem::NoRules => {
                    "has no rule that can be judged there: rules that compare with the stable \
                     release need one that takes part of the traffic"
                        .to_owned()
                }
                AnalysisProblem::Interval => {
                    "needs an interval of more than 0 and at most its window".to_owned()
                }
                AnalysisProblem::Budget(text) => format!("cannot be that sure: {text}"),
                AnalysisProblem::Rule(index, text) => {
                    format!("has a bad rule {}: {text}", index + 1)
                }
            };
            self.problems.push(PlanProblem::Gate {
                weight: weight.percent(),
                problem,
            });
        }
        let name = format!("gate-{}", weight.percent());
        self.open_gate(&name, gate);
    }

    /// The old release while it is kept warm. Whether it is up is all that matters: it was proven to work on
    /// the data.
    fn kept(&mut self, previous: &Running, analysis: &Analysis) -> Kept {
        let ready = self.request.ready_at(analysis);
        Kept {
            arm: arm(&previous.release, &previous.target),
            checks: vec![self.fill_check(&previous.release, &previous.target.address, &ready)],
        }
    }

    /// Adds a gate that asks the candidate every known question while it is open.
    fn open_gate(&mut self, name: &str, gate: GateOrder) {
        let (gate, problems) = self.request.with_questions(gate);
        self.note(problems);
        let deadline_ms = gate.analysis.window_ms.max(1);
        self.push(name, Action::Gate(gate), Undo::Nothing, deadline_ms, 1);
    }

    /// The promotion to a split, with the program that must run for it to count as done.
    fn promotion(&mut self, split: Split) -> Action {
        let request = self.request;
        let launch = self.launch(&request.release, &request.target, &request.stores);
        Action::Promote(Box::new(Promotion { split, launch }))
    }

    fn launch(&mut self, release: &Release, target: &Target, stores: &[StoreRef]) -> Launch {
        let request = self.request;
        let mut places = Places::new(release, &target.address, stores);
        let context = format!("the command of release {}", release.id);
        let command = places.command(&release.command, &release.env, &request.folder, &context);
        let ready = places.check(&request.ready);
        self.note(places.problems);
        Launch {
            service: release.service.clone(),
            release: release.id.clone(),
            target: target.clone(),
            artifact: release.artifact.clone(),
            command,
            ready,
            ready_timeout_ms: request.timeouts.ready_ms,
            stop_timeout_ms: request.timeouts.stop_ms,
        }
    }

    fn cut_off(&self, launch: &Launch) -> CutOff {
        CutOff {
            service: launch.service.clone(),
            release: launch.release.clone(),
            target: launch.target.clone(),
            drain_timeout_ms: self.request.timeouts.drain_ms,
            stop_timeout_ms: self.request.timeouts.stop_ms,
        }
    }

    fn smoke(&mut self, release: &Release, address: &str) -> SmokeOrder {
        let request = self.request;
        let checks = request.questions();
        let checks = checks
            .map(|check| self.fill_check(release, address, check))
            .collect();
        SmokeOrder {
            release: release.id.clone(),
            address: address.to_owned(),
            checks,
        }
    }

    fn fill_check(&mut self, release: &Release, address: &str, check: &Check) -> Check {
        let mut places = Places::new(release, address, &self.request.stores);
        let filled = places.check(check);
        self.note(places.problems);
        filled
    }

    /// Keeps problems that were not seen before: the same check is filled in for several steps.
    fn note(&mut self, problems: Vec<PlanProblem>) {
        for problem in problems {
            if !self.problems.contains(&problem) {
                self.problems.push(problem);
            }
        }
    }
}

fn arm(release: &Release, target: &Target) -> SplitArm {
    SplitArm {
        release: release.id.clone(),
        address: target.address.clone(),
    }
}

//! The plan: immutable, complete, reviewable. What is printed is the object that runs.

use serde::{Deserialize, Serialize};

use crate::release::digest_of;
use crate::{
    Action, MigrationOrder, MigrationPhase, Release, RolloutId, ServiceName, Step, StepIndex,
    Target, Undo, Weight,
};

mod build;
mod hook;
mod keep_warm;
mod notes;
mod problem;
mod request;
mod room;
mod secrets;
mod steps;

pub use hook::{Hook, HookPoint, NoticeHook};
pub use keep_warm::KeepWarm;
pub use problem::PlanProblem;
pub use request::{Closing, PlanRequest, Timeouts};

/// Ordered work, with no choices left for run time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The rollout that will carry it out.
    pub id: RolloutId,
    /// The service.
    pub service: ServiceName,
    /// The environment, for example `production`.
    pub environment: String,
    /// Going forward to a release, or back to an earlier one.
    pub purpose: Purpose,
    /// When the plan was made, milliseconds since the Unix epoch.
    pub created_at_ms: u64,
    /// The release that shall serve.
    pub release: Release,
    /// Where it will run.
    pub target: Target,
    /// The release that serves now; `None` for the first one.
    pub previous: Option<Running>,
    /// How traffic moves.
    pub strategy: Strategy,
    /// What a rollback means for the data.
    pub policy: DataPolicy,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// The first step that cannot be undone; the number of steps when all can.
    pub pivot: StepIndex,
    /// Commands that are run whenever people are told something.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<NoticeHook>,
    /// What a reader should know that the steps do not show.
    pub notes: Vec<String>,
}

/// Why a plan is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To bring a release out.
    Deploy,
    /// To return to a release that served before.
    Rollback,
}

/// A release and where it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// The release.
    pub release: Release,
    /// Where it runs.
    pub target: Target,
}

/// How traffic moves to the new release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Strategy {
    /// In steps, with a gate after each.
    Canary {
        /// The shares, rising, ending with 100 %.
        weights: Vec<Weight>,
    },
    /// All at once beside the old release, with one gate.
    BlueGreen,
    /// The two never run beside each other: the service is closed, the old release is stopped, the data is backed up and
    /// migrated, the new release is started and tried, and the service is opened to it in steps, with a gate after
    /// each.
    CutOver {
        /// The shares of the users that it is opened to, rising, ending with 100 %.
        weights: Vec<Weight>,
    },
    /// All at once, without a gate; also what the first release of a service gets.
    AtOnce,
}

/// What a rollback means for the data (ADR 0002).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataPolicy {
    /// The release that serves now can work on the migrated data. The rehearsal proves it; without it
    /// two releases may not run side by side on one store.
    pub compatible: bool,
    /// Whether going back puts the backup back or keeps the migrated data.
    pub restore: bool,
    /// Whether the running service itself writes to its stores, or only migrations do.
    pub service_writes: bool,
    /// Whether a restore that loses such writes may happen without asking a person.
    pub accept_loss: bool,
    /// Whether users' writes are kept out from the backup that a rollback restores until the new release is
    /// promoted, so that going back loses nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
    /// Whether going back runs the reverse of the migration, which loses no write, and puts the backup back only where that
    /// fails.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reverse: bool,
    /// The longest that a migration may keep users of a table waiting beside a release that serves, in milliseconds; the
    /// rehearsal refuses more. `None` where any time will do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest_lock_ms: Option<u64>,
}

impl Plan {
    /// The step at an index; `None` past the end.
    pub fn step(&self, at: StepIndex) -> Option<&Step> {
        self.steps.get(at.0)
    }

    /// The plan's content hash: SHA-256 over its JSON form, hexadecimal.
    pub fn hash(&self) -> String {
        digest_of(self)
    }

    /// What a rollback of this plan would lose, in words.
    pub fn rollback_loss(&self) -> String {
        if let Some(backup) = self.puts_back() {
            return format!(
                "puts {backup} back: what was written since is lost to {}, and is kept in a backup of its own",
                self.release.id
            );
        }
        let restores = self
            .steps
            .iter()
            .any(|step| matches!(step.undo, Undo::Restore { .. }));
        let mut steps = self.steps.iter();
        let migrates = steps.any(|step| matches!(step.action, Action::Migrate(_)));
        let cuts_over = matches!(self.strategy, Strategy::CutOver { .. });
        if let Some((backup, asks)) = self.reverses() {
            let then = match asks {
                true => format!("a person is asked before {backup} is put back"),
                false => format!("{backup} is put back"),
            };
            return format!(
                "going back reverses the migration and loses nothing, which the rehearsal proves; if the reverse fails, {then}"
            );
        }
        match (restores, self.policy.service_writes) {
            (true, true) if cuts_over && self.policy.accept_loss => {
                "going back restores the backup that is made while the service is closed and loses nothing until \
                 it is opened; what is written afterwards is lost (the policy accepts that)"
                    .to_owned()
            }
            (true, true) if cuts_over => "going back restores the backup that is made while the service is closed \
                                          and loses nothing until it is opened; afterwards a person is asked first"
                .to_owned(),
            (true, true) if self.policy.read_only => {
                "going back restores the backup that is made while writes are kept out, and loses nothing until \
                 the promotion"
                    .to_owned()
            }
            (true, true) if self.policy.accept_loss => {
                "going back restores the backup: writes taken since it are lost (the policy accepts \
                 that)"
                    .to_owned()
            }
            (true, true) => "going back moves traffic at once; restoring the backup would lose the \
                             writes taken since, so a person is asked first"
                .to_owned(),
            (true, false) => {
                "going back restores the backup and loses nothing: only migrations write".to_owned()
            }
            (false, _) if migrates => {
                "going back keeps the migrated data, on which the old release was proven to work"
                    .to_owned()
            }
            (false, _) => "going back moves traffic only and loses nothing".to_owned(),
        }
    }

    /// The SQL files by which the plan takes away what the release before it may need. Once they are applied no release goes back
    /// behind them.
    pub fn takes_away(&self) -> Vec<&str> {
        let serving = self.previous.as_ref();
        let serving = serving.and_then(|running| running.release.migration.as_ref());
        let orders = self.steps.iter().filter_map(|step| match &step.action {
            Action::Migrate(MigrationOrder::Sql(order))
                if order.phase == MigrationPhase::Contract =>
            {
                Some(order)
            }
            _ => None,
        });
        let files = orders.flat_map(|order| order.migration.new_files(order.phase, serving));
        files.map(|file| file.name.as_str()).collect()
    }

    /// The backup that is put back where the reverse of the migration fails, and whether a person is asked before; `None` where
    /// going back reverses nothing.
    pub fn reverses(&self) -> Option<(&str, bool)> {
        self.steps.iter().find_map(|step| match &step.undo {
            Undo::Reverse {
                otherwise,
                loses_writes,
                automatic,
                ..
            } => Some((otherwise.backup.as_str(), *loses_writes && !automatic)),
            _ => None,
        })
    }

    /// The backup that this plan puts back on its way forward, if it does.
    pub fn puts_back(&self) -> Option<&str> {
        self.steps.iter().find_map(|step| match &step.action {
            Action::Restore(order) => Some(order.backup.as_str()),
            _ => None,
        })
    }

    /// A plan from steps that are already made, checked like a built one.
    ///
    /// # Errors
    /// All problems found.
    pub fn from_steps(
        request: &PlanRequest,
        steps: Vec<Step>,
        pivot: StepIndex,
    ) -> Result<Plan, Vec<PlanProblem>> {
        let problems = build::check(&steps, pivot);
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Plan {
            id: request.id.clone(),
            service: request.release.service.clone(),
            environment: request.environment.clone(),
            purpose: request.purpose,
            created_at_ms: request.created_at_ms,
            release: request.release.clone(),
            target: request.target.clone(),
            previous: request.previous.clone(),
            strategy: request.strategy.clone(),
            policy: request.policy,
            steps,
            pivot,
            notices: Vec::new(),
            notes: Vec::new(),
        })
    }
}

#[cfg(test)]
pub(crate) mod tests;

//! From a configuration and the past to a plan.
//!
//! Everything that depends on the moment is settled here, once: the program's hash, free addresses, the
//! name of the backup. Making the plan itself is pure.

use jiff::Timestamp;
use portcullis_backup::{BackupName, NameRefused};
use portcullis_config::Config;
use portcullis_driver::{AddressError, ProcessDriver};
use portcullis_rollout::{
    Plan, PlanProblem, PlanRequest, Purpose, Release, ReleaseId, Running, Strategy, Target,
};

use crate::hands::file_sha256;
use crate::history::History;

/// Why no plan can be made.
#[derive(Debug, thiserror::Error)]
pub enum PlanningError {
    /// The release is not in the configuration.
    #[error("release {wanted} is not in {file}; it has {known}")]
    UnknownRelease {
        /// What was asked for.
        wanted: ReleaseId,
        /// The configuration file.
        file: String,
        /// The releases there.
        known: String,
    },
    /// There is nothing to go back to.
    #[error("there is no release to go back to: {0}")]
    NoPredecessor(String),
    /// The program cannot be read.
    #[error("the program {path} of release {release} cannot be read")]
    Artifact {
        /// The release.
        release: ReleaseId,
        /// Where the program should be.
        path: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// No address is free.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The backup cannot be named.
    #[error("the backup cannot be named")]
    BackupName(#[from] NameRefused),
    /// The plan is refused.
    #[error("{}", list(.0))]
    Refused(Vec<PlanProblem>),
}

/// Makes plans.
#[derive(Clone)]
pub struct Planner {
    process: ProcessDriver,
}

impl Planner {
    /// A planner that looks for free addresses with `process`.
    pub fn new(process: ProcessDriver) -> Planner {
        Planner { process }
    }

    /// The plan to bring out a release; without one, the last in the configuration.
    ///
    /// Reads the release's program to hash it, and tries which addresses are free: it blocks.
    ///
    /// # Errors
    /// When the release is unknown, its program cannot be read, no address is free, or the plan is
    /// refused.
    pub fn deploy(
        &self,
        config: &Config,
        history: &History,
        wanted: Option<&ReleaseId>,
        now_ms: u64,
    ) -> Result<Plan, PlanningError> {
        let found = match wanted {
            Some(id) => config.release(id),
            None => config.releases.last(),
        };
        let Some(found) = found else {
            let known: Vec<&str> = config.releases.iter().map(|r| r.id.as_str()).collect();
            return Err(PlanningError::UnknownRelease {
                wanted: wanted.cloned().unwrap_or_else(|| ReleaseId::new("(none)")),
                file: config.file.display().to_string(),
                known: if known.is_empty() {
                    "none".to_owned()
                } else {
                    known.join(", ")
                },
            });
        };
        let sha256 =
            file_sha256(&found.artifact_path).map_err(|source| PlanningError::Artifact {
                release: found.id.clone(),
                path: found.artifact_path.display().to_string(),
                source,
            })?;
        let release = found.release(&config.service.name, sha256);
        self.plan(config, history, release, Purpose::Deploy, now_ms)
    }

    /// The plan to go back to the release that the serving one replaced, or to a named earlier one.
    ///
    /// # Errors
    /// When there is none, no address is free, or the plan is refused.
    pub fn rollback(
        &self,
        config: &Config,
        history: &History,
        now_ms: u64,
    ) -> Result<Plan, PlanningError> {
        let Some(Running { release, .. }) = history.predecessor() else {
            let why = match history.serving() {
                Some(serving) => format!("{} is the first that served", serving.release.id),
                None => "nothing serves".to_owned(),
            };
            return Err(PlanningError::NoPredecessor(why));
        };
        self.plan(config, history, release, Purpose::Rollback, now_ms)
    }

    fn plan(
        &self,
        config: &Config,
        history: &History,
        release: Release,
        purpose: Purpose,
        now_ms: u64,
    ) -> Result<Plan, PlanningError> {
        let service = &config.service;
        let previous = history.serving();
        let taken: Vec<String> = previous
            .iter()
            .map(|running| running.target.address.clone())
            .collect();
        let range = service.ports.ports();
        // A rehearsal starts both releases a second time.
        let rehearses = release.migration.is_some() && purpose == Purpose::Deploy;
        let wanted = if rehearses { 3 } else { 1 };
        let mut free = self
            .process
            .free_addresses("127.0.0.1", range, wanted, &taken)?
            .into_iter();
        let mut address = || free.next().unwrap_or_default();
        let backup_name = free_backup_name(config, now_ms)?;
        let id = history.next_id(service.name.as_str());
        let strategy = match purpose {
            Purpose::Deploy => service.strategy.clone(),
            // The old release has served before: it is brought back at once, not tried out.
            Purpose::Rollback => Strategy::AtOnce,
        };
        let request = PlanRequest {
            created_at_ms: now_ms,
            environment: service.environment.clone(),
            purpose,
            target: Target {
                name: "local".to_owned(),
                driver: "process".to_owned(),
                address: address(),
            },
            trial_addresses: [address(), address()],
            previous,
            strategy,
            policy: config.policy,
            stores: config.stores.clone(),
            folder: config.folder.clone(),
            scratch: config.state.folder.join("rehearsals").join(id.as_str()),
            backup_name,
            ready: service.ready.clone(),
            smoke: service.smoke.clone(),
            analysis: config.analysis.clone(),
            metrics: service.metrics.clone(),
            approval: service
                .approval
                .clone()
                .filter(|_| purpose == Purpose::Deploy),
            timeouts: config.timeouts,
            id,
            release,
        };
        Plan::build(&request).map_err(PlanningError::Refused)
    }
}

/// A name for the backup that the vault does not have yet: names have a time to the second, and two
/// rollouts may be planned within one.
fn free_backup_name(config: &Config, now_ms: u64) -> Result<Option<String>, PlanningError> {
    if config.stores.is_empty() {
        return Ok(None);
    }
    let (service, environment) = (config.service.name.as_str(), &config.service.environment);
    let mut at_ms = now_ms;
    loop {
        let at = Timestamp::from_millisecond(at_ms as i64).unwrap_or_default();
        let name = BackupName::new(service, environment, at)?;
        if !config
            .state
            .vault
            .join(format!("{name}.manifest.json"))
            .exists()
        {
            return Ok(Some(name.to_string()));
        }
        at_ms += 1000;
    }
}

fn list(problems: &[PlanProblem]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.join("; ")
}

//! From a configuration and the past to a plan.
//!
//! Everything that depends on the moment is settled here, once: the program's hash, free addresses, the
//! name of the backup. Making the plan itself is pure.

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use portcullis_analysis::Analysis;
use portcullis_backup::BackupName;
use portcullis_config::{Config, TooOld};
use portcullis_driver::ProcessDriver;
use portcullis_rollout::{
    Action, BackupAge, GateOrder, NoticeHook, Plan, PlanRequest, Purpose, Rehearsal, Release,
    ReleaseId, Running, SplitArm, StoreRef, Strategy, Target, Trial, Weight,
};

use crate::hands::file_sha256;
use crate::history::History;
use crate::live_data::astray_in_plan;

mod error;
mod hooks;
mod sql_files;
mod way_there;

pub use error::PlanningError;
use error::names;
use way_there::WayThere;

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
        let release = self.configured(config, wanted)?;
        self.plan(config, history, release, Purpose::Deploy, now_ms)
    }

    /// What a rollout of a release would rehearse, with its copies in `scratch`, and how long it may take, in milliseconds;
    /// nothing if the release changes no data that the serving one has not changed. The backup in it is a name that is not
    /// taken yet.
    ///
    /// # Errors
    /// As [`Planner::deploy`].
    pub fn rehearsal(
        &self,
        config: &Config,
        history: &History,
        wanted: Option<&ReleaseId>,
        now_ms: u64,
        scratch: PathBuf,
    ) -> Result<Option<(Rehearsal, u64)>, PlanningError> {
        let release = self.configured(config, wanted)?;
        let moment = self.moment(config, history, &release, Purpose::Deploy, now_ms)?;
        let request = PlanRequest {
            scratch,
            ..request(config, history, release, Purpose::Deploy, moment)
        };
        let steps = build(history, &request)?.steps;
        Ok(steps.into_iter().find_map(|step| match step.action {
            Action::Rehearse(rehearsal) => Some((*rehearsal, step.deadline_ms)),
            _ => None,
        }))
    }

    /// What a twin of a release is made as: its rehearsal as if nothing could be shared with what serves.
    ///
    /// # Errors
    /// As [`Planner::deploy`] says.
    pub fn twin(
        &self,
        config: &Config,
        history: &History,
        wanted: Option<&ReleaseId>,
        now_ms: u64,
        scratch: PathBuf,
    ) -> Result<Rehearsal, PlanningError> {
        let release = self.configured(config, wanted)?;
        let mut moment = self.moment(config, history, &release, Purpose::Deploy, now_ms)?;
        if moment.addresses.len() < 3 {
            let taken: Vec<String> = moment.addresses.clone();
            let range = config.service.ports.ports();
            let free = self.process.free_addresses("127.0.0.1", range, 2, &taken)?;
            moment.addresses.extend(free);
        }
        let mut request = request(config, history, release, Purpose::Deploy, moment);
        request.scratch = scratch;
        if request.previous.is_some() {
            request.strategy = Strategy::CutOver {
                weights: vec![Weight::ALL],
            };
        }
        let steps = build(history, &request)?.steps;
        let rehearsal = steps.into_iter().find_map(|step| match step.action {
            Action::Rehearse(rehearsal) => Some(*rehearsal),
            _ => None,
        });
        rehearsal.ok_or(PlanningError::NothingToCopy)
    }

    /// A release of the configuration, with the hash that its program has now.
    fn configured(
        &self,
        config: &Config,
        wanted: Option<&ReleaseId>,
    ) -> Result<Release, PlanningError> {
        let found = match wanted {
            Some(id) => config.release(id),
            None => config.releases.last(),
        };
        let Some(found) = found else {
            let known: Vec<ReleaseId> = config.releases.iter().map(|r| r.id.clone()).collect();
            return Err(PlanningError::UnknownRelease {
                wanted: wanted.cloned().unwrap_or_else(|| ReleaseId::new("(none)")),
                file: config.file.display().to_string(),
                known: names(&known),
            });
        };
        let sha256 =
            file_sha256(&found.artifact_path).map_err(|source| PlanningError::Artifact {
                release: found.id.clone(),
                path: found.artifact_path.display().to_string(),
                source,
            })?;
        sql_files::listed(found.release(&config.service.name, sha256))
    }

    /// The plan to go back to the release that the serving one replaced, or to a named earlier one.
    ///
    /// # Errors
    /// When there is none, no address is free, or the plan is refused.
    pub fn rollback(
        &self,
        config: &Config,
        history: &History,
        to: Option<&ReleaseId>,
        now_ms: u64,
    ) -> Result<Plan, PlanningError> {
        let release = self.earlier(history, to)?;
        let behind = |cut| PlanningError::BehindCutOver {
            wanted: release.id.clone(),
            cut,
        };
        match history.data_of(&release.id) {
            Ok(Some(backup)) if !backup_exists(config, &backup) => {
                let serving = history.serving().map(|running| running.release.id);
                return Err(behind(serving.unwrap_or_else(|| release.id.clone())));
            }
            Ok(_) => {}
            Err(cut) => return Err(behind(cut)),
        }
        self.plan(config, history, release, Purpose::Rollback, now_ms)
    }

    /// A gate over releases that run already, outside of any rollout; `release` is the candidate's.
    ///
    /// # Errors
    /// When a check of the configuration has places that do not exist.
    pub fn standing_gate(
        config: &Config,
        history: &History,
        release: Release,
        (canary, baseline): (SplitArm, Option<SplitArm>),
        weight: Weight,
        analysis: Analysis,
    ) -> Result<GateOrder, PlanningError> {
        let moment = Moment {
            now_ms: 0,
            addresses: Vec::new(),
            backup_name: None,
        };
        let request = request(config, history, release, Purpose::Deploy, moment);
        let order = request.standing_gate(canary, baseline, weight, analysis);
        order.map_err(PlanningError::Refused)
    }

    /// The hooks that are told something outside of any rollout, with the release that serves in their places.
    pub fn notice_hooks(config: &Config, history: &History) -> Vec<NoticeHook> {
        let serving = history.serving();
        let address = serving
            .as_ref()
            .map(|running| running.target.address.clone());
        let release = serving.map(|running| running.release).or_else(|| {
            let first = config.releases.first()?;
            Some(first.release(&config.service.name, String::new()))
        });
        let Some(release) = release else {
            return Vec::new();
        };
        let moment = Moment {
            now_ms: 0,
            addresses: vec![address.unwrap_or_default()],
            backup_name: None,
        };
        request(config, history, release, Purpose::Deploy, moment).notice_hooks()
    }

    /// A release started for a try-out at an address on copies of the stores, outside of any rollout.
    ///
    /// # Errors
    /// When its command or a check has places that do not exist.
    pub fn trial(
        config: &Config,
        history: &History,
        release: Release,
        address: &str,
        stores: &[StoreRef],
    ) -> Result<Trial, PlanningError> {
        let moment = Moment {
            now_ms: 0,
            addresses: vec![address.to_owned()],
            backup_name: None,
        };
        let mut request = request(config, history, release, Purpose::Deploy, moment);
        request.stores = stores.to_vec();
        request.trial().map_err(PlanningError::Refused)
    }

    /// A saved plan, if it is still exactly what would be planned at its moment now: the same history
    /// before it, the same program, the same configuration, its address and backup name still free.
    ///
    /// # Errors
    /// [`PlanningError::Moved`] with everything that differs, and what [`Planner::deploy`] refuses.
    pub fn confirm(
        &self,
        config: &Config,
        history: &History,
        saved: &Plan,
    ) -> Result<(), PlanningError> {
        let mut moved = other_history(saved, history);
        let id = &saved.release.id;
        if !moved.is_empty() {
            // The rest cannot be compared, but a program that changed as well should be known.
            let now = match saved.purpose {
                Purpose::Deploy => self.configured(config, Some(id)).ok(),
                Purpose::Rollback => None,
            };
            moved.extend(now.and_then(|now| other_program(saved, &now)));
            return Err(PlanningError::Moved(moved));
        }
        let release = match saved.purpose {
            Purpose::Deploy => self.configured(config, Some(id))?,
            Purpose::Rollback => self.earlier(history, Some(id))?,
        };
        let moment = Moment::of(saved);
        let request = request(config, history, release, saved.purpose, moment);
        let now = build(history, &request)?;
        let mut moved = differences(saved, &now);
        let address = &saved.target.address;
        let port = address
            .rsplit_once(':')
            .and_then(|(_, port)| port.parse().ok());
        let (host, port): (&str, u16) = ("127.0.0.1", port.unwrap_or_default());
        if self
            .process
            .free_addresses(host, port..=port, 1, &[])
            .is_err()
        {
            moved.push(format!("{address}, where the release would run, is taken"));
        }
        let names = [&request.backup_name, &request.final_backup_name];
        for name in names
            .into_iter()
            .flatten()
            .filter(|name| backup_exists(config, name))
        {
            moved.push(format!("there is a backup named {name} already"));
        }
        if moved.is_empty() {
            Ok(())
        } else {
            Err(PlanningError::Moved(moved))
        }
    }

    /// The release that a rollback returns to.
    fn earlier(&self, history: &History, to: Option<&ReleaseId>) -> Result<Release, PlanningError> {
        let known = history.promoted_releases();
        if let Some(wanted) = to {
            let found = history.promoted(wanted).map(|running| running.release);
            return found.ok_or_else(|| PlanningError::NeverServed {
                wanted: wanted.clone(),
                known: names(&known),
            });
        }
        let Some(Running { release, .. }) = history.predecessor() else {
            let why = match history.serving() {
                Some(serving) => format!("{} is the first that served", serving.release.id),
                None => "nothing serves".to_owned(),
            };
            return Err(PlanningError::NoPredecessor(why));
        };
        Ok(release)
    }

    fn plan(
        &self,
        config: &Config,
        history: &History,
        release: Release,
        purpose: Purpose,
        now_ms: u64,
    ) -> Result<Plan, PlanningError> {
        let moment = self.moment(config, history, &release, purpose, now_ms)?;
        let request = request(config, history, release, purpose, moment);
        build(history, &request)
    }

    /// Addresses and names that are free now.
    fn moment(
        &self,
        config: &Config,
        history: &History,
        release: &Release,
        purpose: Purpose,
        now_ms: u64,
    ) -> Result<Moment, PlanningError> {
        let service = &config.service;
        let previous = history.serving();
        let taken: Vec<String> = previous
            .iter()
            .map(|running| running.target.address.clone())
            .collect();
        let range = service.ports.ports();
        // A rehearsal starts both releases a second time.
        let cuts_over = matches!(service.strategy, Strategy::CutOver { .. });
        let rehearses = (release.migration.is_some() || cuts_over) && purpose == Purpose::Deploy;
        let wanted = if rehearses { 3 } else { 1 };
        let addresses = self
            .process
            .free_addresses("127.0.0.1", range, wanted, &taken)?;
        Ok(Moment {
            now_ms,
            addresses,
            backup_name: free_backup_name(config, now_ms)?,
        })
    }
}

fn build(history: &History, request: &PlanRequest) -> Result<Plan, PlanningError> {
    let examined = sql_files::examined(request)?;
    let mut plan = Plan::build(request).map_err(PlanningError::Refused)?;
    let astray = astray_in_plan(&plan, &request.stores);
    if !astray.is_empty() {
        return Err(PlanningError::LiveData(astray));
    }
    plan.notes.extend(examined);
    plan.notes.extend(unproven(history, &plan));
    Ok(plan)
}

/// What depends on the moment at which a plan is made.
struct Moment {
    now_ms: u64,
    /// Where the release will run, then where the rehearsal tries the old one and the new one.
    addresses: Vec<String>,
    backup_name: Option<String>,
}

impl Moment {
    /// The moment at which a saved plan was made.
    fn of(saved: &Plan) -> Moment {
        let mut addresses = vec![saved.target.address.clone()];
        let mut backup_name = None;
        for step in &saved.steps {
            match &step.action {
                // A second one has the same name a second later.
                Action::Backup(order) => {
                    backup_name.get_or_insert_with(|| order.name.clone());
                }
                Action::Rehearse(rehearsal) => {
                    let old = rehearsal.old.as_ref();
                    addresses.push(old.map_or_else(String::new, |old| old.smoke.address.clone()));
                    addresses.push(rehearsal.new.smoke.address.clone());
                }
                _ => {}
            }
        }
        Moment {
            now_ms: saved.created_at_ms,
            addresses,
            backup_name,
        }
    }
}

fn request(
    config: &Config,
    history: &History,
    release: Release,
    purpose: Purpose,
    moment: Moment,
) -> PlanRequest {
    let service = &config.service;
    let id = history.next_id(service.name.as_str());
    let mut addresses = moment.addresses.into_iter();
    let mut address = || addresses.next().unwrap_or_default();
    let final_backup_name = moment.backup_name.as_deref().and_then(a_second_later);
    let WayThere {
        restores,
        strategy,
        approval,
    } = WayThere::of(config, history, &release, purpose);
    PlanRequest {
        created_at_ms: moment.now_ms,
        environment: service.environment.clone(),
        purpose,
        target: Target {
            name: "local".to_owned(),
            driver: "process".to_owned(),
            address: address(),
        },
        trial_addresses: [address(), address()],
        previous: history.serving(),
        strategy,
        policy: config.policy,
        stores: config.stores.clone(),
        folder: config.folder.clone(),
        scratch: config.state.folder.join("rehearsals").join(id.as_str()),
        backup_age: config.backup.age_max_ms.map(|max_ms| BackupAge {
            service: service.name.clone(),
            environment: service.environment.clone(),
            max_ms,
            refuses: config.backup.too_old == TooOld::Refuse,
            archives: crate::recovery_point::archive_ages(config),
        }),
        backup_name: moment.backup_name,
        ready: service.ready.clone(),
        smoke: service.smoke.clone(),
        analysis: config.analysis.clone(),
        metrics: service.metrics.clone(),
        figures: config.figures.clone(),
        synthetic: config.synthetic.clone(),
        // The ledger comes back with the data.
        ledger: match restores {
            None => history.ledger_check(&release, purpose == Purpose::Rollback),
            Some(_) => None,
        },
        approval,
        hooks: hooks::of(config),
        keep_warm: service.keep_warm.clone(),
        closing: config.closing.clone(),
        final_backup_name,
        restores,
        timeouts: config.timeouts,
        id,
        release,
    }
}

/// What a reviewer should know of a way back that no rehearsal has tried: data was migrated since the
/// release last served, and only the direct predecessor was tried on it.
fn unproven(history: &History, plan: &Plan) -> Option<String> {
    if plan.purpose != Purpose::Rollback || history.predecessor()?.release.id == plan.release.id {
        return None;
    }
    let since = history.migrated_since(&plan.release.id);
    (!since.is_empty()).then(|| {
        format!(
            "{} was never tried on the data as the migration of {} left it; the data is kept as it is",
            plan.release.id,
            names(&since)
        )
    })
}

/// What happened since a plan was saved. With another history nothing else can be compared.
fn other_history(saved: &Plan, history: &History) -> Vec<String> {
    let mut moved = Vec::new();
    let (was, is) = (&saved.id, history.next_id(saved.service.as_str()));
    if *was != is {
        moved.push(format!(
            "other rollouts came first: {was} would be {is} now"
        ));
    }
    let words = |running: Option<&Running>| match running {
        Some(running) => format!("{} at {}", running.release.id, running.target.address),
        None => "nothing".to_owned(),
    };
    let serving = history.serving();
    if saved.previous != serving {
        let (was, is) = (words(saved.previous.as_ref()), words(serving.as_ref()));
        moved.push(format!("{was} served then, {is} serves now"));
    }
    moved
}

/// The program of a saved plan, if it is another one now.
fn other_program(saved: &Plan, now: &Release) -> Option<String> {
    let (was, is) = (&saved.release.artifact, &now.artifact);
    (was.sha256 != is.sha256).then(|| {
        format!(
            "the program {} has changed: its sha256 was {}, it is {}",
            is.path.display(),
            was.sha256,
            is.sha256
        )
    })
}

/// Everything in which a saved plan differs from what would be planned now.
fn differences(saved: &Plan, now: &Plan) -> Vec<String> {
    let mut moved = Vec::from_iter(other_program(saved, &now.release));
    let differ: Vec<&str> = now
        .steps
        .iter()
        .filter(|step| saved.steps.iter().find(|s| s.name == step.name) != Some(*step))
        .chain(
            saved
                .steps
                .iter()
                .filter(|step| !now.steps.iter().any(|n| n.name == step.name)),
        )
        .map(|step| step.name.as_str())
        .collect();
    // A changed program or history shows in many steps; they say nothing more.
    if moved.is_empty() && !differ.is_empty() {
        let steps = differ.join(", ");
        moved.push(format!(
            "the configuration has changed; it shows in {steps}"
        ));
    }
    if moved.is_empty() && saved.hash() != now.hash() {
        moved.push("the configuration or this version of Portcullis has changed".to_owned());
    }
    moved
}

fn backup_exists(config: &Config, name: &str) -> bool {
    let manifest = format!("{name}.manifest.json");
    config.state.vault.join(manifest).exists()
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
        let name = name.to_string();
        let second = a_second_later(&name);
        let taken = |name: &str| backup_exists(config, name);
        if !taken(&name) && !second.as_deref().is_some_and(taken) {
            return Ok(Some(name));
        }
        at_ms += 1000;
    }
}

/// The name of the backup that a rollout makes while users are kept out. Its own time is in its manifest.
fn a_second_later(name: &str) -> Option<String> {
    let name: BackupName = name.parse().ok()?;
    let later = name.created_at() + SignedDuration::from_secs(1);
    let later = BackupName::new(name.service(), name.environment(), later).ok()?;
    Some(later.to_string())
}

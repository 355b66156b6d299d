//! The release on the stage: started on the copies, asked, stopped.

use std::net::TcpListener;

use portcullis_driver::{Driver, LOG_FACT};
use portcullis_rollout::{
    Action, Direction, Fact, Failure, Op, OpKey, Presence, Release, ReleaseId, RolloutId,
    StepIndex, Trial,
};

use tokio_util::sync::CancellationToken;

use super::copies::Copies;
use super::course::Short;
use super::{DrillFrom, DrillOrder, Drills, blocking, cut_off};
use crate::bounds::DRILL_ADDRESSES_TRIED;
use crate::hands::file_sha256;
use crate::live_data::leads_astray;
use crate::planner::Planner;

/// The variable by which a release can see that it is only tried out.
const VARIABLE: &str = "PORTCULLIS_DRILL";

impl Drills {
    /// Starts the release that served when the backup was made, on the copies.
    pub(super) async fn boot(
        &self,
        order: &DrillOrder<'_>,
        release: Option<&str>,
        copies: &Copies,
        cancelled: &CancellationToken,
    ) -> Result<(Trial, Vec<Fact>), Short> {
        let release = served(order, release).await?;
        let stores = copies.stores(order.config)?;
        let address = free_address(order)?;
        let mut trial = Planner::trial(order.config, order.history, release, &address, &stores)
            .map_err(|error| Short::could_not(crate::hands::chain(&error)))?;
        if let Some(why) = leads_astray(&trial.launch, &order.config.stores, &stores) {
            let release = &trial.launch.release;
            return Err(Short::could_not(format!("release {release}: {why}")));
        }
        let command = &mut trial.launch.command;
        command.env.insert(VARIABLE.to_owned(), "1".to_owned());
        let start = op(Action::Start(trial.launch.clone()));
        let release = trial.launch.release.clone();
        let started = tokio::select! {
            started = self.process.apply(&start) => started,
            // The attempt is dropped, which ends what it started; the rest is cleared away below.
            () = cancelled.cancelled() => Err(interrupted()),
        };
        if let Err(mut failure) = started {
            // The log goes with the copies.
            failure.facts.retain(|fact| fact.name != LOG_FACT);
            failure.facts.extend(self.last_words(&release, &address));
            self.clear(&trial, &mut failure).await;
            let message = format!("release {release}: {}", failure.message);
            return Err(Short::of_release(Failure { message, ..failure }));
        }
        // What answers must be the program that was started.
        let found = self.process.runs(&trial.launch).await;
        if found.presence != Presence::Applied {
            let mut failure = Failure {
                message: format!(
                    "release {release} was started and is not what answers at {address}"
                ),
                retryable: false,
                facts: found.facts,
            };
            self.clear(&trial, &mut failure).await;
            return Err(Short::of_release(failure));
        }
        let facts = vec![
            Fact::new("release", &release),
            Fact::new("program sha256", &trial.launch.artifact.sha256),
        ];
        Ok((trial, facts))
    }

    /// Asks the started release everything.
    pub(super) async fn ask(
        &self,
        trial: &Trial,
        cancelled: &CancellationToken,
    ) -> Result<((), Vec<Fact>), Short> {
        let smoke = op(Action::Smoke(trial.smoke.clone()));
        let asked = tokio::select! {
            asked = self.smoke.apply(&smoke) => asked,
            () = cancelled.cancelled() => Err(interrupted()),
        };
        match asked {
            Ok(facts) => Ok(((), facts)),
            Err(mut failure) => {
                let said = self.last_words(&trial.launch.release, &trial.smoke.address);
                failure.facts.extend(said);
                Err(Short::of_release(failure))
            }
        }
    }

    /// Stops it with all that it started.
    pub(super) async fn stop(&self, trial: &Trial) -> Result<(), String> {
        let stop = op(Action::Retire(cut_off(trial)));
        let stopped = self.process.apply(&stop).await;
        stopped.map(drop).map_err(|failure| failure.message)
    }

    /// Stops a start that failed; that it could not be is said as well.
    async fn clear(&self, trial: &Trial, failure: &mut Failure) {
        if let Err(left) = self.stop(trial).await {
            failure.facts.push(Fact::new("left running", left));
        }
    }

    fn last_words(&self, release: &ReleaseId, address: &str) -> Option<Fact> {
        let lines = self.process.last_lines(release, address);
        (!lines.is_empty()).then(|| Fact::new("last lines", lines))
    }
}

/// The release that served when the backup was made, with the very program that it had.
async fn served(order: &DrillOrder<'_>, release: Option<&str>) -> Result<Release, Short> {
    let Some(id) = release.map(ReleaseId::new) else {
        return Err(Short::could_not(match order.from {
            DrillFrom::Backup => {
                "the backup does not say which release served when it was made; deploy a release, and then make a backup \
                 (`portcullis backup create`)"
            }
            DrillFrom::Archive => {
                "nobody can tell which release served at that moment; drill one since a release was deployed"
            }
        }));
    };
    let Some(known) = order.config.release(&id) else {
        return Err(Short::could_not(format!(
            "release {id}, which served then, is not in {} any more",
            order.config.file.display()
        )));
    };
    let path = known.artifact_path.clone();
    let sha256 = blocking(move || {
        file_sha256(&path).map_err(|error| {
            let path = path.display();
            Short::could_not(format!("the program {path} cannot be read: {error}"))
        })
    });
    let release = known.release(&order.config.service.name, sha256.await?);
    let before = order.history.promoted(&id).map(|running| running.release);
    if let Some(before) = before
        && before.artifact.sha256 != release.artifact.sha256
    {
        return Err(Short::could_not(format!(
            "the program {} is not the one with which release {id} served: its SHA-256 was {} and is {}",
            release.artifact.path.display(),
            before.artifact.sha256,
            release.artifact.sha256
        )));
    }
    Ok(release)
}

/// A free address of this machine outside of the ports of releases, which a rollout may have planned with.
fn free_address(order: &DrillOrder<'_>) -> Result<String, Short> {
    let ports = order.config.service.ports.ports();
    let mut why = "every port that the system offered belongs to service.ports".to_owned();
    for _ in 0..DRILL_ADDRESSES_TRIED {
        match TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()) {
            Ok(address) if !ports.contains(&address.port()) => return Ok(address.to_string()),
            Ok(_) => {}
            Err(error) => why = error.to_string(),
        }
    }
    Err(Short::could_not(format!(
        "no free address was found: {why}"
    )))
}

fn interrupted() -> Failure {
    Failure {
        message: "it was interrupted".to_owned(),
        retryable: false,
        facts: Vec::new(),
    }
}

/// An op of the drill's own: it is in no plan, and its driver is used by nothing else.
fn op(action: Action) -> Op {
    let key = OpKey {
        rollout: RolloutId::new("drill"),
        direction: Direction::Do,
        step: StepIndex(0),
        attempt: 1,
    };
    Op {
        key,
        action,
        deadline_ms: u64::MAX,
    }
}

//! The rehearsal: the migration on a restored copy, then both releases on the migrated copy.
//!
//! It proves three things before live data is touched: that the backup can be restored, that the
//! migration works on real data, and that the release which serves now still answers rightly on migrated
//! data, without which the two could not run side by side. What passed is noted beside the copy, so that
//! a probe can tell; the copy itself is removed.
//!
//! Nothing live is touched, so an attempt that was cut off, because Portcullis was killed or stopped, is
//! cleared away and made again. An attempt that came to an end is not: whatever it says, the next would
//! say the same, or hide a release that works only sometimes.

use std::path::PathBuf;
use std::time::Duration;

use portcullis_analysis::counted;
use portcullis_driver::{CommandDriver, Driver, Probed, ProcessDriver, SmokeDriver};
use portcullis_rollout::{
    Action, CutOff, Direction, Fact, Failure, Op, OpKey, Presence, Rehearsal, RolloutId, StepIndex,
    Trial,
};

use super::data::DataHand;
use super::{lasting, retryable};
use crate::bounds::REHEARSAL_CLEARING;
use crate::clock::{Clock, WallClock};

/// Rehearses migrations.
#[derive(Clone)]
pub struct RehearsalHand {
    data: DataHand,
    /// Its own process driver: a trial of the serving release must not be mistaken for the release.
    process: ProcessDriver,
    smoke: SmokeDriver,
    command: CommandDriver,
}

impl RehearsalHand {
    /// A hand that restores with `data` and starts trials with `process`, which nothing else may use.
    pub fn new(data: DataHand, process: ProcessDriver, smoke: SmokeDriver) -> RehearsalHand {
        RehearsalHand {
            data,
            process,
            smoke,
            command: CommandDriver::new(),
        }
    }

    /// Restores, migrates and tries, within the deadline; cleans up whatever came of it. No failure is
    /// worth repeating.
    pub(super) async fn apply(
        &self,
        order: &Rehearsal,
        deadline_ms: u64,
    ) -> Result<Vec<Fact>, Failure> {
        let went = self.try_out(order, deadline_ms).await;
        went.map_err(|failure| Failure {
            retryable: false,
            ..failure
        })
    }

    async fn try_out(&self, order: &Rehearsal, deadline_ms: u64) -> Result<Vec<Fact>, Failure> {
        let deadline = Duration::from_millis(deadline_ms);
        let went = tokio::time::timeout(deadline, async {
            self.clean(order).await?;
            let outcome = self.rehearse(order).await;
            let cleaned = self.clean(order).await;
            let facts = outcome?;
            cleaned?;
            Ok(facts)
        });
        let facts = match went.await {
            Ok(outcome) => outcome?,
            // What it ran was ended with it.
            Err(_) => return Err(self.too_long(order, deadline_ms).await),
        };
        let note = serde_json::to_vec(&facts).map_err(|error| retryable(&error))?;
        let passed = passed_note(order);
        if let Some(folder) = passed.parent() {
            tokio::fs::create_dir_all(folder)
                .await
                .map_err(|error| retryable(&error))?;
        }
        tokio::fs::write(&passed, note)
            .await
            .map_err(|error| retryable(&error))?;
        Ok(facts)
    }

    /// What is said of a rehearsal that did not end in time. Clearing it away must not take so long that
    /// nobody hears this.
    async fn too_long(&self, order: &Rehearsal, deadline_ms: u64) -> Failure {
        let cleaned = tokio::time::timeout(REHEARSAL_CLEARING, self.clean(order)).await;
        let left = match cleaned {
            Ok(Ok(())) => None,
            Ok(Err(failure)) => Some(failure.message),
            Err(_) => Some("it could not be cleared away in time".to_owned()),
        };
        let mut failure = lasting(format!(
            "the rehearsal took longer than {deadline_ms} ms; the live data was not touched"
        ));
        failure
            .facts
            .extend(left.map(|left| Fact::new("left behind", left)));
        failure
    }

    /// Whether the rehearsal passed. A migration of the copy that a killed Portcullis left running is
    /// waited for, up to the step's deadline: until it has ended, nothing is settled. Its own proof is not
    /// asked: of an attempt that was cut off nothing is believed, and half a copy is no reason to hold.
    pub(super) async fn probe(&self, order: &Rehearsal, deadline_ms: u64) -> Probed {
        let patience = Duration::from_millis(deadline_ms);
        if let Err(unknown) = self.command.settled(&order.migration, patience).await {
            return unknown;
        }
        match tokio::fs::read(passed_note(order)).await {
            Ok(note) => match serde_json::from_slice(&note) {
                Ok(facts) => Probed {
                    presence: Presence::Applied,
                    facts,
                },
                Err(_) => Probed::new(Presence::Absent),
            },
            Err(_) => Probed::new(Presence::Absent),
        }
    }

    async fn rehearse(&self, order: &Rehearsal) -> Result<Vec<Fact>, Failure> {
        let mut facts = Vec::new();
        let began = WallClock.now_ms();
        self.data
            .restore_copies(&order.backup, &order.stores)
            .await?;
        facts.push(Fact::new(
            "restored in",
            format!("{} ms", WallClock.now_ms() - began),
        ));

        let began = WallClock.now_ms();
        // The step's own deadline ends this wait too, by dropping this future.
        let migrate = op(Action::Migrate(order.migration.clone()));
        let ran = self.command.apply(&migrate).await;
        let proof = self.command.probe(&migrate).await;
        if proof.presence != Presence::Applied {
            let mut evidence = match ran {
                Ok(facts) => facts,
                Err(failure) => {
                    let mut facts = vec![Fact::new("migration", failure.message)];
                    facts.extend(failure.facts);
                    facts
                }
            };
            evidence.extend(proof.facts);
            return Err(Failure {
                message:
                    "the migration did not take effect on the restored copy; the live data was \
                          not touched"
                        .to_owned(),
                retryable: false,
                facts: evidence,
            });
        }
        facts.push(Fact::new(
            "migrated in",
            format!("{} ms", WallClock.now_ms() - began),
        ));
        if let Some(old) = &order.old {
            let passed = self.trial(old, "on migrated data").await?;
            facts.push(Fact::new(
                format!("{} on migrated data", old.launch.release),
                passed,
            ));
        }
        let passed = self.trial(&order.new, "on migrated data").await?;
        facts.push(Fact::new(
            format!("{} on migrated data", order.new.launch.release),
            passed,
        ));
        Ok(facts)
    }

    /// Starts a release on the copy, asks it everything, stops it.
    async fn trial(&self, trial: &Trial, on: &str) -> Result<String, Failure> {
        let start = op(Action::Start(trial.launch.clone()));
        let release = &trial.launch.release;
        let told = |failure: Failure| Failure {
            message: format!(
                "release {release} {on}: {}; the live data was not touched",
                failure.message
            ),
            ..failure
        };
        self.process.apply(&start).await.map_err(told)?;
        let smoke = op(Action::Smoke(trial.smoke.clone()));
        let asked = self.smoke.apply(&smoke).await.map_err(told);
        let stopped = self
            .process
            .apply(&op(Action::Retire(stop(trial))))
            .await
            .map_err(told);
        asked?;
        stopped?;
        Ok(format!(
            "{} passed",
            counted(trial.smoke.checks.len() as u64, "check", "checks")
        ))
    }

    /// Stops what a rehearsal left running and removes its copy and note.
    async fn clean(&self, order: &Rehearsal) -> Result<(), Failure> {
        for trial in order.old.iter().chain([&order.new]) {
            self.process.apply(&op(Action::Retire(stop(trial)))).await?;
        }
        self.data.drop_copies(&order.stores).await?;
        for remains in [order.scratch.clone(), passed_note(order)] {
            let removed = match tokio::fs::metadata(&remains).await {
                Ok(found) if found.is_dir() => tokio::fs::remove_dir_all(&remains).await,
                Ok(_) => tokio::fs::remove_file(&remains).await,
                Err(_) => Ok(()),
            };
            removed.map_err(|error| {
                lasting(format!("{} cannot be removed: {error}", remains.display()))
            })?;
        }
        Ok(())
    }
}

fn passed_note(order: &Rehearsal) -> PathBuf {
    order.scratch.with_extension("passed.json")
}

fn stop(trial: &Trial) -> CutOff {
    CutOff {
        service: trial.launch.service.clone(),
        release: trial.launch.release.clone(),
        target: trial.launch.target.clone(),
        drain_timeout_ms: 0,
        stop_timeout_ms: trial.launch.stop_timeout_ms,
    }
}

/// An op of the rehearsal's own: it is not in the plan, and its driver is used by nothing else.
fn op(action: Action) -> Op {
    let key = OpKey {
        rollout: RolloutId::new("rehearsal"),
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

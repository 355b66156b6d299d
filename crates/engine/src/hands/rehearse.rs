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
use portcullis_driver::{Driver, LOG_FACT, Probed, ProcessDriver, SmokeDriver};
use portcullis_rollout::{
    Action, CutOff, Direction, Fact, Failure, LockLimit, MigrationOrder, Op, OpKey, Presence,
    Rehearsal, RolloutId, StepIndex, StoreRef, Trial,
};

mod back;
mod locks;

use locks::Locks;

use super::data::{DataHand, size_words};
use super::migrate::MigrationHand;
use super::{lasting, retryable};
use crate::bounds::REHEARSAL_CLEARING;
use crate::clock::{Clock, WallClock};
use crate::live_data::astray_in;

/// Rehearses migrations.
#[derive(Clone)]
pub struct RehearsalHand {
    data: DataHand,
    /// Its own process driver: a trial of the serving release must not be mistaken for the release.
    process: ProcessDriver,
    smoke: SmokeDriver,
    migration: MigrationHand,
    /// Live data, to which nothing may lead that it starts.
    live: Vec<StoreRef>,
}

impl RehearsalHand {
    /// A hand that restores with `data` and starts trials with `process`, which nothing else may use.
    pub fn new(data: DataHand, process: ProcessDriver, smoke: SmokeDriver) -> RehearsalHand {
        RehearsalHand {
            data,
            process,
            smoke,
            migration: MigrationHand::default(),
            live: Vec::new(),
        }
    }

    /// A hand that refuses what leads to these stores. A plan was looked at when it was made, but not if that was before
    /// plans were, and since then a symbolic link may have come to lead somewhere else.
    #[must_use]
    pub fn away_from(self, live: &[StoreRef]) -> RehearsalHand {
        RehearsalHand {
            live: live.to_vec(),
            ..self
        }
    }

    /// Restores, migrates and tries, within the deadline; cleans up whatever came of it. No failure is
    /// worth repeating.
    pub(crate) async fn apply(
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
            self.stays_away(order)?;
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
        if let Some(migration) = &order.migration
            && let Err(unknown) = self.migration.settled(migration, patience).await
        {
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

    /// Nothing is started that would use live data.
    fn stays_away(&self, order: &Rehearsal) -> Result<(), Failure> {
        let astray = astray_in(order, &self.live);
        if astray.is_empty() {
            return Ok(());
        }
        let why = astray.join("; ");
        Err(lasting(format!(
            "{why}; nothing was rehearsed, and the live data was not touched"
        )))
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

        if let Some(migration) = &order.migration {
            let examined = self.migration.examined(migration).await;
            facts.extend(examined.map_err(lasting)?);
        }
        if let Some(back) = &order.back {
            self.there_and_back(back, order, &mut facts).await?;
        }
        if let Some(migration) = &order.migration {
            self.migrate(migration, order, order.lock_limit, &mut facts)
                .await?;
        }
        // A release that has the data to itself starts when all phases are done.
        if order.old.is_some() || order.later.is_empty() {
            let on = match order.migration {
                Some(_) => "on migrated data",
                None => "on the restored copy",
            };
            self.try_both(order, on, &mut facts).await?;
        }
        let mut went_back = order.back.is_none();
        for (index, later) in order.later.iter().enumerate() {
            if let (Some(back), true, false) = (&order.back, later.contracts(), went_back) {
                went_back = true;
                self.back_after_trials(back, order, &mut facts).await?;
                self.forward(order, &mut facts).await?;
            }
            let phase = self
                .migrate(later, order, order.lock_limit, &mut facts)
                .await?;
            let on = format!("after {phase}");
            let is_last = index + 1 == order.later.len();
            match (&order.old, later.contracts()) {
                (None, _) if !is_last => {}
                // The release that serves now will be gone by then.
                (None, _) | (_, true) => self.try_one(&order.new, &on, &mut facts).await?,
                (Some(_), false) => self.try_both(order, &on, &mut facts).await?,
            }
        }
        if let (Some(back), false) = (&order.back, went_back) {
            self.back_after_trials(back, order, &mut facts).await?;
        }
        Ok(facts)
    }

    /// Migrates the copy, or one phase of it, watches its locks, and asks for the proof. Says which phase it was.
    async fn migrate(
        &self,
        migration: &MigrationOrder,
        order: &Rehearsal,
        limit: Option<LockLimit>,
        facts: &mut Vec<Fact>,
    ) -> Result<&'static str, Failure> {
        let phase = match migration {
            MigrationOrder::Command(_) => "migration",
            MigrationOrder::Sql(sql) => sql.phase.word(),
        };
        let before = self.data.bytes(&order.stores).await;
        let began = WallClock.now_ms();
        // The step's own deadline ends this wait too, by dropping this future.
        let migrate = op(Action::Migrate(migration.clone()));
        let locks = Locks::begin(migration, &order.stores).await;
        let ran = self.migration.rehearse(&migrate, locks.own()).await;
        let took = WallClock.now_ms().saturating_sub(began);
        let locks = locks.end().await;
        let proof = self.migration.probe(&migrate).await;
        if proof.presence != Presence::Applied {
            let mut evidence = match ran {
                Ok(facts) => facts,
                Err(failure) => {
                    let mut facts = vec![Fact::new(phase, failure.message)];
                    facts.extend(failure.facts);
                    facts
                }
            };
            evidence.extend(proof.facts);
            let what = match migration {
                MigrationOrder::Command(_) => "the migration".to_owned(),
                MigrationOrder::Sql(sql) => format!("the phase {} of the migration", sql.phase),
            };
            return Err(Failure {
                message: format!(
                    "{what} did not take effect on the restored copy; the live data was not touched"
                ),
                retryable: false,
                facts: evidence,
            });
        }
        let did = match migration {
            MigrationOrder::Command(_) => "migrated".to_owned(),
            MigrationOrder::Sql(sql) => format!("{} applied", sql.phase),
        };
        facts.push(Fact::new(format!("{did} in"), format!("{took} ms")));
        if let MigrationOrder::Sql(_) = migration {
            facts.extend(ran.unwrap_or_default());
        }
        facts.extend(locks.facts());
        if let Some((why, todo)) = limit.and_then(|limit| locks.refused(limit)) {
            let mut evidence = std::mem::take(facts);
            evidence.push(todo);
            return Err(Failure {
                message: format!("{why}; the live data was not touched"),
                retryable: false,
                facts: evidence,
            });
        }
        facts.extend(growth(before, self.data.bytes(&order.stores).await));
        Ok(phase)
    }

    async fn try_both(
        &self,
        order: &Rehearsal,
        on: &str,
        facts: &mut Vec<Fact>,
    ) -> Result<(), Failure> {
        if let Some(old) = &order.old {
            self.try_one(old, on, facts).await?;
        }
        self.try_one(&order.new, on, facts).await
    }

    async fn try_one(&self, trial: &Trial, on: &str, facts: &mut Vec<Fact>) -> Result<(), Failure> {
        let passed = self.trial(trial, on).await?;
        facts.push(Fact::new(format!("{} {on}", trial.launch.release), passed));
        Ok(())
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
            // The log goes with the copy.
            facts: failure
                .facts
                .into_iter()
                .filter(|fact| fact.name != LOG_FACT)
                .collect(),
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

    /// Restores, migrates in all phases, and starts the new release on the result, which stays.
    pub(crate) async fn stand_up(&self, order: &Rehearsal) -> Result<Vec<Fact>, Failure> {
        let mut facts = Vec::new();
        let began = WallClock.now_ms();
        self.data
            .restore_copies(&order.backup, &order.stores)
            .await?;
        let took = WallClock.now_ms().saturating_sub(began);
        facts.push(Fact::new("restored in", format!("{took} ms")));
        for migration in order.migration.iter().chain(&order.later) {
            self.migrate(migration, order, None, &mut facts).await?;
        }
        let start = op(Action::Start(order.new.launch.clone()));
        facts.extend(self.process.apply(&start).await?);
        facts.extend(self.ask(&order.new).await?);
        Ok(facts)
    }

    /// Asks a started release everything.
    pub(crate) async fn ask(&self, trial: &Trial) -> Result<Vec<Fact>, Failure> {
        let smoke = op(Action::Smoke(trial.smoke.clone()));
        self.smoke.apply(&smoke).await
    }

    /// Stops what a rehearsal left running and removes its copy, its note and what the releases wrote on it.
    pub(crate) async fn clean(&self, order: &Rehearsal) -> Result<(), Failure> {
        let of_back = order.back.iter().map(|back| &back.old);
        for trial in order.old.iter().chain([&order.new]).chain(of_back) {
            self.process.apply(&op(Action::Retire(stop(trial)))).await?;
            self.process.forget_log(&trial.launch).map_err(|error| {
                let log = self.process.log_file(&trial.launch);
                lasting(format!("{} cannot be removed: {error}", log.display()))
            })?;
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

/// How much larger a migration made the data.
fn growth(before: Option<u64>, after: Option<u64>) -> Option<Fact> {
    let (before, after) = (before?, after?);
    let words = match after.checked_sub(before) {
        Some(0) => return None,
        Some(more) => format!("{} larger", size_words(more)),
        None => format!("{} smaller", size_words(before - after)),
    };
    Some(Fact::new(
        "data",
        format!("{words}, {} now", size_words(after)),
    ))
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

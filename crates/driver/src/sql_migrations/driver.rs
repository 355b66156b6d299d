//! The driver of a release's SQL files: one phase of them as a step of a rollout.

use std::time::Duration;

use portcullis_migration::Phase;
use portcullis_rollout::{
    Action, Fact, Failure, LedgerCheck, MigrationOrder, MigrationPhase, Op, Presence, SqlMigration,
    SqlOrder,
};

use super::apply::{ApplyOrder, MigrationEvent, apply_migrations, unready};
use super::database::MigrationDatabase;
use super::error::{MigrationError, is_lock};
use super::files::{MigrationFiles, read_migration_files};
use super::standing::{MigrationStanding, Standing, settled_status, taken_away};
use crate::bounds::LEFTOVER_PAUSE;
use crate::causes::with_causes;
use crate::clock::Stopwatch;
use crate::driver::{Driver, Probed, not_mine};

/// Carries out [`Action::Migrate`] of SQL files. Whether a phase is applied is what the ledger in the database says, in
/// which each file stands together with what it did.
///
/// While an earlier attempt still holds the lock (Portcullis was killed, and the server has not noticed), a probe waits
/// for it as long as the op may take, and then answers [`Presence::Unknown`].
#[derive(Debug, Clone, Copy, Default)]
pub struct SqlMigrationDriver;

impl SqlMigrationDriver {
    /// A driver.
    #[must_use]
    pub fn new() -> SqlMigrationDriver {
        SqlMigrationDriver
    }

    /// Whether a rollout may begin, by what the ledger says: nothing was taken away that the release may need, and the files
    /// of one that comes out can be applied. A database that cannot be asked keeps nobody from going back.
    ///
    /// # Errors
    /// Why it may not, in words.
    pub async fn ready(&self, check: &LedgerCheck) -> Result<Fact, String> {
        let migration = &check.migration;
        let database = database(migration).await?;
        let gone = match taken_away(&database, check).await {
            Ok(gone) => gone,
            Err(error @ MigrationError::Unreachable { .. }) if check.goes_back => {
                return Ok(Fact::new(
                    "ledger",
                    format!("it cannot be asked: {}", told(&error)),
                ));
            }
            Err(error) => return Err(told(&error)),
        };
        if !gone.is_empty() {
            return Err(format!(
                "{} took away what this release may need, which is older; restore a backup of before it (`portcullis backup \
                 list`), or bring out a release that has the file",
                gone.join(", ")
            ));
        }
        if check.goes_back {
            return Ok(Fact::new(
                "ledger",
                "nothing was taken away that it may need",
            ));
        }
        if migration.files.is_empty() {
            return Ok(Fact::new("ledger", "the release has no SQL files"));
        }
        let MigrationFiles { set, .. } = planned(migration, &database)?;
        let pending = unready(&database, &set).await;
        let pending = pending.map_err(|error| told(&error))?;
        Ok(Fact::new("ledger", format!("{pending} to apply")))
    }

    async fn carry_out(&self, order: &SqlOrder, deadline_ms: u64) -> Result<Vec<Fact>, Failure> {
        let refused = |message: String| failure(message, false);
        let migration = &order.migration;
        let database = database(migration).await.map_err(refused)?;
        let MigrationFiles { set, problems } = planned(migration, &database).map_err(refused)?;
        let bounds = ApplyOrder {
            phase: phase(order.phase),
            lock_timeout_ms: migration.lock_timeout_ms,
            // What outlives the step would be changed while the rollout goes back.
            statement_timeout_ms: migration.statement_timeout_ms.min(deadline_ms.max(1)),
            pause_ms: migration.pause_ms,
            out_of_order: false,
            doubt: None,
        };
        let mut facts = Vec::new();
        let mut changed = 0;
        let mut tell = |event: MigrationEvent<'_>| match event {
            MigrationEvent::Begins { .. } => changed = 0,
            MigrationEvent::Statement { rows, .. } => changed += rows,
            MigrationEvent::FoundDone { migration, index } => {
                let done = format!("statement {} was found to be done", index + 1);
                facts.push(Fact::new(&migration.file, done));
            }
            MigrationEvent::Round { .. } => {}
            MigrationEvent::Applied { migration, took_ms } => {
                let rows = match changed {
                    0 => String::new(),
                    rows => format!(", {rows} rows changed"),
                };
                facts.push(Fact::new(
                    &migration.file,
                    format!("applied in {took_ms} ms{rows}"),
                ));
            }
        };
        let applied = apply_migrations(&database, (&set, &problems), &bounds, &mut tell).await;
        match applied {
            Ok(applied) => {
                if applied.files.is_empty() {
                    facts.push(Fact::new(
                        "files",
                        format!("none of the phase {} is pending", order.phase),
                    ));
                }
                Ok(facts)
            }
            Err(error) => {
                facts.extend(error.hint().map(|hint| Fact::new("do", hint)));
                Err(Failure {
                    message: format!("the migration failed: {}", with_causes(&error)),
                    retryable: may_pass(&error),
                    facts,
                })
            }
        }
    }

    /// How the files of a phase stand once nobody is at them.
    async fn standing(
        &self,
        order: &SqlOrder,
        patience: Duration,
    ) -> Result<Vec<MigrationStanding>, Probed> {
        let unknown = |why: String| Probed::new(Presence::Unknown).with("ledger", why);
        let database = database(&order.migration).await.map_err(unknown)?;
        let MigrationFiles { set, .. } = planned(&order.migration, &database).map_err(unknown)?;
        let watch = Stopwatch::start();
        let ledger = loop {
            match settled_status(&database, &set).await {
                Ok(ledger) => break ledger,
                Err(MigrationError::Busy { .. }) if !watch.left_of(patience).is_zero() => {
                    tokio::time::sleep(LEFTOVER_PAUSE).await;
                }
                Err(error) => return Err(unknown(told(&error))),
            }
        };
        let mut standings = ledger.standings;
        standings.retain(|standing| standing.phase == Some(phase(order.phase)));
        Ok(standings)
    }
}

impl Driver for SqlMigrationDriver {
    async fn probe(&self, op: &Op) -> Probed {
        let Action::Migrate(MigrationOrder::Sql(order)) = &op.action else {
            return Probed::new(Presence::Unknown);
        };
        let patience = Duration::from_millis(op.deadline_ms);
        let standings = match self.standing(order, patience).await {
            Ok(standings) => standings,
            Err(unknown) => return unknown,
        };
        let named = order.migration.files.iter();
        let named: Vec<&str> = named.map(|file| file.name.as_str()).collect();
        let mut presence = Presence::Applied;
        let mut facts = Vec::new();
        for standing in standings
            .iter()
            .filter(|s| named.contains(&s.file.as_str()))
        {
            facts.push(Fact::new(&standing.file, standing.standing.word()));
            presence = match (&standing.standing, presence) {
                (_, Presence::Unknown) => Presence::Unknown,
                (Standing::Applied, so_far) => so_far,
                (
                    Standing::Pending
                    | Standing::HalfWay {
                        in_doubt: false, ..
                    },
                    _,
                ) => Presence::Absent,
                // An index in doubt is looked up by the next attempt, anything else asks a person by failing.
                (Standing::HalfWay { in_doubt: true, .. }, _) => Presence::Absent,
                (Standing::Changed | Standing::Unknown, _) => Presence::Unknown,
            };
        }
        Probed { presence, facts }
    }

    async fn apply(&self, op: &Op) -> Result<Vec<Fact>, Failure> {
        let Action::Migrate(MigrationOrder::Sql(order)) = &op.action else {
            return Err(not_mine(op, "driver of SQL files"));
        };
        let deadline = Duration::from_millis(op.deadline_ms);
        let carried_out = self.carry_out(order, op.deadline_ms);
        match tokio::time::timeout(deadline, carried_out).await {
            Ok(outcome) => outcome,
            Err(_) => Err(failure(
                format!(
                    "the migration took longer than {} ms; what is done of it is in the ledger, and the next attempt goes on \
                     there",
                    op.deadline_ms
                ),
                false,
            )),
        }
    }
}

fn failure(message: String, retryable: bool) -> Failure {
    Failure {
        message,
        retryable,
        facts: Vec::new(),
    }
}

/// Whether the same may succeed a little later: somebody else was in the way.
fn may_pass(error: &MigrationError) -> bool {
    match error {
        MigrationError::Busy { .. } | MigrationError::Unreachable { .. } => true,
        MigrationError::Statement(failed) => failed.code.as_deref().is_some_and(is_lock),
        MigrationError::Ledger { source, .. } => source
            .as_database_error()
            .and_then(|answer| answer.code())
            .is_some_and(|code| is_lock(&code)),
        _ => false,
    }
}

/// An error and what to do about it.
fn told(error: &MigrationError) -> String {
    let message = with_causes(error);
    match error.hint() {
        Some(hint) => format!("{message}; {hint}"),
        None => message,
    }
}

fn phase(phase: MigrationPhase) -> Phase {
    match phase {
        MigrationPhase::Expand => Phase::Expand,
        MigrationPhase::Backfill => Phase::Backfill,
        MigrationPhase::Contract => Phase::Contract,
    }
}

async fn database(migration: &SqlMigration) -> Result<MigrationDatabase, String> {
    let database = MigrationDatabase::of_store(&migration.store).await;
    database.map_err(|error| error.to_string())
}

/// The files of the plan, as they are on the disk; those that came since are left out.
fn planned(
    migration: &SqlMigration,
    database: &MigrationDatabase,
) -> Result<MigrationFiles, String> {
    let folder = std::slice::from_ref(&migration.folder);
    let read = read_migration_files(folder, database.dialect(), migration.through);
    let mut read = read.map_err(|error| with_causes(&error))?;
    let is_planned = |name: &str| migration.files.iter().any(|file| file.name == name);
    read.set.migrations.retain(|found| is_planned(&found.file));
    read.problems.retain(|problem| is_planned(&problem.file));
    for file in &migration.files {
        let mut found = read.set.migrations.iter();
        let path = migration.folder.join(&file.name);
        match found.find(|found| found.file == file.name) {
            None => {
                return Err(format!(
                    "{} is gone since the plan was made",
                    path.display()
                ));
            }
            Some(found) if found.sha256 != file.sha256 => {
                return Err(format!(
                    "{} changed since the plan was made: its SHA-256 is {}, planned was {}; put it back, or plan again",
                    path.display(),
                    found.sha256,
                    file.sha256
                ));
            }
            Some(_) => {}
        }
    }
    Ok(read)
}

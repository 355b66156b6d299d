//! The driver of a release's SQL files: one phase of them as a step of a rollout.

use std::time::Duration;

use portcullis_migration::{MigrationSet, Phase, SetProblem};
use portcullis_rollout::{
    Action, Fact, Failure, LedgerCheck, MigrationOrder, MigrationPhase, Op, Presence, ReverseOrder,
    SqlFile, SqlMigration, SqlOrder,
};

use super::apply::{ApplyOrder, MigrationEvent, apply_until_held, unready};
use super::database::MigrationDatabase;
use super::error::{MigrationError, RunBy, is_lock};
use super::files::{MigrationFiles, read_migration_files};
use super::hold::Hold;
use super::reverse::reverse_migrations;
use super::server_lint::new_findings;
use super::standing::{Standing, entries, settled_standings, taken_away};
use crate::LockWatch;
use crate::bounds::LEFTOVER_PAUSE;
use crate::causes::with_causes;
use crate::clock::Stopwatch;
use crate::course::{Carried, Course};
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
    pub async fn ready(&self, check: &LedgerCheck) -> Result<Vec<Fact>, String> {
        let migration = &check.migration;
        let database = database(migration).await?;
        let gone = match taken_away(&database, check).await {
            Ok(gone) => gone,
            Err(error @ MigrationError::Unreachable { .. }) if check.goes_back => {
                return Ok(vec![Fact::new(
                    "ledger",
                    format!("it cannot be asked: {}", told(&error)),
                )]);
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
            return Ok(vec![Fact::new(
                "ledger",
                "nothing was taken away that it may need",
            )]);
        }
        if migration.files.is_empty() {
            return Ok(vec![Fact::new("ledger", "the release has no SQL files")]);
        }
        let MigrationFiles { set, problems } = planned(migration, &database)?;
        let pending = unready(&database, &set).await;
        let pending = pending.map_err(|error| told(&error))?;
        let mut facts = vec![Fact::new("ledger", format!("{pending} to apply"))];
        facts.extend(examined(migration, &database, (&set, &problems)).await?);
        Ok(facts)
    }

    /// What the lint says for the very server that the files are for, where that differs from what it said for the plan.
    ///
    /// # Errors
    /// Errors among that, and why the database cannot be asked.
    pub async fn examined(&self, order: &SqlOrder) -> Result<Vec<Fact>, String> {
        let database = database(&order.migration).await?;
        let MigrationFiles { set, problems } = planned(&order.migration, &database)?;
        examined(&order.migration, &database, (&set, &problems)).await
    }

    /// Carries it out on a copy, where the locks that it takes are watched: by `locks`, which was begun for this store and for
    /// statements of this process.
    ///
    /// # Errors
    /// Those of [`Driver::apply`].
    pub async fn rehearse(&self, op: &Op, locks: Option<&LockWatch>) -> Result<Vec<Fact>, Failure> {
        if let Action::Reverse(reverse) = &op.action
            && let ReverseOrder::Sql { reverses } = reverse.as_ref()
        {
            return self.reverse(op, reverses, locks).await;
        }
        match self.within_deadline(op, None, locks).await? {
            Carried::Done(facts) | Carried::Suspended(facts) => Ok(facts),
        }
    }

    async fn carry_out(
        &self,
        order: &SqlOrder,
        deadline_ms: u64,
        course: Option<&Course>,
        locks: Option<&LockWatch>,
    ) -> Result<Carried, Failure> {
        let refused = |message: String| failure(message, false);
        let migration = &order.migration;
        let database = database(migration).await.map_err(refused)?;
        let planned = planned(migration, &database);
        let MigrationFiles { set, problems } =
            planned.map_err(|why| refused(format!("{why}{}", way_out(order.phase))))?;
        let bounds = ApplyOrder {
            phase: phase(order.phase),
            lock_timeout_ms: migration.lock_timeout_ms,
            // What outlives the step would be changed while the rollout goes back.
            statement_timeout_ms: migration.statement_timeout_ms.min(deadline_ms.max(1)),
            pause_ms: migration.pause_ms,
            out_of_order: false,
            doubt: None,
        };
        let mut told = Told::new(course);
        let hold = course.map_or_else(Hold::never, |course| Hold::by(course.held()));
        let mut tell = |event: MigrationEvent<'_>| told.hear(event);
        let files = (&set, problems.as_slice());
        let run = apply_until_held(&database, files, &bounds, (&mut tell, &hold), locks);
        let applied = run.await;
        let mut facts = told.facts();
        match applied {
            Ok(applied) => {
                if applied.files.is_empty() {
                    facts.push(Fact::new(
                        "files",
                        format!("none of the phase {} is pending", order.phase),
                    ));
                }
                Ok(Carried::Done(facts))
            }
            Err(MigrationError::Suspended { .. }) => Ok(Carried::Suspended(facts)),
            Err(error) => {
                let hint = error.hint(RunBy::Rollout);
                facts.extend(hint.map(|hint| Fact::new("do", hint)));
                Err(Failure {
                    message: format!("the migration failed: {}", with_causes(&error)),
                    retryable: may_pass(&error),
                    facts,
                })
            }
        }
    }

    async fn within_deadline(
        &self,
        op: &Op,
        course: Option<&Course>,
        locks: Option<&LockWatch>,
    ) -> Result<Carried, Failure> {
        let Action::Migrate(MigrationOrder::Sql(order)) = &op.action else {
            return Err(not_mine(op, "driver of SQL files"));
        };
        let deadline = Duration::from_millis(op.deadline_ms);
        let carried_out = self.carry_out(order, op.deadline_ms, course, locks);
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

    /// Undoes files by the `.down.sql` beside each, on a copy with the locks watched.
    ///
    /// # Errors
    /// Why not all are undone; the ledger says which are.
    pub async fn reverse(
        &self,
        op: &Op,
        reverses: &SqlMigration,
        locks: Option<&LockWatch>,
    ) -> Result<Vec<Fact>, Failure> {
        let refused = |message: String| failure(message, false);
        let database = database(reverses).await.map_err(refused)?;
        let MigrationFiles { set, .. } = planned(reverses, &database).map_err(refused)?;
        same_reverses(reverses, &set).map_err(refused)?;
        let bounds = (
            reverses.lock_timeout_ms,
            reverses.statement_timeout_ms.min(op.deadline_ms.max(1)),
        );
        let undoing = reverse_migrations(&database, &set, bounds, locks);
        let deadline = Duration::from_millis(op.deadline_ms);
        match tokio::time::timeout(deadline, undoing).await {
            Ok(Ok(undone)) => {
                let words = |took_ms: u64| format!("undone in {took_ms} ms");
                let facts = undone.iter();
                Ok(facts
                    .map(|(file, took_ms)| Fact::new(file, words(*took_ms)))
                    .collect())
            }
            Ok(Err(error)) => Err(Failure {
                message: format!("the reverse failed: {}", with_causes(&error)),
                retryable: may_pass(&error),
                facts: Vec::new(),
            }),
            Err(_) => Err(failure(
                format!("the reverse took longer than {} ms", op.deadline_ms),
                false,
            )),
        }
    }

    async fn probe_reverse(&self, reverses: &SqlMigration, deadline_ms: u64) -> Probed {
        let files: Vec<&SqlFile> = reverses.files.iter().collect();
        let patience = Duration::from_millis(deadline_ms);
        let standings = match self.standings(reverses, &files, patience).await {
            Ok(standings) => standings,
            Err(unknown) => return unknown,
        };
        let left = standings
            .iter()
            .filter(|(_, one)| *one != Standing::Pending);
        let facts: Vec<Fact> = left
            .map(|(file, one)| Fact::new(file, one.word()))
            .collect();
        let presence = match facts.is_empty() {
            true => Presence::Applied,
            false => Presence::Absent,
        };
        Probed { presence, facts }
    }

    /// How files stand once nobody is at them.
    async fn standings(
        &self,
        migration: &SqlMigration,
        files: &[&SqlFile],
        patience: Duration,
    ) -> Result<Vec<(String, Standing)>, Probed> {
        let unknown = |why: String| Probed::new(Presence::Unknown).with("ledger", why);
        let database = database(migration).await.map_err(unknown)?;
        let watch = Stopwatch::start();
        loop {
            match settled_standings(&database, files).await {
                Ok(standings) => return Ok(standings),
                Err(MigrationError::Busy { .. }) if !watch.left_of(patience).is_zero() => {
                    tokio::time::sleep(LEFTOVER_PAUSE).await;
                }
                Err(error) => return Err(unknown(told(&error))),
            }
        }
    }
}

impl Driver for SqlMigrationDriver {
    async fn probe(&self, op: &Op) -> Probed {
        let order = match &op.action {
            Action::Migrate(MigrationOrder::Sql(order)) => order,
            Action::Reverse(reverse) => match reverse.as_ref() {
                ReverseOrder::Sql { reverses } => {
                    return self.probe_reverse(reverses, op.deadline_ms).await;
                }
                ReverseOrder::Command { .. } => return Probed::new(Presence::Unknown),
            },
            _ => return Probed::new(Presence::Unknown),
        };
        let patience = Duration::from_millis(op.deadline_ms);
        let files = order.migration.files.iter();
        let files: Vec<&SqlFile> = files.filter(|file| file.phase == order.phase).collect();
        let standings = match self.standings(&order.migration, &files, patience).await {
            Ok(standings) => standings,
            Err(unknown) => return unknown,
        };
        let mut presence = Presence::Applied;
        let mut facts = Vec::new();
        for (file, standing) in &standings {
            facts.push(Fact::new(file, standing.word()));
            presence = match (standing, presence) {
                (_, Presence::Unknown) => Presence::Unknown,
                (Standing::Applied, so_far) => so_far,
                // An index in doubt is looked up by the next attempt, anything else asks a person by failing.
                (Standing::Pending | Standing::HalfWay { .. }, _) => Presence::Absent,
                (Standing::Changed | Standing::Unknown, _) => Presence::Unknown,
            };
        }
        Probed { presence, facts }
    }

    async fn apply(&self, op: &Op) -> Result<Vec<Fact>, Failure> {
        self.rehearse(op, None).await
    }

    async fn carry_out(&self, op: &Op, course: &Course) -> Result<Carried, Failure> {
        self.within_deadline(op, Some(course), None).await
    }
}

async fn examined(
    migration: &SqlMigration,
    database: &MigrationDatabase,
    files: (&MigrationSet, &[SetProblem]),
) -> Result<Vec<Fact>, String> {
    let entries = entries(database).await.map_err(|error| told(&error))?;
    new_findings(database, files, &entries, migration.server_version).await
}

/// What is told of a run: facts when it is over, and its progress while it goes on.
struct Told<'c> {
    course: Option<&'c Course>,
    facts: Vec<Fact>,
    /// The file that is carried out, and how many rows were changed by it, by earlier runs too.
    current: Option<(String, u64)>,
}

impl<'c> Told<'c> {
    fn new(course: Option<&'c Course>) -> Told<'c> {
        Told {
            course,
            facts: Vec::new(),
            current: None,
        }
    }

    fn hear(&mut self, event: MigrationEvent<'_>) {
        match event {
            MigrationEvent::Begins {
                migration, rows, ..
            } => self.current = Some((migration.file.clone(), rows)),
            MigrationEvent::Statement { rows, .. } => {
                if let Some((_, changed)) = &mut self.current {
                    *changed += rows;
                }
            }
            MigrationEvent::FoundDone { migration, index } => {
                let done = format!("statement {} was found to be done", index + 1);
                self.facts.push(Fact::new(&migration.file, done));
            }
            MigrationEvent::Round {
                migration, rows, ..
            } => {
                let before = self.current.as_ref().map_or(0, |(_, changed)| *changed);
                if let Some(course) = self.course {
                    course.say(format!(
                        "{}: {}",
                        migration.file,
                        rows_changed(before + rows)
                    ));
                }
            }
            MigrationEvent::Applied { migration, took_ms } => {
                let changed = self.current.take().map_or(0, |(_, changed)| changed);
                let rows = match changed {
                    0 => String::new(),
                    rows => format!(", {}", rows_changed(rows)),
                };
                let applied = format!("applied in {took_ms} ms{rows}");
                self.facts.push(Fact::new(&migration.file, applied));
            }
        }
    }

    fn facts(self) -> Vec<Fact> {
        self.facts
    }
}

fn rows_changed(rows: u64) -> String {
    match rows {
        1 => "1 row changed".to_owned(),
        rows => format!("{rows} rows changed"),
    }
}

/// What a person can do about files that are not what was planned, once nothing is undone any more.
fn way_out(phase: MigrationPhase) -> &'static str {
    match phase {
        MigrationPhase::Expand | MigrationPhase::Backfill => "",
        MigrationPhase::Contract => {
            "; with the file as it was, `portcullis retry` goes on; `portcullis skip` ends this rollout without it, and the \
             next release can have it"
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
    match error.hint(RunBy::Rollout) {
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

/// What undoes files must be what it was when the plan was made, and was rehearsed.
fn same_reverses(migration: &SqlMigration, set: &MigrationSet) -> Result<(), String> {
    for file in &migration.files {
        let found = set.migrations.iter().find(|found| found.file == file.name);
        let found = found.and_then(|found| found.reverse.as_ref());
        let found = found.map(|reverse| reverse.sha256.as_str());
        let planned = file.reverse.as_ref();
        if found.is_none() || found != planned.map(|planned| planned.sha256.as_str()) {
            let name = planned.map_or("its .down.sql", |planned| planned.name.as_str());
            return Err(format!(
                "{name}, which undoes {}, is not what it was when the plan was made; put it back as it was",
                file.name
            ));
        }
    }
    Ok(())
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
                    "{} changed since the plan was made: its SHA-256 is {}, planned was {}; put it back as it was, or plan again",
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

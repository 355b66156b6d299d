//! Which files are applied, and how one that is a single transaction is.

use portcullis_migration::{Migration, MigrationSet, Phase, SetProblem, Statement};

use super::database::{DatabaseKind, MigrationDatabase};
use super::error::{FailedStatement, MigrationError};
use super::hold::Hold;
use super::in_steps;
use super::ledger::{self, Entry};
use super::postgres::PostgresSession;
use super::session::{Session, settled};
use super::sqlite::SqliteSession;
use super::standing::{self, same_dialect};
use super::watched::Watched;
use crate::LockWatch;
use crate::clock::Stopwatch;

/// How files are applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplyOrder {
    /// Only files of this phase.
    pub phase: Phase,
    /// How long a statement may wait for a lock, in milliseconds; zero for ever.
    pub lock_timeout_ms: u64,
    /// How long a statement may take, in milliseconds; zero for ever.
    pub statement_timeout_ms: u64,
    /// The pause between two rounds of a batch that says none, in milliseconds.
    pub pause_ms: u64,
    /// Also files that come before one that is already applied.
    pub out_of_order: bool,
    /// What a person says of a statement that is in doubt.
    pub doubt: Option<Doubt>,
}

/// What a person says of a statement of which nobody knows whether it took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// It did: go on with the next one.
    Done,
    /// It did not: carry it out again.
    Again,
}

/// What was applied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// The files, in the order in which they were applied.
    pub files: Vec<String>,
}

/// Something that happens while files are applied.
#[derive(Debug, Clone, Copy)]
pub enum MigrationEvent<'m> {
    /// A file begins, or goes on behind its first `done` statements.
    Begins {
        /// The file.
        migration: &'m Migration,
        /// How many of its statements were carried out by an earlier run.
        done: usize,
        /// How many rows earlier runs have changed by it.
        rows: u64,
    },
    /// A statement of a file that is carried out in steps is done.
    Statement {
        /// The file.
        migration: &'m Migration,
        /// Which statement, from 0 on.
        index: usize,
        /// How many rows it changed.
        rows: u64,
        /// How long it took, in milliseconds.
        took_ms: u64,
    },
    /// A statement that was in doubt was found to be done, by looking at the database.
    FoundDone {
        /// The file.
        migration: &'m Migration,
        /// Which statement, from 0 on.
        index: usize,
    },
    /// A round of a batch is done.
    Round {
        /// The file.
        migration: &'m Migration,
        /// Which statement, from 0 on.
        index: usize,
        /// The round, from 1 on.
        round: u64,
        /// How many rows this run has changed by it so far.
        rows: u64,
    },
    /// A file is applied.
    Applied {
        /// The file.
        migration: &'m Migration,
        /// How long this run took for it, in milliseconds.
        took_ms: u64,
    },
}

/// Whoever is told how it goes.
pub(super) type Tell<'t> = dyn FnMut(MigrationEvent<'_>) + Send + 't;

/// Applies the files of one phase that are not applied, in their order, and says how it goes. `problems` are those that
/// reading the set gave.
///
/// Before anything is changed the whole set is looked at: files that cannot be read as they are, that changed after they were
/// applied, that come before one that is applied, or that need an earlier phase are refused.
///
/// # Errors
/// Whatever keeps it from applying all of them. What was applied before stays applied and is in the ledger.
pub async fn apply_migrations(
    database: &MigrationDatabase,
    files: (&MigrationSet, &[SetProblem]),
    order: &ApplyOrder,
    tell: &mut Tell<'_>,
) -> Result<Applied, MigrationError> {
    apply_until_held(database, files, order, (tell, &Hold::never()), None).await
}

/// The same, until it is asked to stop: then it does between two rounds, statements or files, and what is done is in the ledger.
/// With a watch over locks, it looks around each statement and each end of a transaction.
///
/// # Errors
/// Those of [`apply_migrations`], and [`MigrationError::Suspended`] where it was asked to stop.
pub(super) async fn apply_until_held(
    database: &MigrationDatabase,
    (set, problems): (&MigrationSet, &[SetProblem]),
    order: &ApplyOrder,
    course: (&mut Tell<'_>, &Hold),
    locks: Option<&LockWatch>,
) -> Result<Applied, MigrationError> {
    same_dialect(database, set)?;
    let fatal = problems.iter().filter(|problem| problem.kind.is_fatal());
    let fatal: Vec<SetProblem> = fatal.cloned().collect();
    if !fatal.is_empty() {
        return Err(MigrationError::Files(fatal));
    }
    let bounds = (order.lock_timeout_ms, order.statement_timeout_ms);
    match &database.kind {
        DatabaseKind::Postgres(options) => {
            let session = PostgresSession::to_change(options, database, bounds).await?;
            watched(session, locks, set, order, course).await
        }
        DatabaseKind::Sqlite(path) => {
            let session = SqliteSession::to_change(path, database, bounds).await?;
            watched(session, locks, set, order, course).await
        }
    }
}

async fn watched<S: Session>(
    session: S,
    locks: Option<&LockWatch>,
    set: &MigrationSet,
    order: &ApplyOrder,
    course: (&mut Tell<'_>, &Hold),
) -> Result<Applied, MigrationError> {
    match locks {
        None => all(session, set, order, course).await,
        Some(locks) => all(Watched::new(session, locks), set, order, course).await,
    }
}

async fn all<S: Session>(
    mut session: S,
    set: &MigrationSet,
    order: &ApplyOrder,
    course: (&mut Tell<'_>, &Hold),
) -> Result<Applied, MigrationError> {
    let outcome = each(&mut session, set, order, course).await;
    session.close().await;
    outcome
}

async fn each<S: Session>(
    session: &mut S,
    set: &MigrationSet,
    order: &ApplyOrder,
    (tell, hold): (&mut Tell<'_>, &Hold),
) -> Result<Applied, MigrationError> {
    let entries = session.entries().await;
    let entries = entries.map_err(MigrationError::ledger("read the ledger"))?;
    let entries = entries.unwrap_or_default();
    let chosen = choose(set, &entries, order)?;
    if !chosen.is_empty() {
        let made = session.make_ledger().await;
        made.map_err(MigrationError::ledger(
            "make the table portcullis_migrations",
        ))?;
    }
    let mut applied = Applied::default();
    for migration in chosen {
        let entry = entry_of(&entries, migration);
        let done = entry.map_or(0, |entry| entry.statements_done);
        let rows = entry.map_or(0, |entry| entry.rows_changed);
        hold.check(migration)?;
        tell(MigrationEvent::Begins {
            migration,
            done,
            rows,
        });
        let watch = Stopwatch::start();
        match migration.in_transaction && entry.is_none() {
            true => whole(session, migration, &watch).await?,
            false => {
                let steps = in_steps::Steps {
                    migration,
                    order,
                    entry,
                    hold,
                };
                steps.apply(session, &watch, tell).await?;
            }
        }
        let took_ms = watch.elapsed_ms();
        tell(MigrationEvent::Applied { migration, took_ms });
        applied.files.push(migration.file.clone());
    }
    Ok(applied)
}

/// Whether the files of all phases could be applied one phase after the other, and how many there are.
///
/// # Errors
/// What would keep the next [`apply_migrations`] from beginning.
pub(super) async fn unready(
    database: &MigrationDatabase,
    set: &MigrationSet,
) -> Result<usize, MigrationError> {
    same_dialect(database, set)?;
    let entries = standing::entries(database).await?;
    let row = Row::of(set, &entries)?;
    for migration in &row.pending {
        row.in_order(migration)?;
        own_transaction(migration)?;
    }
    Ok(row.pending.len())
}

/// The files that are to be applied now, or why none may be.
fn choose<'s>(
    set: &'s MigrationSet,
    entries: &[Entry],
    order: &ApplyOrder,
) -> Result<Vec<&'s Migration>, MigrationError> {
    let row = Row::of(set, entries)?;
    let of_phase = row.pending.iter().filter(|m| m.phase == order.phase);
    let chosen: Vec<&Migration> = of_phase.copied().collect();
    for migration in &chosen {
        if !order.out_of_order {
            row.in_order(migration)?;
        }
        row.after_earlier_phases(migration)?;
        own_transaction(migration)?;
    }
    Ok(chosen)
}

/// The files beside the ledger.
struct Row<'s, 'e> {
    /// Those that are not applied, in their order.
    pending: Vec<&'s Migration>,
    entries: &'e [Entry],
}

impl<'s, 'e> Row<'s, 'e> {
    /// Fails when a file changed after it was applied.
    fn of(set: &'s MigrationSet, entries: &'e [Entry]) -> Result<Row<'s, 'e>, MigrationError> {
        let (mut pending, mut changed) = (Vec::new(), Vec::new());
        for migration in &set.migrations {
            let entry = entry_of(entries, migration);
            match entry.filter(|entry| entry.applied_at.is_some()) {
                None => pending.push(migration),
                Some(entry) if entry.sha256 != migration.sha256 && entry.name != migration.file => {
                    return Err(MigrationError::NumberTaken {
                        file: migration.file.clone(),
                        applied: entry.name.clone(),
                    });
                }
                Some(entry) if entry.sha256 != migration.sha256 => {
                    changed.push(migration.file.clone());
                }
                Some(_) => {}
            }
        }
        match changed.is_empty() {
            true => Ok(Row { pending, entries }),
            false => Err(MigrationError::Changed { files: changed }),
        }
    }

    /// A file comes before none that is applied. One that is half done belongs to the row already.
    fn in_order(&self, migration: &Migration) -> Result<(), MigrationError> {
        match later(self.entries, migration) {
            Some(after) if entry_of(self.entries, migration).is_none() => {
                Err(MigrationError::OutOfOrder {
                    file: migration.file.clone(),
                    after: after.name.clone(),
                })
            }
            _ => Ok(()),
        }
    }

    fn after_earlier_phases(&self, migration: &Migration) -> Result<(), MigrationError> {
        let earlier = |m: &&&Migration| m.version < migration.version && m.phase < migration.phase;
        match self.pending.iter().find(earlier) {
            None => Ok(()),
            Some(missing) => Err(MigrationError::EarlierPhase {
                file: missing.file.clone(),
                phase: missing.phase,
                wanted: migration.file.clone(),
            }),
        }
    }
}

fn entry_of<'e>(entries: &'e [Entry], migration: &Migration) -> Option<&'e Entry> {
    let mut entries = entries.iter();
    entries.find(|entry| entry.version == migration.version)
}

fn own_transaction(migration: &Migration) -> Result<(), MigrationError> {
    let mut statements = migration.statements.iter();
    match statements.find(|statement| statement.controls_transaction()) {
        None => Ok(()),
        Some(own) => Err(MigrationError::OwnTransaction {
            file: migration.file.clone(),
            line: own.line,
            statement: own.excerpt(),
        }),
    }
}

/// An entry that should have come after a file. A file of a later phase may well follow files with higher numbers of an
/// earlier one: it waits for the rollout, they do not.
fn later<'e>(entries: &'e [Entry], migration: &Migration) -> Option<&'e Entry> {
    entries.iter().find(|entry| {
        let phase = entry.phase.unwrap_or(Phase::Contract);
        entry.version > migration.version && phase >= migration.phase
    })
}

/// Carries out a file and enters it, in one transaction.
async fn whole<S: Session>(
    session: &mut S,
    migration: &Migration,
    watch: &Stopwatch,
) -> Result<(), MigrationError> {
    let begun = session.begin().await;
    begun.map_err(MigrationError::ledger("begin a transaction"))?;
    let outcome = statements_and_entry(session, migration, watch).await;
    settled(session, outcome).await
}

async fn statements_and_entry<S: Session>(
    session: &mut S,
    migration: &Migration,
    watch: &Stopwatch,
) -> Result<(), MigrationError> {
    let mut rows = 0;
    for statement in &migration.statements {
        match session.run(&statement.text).await {
            Ok(changed) => rows += changed,
            Err(error) => return Err(failed(migration, statement, &error, None)),
        }
    }
    let reset = session.reset().await;
    reset.map_err(MigrationError::ledger("take back the settings of the file"))?;
    let entered = async {
        ledger::begin(session, migration).await?;
        ledger::done(session, migration, migration.statements.len(), rows).await?;
        ledger::finish(session, migration, watch.elapsed_ms()).await
    };
    entered
        .await
        .map_err(MigrationError::ledger("enter the file into the ledger"))
}

/// A failure of a statement, in words. `done` counts the statements that stay carried out.
pub(super) fn failed(
    migration: &Migration,
    statement: &Statement,
    error: &sqlx::Error,
    done: Option<usize>,
) -> MigrationError {
    let answered = error.as_database_error();
    let message = answered.map_or_else(
        || crate::causes::with_causes(error),
        |answer| without_data(answer.message(), answer.code().as_deref()),
    );
    let code = answered.and_then(|answer| answer.code()).map(Into::into);
    MigrationError::Statement(Box::new(FailedStatement {
        file: migration.file.clone(),
        line: statement.line,
        statement: statement.excerpt(),
        message,
        code,
        done,
        of: migration.statements.len(),
        invalid_indexes: Vec::new(),
        is_in_doubt: false,
    }))
}

/// What a database says, without values of rows. Its detail quotes them, which nobody asks for; messages about values that do
/// not fit (class 22) quote them behind a colon or in quotes, and a RAISE says what its author wrote.
fn without_data(message: &str, code: Option<&str>) -> String {
    match code {
        Some("P0001") => "it raised an exception; the server's log has its words".to_owned(),
        Some(code) if code.len() == 5 && code.starts_with("22") => {
            let end = message.find([':', '"']).unwrap_or(message.len());
            message[..end].trim_end().to_owned()
        }
        _ => message.to_owned(),
    }
}

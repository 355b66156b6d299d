//! A file that is carried out statement by statement, with every step recorded.

use portcullis_migration::{Batch, ConcurrentIndex, Migration, Statement};

use super::apply::{ApplyOrder, Doubt, MigrationEvent, Tell, failed};
use super::error::MigrationError;
use super::hold::Hold;
use super::ledger::{self, Entry};
use super::session::{IndexState, Session, settled};
use crate::clock::Stopwatch;

/// A file that is carried out in steps.
pub(super) struct Steps<'a> {
    pub(super) migration: &'a Migration,
    pub(super) order: &'a ApplyOrder,
    /// What an earlier run has recorded.
    pub(super) entry: Option<&'a Entry>,
    pub(super) hold: &'a Hold,
}

impl Steps<'_> {
    /// Carries out what is left of the file.
    pub(super) async fn apply<S: Session>(
        &self,
        session: &mut S,
        watch: &Stopwatch,
        tell: &mut Tell<'_>,
    ) -> Result<(), MigrationError> {
        let migration = self.migration;
        let mut done = match self.entry {
            Some(entry) => self.resume(session, entry, tell).await?,
            None => {
                let entered = ledger::begin(session, migration).await;
                entered.map_err(MigrationError::ledger("enter the file into the ledger"))?;
                0
            }
        };
        while let Some(statement) = migration.statements.get(done) {
            self.hold.check(migration)?;
            let step = Stopwatch::start();
            let rows = self.step(session, done, statement, tell).await?;
            tell(MigrationEvent::Statement {
                migration,
                index: done,
                rows,
                took_ms: step.elapsed_ms(),
            });
            done += 1;
        }
        let reset = session.reset().await;
        reset.map_err(MigrationError::ledger("take back the settings of the file"))?;
        let finished = ledger::finish(session, migration, watch.elapsed_ms()).await;
        finished.map_err(MigrationError::ledger("enter the file as applied"))
    }

    /// How many statements are carried out, after what was in doubt is known. What the file has set for the session is set
    /// again.
    async fn resume<S: Session>(
        &self,
        session: &mut S,
        entry: &Entry,
        tell: &mut Tell<'_>,
    ) -> Result<usize, MigrationError> {
        let (migration, done) = (self.migration, entry.statements_done);
        let is_short = done > migration.statements.len();
        if is_short || migration.sha256_through(done) != entry.done_sha256 {
            let file = migration.file.clone();
            return Err(MigrationError::DoneChanged { file, done });
        }
        for statement in &migration.statements[..done] {
            if statement.sets_session() {
                let set = session.run(&statement.text).await;
                set.map_err(|error| failed(migration, statement, &error, Some(done)))?;
            }
        }
        let in_doubt = entry
            .under_way
            .and_then(|at| migration.statements.get(at).filter(|_| at == done));
        let Some(statement) = in_doubt else {
            return Ok(done);
        };
        if !self.is_done(session, statement).await? {
            return Ok(done);
        }
        let noted = ledger::done(session, migration, done + 1, 0).await;
        noted.map_err(MigrationError::ledger("note what was found"))?;
        let index = done;
        tell(MigrationEvent::FoundDone { migration, index });
        Ok(done + 1)
    }

    /// Whether a statement that was under way when an earlier run ended took effect.
    async fn is_done<S: Session>(
        &self,
        session: &mut S,
        statement: &Statement,
    ) -> Result<bool, MigrationError> {
        match self.order.doubt {
            Some(Doubt::Done) => return Ok(true),
            Some(Doubt::Again) => return Ok(false),
            None if statement.is_repeatable() => return Ok(false),
            None => {}
        }
        if let Some(built) = statement.concurrent_index() {
            return Ok(self.index(session, statement, &built).await? == IndexState::Valid);
        }
        Err(MigrationError::InDoubt {
            file: self.migration.file.clone(),
            line: statement.line,
            statement: statement.excerpt(),
        })
    }

    /// How the index is that a statement builds; one that is invalid is in the way of everything.
    async fn index<S: Session>(
        &self,
        session: &mut S,
        statement: &Statement,
        index: &ConcurrentIndex,
    ) -> Result<IndexState, MigrationError> {
        let state = session.index_state(index).await;
        match state.map_err(MigrationError::ledger("look at the index"))? {
            IndexState::Invalid(index) => Err(MigrationError::InvalidIndex {
                file: self.migration.file.clone(),
                line: statement.line,
                index,
            }),
            state => Ok(state),
        }
    }

    /// Carries out one statement and notes it. Gives the rows that it changed.
    async fn step<S: Session>(
        &self,
        session: &mut S,
        index: usize,
        statement: &Statement,
        tell: &mut Tell<'_>,
    ) -> Result<u64, MigrationError> {
        if let Some(batch) = statement.batch {
            return self.batches(session, index, batch, tell).await;
        }
        if statement.fits_transaction() {
            return self.with_note(session, index, statement, None).await;
        }
        let migration = self.migration;
        if let Some(built) = statement.concurrent_index() {
            // IF NOT EXISTS would take it for one.
            self.index(session, statement, &built).await?;
        }
        let before = session.invalid_indexes().await;
        let before = before.map_err(MigrationError::ledger("look for invalid indexes"))?;
        if !statement.sets_session() {
            let noted = ledger::under_way(session, migration, Some(index)).await;
            noted.map_err(MigrationError::ledger("note which statement is sent"))?;
        }
        match session.run(&statement.text).await {
            Ok(rows) => {
                let noted = ledger::done(session, migration, index + 1, rows).await;
                noted.map_err(MigrationError::ledger("note that a statement is done"))?;
                Ok(rows)
            }
            Err(error) => Err(self
                .failed_alone(session, (index, statement), &error, &before)
                .await),
        }
    }

    /// What a statement outside of a transaction leaves when it fails. An answer of the database says that it did; without an
    /// answer nobody knows, and the ledger keeps saying so. So it does of a block or a procedure that may have committed part of
    /// its work before it failed.
    async fn failed_alone<S: Session>(
        &self,
        session: &mut S,
        (index, statement): (usize, &Statement),
        error: &sqlx::Error,
        before: &[String],
    ) -> MigrationError {
        let mut told = failed(self.migration, statement, error, Some(index));
        if error.as_database_error().is_none() {
            return told;
        }
        if statement.may_commit() {
            if let MigrationError::Statement(failed) = &mut told {
                failed.is_in_doubt = true;
            }
            return told;
        }
        let _ = ledger::under_way(session, self.migration, None).await;
        let after = session.invalid_indexes().await.unwrap_or_default();
        if let MigrationError::Statement(failed) = &mut told {
            let is_new = |name: &String| !before.contains(name);
            failed
                .invalid_indexes
                .extend(after.into_iter().filter(is_new));
        }
        told
    }

    /// Carries out a statement and notes it, in one transaction. With a batch it is a round, which is not the statement's
    /// end unless it changes nothing.
    async fn with_note<S: Session>(
        &self,
        session: &mut S,
        index: usize,
        statement: &Statement,
        batch: Option<Batch>,
    ) -> Result<u64, MigrationError> {
        let begun = session.begin().await;
        begun.map_err(MigrationError::ledger("begin a transaction"))?;
        let outcome = self.run_and_note(session, index, statement, batch).await;
        settled(session, outcome).await
    }

    async fn run_and_note<S: Session>(
        &self,
        session: &mut S,
        index: usize,
        statement: &Statement,
        batch: Option<Batch>,
    ) -> Result<u64, MigrationError> {
        let ran = session.run(&statement.text).await;
        let rows = ran.map_err(|error| failed(self.migration, statement, &error, Some(index)))?;
        if let Some(batch) = batch
            && rows > batch.rows
        {
            return Err(MigrationError::BatchTooLarge {
                file: self.migration.file.clone(),
                line: statement.line,
                rows,
                batch: batch.rows,
            });
        }
        let done = match batch {
            Some(_) if rows > 0 => index,
            _ => index + 1,
        };
        let noted = ledger::done(session, self.migration, done, rows).await;
        noted.map_err(MigrationError::ledger("note what was changed"))?;
        Ok(rows)
    }

    /// Repeats a statement until it changes nothing.
    async fn batches<S: Session>(
        &self,
        session: &mut S,
        index: usize,
        batch: Batch,
        tell: &mut Tell<'_>,
    ) -> Result<u64, MigrationError> {
        let (migration, statement) = (self.migration, &self.migration.statements[index]);
        let mut changed = 0;
        for round in 1..=batch.rounds_max {
            let rows = self
                .with_note(session, index, statement, Some(batch))
                .await?;
            if rows == 0 {
                return Ok(changed);
            }
            changed += rows;
            tell(MigrationEvent::Round {
                migration,
                index,
                round,
                rows: changed,
            });
            self.hold
                .pause(batch.pause_ms.unwrap_or(self.order.pause_ms))
                .await;
            self.hold.check(migration)?;
        }
        Err(MigrationError::TooManyRounds {
            file: migration.file.clone(),
            line: statement.line,
            rounds: batch.rounds_max,
        })
    }
}

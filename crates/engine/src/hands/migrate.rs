//! Migrations: a command of the operator's, or a phase of SQL files.

use std::time::Duration;

use portcullis_driver::{
    Carried, CommandDriver, Course, Driver, LockWatch, Probed, SqlMigrationDriver,
};
use portcullis_rollout::{Action, Fact, Failure, LedgerCheck, MigrationOrder, Op, ReverseOrder};

/// Carries out [`Action::Migrate`], by the driver of its kind.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct MigrationHand {
    command: CommandDriver,
    sql: SqlMigrationDriver,
}

impl MigrationHand {
    pub(super) async fn probe(&self, op: &Op) -> Probed {
        match &op.action {
            action if is_sql(action) => self.sql.probe(op).await,
            _ => self.command.probe(op).await,
        }
    }

    pub(super) async fn apply(&self, op: &Op) -> Result<Vec<Fact>, Failure> {
        match &op.action {
            action if is_sql(action) => self.sql.apply(op).await,
            _ => self.command.apply(op).await,
        }
    }

    /// Carries it out on a copy, with the locks of SQL files watched from within.
    pub(super) async fn rehearse(
        &self,
        op: &Op,
        locks: Option<&LockWatch>,
    ) -> Result<Vec<Fact>, Failure> {
        match &op.action {
            action if is_sql(action) => self.sql.rehearse(op, locks).await,
            _ => self.command.apply(op).await,
        }
    }

    pub(super) async fn carry_out(&self, op: &Op, course: &Course) -> Result<Carried, Failure> {
        match &op.action {
            Action::Migrate(MigrationOrder::Sql(_)) => self.sql.carry_out(op, course).await,
            _ => self.command.apply(op).await.map(Carried::Done),
        }
    }

    /// Waits up to `patience` until nothing of an earlier attempt at this migration goes on. SQL is carried out by this
    /// program itself, so nothing of it outlives that but a statement which holds the ledger's lock; the next attempt
    /// meets that.
    pub(super) async fn settled(
        &self,
        order: &MigrationOrder,
        patience: Duration,
    ) -> Result<(), Probed> {
        match order {
            MigrationOrder::Command(migration) => self.command.settled(migration, patience).await,
            MigrationOrder::Sql(_) => Ok(()),
        }
    }

    /// What the lint of SQL files says for their own server, and did not say for the plan.
    pub(super) async fn examined(&self, order: &MigrationOrder) -> Result<Vec<Fact>, String> {
        match order {
            MigrationOrder::Command(_) => Ok(Vec::new()),
            MigrationOrder::Sql(order) => self.sql.examined(order).await,
        }
    }

    /// What the ledger says about a rollout that is to begin.
    pub(super) async fn ready(&self, check: &LedgerCheck) -> Result<Vec<Fact>, String> {
        self.sql.ready(check).await
    }
}

/// Whether SQL files are carried out or undone.
fn is_sql(action: &Action) -> bool {
    match action {
        Action::Migrate(MigrationOrder::Sql(_)) => true,
        Action::Reverse(reverse) => matches!(reverse.as_ref(), ReverseOrder::Sql { .. }),
        _ => false,
    }
}

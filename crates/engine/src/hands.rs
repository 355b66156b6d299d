//! The engine's hands: each action goes to the driver that can do it.
//!
//! Hands decide nothing. They send an op to its driver and, where an action needs two (a release is
//! drained by the gateway, then stopped as a process), do one after the other.

use portcullis_driver::{
    Carried, CheckClient, Course, Driver, GatewayDriver, HookDriver, Probed, ProcessDriver,
    SmokeDriver,
};
use portcullis_rollout::{Action, Direction, Fact, Failure, Op, Presence, Promotion, ReleaseId};

mod bucket;
mod data;
mod migrate;
mod preflight;
mod rehearse;

pub use data::{DataHand, Recorder, size_words, stores_of};
use migrate::MigrationHand;
use preflight::PreflightHand;
pub use preflight::file_sha256;
pub use rehearse::RehearsalHand;

/// All drivers of one service.
#[derive(Clone)]
pub struct Hands {
    process: ProcessDriver,
    gateway: GatewayDriver,
    migration: MigrationHand,
    hook: HookDriver,
    smoke: SmokeDriver,
    data: DataHand,
    preflight: PreflightHand,
    rehearsal: RehearsalHand,
}

impl Hands {
    /// Hands that use these drivers.
    pub fn new(
        process: ProcessDriver,
        gateway: GatewayDriver,
        checks: CheckClient,
        data: DataHand,
        rehearsal: RehearsalHand,
    ) -> Hands {
        Hands {
            process,
            gateway,
            migration: MigrationHand::default(),
            hook: HookDriver::new(),
            smoke: SmokeDriver::new(checks.clone()),
            preflight: PreflightHand::new(data.clone(), checks),
            data,
            rehearsal,
        }
    }
}

impl Hands {
    /// A promotion is done when the traffic has moved *and* the very program that was planned runs where
    /// it went: a gateway that says yes proves nothing about what answers.
    async fn probe_promotion(&self, op: &Op, promotion: &Promotion) -> Probed {
        let moved = self.gateway.probe(op).await;
        if moved.presence != Presence::Applied {
            return moved;
        }
        let mut running = self.process.runs(&promotion.launch).await;
        running.facts.extend(moved.facts);
        running
    }

    /// What a release wrote last, if it wrote anything.
    fn last_words(&self, release: &ReleaseId, address: &str) -> Option<Fact> {
        let lines = self.process.last_lines(release, address);
        (!lines.is_empty()).then(|| Fact::new("last lines", lines))
    }
}

impl Driver for Hands {
    async fn probe(&self, op: &Op) -> Probed {
        match &op.action {
            Action::Preflight(order) => self.preflight.probe(order).await,
            Action::Backup(order) => self.data.probe_backup(order).await,
            Action::Restore(order) => self.data.probe_restore(order, &op.key.rollout).await,
            Action::Rehearse(order) => self.rehearsal.probe(order, op.deadline_ms).await,
            Action::Migrate(_) | Action::Reverse(_) => self.migration.probe(op).await,
            Action::Start(_) | Action::Retire(_) => self.process.probe(op).await,
            Action::Smoke(_) => self.smoke.probe(op).await,
            Action::Shift(_) => self.gateway.probe(op).await,
            Action::Promote(promotion) => self.probe_promotion(op, promotion).await,
            Action::Hook(_) => self.hook.probe(op).await,
            Action::Approve(_) | Action::Gate(_) => Probed::new(Presence::Unknown).with(
                Fact::REASON,
                "approvals and gates are not carried out by a driver",
            ),
        }
    }

    async fn apply(&self, op: &Op) -> Result<Vec<Fact>, Failure> {
        match &op.action {
            Action::Preflight(order) => self.preflight.look(order).await,
            Action::Backup(order) => self.data.backup(order).await,
            Action::Restore(order) => self.data.restore(order, &op.key.rollout).await,
            Action::Rehearse(order) => self.rehearsal.apply(order, op.deadline_ms).await,
            Action::Migrate(_) | Action::Reverse(_) => self.migration.apply(op).await,
            Action::Start(_) => self.process.apply(op).await,
            Action::Retire(order) => {
                let mut facts = self.gateway.drained(order).await?;
                // A release that is taken back is evidence: what it said comes first.
                if op.key.direction == Direction::Undo {
                    let address = &order.target.address;
                    facts.extend(self.last_words(&order.release, address));
                }
                facts.extend(self.process.apply(op).await?);
                Ok(facts)
            }
            Action::Smoke(order) => self.smoke.apply(op).await.map_err(|mut failure| {
                let said = self.last_words(&order.release, &order.address);
                failure.facts.extend(said);
                failure
            }),
            Action::Hook(_) => self.hook.apply(op).await,
            Action::Shift(_) | Action::Promote(_) => self.gateway.apply(op).await,
            Action::Approve(_) | Action::Gate(_) => Err(Failure {
                message: "approvals and gates are not carried out by a driver".to_owned(),
                retryable: false,
                facts: Vec::new(),
            }),
        }
    }

    async fn carry_out(&self, op: &Op, course: &Course) -> Result<Carried, Failure> {
        match &op.action {
            Action::Migrate(_) => self.migration.carry_out(op, course).await,
            _ => self.apply(op).await.map(Carried::Done),
        }
    }
}

/// A failure that another attempt may mend.
pub(crate) fn retryable(error: &dyn std::error::Error) -> Failure {
    Failure {
        message: chain(error),
        retryable: true,
        facts: Vec::new(),
    }
}

/// A failure that stays.
pub(crate) fn lasting(message: impl Into<String>) -> Failure {
    Failure {
        message: message.into(),
        retryable: false,
        facts: Vec::new(),
    }
}

/// An error with its sources in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}

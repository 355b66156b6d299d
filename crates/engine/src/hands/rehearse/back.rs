//! The way back of a migration that can be reversed, on the copy.
//!
//! A reverse is believed only when it was seen: after there and back again the copy has the same definitions and the same rows
//! as before, and the release that serves now answers rightly on it. Once more it is carried out after both releases were
//! tried on the migrated copy, for a reverse must work on what the new release has written too.

use portcullis_backup::StoreOutline;
use portcullis_rollout::{
    Action, Fact, Failure, MigrationOrder, Presence, Rehearsal, ReverseOrder, StoreRef, WayBack,
};

use super::locks::Locks;
use super::{RehearsalHand, op};
use crate::clock::{Clock, WallClock};
use crate::hands::{chain, lasting, stores_of};

/// So many differences are told.
const DIFFERENCES_TOLD: usize = 5;

impl RehearsalHand {
    /// Migrates, reverses, and compares; then asks the release that serves now.
    pub(super) async fn there_and_back(
        &self,
        back: &WayBack,
        order: &Rehearsal,
        facts: &mut Vec<Fact>,
    ) -> Result<(), Failure> {
        let before = self.outlines(&order.stores).await?;
        let mut unsaid = Vec::new();
        self.forward(order, &mut unsaid).await?;
        self.reverse(&back.order, order, facts).await?;
        let after = self.outlines(&order.stores).await?;
        let mut differences = Vec::new();
        for ((store, before), (_, after)) in before.iter().zip(&after) {
            let found = before.differences(after).into_iter();
            differences.extend(found.map(|difference| format!("{store}: {difference}")));
        }
        if !differences.is_empty() {
            let more = differences.len().saturating_sub(DIFFERENCES_TOLD);
            differences.truncate(DIFFERENCES_TOLD);
            let more = match more {
                0 => String::new(),
                more => format!(", and {more} more"),
            };
            let mut evidence = std::mem::take(facts);
            evidence.push(Fact::new(
                "differs",
                format!("{}{more}", differences.join(", ")),
            ));
            let todo = "mend the reverse, or set rollback = \"restore\" in [data]";
            evidence.push(Fact::new("do", todo));
            return Err(Failure {
                message: format!(
                    "the reverse of the migration does not bring back what was ({}{more}); the live data was not touched",
                    differences.join(", ")
                ),
                retryable: false,
                facts: evidence,
            });
        }
        let things: usize = before.iter().map(|(_, outline)| outline.len()).sum();
        let same = format!("{things} definitions and tables as before");
        facts.push(Fact::new("there and back", same));
        self.try_one(&back.old, "there and back", facts).await
    }

    /// Reverses what both releases were tried on, and asks the release that serves now.
    pub(super) async fn back_after_trials(
        &self,
        back: &WayBack,
        order: &Rehearsal,
        facts: &mut Vec<Fact>,
    ) -> Result<(), Failure> {
        self.reverse(&back.order, order, facts).await?;
        let on = format!("going back from {}", order.new.launch.release);
        self.try_one(&back.old, &on, facts).await
    }

    /// All that a way back must undo.
    pub(super) async fn forward(
        &self,
        order: &Rehearsal,
        facts: &mut Vec<Fact>,
    ) -> Result<(), Failure> {
        // Where no release runs beside it, all phases come before the new one starts.
        let alone = order.old.is_none();
        let is_undone = |later: &&MigrationOrder| alone || !later.contracts();
        let later = order.later.iter().filter(is_undone);
        for migration in order.migration.iter().chain(later) {
            self.migrate(migration, order, None, facts).await?;
        }
        Ok(())
    }

    async fn reverse(
        &self,
        reverse: &ReverseOrder,
        order: &Rehearsal,
        facts: &mut Vec<Fact>,
    ) -> Result<(), Failure> {
        let began = WallClock.now_ms();
        let op = op(Action::Reverse(Box::new(reverse.clone())));
        let locks = Locks::of_reverse(reverse, &order.stores).await;
        let ran = self.migration.rehearse(&op, locks.own()).await;
        let took = WallClock.now_ms().saturating_sub(began);
        let locks = locks.end().await;
        let proof = self.migration.probe(&op).await;
        // The proof cannot tell a reverse that failed half way from one that came to its end.
        if proof.presence != Presence::Applied || ran.is_err() {
            let mut evidence = std::mem::take(facts);
            let why = match ran {
                Ok(facts) => {
                    evidence.extend(facts);
                    "it is still in effect".to_owned()
                }
                Err(failure) => {
                    evidence.extend(failure.facts);
                    failure.message
                }
            };
            evidence.extend(proof.facts);
            let todo = "mend the reverse, or set rollback = \"restore\" in [data]";
            evidence.push(Fact::new("do", todo));
            return Err(Failure {
                message: format!(
                    "the migration cannot be reversed on the restored copy: {why}; the live data was not touched"
                ),
                retryable: false,
                facts: evidence,
            });
        }
        facts.push(Fact::new("reversed in", format!("{took} ms")));
        facts.extend(locks.facts());
        Ok(())
    }

    /// What the copy holds.
    async fn outlines(&self, stores: &[StoreRef]) -> Result<Vec<(String, StoreOutline)>, Failure> {
        let stores = stores_of(stores).await?;
        let reading = self.data.blocking(move |_| {
            let read = |store: &portcullis_backup::Store| {
                let outline = StoreOutline::read(store);
                Ok((
                    store.name.clone(),
                    outline.map_err(|error| lasting(chain(&error)))?,
                ))
            };
            stores.iter().map(read).collect()
        });
        reading.await?
    }
}

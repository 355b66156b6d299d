//! The steps about data: backup, rehearsal, and the migration's phases.

use super::{ATTEMPTS, Builder};
use crate::plan::steps::Places;
use crate::{
    Action, BackupOrder, Migration, MigrationOrder, MigrationPhase, Rehearsal, RestoreOrder,
    StoreRef, Target, Trial, Undo,
};

impl Builder<'_> {
    /// The backup step, if there is data; returns the backup's name.
    pub(super) fn back_up(&mut self) -> Option<String> {
        let request = self.request;
        let backup = request
            .backup_name
            .clone()
            .filter(|_| !request.stores.is_empty());
        if let Some(name) = &backup {
            let order = BackupOrder {
                name: name.clone(),
                service: request.release.service.clone(),
                environment: request.environment.clone(),
                release: request
                    .previous
                    .as_ref()
                    .map(|previous| previous.release.id.clone()),
                reason: format!("before rollout {}", request.id),
                stores: request.stores.clone(),
            };
            let backup_ms = request.timeouts.backup_ms;
            self.push(
                "backup",
                Action::Backup(order),
                Undo::Nothing,
                backup_ms,
                ATTEMPTS,
            );
        }
        backup
    }

    pub(super) fn migrate(&mut self, backup: Option<&str>) {
        let request = self.request;
        let mut orders = self.orders(&request.target.address, &request.stores);
        let undo = match backup {
            Some(backup) if request.policy.restore => Undo::Restore {
                order: RestoreOrder {
                    backup: backup.to_owned(),
                    stores: request.stores.clone(),
                },
                loses_writes: request.policy.service_writes,
                automatic: request.policy.accept_loss,
            },
            _ => Undo::Nothing,
        };
        if orders.is_empty() {
            return;
        }
        let (_, first) = orders.remove(0);
        let attempts = attempts(&first);
        let action = Action::Migrate(first);
        // The undo stands here for the later phases too: it comes when no traffic is left on the new release.
        self.push(
            "migrate",
            action,
            undo,
            request.timeouts.migrate_ms,
            attempts,
        );
        self.later = orders;
        if request.previous.is_none() {
            // Nobody needs the old shape.
            self.later_phases(MigrationPhase::Backfill);
            self.later_phases(MigrationPhase::Contract);
        }
    }

    /// What the release does to data in each of its phases, aimed at `stores`: the first one always, for its undo is
    /// that of all.
    fn orders(
        &mut self,
        address: &str,
        stores: &[StoreRef],
    ) -> Vec<(MigrationPhase, MigrationOrder)> {
        let request = self.request;
        match &request.release.migration {
            None => Vec::new(),
            Some(Migration::Command(migration)) => {
                let mut places = Places::new(&request.release, address, stores);
                let filled = places.migration(migration);
                self.note(places.problems);
                vec![(MigrationPhase::Expand, MigrationOrder::Command(filled))]
            }
            Some(Migration::Sql(sql)) => {
                let phases = request.phases();
                phases
                    .into_iter()
                    .map(|phase| (phase, sql.phase(phase, stores)))
                    .collect()
            }
        }
    }

    /// The steps of a phase that comes after the first.
    pub(super) fn later_phases(&mut self, wanted: MigrationPhase) {
        let request = self.request;
        let alone = request.previous.is_none();
        for (phase, order) in self.later.clone() {
            if phase == wanted {
                let undo = match order.contracts() && !alone {
                    true => Undo::Impossible,
                    false => Undo::Nothing,
                };
                let attempts = attempts(&order);
                let action = Action::Migrate(order);
                self.push(
                    phase.word(),
                    action,
                    undo,
                    request.timeouts.migrate_ms,
                    attempts,
                );
            }
        }
    }

    pub(super) fn rehearsal(&mut self, backup: &str) -> Option<Rehearsal> {
        let request = self.request;
        let scratch = request.scratch.clone();
        let stores: Vec<StoreRef> = request
            .stores
            .iter()
            .enumerate()
            .map(|(index, store)| store.copied_to(&scratch, &request.copy_name(index)))
            .collect();
        let [old_address, new_address] = &request.trial_addresses;
        let trial_target = |address: &str| Target {
            address: address.to_owned(),
            ..request.target.clone()
        };
        let old = request.previous.as_ref().map(|previous| Trial {
            launch: self.launch(&previous.release, &trial_target(old_address), &stores),
            smoke: self.smoke(&previous.release, old_address),
        });
        let new = Trial {
            launch: self.launch(&request.release, &trial_target(new_address), &stores),
            smoke: self.smoke(&request.release, new_address),
        };
        let orders = self.orders(new_address, &stores);
        let mut orders = orders.into_iter().map(|(_, order)| order);
        let migration = orders.next()?;
        Some(Rehearsal {
            backup: backup.to_owned(),
            scratch,
            stores,
            migration,
            later: orders.collect(),
            old,
            new,
        })
    }
}

/// A command that failed may have half happened: it is undone, never repeated blindly. SQL files are repeated safely, for
/// the ledger knows what is done.
fn attempts(order: &MigrationOrder) -> u32 {
    match order {
        MigrationOrder::Command(_) => 1,
        MigrationOrder::Sql(_) => ATTEMPTS,
    }
}

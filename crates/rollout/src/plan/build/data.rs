//! The steps about data: backup, rehearsal, and the migration's phases.

use super::{ATTEMPTS, Builder};
use crate::plan::steps::Places;
use crate::{
    Action, BackupOrder, LockLimit, Migration, MigrationOrder, MigrationPhase, PlanProblem,
    Purpose, Rehearsal, RestoreOrder, ReverseOrder, SqlFile, SqlMigration, StoreRef, Target, Trial,
    Undo, WayBack,
};

impl Builder<'_> {
    /// The backup step, if there is data; returns the backup's name.
    pub(super) fn back_up(&mut self) -> Option<String> {
        let request = self.request;
        let backup = request
            .backup_name
            .clone()
            .filter(|_| !request.stores.is_empty() && request.restores.is_none());
        if let Some(name) = &backup {
            let reason = format!("before rollout {}", request.id);
            let order = self.backup_order(name, reason);
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

    pub(super) fn backup_order(&self, name: &str, reason: String) -> BackupOrder {
        let request = self.request;
        let serving = request.previous.as_ref();
        BackupOrder {
            name: name.to_owned(),
            service: request.release.service.clone(),
            environment: request.environment.clone(),
            release: serving.map(|previous| previous.release.id.clone()),
            reason,
            stores: request.stores.clone(),
        }
    }

    /// Going back to a backup.
    pub(super) fn put_back(&self, backup: &str) -> Undo {
        let policy = self.request.policy;
        Undo::Restore {
            order: RestoreOrder {
                backup: backup.to_owned(),
                stores: self.request.stores.clone(),
            },
            loses_writes: policy.service_writes,
            automatic: policy.accept_loss,
            others_write: policy.service_writes
                && self.request.previous.is_some()
                && !self.request.closes(),
        }
    }

    pub(super) fn migrate(&mut self, backup: Option<&str>) {
        let request = self.request;
        let mut orders = self.orders(&request.target.address, &request.stores);
        let reverse = self.reverse(&request.target.address, &request.stores);
        let undo = match backup {
            Some(backup) if request.reverses() => match reverse {
                Some(order) => self.reversed(order, backup),
                // The problem is noted.
                None => Undo::Nothing,
            },
            // Where users are kept out, the backup that was made then is what is put back, and that step does it.
            Some(backup) if request.policy.restore && !request.closes() => self.put_back(backup),
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
        if self.alone() {
            // Nobody needs the old shape.
            self.later_phases(MigrationPhase::Backfill);
            self.later_phases(MigrationPhase::Contract);
        }
    }

    /// Going back by the reverse, and by a backup where that fails.
    fn reversed(&self, order: ReverseOrder, backup: &str) -> Undo {
        let policy = self.request.policy;
        Undo::Reverse {
            order: Box::new(order),
            otherwise: RestoreOrder {
                backup: backup.to_owned(),
                stores: self.request.stores.clone(),
            },
            loses_writes: policy.service_writes,
            automatic: policy.accept_loss,
        }
    }

    /// What undoes all that the release does to data before the pivot, aimed at `stores`. Whatever is missing is noted.
    fn reverse(&mut self, address: &str, stores: &[StoreRef]) -> Option<ReverseOrder> {
        let request = self.request;
        if !request.reverses() {
            return None;
        }
        let release = request.release.id.clone();
        let refused = |why: String, todo| PlanProblem::NotReversible { release, why, todo };
        match &request.release.migration {
            None => None,
            Some(Migration::Command(migration)) => {
                let mut places = Places::new(&request.release, address, stores);
                let filled = places.migration(migration);
                self.note(places.problems);
                match filled.reverse {
                    Some(command) => Some(ReverseOrder::Command {
                        command,
                        proof: filled.proof,
                    }),
                    None => {
                        let why = "its command has no `reverse`".to_owned();
                        let todo = "give the command that undoes it in [release.migrate]";
                        self.note(vec![refused(why, todo)]);
                        None
                    }
                }
            }
            Some(Migration::Sql(sql)) => {
                let files = self.reversible(sql);
                let missing: Vec<&str> = files
                    .iter()
                    .filter(|file| file.reverse.is_none())
                    .map(|file| file.name.as_str())
                    .collect();
                if !missing.is_empty() {
                    let why = format!("there is no .down.sql beside {}", missing.join(", "));
                    let todo = "write what undoes it";
                    self.note(vec![refused(why, todo)]);
                    return None;
                }
                let reverses = Box::new(sql.with_files(files, stores));
                Some(ReverseOrder::Sql { reverses })
            }
        }
    }

    /// The files that a way back must undo: those of the phases before the pivot.
    fn reversible(&self, sql: &SqlMigration) -> Vec<SqlFile> {
        let serving = self.request.previous.as_ref();
        let serving = serving.and_then(|running| running.release.migration.as_ref());
        let alone = self.alone();
        let mut files: Vec<SqlFile> = MigrationPhase::ALL
            .into_iter()
            .filter(|phase| alone || *phase != MigrationPhase::Contract)
            .flat_map(|phase| sql.new_files(phase, serving))
            .cloned()
            .collect();
        files.sort_by(|a, b| a.name.cmp(&b.name));
        files
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

    /// Whether no other release runs while the data is migrated.
    fn alone(&self) -> bool {
        self.request.previous.is_none() || self.request.cuts_over()
    }

    /// The steps of a phase that comes after the first.
    pub(super) fn later_phases(&mut self, wanted: MigrationPhase) {
        let request = self.request;
        let alone = self.alone();
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

    /// Tries the migration and both releases on a restored copy, where there is one.
    pub(super) fn rehearse(&mut self, backup: Option<&str>) {
        let request = self.request;
        let cuts_over = request.cuts_over() && request.purpose == Purpose::Deploy;
        let Some(backup) = backup.filter(|_| request.migrates() || cuts_over) else {
            return;
        };
        let timeouts = &request.timeouts;
        let there_and_back = if request.reverses() { 3 } else { 1 };
        let phases = request.phases().len().max(1) as u64 * there_and_back;
        let trials = 2 * (timeouts.ready_ms + timeouts.stop_ms);
        let deadline_ms = timeouts.backup_ms + phases * (timeouts.migrate_ms + trials);
        if let Some(rehearsal) = self.rehearsal(backup) {
            let action = Action::Rehearse(Box::new(rehearsal));
            // As with hooks: a failure is not repeated, an attempt that was cut off is.
            self.push("rehearse", action, Undo::Nothing, deadline_ms, ATTEMPTS);
        }
    }

    fn rehearsal(&mut self, backup: &str) -> Option<Rehearsal> {
        let request = self.request;
        // A copy that cannot be made would be live data.
        if !request.stores.iter().all(StoreRef::can_be_copied) {
            return None;
        }
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
        // In a cut-over it never works on migrated data.
        let beside = request.previous.as_ref().filter(|_| !request.cuts_over());
        let old = beside.map(|previous| Trial {
            launch: self.launch(&previous.release, &trial_target(old_address), &stores),
            smoke: self.smoke(&previous.release, old_address),
        });
        let new = Trial {
            launch: self.launch(&request.release, &trial_target(new_address), &stores),
            smoke: self.smoke(&request.release, new_address),
        };
        let back = self.reverse(new_address, &stores);
        let back = back.and_then(|order| {
            let previous = request.previous.as_ref()?;
            let old = Trial {
                launch: self.launch(&previous.release, &trial_target(old_address), &stores),
                smoke: self.smoke(&previous.release, old_address),
            };
            Some(Box::new(WayBack { order, old }))
        });
        let orders = self.orders(new_address, &stores);
        let mut orders = orders.into_iter().map(|(_, order)| order);
        let migration = orders.next();
        if migration.is_none() && !request.cuts_over() {
            return None;
        }
        Some(Rehearsal {
            backup: backup.to_owned(),
            scratch,
            stores,
            migration,
            later: orders.collect(),
            old,
            new,
            back,
            lock_limit: self.lock_limit(),
        })
    }

    /// Nobody waits for a lock where no release works on the store.
    fn lock_limit(&self) -> Option<LockLimit> {
        let request = self.request;
        let longest_ms = request.policy.longest_lock_ms?;
        (!self.alone()).then_some(LockLimit {
            longest_ms,
            only_reads: request.closes(),
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

//! What going back would lose, counted in the live stores.

use portcullis_analysis::counted;
use portcullis_backup::{BackupName, Since, Store, TableSince, Vault};
use portcullis_config::Config;
use portcullis_rollout::{
    Action, Direction, Failure, HeldWhy, PausedWhy, RestoreOrder, Rollout, State, Undo,
};

use crate::hands::{chain, lasting, stores_of};
use crate::vaults::vault_of;

/// How many tables of a store are named.
const TABLES_NAMED: usize = 5;

/// What putting a backup back would take from one store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreLoss {
    /// The store.
    pub store: String,
    /// How many rows or files it has beyond those of the backup; `None` if they could not be counted.
    pub added: Option<u64>,
    /// The same in words.
    pub words: String,
}

/// The restore that a held rollout asks a person about; `None` when it asks nothing of the kind.
pub fn asked_restore(rollout: &Rollout) -> Option<&RestoreOrder> {
    let (why, direction, at) = match rollout.state() {
        State::Held {
            direction, at, why, ..
        } => (why, direction, at),
        // A rollback behind a cut-over asks before it begins.
        State::Paused {
            why: PausedWhy::Approval { .. },
            ..
        } => {
            let mut steps = rollout.plan().steps.iter();
            return steps.find_map(|step| match &step.action {
                Action::Restore(order) => Some(order),
                _ => None,
            });
        }
        _ => return None,
    };
    match (why, direction) {
        // An abort puts the backup back instead of the reverse.
        (HeldWhy::Unknown { .. }, Direction::Undo)
            if rollout
                .plan()
                .step(*at)
                .is_some_and(|step| step.undo.otherwise().is_some()) => {}
        (HeldWhy::WouldLoseWrites | HeldWhy::ReverseFailed { .. }, Direction::Undo)
        | (HeldWhy::GoingBackLoses { .. }, Direction::Do) => {}
        _ => return None,
    }
    let mut steps = rollout.plan().steps.iter().take(at.0 + 1).rev();
    steps.find_map(|step| match &step.undo {
        Undo::Restore { order, .. }
        | Undo::Reverse {
            otherwise: order, ..
        } => Some(order),
        Undo::Nothing | Undo::Impossible | Undo::Run { .. } => None,
    })
}

/// Counts what a restore would take away. Each store is read; none is changed.
///
/// # Errors
/// When the vault cannot be opened, or a reference of a store has no value.
pub async fn loss(order: &RestoreOrder, config: &Config) -> Result<Vec<StoreLoss>, Failure> {
    let name: BackupName = order
        .backup
        .parse()
        .map_err(|error| lasting(chain(&error)))?;
    let stores = stores_of(&order.stores).await?;
    let vault = vault_of(config, false).await;
    let vault = vault.map_err(|error| lasting(chain(&error)))?;
    let counting = tokio::task::spawn_blocking(move || -> Vec<StoreLoss> {
        let stores = stores.iter();
        stores
            .map(|store| store_loss(&vault, &name, store))
            .collect()
    });
    let counted = counting.await;
    counted.map_err(|error| lasting(format!("the counting stopped unexpectedly: {error}")))
}

/// Counts what putting a backup back would take from one store, which is read and not changed.
pub fn store_loss(vault: &Vault, name: &BackupName, store: &Store) -> StoreLoss {
    let (added, words) = match vault.since(name, store) {
        Ok(since) => (Some(since.added()), words(&since)),
        Err(error) => (None, format!("cannot be counted: {}", chain(&error))),
    };
    StoreLoss {
        store: store.name.clone(),
        added,
        words,
    }
}

fn words(since: &Since) -> String {
    match since {
        Since::Files {
            added: 0,
            removed: 0,
            changed: 0,
        } => "nothing: its files are as in the backup".to_owned(),
        Since::Files {
            added,
            removed,
            changed,
        } => format!(
            "{} added, {changed} changed and {removed} gone since the backup",
            counted(*added, "file", "files")
        ),
        Since::Tables(tables) if tables.is_empty() => {
            "nothing: each table has the same rows as in the backup".to_owned()
        }
        Since::Tables(tables) => {
            let named = tables.iter().take(TABLES_NAMED).map(table);
            let mut words = named.collect::<Vec<String>>().join("; ");
            if tables.len() > TABLES_NAMED {
                words.push_str(&format!(
                    "; and {} tables more",
                    tables.len() - TABLES_NAMED
                ));
            }
            if tables.iter().any(is_counted) {
                words.push_str("; rows that were changed are not counted");
            }
            words
        }
    }
}

/// Whether something of the table was counted, and rows that were changed besides were not.
fn is_counted(table: &TableSince) -> bool {
    let in_both = table.then.is_some() && table.now.is_some();
    in_both && (table.added() > 0 || table.removed() > 0)
}

fn table(table: &TableSince) -> String {
    let TableSince {
        name, then, now, ..
    } = table;
    let (Some(then), Some(now)) = (then, now) else {
        return match then {
            None => format!(
                "{} in {name}, which the backup does not have",
                counted(now.unwrap_or(0), "row", "rows")
            ),
            Some(then) => format!(
                "{name} is gone, with {} in the backup",
                counted(*then, "row", "rows")
            ),
        };
    };
    let rows = |number| counted(number, "row", "rows");
    let both = format!("({now}, {then} in the backup)");
    match (table.added(), table.removed()) {
        (0, 0) if !table.compared => format!(
            "as many rows in {name} as in the backup ({now}); whether they were changed, or added and removed, cannot be told"
        ),
        (0, 0) => format!(
            "rows of {name} were changed, or added and removed: how many cannot be told {both}"
        ),
        (added, 0) => format!("{} more in {name} {both}", rows(added)),
        (0, removed) => format!("{} fewer in {name} {both}", rows(removed)),
        (added, removed) => format!(
            "{} added and {removed} removed in {name} {both}",
            rows(added)
        ),
    }
}

#[cfg(test)]
mod tests;

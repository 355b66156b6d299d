//! A vault that is missing although the journal tells of backups: its disk is not mounted, or `state.vault` names another
//! folder. It must not pass for one that nobody has made yet.

use std::collections::BTreeSet;
use std::path::PathBuf;

use portcullis_analysis::counted;
use portcullis_backup::{BackupName, Vault};
use portcullis_config::{Config, JournalConfig};
use portcullis_engine::{DataEntry, DataRecord, VaultRefused, absent_vault_of, vault_of};

use crate::command_error::{CommandError, ErrorCode, Exit};
use crate::commands::drill::read_records;
use crate::output;

/// A vault that went away.
pub(in crate::commands) struct Gone {
    vault: PathBuf,
    /// How many backups the journal tells of, or copies of clusters where there is no backup. It does not tell which of them
    /// were removed since.
    known: String,
    newest: String,
}

impl Gone {
    /// What is wrong, and where to look.
    pub(in crate::commands) fn sentence(&self) -> String {
        format!(
            "there is no vault at {}, and the journal tells of {}, the newest {}: see whether its disk is mounted and \
             `state.vault` names it",
            self.vault.display(),
            self.known,
            self.newest
        )
    }

    /// What to do if that is as it should be.
    pub(in crate::commands) fn hint(&self) -> String {
        format!(
            "if backups are to begin anew there, make the empty folder by hand: mkdir -m 700 {}",
            self.vault.display()
        )
    }

    fn refusal(&self) -> CommandError {
        CommandError::new(Exit::Failed, self.sentence())
            .code(ErrorCode::NoBackup)
            .hint(self.hint())
    }
}

/// Whether there is nothing where the vault should be. What cannot be looked at is not missing.
pub(super) fn is_missing(config: &Config) -> bool {
    matches!(config.state.vault.try_exists(), Ok(false))
}

/// A missing vault of which the records tell; `None` if it is there, or nothing was ever in it. Another environment of the
/// same service may have a vault of its own.
fn of(config: &Config, entries: &[DataEntry]) -> Option<Gone> {
    if !is_missing(config) {
        return None;
    }
    let ours = |name: &str| {
        let name: Result<BackupName, _> = name.parse();
        name.is_ok_and(|name| {
            name.service() == config.service.name.as_str()
                && name.environment() == config.service.environment
        })
    };
    let made = entries.iter().filter_map(|entry| match &entry.record {
        DataRecord::BackedUp { backup, .. } | DataRecord::Made { backup, .. } => Some(backup),
        _ => None,
    });
    let made: Vec<&String> = made.filter(|name| ours(name)).collect();
    // The receiver of a continuous archive makes the vault too. Those copies have no environment in their name.
    let archived = |store: &str| config.continuous.iter().any(|one| one.store == store);
    let copied = entries.iter().filter_map(|entry| match &entry.record {
        DataRecord::BaseTaken { store, base, .. } if archived(store) => Some(base),
        _ => None,
    });
    let copied: Vec<&String> = copied.collect();
    let (names, one, several) = match made.is_empty() {
        false => (made, "backup", "backups"),
        true => (copied, "copy of a cluster", "copies of clusters"),
    };
    let newest = (*names.last()?).clone();
    let names: BTreeSet<&String> = names.into_iter().collect();
    Some(Gone {
        vault: config.state.vault.clone(),
        known: counted(names.len() as u64, one, several),
        newest,
    })
}

/// The vault, if it went away. `None` also where nobody can tell, because the journal cannot be read: it is read only if
/// the vault is missing.
pub(in crate::commands) async fn known(config: &Config) -> Option<Gone> {
    if !is_missing(config) {
        return None;
    }
    of(config, &read_records(config).await.ok()?)
}

/// Looks whether nothing was ever in a vault that is missing, for whoever looks for backups.
///
/// # Errors
/// When the journal tells of some, or cannot be read.
pub(super) async fn is_new(config: &Config) -> Result<(), CommandError> {
    let entries = read_records(config).await.map_err(|error| {
        error.hint(format!(
            "there is no vault at {}, and only the journal tells whether there was one; see whether its disk is mounted",
            config.state.vault.display()
        ))
    })?;
    match of(config, &entries) {
        Some(gone) => Err(gone.refusal()),
        None => Ok(()),
    }
}

/// Looks whether a missing vault may be made for a new backup. A journal that cannot be read must not keep anybody from
/// making one.
///
/// # Errors
/// When the journal tells of backups, which a new vault would not have.
pub(super) async fn may_be_made(config: &Config) -> Result<(), CommandError> {
    if !is_missing(config) {
        return Ok(());
    }
    match read_records(config).await {
        Ok(entries) => match of(config, &entries) {
            Some(gone) => Err(gone.refusal()),
            None => Ok(()),
        },
        Err(error) => {
            output::talk(&format!(
                "warning: there is no vault at {}, so it is made; whether there was one cannot be told: {}",
                config.state.vault.display(),
                error.sentence()
            ));
            Ok(())
        }
    }
}

/// Says that a vault that went away is made anew for what is brought back from elsewhere: a machine that was lost has
/// nothing yet.
pub(super) async fn tell_made_anew(config: &Config) {
    if let Some(gone) = known(config).await {
        output::talk(&format!(
            "warning: {}; it is made anew now",
            gone.sentence()
        ));
    }
}

/// The vault for an engine that begins to act. One that went away is not made: no backup is made until it is there, so
/// that no release with data begins, and what runs goes on. It is made where it cannot be a disk that is not mounted: in
/// the state folder, which is there; and for a journal that several machines share, since the backups may be another's.
///
/// # Errors
/// As [`vault_of`].
pub(in crate::commands) async fn vault_to_act_with(config: &Config) -> Result<Vault, VaultRefused> {
    let Some(gone) = known(config).await else {
        return vault_of(config, true).await;
    };
    let vault = &config.state.vault;
    // A link that leads nowhere is there itself, and may lead to such a disk.
    let beside_journal =
        vault.parent() == Some(config.state.folder.as_path()) && !vault.is_symlink();
    let shared = matches!(config.state.journal, JournalConfig::Postgres(_));
    if beside_journal || shared {
        tracing::warn!("{}; it is made anew", gone.sentence());
        return vault_of(config, true).await;
    }
    tracing::error!(
        "{}; until then no backup is made and no release with data begins",
        gone.sentence()
    );
    absent_vault_of(config).await
}

//! `portcullis backup verify`: the backup against its manifest, and both against the journal.

use portcullis_backup::{BackupError, BackupName, Vault, Verified};
use portcullis_config::Config;
use portcullis_engine::{recorded_sums, size_words};
use portcullis_rollout::StoreKind;

use super::{failed, parse};
use crate::command_error::{CommandError, ErrorCode, Exit};
use crate::commands::drill::read_records;
use crate::{output, render};

pub(super) async fn run(
    config: &Config,
    vault: &Vault,
    name: Option<&str>,
    json: bool,
) -> Result<Exit, CommandError> {
    let name = match name {
        Some(name) => parse(name)?,
        None => newest(config, vault)?,
    };
    let (verified, recorded) = match against_journal(config, vault, &name).await {
        Ok(outcome) => outcome,
        Err(error @ BackupError::NotReadThrough { .. }) => {
            return Err(CommandError::of(Exit::Failed, &error)
                .code(ErrorCode::NotReadThrough)
                .hint(super::KEY_HINT));
        }
        Err(error) => return Err(failed(&error)),
    };
    // Only where there are some, since the references of all stores are resolved for it.
    let by_commands = config
        .stores
        .iter()
        .any(|store| store.kind() == StoreKind::Command);
    let checked = match by_commands {
        true => {
            let stores = super::stores(config).await?;
            let checked = vault.check_by_commands(&name, &stores);
            checked.map_err(|error| failed(&error))?
        }
        false => Vec::new(),
    };
    for store in &checked {
        output::talk(&format!("its check command read the data of {store}"));
    }
    if json {
        output::json(&serde_json::json!({
            "schema": "portcullis.backup-verify/1",
            "name": name.as_str(),
            "files": verified.files,
            "bytes": verified.bytes,
            "sha256": verified.archive_sha256,
            "manifest_sha256": verified.manifest_sha256,
            "read_through": true,
            "checked_by_commands": checked,
            "recorded": recorded,
            "took_ms": verified.took.as_millis() as u64,
        }));
    } else {
        output::result(&format!(
            "{name}: {}, {} read back in {} ms, all as in the manifest{}; sha256 {}",
            render::files(verified.files),
            size_words(verified.bytes),
            verified.took.as_millis(),
            match recorded {
                true => ", which is the one that the journal tells of",
                false => "; the journal does not tell of it",
            },
            verified.archive_sha256
        ));
    }
    Ok(Exit::Done)
}

fn newest(config: &Config, vault: &Vault) -> Result<BackupName, CommandError> {
    let (service, environment) = (
        config.service.name.as_str(),
        config.service.environment.as_str(),
    );
    let listed = vault.list().map_err(|error| failed(&error))?;
    let newest = listed.into_iter().map(|backup| backup.name);
    let mut ours =
        newest.filter(|name| name.service() == service && name.environment() == environment);
    ours.next().ok_or_else(|| {
        let what = format!("there are no backups of {service} ({environment}) to verify");
        CommandError::new(Exit::Failed, what)
            .code(ErrorCode::NoBackup)
            .hint("`portcullis backup create` makes one")
    })
}

/// Reads a backup through and compares it with what the journal says of it, if it says something. Says whether it did.
///
/// # Errors
/// Those of [`Vault::verify_as`]. A journal that cannot be read is said, and keeps nobody from verifying.
pub(super) async fn against_journal(
    config: &Config,
    vault: &Vault,
    name: &BackupName,
) -> Result<(Verified, bool), BackupError> {
    let entries = match read_records(config).await {
        Ok(entries) => entries,
        Err(error) => {
            output::talk(&format!(
                "warning: it is not compared with the journal: {}",
                error.sentence()
            ));
            Vec::new()
        }
    };
    match recorded_sums(&entries, name.as_str()) {
        Some(recorded) => Ok((vault.verify_as(name, &recorded)?, true)),
        None => Ok((vault.verify(name)?, false)),
    }
}

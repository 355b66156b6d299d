//! `portcullis backup create`.

use portcullis_backup::{
    Backup as Made, BackupError, BackupRequest, Emptied, Store, Vault, Verified,
};
use portcullis_config::Config;
use portcullis_engine::{DataRecord, size_words, span_words};

use super::{failed, now, record, stores, told, whose_data};
use crate::bounds::{RELEASE_ATTEMPTS, SAME_SECOND_PAUSE};
use crate::command_error::{CommandError, Exit};
use crate::write_pause::{self, PauseRefused, WritePause};
use crate::{output, render};

/// Whether writes wait while a backup is made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Pauses {
    Never,
    /// The configuration says so: where no gateway runs, no writes come through it.
    Configured,
    /// Somebody asked for it: then it is refused where it cannot be.
    Asked,
}

impl Pauses {
    /// What was asked for on the command line goes before the configuration.
    pub(super) fn of(config: &Config, pause: bool, no_pause: bool) -> Pauses {
        match (pause, no_pause) {
            (true, _) => Pauses::Asked,
            (false, false) if config.backup.pause => Pauses::Configured,
            (false, _) => Pauses::Never,
        }
    }
}

async fn begin_pause(
    config: &Config,
    pauses: Pauses,
    reason: &str,
) -> Result<Option<WritePause>, CommandError> {
    if pauses == Pauses::Never {
        return Ok(None);
    }
    match WritePause::begin(config, reason).await {
        Ok(None) => {
            output::talk("writes were not paused: no release serves yet that would write");
            Ok(None)
        }
        Ok(pause) => Ok(pause),
        Err(PauseRefused::NoGateway(why)) if pauses == Pauses::Configured => {
            output::talk(&format!(
                "writes were not paused: no gateway runs here that would let them in ({why})"
            ));
            Ok(None)
        }
        Err(error) => Err(CommandError::of(Exit::Failed, &error)
            .hint("--no-pause makes the backup while writes go on")),
    }
}

/// Makes a backup of all stores, reads it back, and records it.
pub(super) async fn run(
    config: &Config,
    vault: &Vault,
    reason: &str,
    (pauses, json): (Pauses, bool),
) -> Result<Exit, CommandError> {
    let stores = stores(config).await?;
    if stores.is_empty() {
        return Err(
            CommandError::new(Exit::Failed, "the service declares no store to back up")
                .hint("add a [[store]] to the configuration"),
        );
    }
    let (backup, paused_ms) = of_one_release(config, vault, (reason, &stores), pauses).await?;
    let verified = match vault.verify(&backup.name) {
        Ok(verified) => Ok(verified),
        Err(error @ BackupError::NotReadThrough { .. }) => Err(error.to_string()),
        Err(error) => return Err(failed(&error)),
    };
    let made = DataRecord::Made {
        backup: backup.name.to_string(),
        reason: backup.manifest.reason.clone(),
        bytes: backup.bytes,
        archive_sha256: backup.archive_sha256.clone(),
        manifest_sha256: backup.manifest_sha256.clone(),
        paused_ms,
    };
    record(config, &made).await;
    // The backup is made; a vault that cannot be listed any more is told by whoever lists it.
    let emptied = vault.emptied(&backup.manifest).unwrap_or_default();
    tell(vault, (&backup, &verified, &emptied), paused_ms, json);
    Ok(Exit::Done)
}

/// Makes it while the data is of one release: a rollout that migrates or restores it meanwhile would leave a backup that has
/// other data than it says. Then it is made again.
async fn of_one_release(
    config: &Config,
    vault: &Vault,
    (reason, stores): (&str, &[Store]),
    pauses: Pauses,
) -> Result<(Made, Option<u64>), CommandError> {
    let mut before = whose_data(config).await;
    for _ in 0..RELEASE_ATTEMPTS {
        let release = told(before.clone());
        let made = make(config, vault, (reason, release, stores), pauses).await?;
        let after = whose_data(config).await;
        if after == before {
            return Ok(made);
        }
        write_pause::discard(vault, &made.0.name).map_err(|error| failed(&error))?;
        output::talk("a rollout changed the data meanwhile, so the backup is made again");
        before = after;
    }
    let what = format!(
        "a rollout changed the data while it was backed up, {RELEASE_ATTEMPTS} times; nothing is kept"
    );
    Err(CommandError::new(Exit::Failed, what)
        .hint("`portcullis status` shows the rollout; make the backup when it waits or has ended"))
}

/// Makes it while writes wait, if they are to; says for how long they did, in milliseconds.
async fn make(
    config: &Config,
    vault: &Vault,
    (reason, release, stores): (&str, Option<String>, &[Store]),
    pauses: Pauses,
) -> Result<(Made, Option<u64>), CommandError> {
    let mut request = BackupRequest {
        service: config.service.name.to_string(),
        environment: config.service.environment.clone(),
        created_at: now(),
        release,
        reason: reason.to_owned(),
    };
    let pause = begin_pause(config, pauses, reason).await?;
    let mut made = vault.create(&request, stores);
    if matches!(made, Err(BackupError::NameTaken { .. })) {
        // Names have a time to the second, and another one was made within this one.
        tokio::time::sleep(SAME_SECOND_PAUSE).await;
        request.created_at = now();
        made = vault.create(&request, stores);
    }
    // Writes are let in again whatever came of it.
    let paused = match pause {
        Some(pause) => Some(pause.end().await),
        None => None,
    };
    let backup = made.map_err(|error| failed(&error))?;
    let paused_ms = match paused.transpose() {
        Ok(paused_ms) => paused_ms,
        Err(why) => {
            write_pause::discard(vault, &backup.name).map_err(|error| failed(&error))?;
            return Err(CommandError::new(Exit::Failed, write_pause::given_up(&why)));
        }
    };
    Ok((backup, paused_ms))
}

fn tell(
    vault: &Vault,
    (backup, verified, emptied): (&Made, &Result<Verified, String>, &[Emptied]),
    paused_ms: Option<u64>,
    json: bool,
) {
    if json {
        output::json(&serde_json::json!({
            "schema": "portcullis.backup/1",
            "name": backup.name.as_str(),
            "archive": backup.archive,
            "bytes": backup.bytes,
            "files": verified.as_ref().ok().map(|verified| verified.files),
            "sha256": backup.archive_sha256,
            "manifest_sha256": backup.manifest_sha256,
            "encrypted": vault.encryption().encrypts(),
            "verified": verified.is_ok(),
            "verify_ms": verified.as_ref().ok().map(|verified| verified.took.as_millis() as u64),
            "writes_paused_ms": paused_ms,
            "emptied": emptied.iter().map(|one| serde_json::json!({
                "store": one.store,
                "last": one.last.as_str(),
            })).collect::<Vec<_>>(),
        }));
    } else {
        output::result(backup.name.as_str());
        if let Some(paused_ms) = paused_ms {
            output::talk(&format!("writes waited for {}", span_words(paused_ms)));
        }
        match verified {
            Ok(verified) => output::talk(&format!(
                "{}, {}, read back and verified; sha256 {}",
                render::files(verified.files),
                size_words(backup.bytes),
                verified.archive_sha256
            )),
            Err(why) => output::talk(&format!("warning: {why}")),
        }
        for one in emptied {
            output::talk(&format!("warning: {one}"));
        }
        output::talk(&format!(
            "restore a copy: portcullis backup restore {} --to DIR",
            backup.name
        ));
    }
}

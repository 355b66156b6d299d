//! What is looked at before anything is restored: that the backup is the one that was made, that it is of this service, and
//! that there is room for all of it.

use std::path::Path;

use portcullis_backup::{BackupName, DisksNeeded, Store, StoreManifest, Vault};
use portcullis_config::Config;
use portcullis_engine::{recorded_sums, size_words, store_loss};

use super::failed;
use crate::command_error::{CommandError, ErrorCode, Exit};
use crate::commands::drill::read_records;
use crate::commands::question;
use crate::output;

/// The files of a backup must be those that the journal tells of, if it tells of them. What a restore reads is compared with the
/// `.sha256` on the way, so this is enough.
///
/// # Errors
/// When they are others. A journal that cannot be read is said, and keeps nobody from restoring.
pub(super) async fn is_the_recorded_one(
    config: &Config,
    vault: &Vault,
    name: &BackupName,
) -> Result<(), CommandError> {
    let entries = match read_records(config).await {
        Ok(entries) => entries,
        Err(error) => {
            output::talk(&format!(
                "warning: the backup is not compared with the journal: {}",
                error.sentence()
            ));
            return Ok(());
        }
    };
    match recorded_sums(&entries, name.as_str()) {
        Some(recorded) => vault.compare(name, &recorded).map_err(|e| failed(&e)),
        None => {
            output::talk(
                "note: the journal does not tell of this backup, so only its own checksums are compared",
            );
            Ok(())
        }
    }
}

/// A backup goes into the place of the data that it is of.
///
/// # Errors
/// When it is of another service or environment than the configuration.
pub(super) fn is_ours(config: &Config, name: &BackupName) -> Result<(), CommandError> {
    let (service, environment) = (
        config.service.name.as_str(),
        config.service.environment.as_str(),
    );
    if name.service() == service && name.environment() == environment {
        return Ok(());
    }
    let what = format!(
        "{name} is a backup of {} ({}), and this configuration is of {service} ({environment}); nothing was changed",
        name.service(),
        name.environment()
    );
    Err(CommandError::new(Exit::Failed, what)
        .code(ErrorCode::BackupFailed)
        .hint("--to DIR restores a copy of it; --env names another environment of the file"))
}

/// There is room for every store beside what is there now, on each disk, before the first one is touched.
///
/// # Errors
/// When a disk has too little.
pub(super) fn has_room(
    vault: &Vault,
    name: &BackupName,
    stores: &[&Store],
) -> Result<(), CommandError> {
    let manifest = vault.manifest(name).map_err(|error| failed(&error))?;
    let mut disks = DisksNeeded::new();
    for store in stores {
        let folder = store.path().and_then(Path::parent);
        if let (Some(folder), Some(held)) = (folder, manifest.store(&store.name)) {
            let added = disks.add(folder, held.bytes_on_disk(), &store.name);
            added.map_err(|error| failed(&error))?;
        }
    }
    fits(&disks, "prepared beside what is there")
}

/// There is room for copies in a folder, before it or any of them is made.
///
/// # Errors
/// When its disk has too little.
pub(super) fn has_room_for_copies(
    to: &Path,
    copies: &[&StoreManifest],
) -> Result<(), CommandError> {
    let mut disks = DisksNeeded::new();
    for held in copies {
        let added = disks.add(to, held.bytes_on_disk(), &held.name);
        added.map_err(|error| failed(&error))?;
    }
    fits(&disks, "written there")
}

fn fits(disks: &DisksNeeded, how: &str) -> Result<(), CommandError> {
    let Some(disk) = disks.tightest().filter(|disk| !disk.fits()) else {
        return Ok(());
    };
    let what = format!(
        "there is no room to restore {}: it is {how} and needs {}, and the disk of {} has {} free; nothing was changed",
        disk.what.join(" and "),
        size_words(disk.needed_bytes),
        disk.folder.display(),
        size_words(disk.free_bytes)
    );
    Err(CommandError::new(Exit::Failed, what).code(ErrorCode::BackupFailed))
}

/// Tells whoever sits at a terminal what was written since the backup, and asks whether it is to be taken away. Where nobody
/// does, the command itself is the answer: what is replaced is kept.
///
/// # Errors
/// When they do not want it; `refused` says how things are then.
pub(super) fn is_agreed(
    vault: &Vault,
    name: &BackupName,
    stores: &[&Store],
    refused: &str,
) -> Result<(), CommandError> {
    if !question::can_be_asked() || stores.is_empty() {
        return Ok(());
    }
    output::talk("counting what was written since ...");
    output::talk(&format!("puts {name} back; taken away then:"));
    for store in stores {
        let loss = store_loss(vault, name, store);
        output::talk(&format!("  {}: {}", loss.store, loss.words));
    }
    question::agreed("Put it back? What is replaced is kept.", refused)
}

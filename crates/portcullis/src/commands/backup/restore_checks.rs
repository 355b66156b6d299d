//! What is looked at before anything is restored: that the backup is the one that was made, that it is of this service, that
//! each store can be put back, that there is room for all of it, and what it takes away.

use std::io::ErrorKind;
use std::path::Path;

use portcullis_backup::{BackupError, BackupName, DisksNeeded, Store, StoreManifest, Vault};
use portcullis_config::Config;
use portcullis_engine::{StoreLoss, recorded_sums, size_words, store_loss};

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

/// There is room for every store beside what is there now, on each disk, before the first one is touched. Those behind a server
/// or a tool are unpacked in the vault, one at a time.
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
    let mut unpacked: Option<&StoreManifest> = None;
    for store in stores {
        let Some(held) = manifest.store(&store.name) else {
            continue;
        };
        let Some(path) = store.path() else {
            let is_larger = |other: &StoreManifest| other.bytes_on_disk() < held.bytes_on_disk();
            if unpacked.is_none_or(is_larger) {
                unpacked = Some(held);
            }
            continue;
        };
        if let Some(folder) = path.parent() {
            let added = disks.add(folder, held.bytes_on_disk(), &store.name);
            added.map_err(|error| failed(&error))?;
        }
    }
    if let Some(held) = unpacked {
        let added = disks.add(vault.root(), held.bytes_on_disk(), &held.name);
        added.map_err(|error| failed(&error))?;
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

/// Each of the stores can be put back, as far as that can be told before the first one is touched.
///
/// # Errors
/// When one cannot: what is in its way, and what would mend that. All others with something in their way are named too.
pub(super) fn can_be_put_back(
    vault: &Vault,
    name: &BackupName,
    stores: &[&Store],
) -> Result<(), CommandError> {
    let mut refused: Vec<(&str, BackupError)> = Vec::new();
    let mut fit: Vec<&str> = Vec::new();
    for store in stores {
        match vault.can_be_put_back(name, store) {
            Ok(()) => fit.push(store.name.as_str()),
            Err(error) => refused.push((store.name.as_str(), error)),
        }
    }
    let Some(((store, error), others)) = refused.split_first() else {
        return Ok(());
    };
    let what = format!("{}; nothing was changed", in_the_way(store, error));
    let others = others.iter();
    let others = others.map(|(store, error)| in_the_way(store, error));
    let mut told = failed(error).reworded(what).saying(others);
    if let Some(hint) = mended_by(error) {
        told = told.hint(hint);
    }
    if !fit.is_empty() {
        let fit = fit.join(", ");
        told = told.hint(format!(
            "--store NAME restores one store alone; nothing is in the way of {fit}"
        ));
    }
    Err(told)
}

/// What keeps a store from being put back, with its name.
fn in_the_way(store: &str, error: &BackupError) -> String {
    match error {
        // Its own words are those of a backup.
        BackupError::StoreRefused { path, why, .. } => format!(
            "store {store:?} cannot be put back: {}: {why}",
            path.display()
        ),
        BackupError::Target { .. } | BackupError::Vault { .. } => {
            format!("store {store:?} cannot be put back: {error}")
        }
        _ => error.to_string(),
    }
}

/// What would mend it, where its own words do not say so.
fn mended_by(error: &BackupError) -> Option<&'static str> {
    match error {
        BackupError::UnknownStore { .. } => {
            Some("another backup may have it; `portcullis backup list` lists them")
        }
        BackupError::KindDiffers { .. } => Some(
            "set its kind to that of the backup, with what belongs to it, or take a backup of this kind; --to DIR restores a copy",
        ),
        BackupError::StoreRefused { .. } => Some(
            "move away what is there, or correct the path of the store; what is missing is made",
        ),
        _ => None,
    }
}

/// Says what was written since the backup, which putting it back takes away, whether somebody is asked or not: of a script this is
/// what stays in its log.
pub(super) fn tell_loss(vault: &Vault, name: &BackupName, stores: &[&Store]) -> Vec<StoreLoss> {
    output::talk("counting what was written since ...");
    let lost: Vec<StoreLoss> = stores
        .iter()
        .map(|store| loss_of(vault, name, store))
        .collect();
    output::talk(&format!("puts {name} back; taken away then:"));
    for loss in &lost {
        output::talk(&format!("  {}: {}", loss.store, loss.words));
    }
    lost
}

fn loss_of(vault: &Vault, name: &BackupName, store: &Store) -> StoreLoss {
    let is_gone = |path: &Path| {
        let found = path.symlink_metadata();
        found.is_err_and(|error| error.kind() == ErrorKind::NotFound)
    };
    if store.path().is_some_and(is_gone) {
        return StoreLoss {
            store: store.name.clone(),
            added: Some(0),
            words: "nothing: there is no data at its place".to_owned(),
        };
    }
    store_loss(vault, name, store)
}

/// Asks whoever sits at a terminal whether what [`tell_loss`] told is to be taken away. Where nobody does, the command itself is
/// the answer: what is replaced is kept.
///
/// # Errors
/// When they do not want it; `refused` says how things are then.
pub(super) fn is_agreed(refused: &str) -> Result<(), CommandError> {
    match question::can_be_asked() {
        true => question::agreed("Put it back? What is replaced is kept.", refused),
        false => Ok(()),
    }
}

//! The disks: whether all that the rollout will write has room, before it writes anything.
//!
//! Three moments are looked at, each by itself, for what one has written the next has mostly removed again: the backup; the
//! rehearsal, when the backup lies in the vault and a copy of each store in the state folder; and the way back, when data is
//! prepared beside the stores while the backups lie in the vault. A backup is taken to be as large as the data: how well it
//! compresses is known only afterwards. So where only the backups of the last two moments make it too much, that is a warning.
//!
//! The disk of a server is not asked for: nothing tells how full it is over a connection. What goes through this machine
//! on its way to a server is counted where it lies for that time, in the vault.

use std::path::Path;

use portcullis_backup::{BackupError, DiskNeeded, DisksNeeded, Store, StoreKind, Vault};
use portcullis_rollout::{BesideStores, Fact, RoomNeed};

use super::super::chain;
use super::super::data::size_words;
use crate::drill::with_spare;

/// What was found of one moment.
type Seen = Result<Fact, String>;

/// Looks at the three moments; the last two only where the plan comes to them.
pub(super) fn look(vault: &Vault, stores: &[Store], need: Option<&RoomNeed>) -> Vec<Seen> {
    let sizes = match sizes(stores) {
        Ok(sizes) => sizes,
        Err(error) => return vec![Err(chain(&error))],
    };
    let mut seen = vec![backup(vault, stores)];
    let Some(need) = need else { return seen };
    if let Some(folder) = &need.copies {
        let bytes = sizes.iter().filter(|size| is_copied_to_folder(size.store));
        let bytes = with_spare(bytes.map(|size| size.bytes).sum());
        let copies =
            |disks: &mut DisksNeeded| disks.add(folder, bytes, "the copies of the rehearsal");
        seen.extend(told(
            "rehearsal",
            "the rehearsal",
            (vault, &sizes, 1),
            &copies,
        ));
    }
    if let Some(when) = need.put_back {
        let beside = |disks: &mut DisksNeeded| {
            sizes.iter().try_for_each(|size| {
                let folder = size.store.path().and_then(Path::parent);
                let what = format!("{} beside its place", size.store.name);
                folder.map_or(Ok(()), |folder| disks.add(folder, size.bytes, &what))
            })
        };
        let vaulted = (vault, &*sizes, need.backups);
        let found = told("way back", "putting data back", vaulted, &beside);
        seen.extend(found.into_iter().map(|one| match (when, one) {
            (BesideStores::IfReverseFails, Err(why)) => Ok(Fact::new(
                "warning",
                format!("if the reverse of the migration fails: {why}"),
            )),
            (_, found) => found,
        }));
    }
    seen
}

/// A store and how much is in it now.
struct Size<'s> {
    store: &'s Store,
    bytes: u64,
}

fn sizes(stores: &[Store]) -> Result<Vec<Size<'_>>, BackupError> {
    let sizes = stores.iter().map(|store| {
        let bytes = store.size()?.bytes;
        Ok(Size { store, bytes })
    });
    sizes.collect()
}

/// Whether a rehearsal has its copy in its folder. The others are copied beside themselves, on their server.
fn is_copied_to_folder(store: &Store) -> bool {
    !matches!(store.kind(), StoreKind::Postgres | StoreKind::Bucket)
}

/// What is unpacked in the vault on its way to servers.
fn unpacked(disks: &mut DisksNeeded, vault: &Vault, sizes: &[Size<'_>]) -> Result<(), BackupError> {
    let on_servers = sizes.iter().filter(|size| size.store.path().is_none());
    match on_servers.map(|size| size.bytes).sum() {
        0 => Ok(()),
        bytes => disks.add(vault.root(), bytes, "what goes to servers, unpacked"),
    }
}

fn backup(vault: &Vault, stores: &[Store]) -> Seen {
    let space = vault.space(stores).map_err(|error| chain(&error))?;
    let (needed, free) = (size_words(space.needed_bytes), size_words(space.free_bytes));
    if space.needed_bytes <= space.free_bytes {
        return Ok(Fact::new("vault", format!("needs {needed}, has {free}")));
    }
    Err(format!(
        "the vault has {free} free, a backup may need {needed}; make room or choose another vault"
    ))
}

/// What is written, beside so many backups in a vault. What does not fit even without them is refused; if it is they that make it
/// too much, that is a warning, for they may compress well.
fn told(
    name: &str,
    doing: &str,
    (vault, sizes, backups): (&Vault, &[Size<'_>], u32),
    write: &dyn Fn(&mut DisksNeeded) -> Result<(), BackupError>,
) -> Vec<Seen> {
    let added = || -> Result<(DisksNeeded, DisksNeeded), BackupError> {
        let mut alone = DisksNeeded::new();
        unpacked(&mut alone, vault, sizes)?;
        write(&mut alone)?;
        let mut all = alone.clone();
        let bytes: u64 = sizes.iter().map(|size| size.bytes).sum();
        let words = match backups {
            0 => return Ok((alone.clone(), alone)),
            1 => "the backup",
            _ => "the backups",
        };
        all.add(
            vault.root(),
            bytes.saturating_mul(u64::from(backups)),
            words,
        )?;
        Ok((alone, all))
    };
    let (alone, all) = match added() {
        Ok(added) => added,
        Err(error) => return vec![Err(chain(&error))],
    };
    let lacking = |disk: &DiskNeeded, so: &str| {
        format!(
            "{doing} may need {} on the disk of {} ({}), which has {} free{so}; make room there, or have the vault \
             (state.vault) or the state folder (state.folder) on another disk",
            size_words(disk.needed_bytes),
            disk.folder.display(),
            disk.what.join(" and "),
            size_words(disk.free_bytes)
        )
    };
    match (alone.tightest(), all.tightest()) {
        (Some(disk), _) if !disk.fits() => vec![Err(lacking(disk, ""))],
        (_, Some(disk)) if !disk.fits() => {
            let words = lacking(disk, ", unless the data compresses well");
            vec![Ok(Fact::new("warning", words))]
        }
        (_, Some(disk)) => {
            let (needed, free) = (size_words(disk.needed_bytes), size_words(disk.free_bytes));
            let folder = disk.folder.display();
            let words = format!("needs {needed} on the disk of {folder}, has {free}");
            vec![Ok(Fact::new(name, words))]
        }
        (_, None) => vec![Ok(Fact::new(
            name,
            "needs nothing on the disks of this machine",
        ))],
    }
}

#[cfg(test)]
mod tests;

//! The disks: whether all that the rollout will write has room, before it writes anything.
//!
//! Three moments are looked at, each by itself, for what one has written the next has mostly removed again: the backup; the
//! rehearsal, when the backup lies in the vault and a copy of each store in the state folder; and the way back, when data is
//! prepared beside the stores while the backups lie in the vault. A backup is taken to be as large as the data: how well it
//! compresses is known only afterwards.
//!
//! The disk of a server is not asked for: nothing tells how full it is over a connection. What goes through this machine
//! on its way to a server is counted where it lies for that time, in the vault.

use portcullis_backup::{BackupError, DiskNeeded, DisksNeeded, Store, Vault};
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
        let disks = vaulted(vault, &sizes, 1).and_then(|mut disks| {
            let bytes = sizes.iter().filter(|size| size.store.path().is_some());
            let bytes = with_spare(bytes.map(|size| size.bytes).sum());
            disks.add(folder, bytes, "the copies of the rehearsal")?;
            Ok(disks)
        });
        seen.push(told(disks, "rehearsal", "the rehearsal"));
    }
    if let Some(when) = need.put_back {
        let disks = vaulted(vault, &sizes, need.backups).and_then(|mut disks| {
            for size in &sizes {
                if let Some(folder) = size.store.path().and_then(|path| path.parent()) {
                    let what = format!("{} beside its place", size.store.name);
                    disks.add(folder, size.bytes, &what)?;
                }
            }
            Ok(disks)
        });
        let found = told(disks, "way back", "putting data back");
        seen.push(match (when, found) {
            (BesideStores::IfReverseFails, Err(why)) => Ok(Fact::new(
                "warning",
                format!("if the reverse of the migration fails: {why}"),
            )),
            (_, found) => found,
        });
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

/// So many backups in the vault, and what is unpacked there on its way to servers.
fn vaulted(vault: &Vault, sizes: &[Size<'_>], backups: u32) -> Result<DisksNeeded, BackupError> {
    let mut disks = DisksNeeded::new();
    let all: u64 = sizes.iter().map(|size| size.bytes).sum();
    let words = match backups {
        0 => None,
        1 => Some("the backup"),
        _ => Some("the backups"),
    };
    if let Some(words) = words {
        disks.add(vault.root(), all.saturating_mul(u64::from(backups)), words)?;
    }
    let on_servers = sizes.iter().filter(|size| size.store.path().is_none());
    let unpacked: u64 = on_servers.map(|size| size.bytes).sum();
    if unpacked > 0 {
        disks.add(vault.root(), unpacked, "what goes to servers, unpacked")?;
    }
    Ok(disks)
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

fn told(disks: Result<DisksNeeded, BackupError>, name: &str, doing: &str) -> Seen {
    let disks = disks.map_err(|error| chain(&error))?;
    let Some(disk) = disks.tightest() else {
        return Ok(Fact::new(
            name,
            "needs nothing on the disks of this machine",
        ));
    };
    let DiskNeeded {
        folder,
        needed_bytes,
        free_bytes,
        what,
    } = disk;
    let (needed, free) = (size_words(*needed_bytes), size_words(*free_bytes));
    if disk.fits() {
        let words = format!(
            "needs {needed} on the disk of {}, has {free}",
            folder.display()
        );
        return Ok(Fact::new(name, words));
    }
    Err(format!(
        "{doing} may need {needed} on the disk of {} ({}), which has {free} free; make room there, or move the vault \
         (state.vault) or the state folder (state.folder) to another disk",
        folder.display(),
        what.join(" and ")
    ))
}

#[cfg(test)]
mod tests;

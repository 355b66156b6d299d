//! Tools that write more than there is room for: into the vault, and beside the note of what was put back.

use std::fs;
use std::os::unix::fs::MetadataExt;

use portcullis_backup::{
    BackupError, CommandProblem, Kept, Store, StoreCommands, Vault, store_digest,
};

use super::{commands, shell, words};
use crate::small_disk::SmallDisk;
use crate::{Place, at, names, request};

const MIB: u64 = 1024 * 1024;
/// How much room there is is looked at behind 32 MiB: what was written then is more than what is left.
const DISK_MIB: u32 = 50;
const LOOKED_AT: u64 = 32 * MIB;
const TOO_MUCH: u64 = 128 * MIB;

/// Whether a command was killed because what it wrote left no room to pack it.
fn is_killed_for_room(error: &BackupError) -> bool {
    let BackupError::Command { store, problem } = error else {
        return false;
    };
    let CommandProblem::NoRoom { written, free, .. } = &**problem else {
        return false;
    };
    store == "notes" && (LOOKED_AT..TOO_MUCH).contains(written) && free < written
}

/// A file that a tool writes as it is; it takes no room itself, however large it is.
fn live(place: &Place, memory: &str) -> Store {
    fs::write(place.path("live"), "first").unwrap();
    let restore = shell("cat > live.new && mv live.new live");
    Store::command(
        "notes",
        StoreCommands {
            repeats: true,
            memory: place.path(memory),
            ..commands(place, words(&["cat", "live"]), restore)
        },
    )
}

fn grow(place: &Place) {
    let file = fs::File::options().write(true).open(place.path("live"));
    file.unwrap().set_len(TOO_MUCH).unwrap();
}

#[test]
fn a_tool_that_writes_more_than_can_be_packed_is_killed_and_leaves_nothing() {
    let place = Place::new();
    let Some(_disk) = SmallDisk::mount(place.path("disk"), DISK_MIB) else {
        return;
    };
    let vault = Vault::open_or_create(&place.path("disk/vault")).unwrap();
    let notes = live(&place, "state/stores/notes.json");
    let made = vault
        .create(&request(0), std::slice::from_ref(&notes))
        .unwrap();
    let in_vault = names(vault.root());
    grow(&place);
    let error = vault.create(&request(1), std::slice::from_ref(&notes));
    let error = error.unwrap_err();
    assert!(is_killed_for_room(&error), "{error:?}");
    let told = error.to_string();
    let source = std::error::Error::source(&error);
    let told = source.map_or(told.clone(), |source| format!("{told}: {source}"));
    assert!(told.contains("it was killed: make room"), "{told}");
    assert_eq!(names(vault.root()), in_vault);
    assert_eq!(vault.leftovers().unwrap(), Vec::<std::path::PathBuf>::new());
    vault.verify(&made.name).unwrap();
    // What fits goes in again.
    fs::write(place.path("live"), "second").unwrap();
    let next = vault
        .create(&request(2), std::slice::from_ref(&notes))
        .unwrap();
    vault.verify(&next.name).unwrap();
}

/// What a tool would write of the data from before a restore is kept, or nothing is restored.
#[test]
fn data_that_cannot_be_kept_for_want_of_room_is_not_replaced() {
    let place = Place::new();
    let Some(_disk) = SmallDisk::mount(place.path("state"), DISK_MIB) else {
        return;
    };
    let notes = live(&place, "state/notes.json");
    let made = place.back_up(0, std::slice::from_ref(&notes));
    grow(&place);
    let beside = names(&place.path("state"));
    let before = store_digest(&notes).unwrap();
    let error = place
        .vault
        .restore_in_place(&made.name, &notes, at(1))
        .unwrap_err();
    assert!(is_killed_for_room(&error), "{error:?}");
    assert_eq!(fs::metadata(place.path("live")).unwrap().size(), TOO_MUCH);
    assert_eq!(store_digest(&notes).unwrap(), before);
    assert_eq!(names(&place.path("state")), beside);
    assert_eq!(notes.leftovers().unwrap(), Vec::<String>::new());
    // What can be kept is, and then the data is put back.
    fs::write(place.path("live"), "third").unwrap();
    let replaced = place
        .vault
        .restore_in_place(&made.name, &notes, at(2))
        .unwrap();
    assert_eq!(fs::read_to_string(place.path("live")).unwrap(), "first");
    let Some(Kept::Output(kept)) = replaced.kept else {
        panic!("{replaced:?}");
    };
    assert_eq!(fs::read_to_string(kept).unwrap(), "third");
}

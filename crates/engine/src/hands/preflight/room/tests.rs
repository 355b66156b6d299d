//! The data is a file of holes, as long as a part of what the disk has free: it takes no room itself.

use super::*;

/// What pre-flight says of a file that is so many hundredths of the free space long.
fn seen(hundredths: u64, need: Option<RoomNeed>) -> Vec<Seen> {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::open_or_create(&folder.path().join("vault")).unwrap();
    let path = folder.path().join("library");
    let free = portcullis_backup::free_bytes_of(folder.path()).unwrap();
    let file = std::fs::File::create(&path).unwrap();
    file.set_len(free / 100 * hundredths).unwrap();
    look(&vault, &[Store::file("library", path)], need.as_ref())
}

fn need(copies: bool, put_back: Option<BesideStores>, backups: u32) -> Option<RoomNeed> {
    // On the disk of the temporary folder, and not there yet.
    let folder = std::env::temp_dir().join("portcullis-rehearsal-of-nobody");
    Some(RoomNeed {
        copies: copies.then_some(folder),
        put_back,
        backups,
    })
}

/// Which of the moments have room, by the name of the fact or the words of the problem.
fn words(seen: Vec<Seen>) -> Vec<String> {
    let words = seen.into_iter().map(|one| match one {
        Ok(fact) if fact.name == "warning" => "warning".to_owned(),
        Ok(fact) => format!("{} fits", fact.name),
        Err(why) => {
            let what = why.split(" may need ").next().unwrap_or_default();
            assert!(why.contains("make room"), "{why}");
            what.to_owned()
        }
    });
    words.collect()
}

#[test]
fn a_plan_that_only_moves_traffic_needs_room_for_its_backup() {
    assert_eq!(words(seen(60, None)), ["vault fits"]);
    let over = words(seen(120, None));
    assert!(over[0].starts_with("the vault has "), "{over:?}");
}

#[test]
fn a_copy_and_the_data_that_is_put_back_are_counted_beside_the_backup() {
    let both = |backups| need(true, Some(BesideStores::Needed), backups);
    let fits = ["vault fits", "rehearsal fits", "way back fits"];
    assert_eq!(words(seen(10, both(1))), fits);
    // 60 and 66 of 100; 60 and 60: the backup may compress well.
    let with_backup = ["vault fits", "warning", "warning"];
    assert_eq!(words(seen(60, both(1))), with_backup);
    // 40 and 44; twice 40 and 40: a cut-over makes a second backup while it is closed.
    let twice = ["vault fits", "rehearsal fits", "warning"];
    assert_eq!(words(seen(40, both(2))), twice);
    assert_eq!(words(seen(40, both(1))), fits);
    // 95 and a tenth: the copy does not fit even without the backup.
    let over = ["vault fits", "the rehearsal", "warning"];
    assert_eq!(words(seen(95, both(1))), over);
}

#[test]
fn room_that_only_a_reverse_that_fails_needs_is_worth_a_warning() {
    let need = need(false, Some(BesideStores::IfReverseFails), 1);
    let seen = words(seen(120, need));
    assert!(seen[0].starts_with("the vault has "), "{seen:?}");
    assert_eq!(seen[1], "warning");
}

#[test]
fn what_is_told_names_the_disk_and_what_lies_there() {
    let told = seen(60, need(false, Some(BesideStores::Needed), 1));
    let why = told[1].clone().unwrap().value;
    assert!(
        why.contains("library beside its place and the backup"),
        "{why}"
    );
    let folder = std::env::temp_dir();
    assert!(why.contains(&folder.display().to_string()), "{why}");
}

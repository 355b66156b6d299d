use portcullis_rollout::{ReleaseId, RestoreOrder, RolloutId, ServiceName};

use super::*;

fn order(folder: &std::path::Path, reason: &str) -> BackupOrder {
    BackupOrder {
        name: "dhash_test_20260101T000000Z".to_owned(),
        service: ServiceName::new("dhash"),
        environment: "test".to_owned(),
        release: Some(ReleaseId::new("1.0")),
        reason: reason.to_owned(),
        stores: vec![StoreRef {
            name: "library".to_owned(),
            location: portcullis_rollout::StoreLocation::File {
                path: folder.join("library.json"),
            },
        }],
    }
}

/// Two rollouts within one second would name their backups alike: the second must not take the first
/// one's data for its own.
#[tokio::test]
async fn a_backup_made_for_another_rollout_is_not_taken_for_this_one() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("library.json"), "before").unwrap();
    let hand = DataHand::new(Vault::open_or_create(&folder.path().join("vault")).unwrap());
    let first = order(folder.path(), "before rollout dhash-1");
    assert_eq!(hand.probe_backup(&first).await.presence, Presence::Absent);
    hand.backup(&first).await.unwrap();
    hand.backup(&first).await.unwrap();
    assert_eq!(hand.probe_backup(&first).await.presence, Presence::Applied);

    std::fs::write(folder.path().join("library.json"), "after").unwrap();
    let second = order(folder.path(), "before rollout dhash-2");
    assert_eq!(hand.probe_backup(&second).await.presence, Presence::Absent);
    assert!(hand.backup(&second).await.is_err());
}

/// Two rollouts that go back within one second would keep what they replace under one name.
#[tokio::test]
async fn two_restores_within_one_second_both_succeed_and_both_keep_what_they_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let live = folder.path().join("library.json");
    std::fs::write(&live, "before").unwrap();
    let hand = DataHand::new(Vault::open_or_create(&folder.path().join("vault")).unwrap());
    for (second, written) in ["first", "second", "third"].into_iter().enumerate() {
        std::fs::write(&live, "before").unwrap();
        let mut backup = order(folder.path(), &format!("before rollout dhash-{second}"));
        backup.name = format!("dhash_test_20260101T00000{second}Z");
        hand.backup(&backup).await.unwrap();
        let restore = restore_of(&backup);
        std::fs::write(&live, written).unwrap();
        hand.restore(&restore, &rollout()).await.unwrap();
        assert_eq!(std::fs::read_to_string(&live).unwrap(), "before");
    }
    let kept = std::fs::read_dir(folder.path()).unwrap().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().contains(".replaced-")
    });
    assert_eq!(kept.count(), 3);
}

/// A vault that spoils what is written to it is named, and nothing is written under that name again.
#[tokio::test]
async fn a_backup_of_this_rollout_that_went_bad_is_said_to_be_damaged() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("library.json"), "before").unwrap();
    let vault = folder.path().join("vault");
    let hand = DataHand::new(Vault::open_or_create(&vault).unwrap());
    let order = order(folder.path(), "before rollout dhash-1");
    hand.backup(&order).await.unwrap();
    for entry in std::fs::read_dir(&vault).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().contains(".tar") {
            let mut bytes = std::fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0x10;
            std::fs::write(path, bytes).unwrap();
        }
    }
    let failure = hand.backup(&order).await.unwrap_err();
    assert!(
        failure.message.contains("is damaged"),
        "{}",
        failure.message
    );
    assert!(!failure.retryable);
}

fn rollout() -> RolloutId {
    RolloutId::new("dhash-1")
}

fn restore_of(backup: &BackupOrder) -> RestoreOrder {
    RestoreOrder {
        backup: backup.name.clone(),
        stores: backup.stores.clone(),
    }
}

/// Whoever serves goes on writing the moment its data is back. However often anybody asks or tries again, and whatever became
/// of the process meanwhile, that it was put back is known, and what was written since stays.
#[tokio::test]
async fn what_is_written_right_after_a_restore_is_neither_taken_for_a_failure_nor_taken_away() {
    let folder = tempfile::tempdir().unwrap();
    let live = folder.path().join("library.json");
    std::fs::write(&live, "before").unwrap();
    let vault = Vault::open_or_create(&folder.path().join("vault")).unwrap();
    let hand = DataHand::new(vault.clone());
    let backup = order(folder.path(), "before rollout dhash-1");
    hand.backup(&backup).await.unwrap();
    let restore = restore_of(&backup);
    std::fs::write(&live, "migrated").unwrap();
    assert_eq!(
        hand.probe_restore(&restore, &rollout()).await.presence,
        Presence::Absent
    );
    hand.restore(&restore, &rollout()).await.unwrap();
    std::fs::write(&live, "written by a user").unwrap();
    // The second one is the hand of a process that was started since.
    for hand in [hand, DataHand::new(vault)] {
        for _ in 0..2 {
            let probed = hand.probe_restore(&restore, &rollout()).await;
            assert_eq!(probed.presence, Presence::Applied, "{:?}", probed.facts);
            hand.restore(&restore, &rollout()).await.unwrap();
            let now = std::fs::read_to_string(&live).unwrap();
            assert_eq!(now, "written by a user");
        }
    }
}

/// What is gone is not what users wrote.
#[tokio::test]
async fn a_store_that_is_gone_after_it_was_put_back_is_put_back_again() {
    let folder = tempfile::tempdir().unwrap();
    let live = folder.path().join("library.json");
    std::fs::write(&live, "before").unwrap();
    let hand = DataHand::new(Vault::open_or_create(&folder.path().join("vault")).unwrap());
    let backup = order(folder.path(), "before rollout dhash-1");
    hand.backup(&backup).await.unwrap();
    let restore = restore_of(&backup);
    std::fs::write(&live, "migrated").unwrap();
    hand.restore(&restore, &rollout()).await.unwrap();
    std::fs::remove_file(&live).unwrap();
    let probed = hand.probe_restore(&restore, &rollout()).await;
    assert_eq!(probed.presence, Presence::Absent, "{:?}", probed.facts);
    hand.restore(&restore, &rollout()).await.unwrap();
    assert_eq!(std::fs::read_to_string(&live).unwrap(), "before");
    assert_eq!(
        hand.probe_restore(&restore, &rollout()).await.presence,
        Presence::Applied
    );
}

/// What cannot be read for now may be just what users wrote: nobody puts a backup over it before it can be read.
#[tokio::test]
async fn a_store_that_cannot_be_read_for_now_after_it_was_put_back_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (data, away) = (folder.path().join("data"), folder.path().join("away"));
    std::fs::create_dir(&data).unwrap();
    let live = data.join("library.json");
    std::fs::write(&live, "before").unwrap();
    let hand = DataHand::new(Vault::open_or_create(&folder.path().join("vault")).unwrap());
    let backup = order(&data, "before rollout dhash-1");
    hand.backup(&backup).await.unwrap();
    let restore = restore_of(&backup);
    std::fs::write(&live, "migrated").unwrap();
    hand.restore(&restore, &rollout()).await.unwrap();
    std::fs::write(&live, "written by a user").unwrap();
    // Something that is no folder stands where the folder of the store should be: even root can read nothing there.
    std::fs::rename(&data, &away).unwrap();
    std::fs::write(&data, "").unwrap();
    let probed = hand.probe_restore(&restore, &rollout()).await;
    assert_eq!(probed.presence, Presence::Unknown, "{:?}", probed.facts);
    let failure = hand.restore(&restore, &rollout()).await.unwrap_err();
    for words in [
        "library was put back",
        "cannot read",
        "library.json",
        "move it away",
    ] {
        assert!(failure.message.contains(words), "{}", failure.message);
    }
    std::fs::remove_file(&data).unwrap();
    std::fs::rename(&away, &data).unwrap();
    let probed = hand.probe_restore(&restore, &rollout()).await;
    assert_eq!(probed.presence, Presence::Applied, "{:?}", probed.facts);
    hand.restore(&restore, &rollout()).await.unwrap();
    let now = std::fs::read_to_string(&live).unwrap();
    assert_eq!(now, "written by a user");
}

/// An attempt that got as far as the first of two stores has put that one back.
#[tokio::test]
async fn of_several_stores_those_that_are_back_are_left_alone_by_the_next_attempt() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (
        folder.path().join("library.json"),
        folder.path().join("words"),
    );
    let mut backup = order(folder.path(), "before rollout dhash-1");
    backup.stores.push(StoreRef {
        name: "words".to_owned(),
        location: portcullis_rollout::StoreLocation::File {
            path: second.clone(),
        },
    });
    std::fs::write(&first, "before").unwrap();
    std::fs::write(&second, "words before").unwrap();
    let hand = DataHand::new(Vault::open_or_create(&folder.path().join("vault")).unwrap());
    hand.backup(&backup).await.unwrap();
    let restore = restore_of(&backup);
    std::fs::write(&first, "migrated").unwrap();
    // A folder is no file: the second cannot be put back like this.
    std::fs::remove_file(&second).unwrap();
    std::fs::create_dir(&second).unwrap();
    hand.restore(&restore, &rollout()).await.unwrap_err();
    assert_eq!(std::fs::read_to_string(&first).unwrap(), "before");
    assert_eq!(
        hand.probe_restore(&restore, &rollout()).await.presence,
        Presence::Absent
    );

    std::fs::write(&first, "written by a user").unwrap();
    std::fs::remove_dir(&second).unwrap();
    std::fs::write(&second, "words migrated").unwrap();
    let probed = hand.probe_restore(&restore, &rollout()).await;
    assert_eq!(probed.presence, Presence::Absent, "{:?}", probed.facts);
    hand.restore(&restore, &rollout()).await.unwrap();
    assert_eq!(
        std::fs::read_to_string(&first).unwrap(),
        "written by a user"
    );
    assert_eq!(std::fs::read_to_string(&second).unwrap(), "words before");
    assert_eq!(
        hand.probe_restore(&restore, &rollout()).await.presence,
        Presence::Applied
    );
}

/// A store that is left alone because it cannot be read now keeps no other one from being put back, and what is wrong with it is
/// told all the same.
#[tokio::test]
async fn a_store_that_cannot_be_read_for_now_keeps_no_other_from_being_put_back() {
    let folder = tempfile::tempdir().unwrap();
    let (data, away) = (folder.path().join("data"), folder.path().join("away"));
    std::fs::create_dir(&data).unwrap();
    let (first, second) = (data.join("library.json"), folder.path().join("words.json"));
    let mut backup = order(&data, "before rollout dhash-1");
    backup.stores.push(StoreRef {
        name: "words".to_owned(),
        location: portcullis_rollout::StoreLocation::File {
            path: second.clone(),
        },
    });
    std::fs::write(&first, "before").unwrap();
    std::fs::write(&second, "words before").unwrap();
    let hand = DataHand::new(Vault::open_or_create(&folder.path().join("vault")).unwrap());
    hand.backup(&backup).await.unwrap();
    let restore = restore_of(&backup);
    std::fs::write(&first, "migrated").unwrap();
    // The second cannot be put back in the first attempt: a folder is no file.
    std::fs::remove_file(&second).unwrap();
    std::fs::create_dir(&second).unwrap();
    hand.restore(&restore, &rollout()).await.unwrap_err();
    std::fs::remove_dir(&second).unwrap();
    std::fs::write(&second, "words migrated").unwrap();
    std::fs::rename(&data, &away).unwrap();
    std::fs::write(&data, "").unwrap();
    // That one of them is surely not back is worth more than that of the other one nothing is known.
    let probed = hand.probe_restore(&restore, &rollout()).await;
    assert_eq!(probed.presence, Presence::Absent, "{:?}", probed.facts);
    let failure = hand.restore(&restore, &rollout()).await.unwrap_err();
    assert!(
        failure.message.contains("library was put back"),
        "{}",
        failure.message
    );
    assert_eq!(std::fs::read_to_string(&second).unwrap(), "words before");
    let probed = hand.probe_restore(&restore, &rollout()).await;
    assert_eq!(probed.presence, Presence::Unknown, "{:?}", probed.facts);
    std::fs::remove_file(&data).unwrap();
    std::fs::rename(&away, &data).unwrap();
    let probed = hand.probe_restore(&restore, &rollout()).await;
    assert_eq!(probed.presence, Presence::Applied, "{:?}", probed.facts);
}

/// A store that was as in the backup when its turn came is as good as put back: users go on writing to it.
#[tokio::test]
async fn what_is_written_to_a_store_that_needed_no_restore_stays_too() {
    let folder = tempfile::tempdir().unwrap();
    let live = folder.path().join("library.json");
    std::fs::write(&live, "before").unwrap();
    let hand = DataHand::new(Vault::open_or_create(&folder.path().join("vault")).unwrap());
    let backup = order(folder.path(), "before rollout dhash-1");
    hand.backup(&backup).await.unwrap();
    let restore = restore_of(&backup);
    hand.restore(&restore, &rollout()).await.unwrap();
    std::fs::write(&live, "written by a user").unwrap();
    hand.restore(&restore, &rollout()).await.unwrap();
    let now = std::fs::read_to_string(&live).unwrap();
    assert_eq!(now, "written by a user");
}

/// A rollback that is tried again after it went back itself puts the same backup back once more.
#[tokio::test]
async fn another_rollout_puts_the_same_backup_back_again() {
    let folder = tempfile::tempdir().unwrap();
    let live = folder.path().join("library.json");
    let hand = DataHand::new(Vault::open_or_create(&folder.path().join("vault")).unwrap());
    std::fs::write(&live, "of the old release").unwrap();
    let old = order(folder.path(), "before rollout dhash-1");
    hand.backup(&old).await.unwrap();
    std::fs::write(&live, "of the new release").unwrap();
    let mut new = order(folder.path(), "before rollout dhash-2");
    new.name = "dhash_test_20260101T000001Z".to_owned();
    hand.backup(&new).await.unwrap();
    for second in [RolloutId::new("dhash-2"), RolloutId::new("dhash-3")] {
        for (backup, content) in [(&old, "of the old release"), (&new, "of the new release")] {
            let restore = restore_of(backup);
            hand.restore(&restore, &second).await.unwrap();
            assert_eq!(std::fs::read_to_string(&live).unwrap(), content);
        }
    }
}

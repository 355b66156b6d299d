use portcullis_rollout::{ReleaseId, ServiceName};

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
    let backup = order(folder.path(), "before rollout dhash-1");
    hand.backup(&backup).await.unwrap();
    let restore = RestoreOrder {
        backup: backup.name.clone(),
        stores: backup.stores.clone(),
    };
    for written in ["first", "second", "third"] {
        std::fs::write(&live, written).unwrap();
        hand.restore(&restore).await.unwrap();
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

/// Whoever serves goes on writing the moment its data is back. That it was put back was seen before.
#[tokio::test]
async fn what_is_written_right_after_a_restore_does_not_make_it_fail() {
    let folder = tempfile::tempdir().unwrap();
    let live = folder.path().join("library.json");
    std::fs::write(&live, "before").unwrap();
    let hand = DataHand::new(Vault::open_or_create(&folder.path().join("vault")).unwrap());
    let backup = order(folder.path(), "before rollout dhash-1");
    hand.backup(&backup).await.unwrap();
    let restore = RestoreOrder {
        backup: backup.name.clone(),
        stores: backup.stores.clone(),
    };
    std::fs::write(&live, "migrated").unwrap();
    assert_eq!(
        hand.probe_restore(&restore).await.presence,
        Presence::Absent
    );
    hand.restore(&restore).await.unwrap();
    std::fs::write(&live, "written by a user").unwrap();
    let probed = hand.probe_restore(&restore).await;
    assert_eq!(probed.presence, Presence::Applied, "{:?}", probed.facts);
    // Whoever asks later is told how it is then.
    assert_eq!(
        hand.probe_restore(&restore).await.presence,
        Presence::Absent
    );
    // An attempt that fails says nothing of the one before it.
    hand.restore(&restore).await.unwrap();
    let missing = RestoreOrder {
        backup: "dhash_test_20260101T000001Z".to_owned(),
        ..restore.clone()
    };
    hand.restore(&missing).await.unwrap_err();
    std::fs::write(&live, "written later").unwrap();
    assert_eq!(
        hand.probe_restore(&restore).await.presence,
        Presence::Absent
    );
}

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
            kind: portcullis_rollout::StoreKind::File,
            path: folder.join("library.json"),
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

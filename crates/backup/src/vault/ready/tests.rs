use std::fs;
use std::os::unix::fs::symlink;

use super::*;
use crate::BackupRequest;

/// A vault with a backup of a file, a folder and a database, which lie in `folder`.
fn backed_up(folder: &Path) -> (Vault, BackupName, [Store; 3]) {
    fs::write(folder.join("file"), "one").unwrap();
    fs::create_dir(folder.join("folder")).unwrap();
    fs::write(folder.join("folder/page"), "two").unwrap();
    let database = folder.join("database");
    let connection = rusqlite::Connection::open(&database).unwrap();
    connection.execute_batch("CREATE TABLE t (n)").unwrap();
    drop(connection);
    let stores = [
        Store::file("file", folder.join("file")),
        Store::directory("folder", folder.join("folder")),
        Store::sqlite("database", database),
    ];
    let vault = Vault::open_or_create(&folder.join("vault")).unwrap();
    let request = BackupRequest {
        service: "notes".to_owned(),
        environment: "test".to_owned(),
        created_at: "2026-11-21T01:00:00Z".parse().unwrap(),
        release: None,
        reason: "by hand".to_owned(),
    };
    let name = vault.create(&request, &stores).unwrap().name;
    (vault, name, stores)
}

#[test]
fn what_is_at_the_place_of_a_store_decides_whether_it_can_be_put_back() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let (vault, name, [file, directory, database]) = backed_up(root);
    for store in [&file, &directory, &database] {
        vault.can_be_put_back(&name, store).unwrap();
    }
    let of = |store: &Store| vault.can_be_put_back(&name, store);
    let refused = |store: &Store| {
        let error = of(store).unwrap_err();
        assert!(matches!(error, BackupError::StoreRefused { .. }), "{error}");
    };
    // A link, and a file where a folder belongs and the other way round.
    fs::rename(root.join("folder"), root.join("other")).unwrap();
    symlink(root.join("other"), root.join("folder")).unwrap();
    refused(&directory);
    fs::remove_file(root.join("folder")).unwrap();
    fs::write(root.join("folder"), "").unwrap();
    refused(&directory);
    fs::remove_file(root.join("file")).unwrap();
    fs::create_dir(root.join("file")).unwrap();
    refused(&file);
    // What is missing is made, with the folder above it, but not below a file.
    of(&file.moved_to(root.join("new/file"))).unwrap();
    assert!(!root.join("new").exists());
    let below = of(&file.moved_to(root.join("folder/file"))).unwrap_err();
    assert!(matches!(below, BackupError::Target { .. }), "{below}");
    // Another kind, and a store that the backup does not have.
    let kind = of(&Store::directory("file", root.join("new"))).unwrap_err();
    assert!(matches!(kind, BackupError::KindDiffers { .. }), "{kind}");
    let unknown = of(&Store::file("more", root.join("new"))).unwrap_err();
    assert!(
        matches!(unknown, BackupError::UnknownStore { .. }),
        "{unknown}"
    );
}

#[test]
fn the_place_of_a_copy_is_free_if_nothing_lies_there_or_beside_a_database() {
    let folder = tempfile::tempdir().unwrap();
    let (vault, name, _) = backed_up(folder.path());
    let to = folder.path().join("copy");
    let is_free = |store: &str| vault.is_free_for(&name, store, &to).is_ok();
    assert!(is_free("database") && is_free("file"));
    fs::write(folder.path().join("copy-wal"), "").unwrap();
    assert!(!is_free("database") && is_free("file"));
    symlink("nowhere", &to).unwrap();
    assert!(!is_free("file"));
}

use std::os::unix::net::UnixListener;

use super::*;

fn folder_that_is_held() -> (tempfile::TempDir, crate::state_folder::Lock) {
    let folder = tempfile::tempdir().unwrap();
    let lock = StateFolder::new(folder.path()).lock().unwrap();
    (folder, lock)
}

#[test]
fn without_a_lock_nobody_runs() {
    let folder = tempfile::tempdir().unwrap();
    let listen = Listen::Unix(folder.path().join("api.sock"));
    let found = ServeProcess::of(folder.path(), &listen);
    assert_eq!(found.sentence(), "no server runs");
    assert!(found.hint().contains("portcullis serve"));
}

#[test]
fn a_socket_that_was_removed_is_told_from_one_that_was_never_made() {
    let (folder, _lock) = folder_that_is_held();
    let path = folder.path().join("api.sock");
    let listen = Listen::Unix(path.clone());
    let pid = std::process::id();
    let told = || ServeProcess::of(folder.path(), &listen).sentence();
    assert_eq!(
        told(),
        format!("`portcullis serve` (pid {pid}) runs and its engine does not act")
    );
    let _listener = UnixListener::bind(&path).unwrap();
    assert_eq!(
        told(),
        format!("`portcullis serve` (pid {pid}) runs but does not answer")
    );
    fs::remove_file(&path).unwrap();
    assert!(told().ends_with("its socket was removed"), "{}", told());
}

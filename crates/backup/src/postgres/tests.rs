//! Which program is taken, and what is said when there is none.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::tools::Tools;
use super::{PostgresProblem, blocking, names_beside, restored_prefix};

fn fake(folder: &Path, name: &str, version: &str) -> PathBuf {
    let folder = folder.join(version);
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    fs::write(
        &path,
        format!("#!/bin/sh\necho '{name} (PostgreSQL) {version} (Debian)'\n"),
    )
    .unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn find(tools: &Tools, wanted: u32) -> Result<String, PostgresProblem> {
    let found = blocking(tools.find("pg_dump", wanted, "the server"));
    found.map(|tool| tool.version)
}

#[test]
fn the_oldest_program_that_is_new_enough_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let folders =
        ["17.2", "13.4", "16beta1", "15.18"].map(|version| fake(folder.path(), "pg_dump", version));
    let tools = Tools::within(folders.to_vec());
    assert_eq!(find(&tools, 15).unwrap(), "15.18");
    assert_eq!(find(&tools, 16).unwrap(), "16beta1");
    assert_eq!(find(&tools, 14).unwrap(), "15.18");
}

#[test]
fn a_program_that_is_too_old_is_named_with_its_version_and_what_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    let old = fake(folder.path(), "pg_dump", "13.4");
    let refused = find(&Tools::within(vec![old.clone()]), 15)
        .unwrap_err()
        .to_string();
    let path = old.join("pg_dump");
    for part in [
        "pg_dump is too old: the server is PostgreSQL 15, and there is only 13.4",
        path.to_str().unwrap(),
        "/usr/lib/postgresql/*/bin and the PATH",
        "install postgresql-client-15",
    ] {
        assert!(refused.contains(part), "{part:?} is not in: {refused}");
    }
    let nothing = find(&Tools::within(vec![folder.path().to_owned()]), 15).unwrap_err();
    assert!(
        matches!(nothing, PostgresProblem::ToolMissing { wanted: 15, .. }),
        "{nothing}"
    );
}

#[test]
fn names_beside_a_database_are_cut_to_what_the_server_keeps() {
    let (restored, replaced) = names_beside("notes", "20261122t110342123z");
    assert_eq!(restored, "notes_restored_20261122t110342123z");
    assert_eq!(replaced, "notes_replaced_20261122t110342123z");
    let long = "ä".repeat(31);
    let (restored, replaced) = names_beside(&long, "20261122t110342123z");
    assert!(restored.len() <= 63 && replaced.len() <= 63);
    assert_ne!(restored, replaced);
    assert!(restored.starts_with(&restored_prefix(&long, "20261122t110342123z")));
}

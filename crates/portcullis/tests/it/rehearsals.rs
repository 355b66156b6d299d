//! Rehearsals that are cut off are repeated, because nothing live was touched; those that fail are not.

use crate::rig::{Rig, processes_in, signal};

/// A rig whose release does as `copy` says when it migrates the copy of a rehearsal, and whose rehearsals
/// are counted. The shell script finds the real program as `$0.real` and the copy as `$3`.
fn rehearsing(release: &str, copy: &str) -> Rig {
    let rig = Rig::serving("none");
    rig.replace_program(
        release,
        &format!(
            "case \"$*\" in migrate*/rehearsals/*) echo ran >> rehearsals.txt\n{copy}\n;; esac\n\
             exec \"$0.real\" \"$@\"\n"
        ),
    );
    rig
}

/// The first rehearsal does something, every other one goes well.
fn first(what: &str) -> String {
    format!("if [ $(wc -l < rehearsals.txt) = 1 ]; then {what}; fi")
}

fn rehearsals(rig: &Rig) -> usize {
    let text = std::fs::read_to_string(rig.path("rehearsals.txt")).unwrap_or_default();
    text.lines().count()
}

/// The processes that a migration of a copy has, with those that it started.
fn migrating(rig: &Rig) -> Vec<u32> {
    let is_migration = |id: &u32| {
        let variables = std::fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
        String::from_utf8_lossy(&variables).contains("PORTCULLIS_MIGRATION=")
    };
    let all = processes_in(rig.folder.path()).into_iter();
    all.filter(is_migration).collect()
}

/// Kills them all: one that was just starting another one, too.
fn end_migrating(rig: &Rig) {
    rig.until("no migration of a copy runs", |rig| {
        let running = migrating(rig);
        for id in &running {
            signal("-KILL", *id);
        }
        running.is_empty()
    });
}

/// Invariant 5: what a killed rehearsal left running is waited for before anything is concluded.
#[test]
fn a_rehearsal_that_was_killed_has_ended_before_it_is_repeated() {
    let mut rig = rehearsing("1.1", &first("sleep 3; echo ended >> ended.txt"));
    let users = rig.users();
    rig.ok(&["deploy", "--release", "1.1"]);
    rig.until("the copy is being migrated", |rig| {
        !migrating(rig).is_empty()
    });
    rig.kill();
    assert!(
        !migrating(&rig).is_empty(),
        "the migration outlives the engine; otherwise this tests nothing"
    );
    rig.start();
    rig.until("it is rehearsed again", |rig| rehearsals(rig) == 2);
    assert!(
        rig.path("ended.txt").exists(),
        "the first rehearsal still ran"
    );
    rig.until("it is over", |rig| rig.state_of("dhash-2") == "promoted");
    users.stop();
    assert_eq!(rehearsals(&rig), 2);
    assert_eq!(rig.serving_release(), "1.1");
    let left = std::fs::read_dir(rig.path(".portcullis/rehearsals")).unwrap();
    let copies = left.filter(|left| left.as_ref().unwrap().path().is_dir());
    assert_eq!(copies.count(), 0, "a copy was left behind");
}

#[test]
fn a_rehearsal_that_left_half_a_copy_is_cleaned_and_repeated() {
    // The proof of 1.2 reads the copy and cannot tell from half of one.
    let half = "head -c 300 \"$3\" > half; cat half > \"$3\"; echo half > half.txt; sleep 600";
    let mut rig = rehearsing("1.2", &first(half));
    let users = rig.users();
    rig.ok(&["deploy", "--release", "1.2"]);
    rig.until("there is half a copy", |rig| rig.path("half.txt").exists());
    rig.kill();
    end_migrating(&rig);
    rig.start();
    rig.until("it is over", |rig| {
        ["promoted", "held", "rolled back"].contains(&rig.state_of("dhash-2").as_str())
    });
    users.stop();
    let shown = rig.ok(&["show", "dhash-2"]);
    assert_eq!(rig.state_of("dhash-2"), "promoted", "{shown}");
    assert_eq!(rehearsals(&rig), 2, "{shown}");
}

#[test]
fn a_rehearsal_that_is_cut_off_every_time_is_given_up_with_the_data_as_it_was() {
    let mut rig = rehearsing("1.1", "sleep 600");
    let before = rig.library_sha256();
    rig.ok(&["deploy", "--release", "1.1"]);
    for attempt in 1..=3 {
        rig.until("the copy is being migrated", |rig| {
            rehearsals(rig) == attempt && !migrating(rig).is_empty()
        });
        rig.kill();
        end_migrating(&rig);
        rig.start();
    }
    rig.until("it went back", |rig| {
        rig.state_of("dhash-2") == "rolled back"
    });
    assert_eq!(rehearsals(&rig), 3);
    assert_eq!(rig.library_sha256(), before);
    assert_eq!(rig.serving_release(), "1.0");
}

/// Deploys a release whose rehearsal fails, and checks that it was not tried a second time.
fn fails_at_once(rig: &Rig, release: &str) -> String {
    let before = rig.library_sha256();
    assert_eq!(rig.exit(&["deploy", "--release", release, "--wait"]), 1);
    let shown = rig.ok(&["show", "dhash-2"]);
    assert_eq!(rig.state_of("dhash-2"), "rolled back", "{shown}");
    assert_eq!(rehearsals(rig), 1, "{shown}");
    assert_eq!(rig.library_sha256(), before, "{shown}");
    shown
}

#[test]
fn a_rehearsed_migration_that_fails_is_not_repeated() {
    let rig = rehearsing("1.1", "echo the copy is no good >&2; exit 3");
    let shown = fails_at_once(&rig, "1.1");
    assert!(shown.contains("the live data was not touched"), "{shown}");
    assert!(shown.contains("the copy is no good"), "{shown}");
}

#[test]
fn a_rehearsed_migration_whose_proof_cannot_tell_is_not_repeated() {
    let rig = rehearsing("1.2", "echo nonsense > \"$3\"; exit 0");
    let shown = fails_at_once(&rig, "1.2");
    assert!(shown.contains("is not JSON"), "{shown}");
}

#[test]
fn a_release_that_does_not_start_in_the_rehearsal_is_not_tried_twice() {
    let rig = rehearsing("1.1", "true");
    // The copy is migrated, then its server ends at once.
    let script = std::fs::read_to_string(rig.path("releases/1.1/dhash")).unwrap();
    let script = script.replace(
        "esac\n",
        "serve*/rehearsals/*) echo no room >&2; exit 9;; esac\n",
    );
    std::fs::write(rig.path("releases/1.1/dhash"), script).unwrap();
    let shown = fails_at_once(&rig, "1.1");
    assert!(shown.contains("no room"), "{shown}");
}

#[test]
fn a_rehearsal_that_takes_too_long_is_not_repeated_and_leaves_nothing() {
    let rig = rehearsing("1.1", "sleep 600");
    rig.edit(
        "stop = \"5s\"",
        "stop = \"1s\"\nready = \"1s\"\nbackup = \"2s\"\nmigrate = \"1s\"",
    );
    let shown = fails_at_once(&rig, "1.1");
    assert!(
        shown.contains("the rehearsal took longer than 7000 ms"),
        "{shown}"
    );
    assert!(migrating(&rig).is_empty(), "it still runs");
    let left = std::fs::read_dir(rig.path(".portcullis/rehearsals")).unwrap();
    assert_eq!(left.count(), 0, "a copy was left behind");
}

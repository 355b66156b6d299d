//! Releases and rollbacks, end to end.

use crate::rig::Rig;

#[test]
fn a_good_release_is_promoted_and_a_bad_one_goes_back_with_its_data() {
    let mut rig = Rig::serving("errors:0.2");
    let at_first = rig.library_sha256();
    let users = rig.users();
    assert_eq!(rig.exit(&["deploy", "--release", "1.1", "--wait"]), 0);
    assert_eq!(rig.serving_release(), "1.1");
    let before = rig.library_sha256();
    assert_ne!(at_first, before, "the migration changed nothing");

    assert_eq!(rig.exit(&["deploy", "--release", "1.2", "--wait"]), 3);
    assert_eq!(rig.library_sha256(), before);
    assert_eq!(rig.serving_release(), "1.1");
    assert_eq!(users.stop(), 0, "requests were dropped");

    let shown = rig.ok(&["show", "dhash-3"]);
    assert!(
        shown.contains("error rate") && shown.contains("limit 1.0 %"),
        "{shown}"
    );
    let kept = std::fs::read_dir(rig.folder.path().join("data")).unwrap();
    let replaced = kept.filter_map(Result::ok).filter(|entry| {
        entry
            .file_name()
            .to_string_lossy()
            .starts_with("library.json.replaced-")
    });
    assert_eq!(
        replaced.count(),
        1,
        "the replaced data is kept under a name"
    );
    rig.ok(&["journal", "verify"]);
    rig.ok(&["backup", "verify"]);
    assert_eq!(rig.stop(), Some(0));
    // The story can be read without a server.
    assert!(rig.ok(&["history"]).contains("Rolled back to 1.1"));
}

#[test]
fn a_gate_without_traffic_pauses_and_a_person_decides() {
    let rig = Rig::serving("none");
    assert_eq!(rig.exit(&["deploy", "--release", "1.1", "--wait"]), 5);
    assert_eq!(rig.state_of("dhash-2"), "paused");
    let before_abort = rig.library_sha256();
    assert_eq!(
        rig.exit(&["abort", "--reason", "no users at night", "--wait"]),
        0
    );
    assert_eq!(rig.state_of("dhash-2"), "rolled back");
    assert_ne!(
        rig.library_sha256(),
        before_abort,
        "the backup was put back"
    );
    assert!(
        rig.ok(&["show", "dhash-2"])
            .contains("aborted by tester (no users at night)")
    );
    assert_eq!(rig.exit(&["abort"]), 1, "nothing is live");
}

#[test]
fn a_release_can_be_rolled_back_after_it_was_promoted() {
    let rig = Rig::serving("none");
    let users = rig.users();
    rig.ok(&["deploy", "--release", "1.1", "--wait"]);
    let gate = rig.ok(&["show", "dhash-2", "--gate", "gate-20"]);
    assert!(
        gate.starts_with("gate-20: ") && gate.contains("error rate"),
        "{gate}"
    );
    let replayed = rig.ok(&["show", "dhash-2", "--gate", "gate-20", "--replay"]);
    assert!(
        replayed.contains("judged again: the same, to the last bit"),
        "{replayed}"
    );
    let data = rig.json(&["show", "dhash-2", "--gate", "gate-20", "--replay"]);
    assert_eq!(
        data["verdicts"][0]["recorded"],
        data["verdicts"][0]["computed"]
    );
    assert_eq!(rig.exit(&["show", "dhash-2", "--gate", "gate-99"]), 1);
    assert_eq!(
        rig.exit(&["show", "dhash-2", "--replay"]),
        2,
        "of which gate?"
    );
    rig.ok(&["rollback", "--wait"]);
    assert_eq!(rig.serving_release(), "1.0");
    assert_eq!(rig.exit(&["rollback"]), 1, "1.0 was the first");
    assert_eq!(users.stop(), 0, "requests were dropped");
}

#[test]
fn a_failing_migration_stops_in_the_rehearsal_before_anything_is_touched() {
    let rig = Rig::serving("none");
    rig.edit(
        "\"--to\", \"imagehash4/pillow13\"",
        "\"--to\", \"imagehash4/pillow<=12\"",
    );
    let before = rig.library_sha256();
    assert_eq!(rig.exit(&["deploy", "--release", "1.1", "--wait"]), 1);
    assert_eq!(rig.library_sha256(), before);
    let shown = rig.ok(&["show", "dhash-2"]);
    assert!(shown.contains("the live data was not touched"), "{shown}");
    assert!(!shown.contains("migrate    done"), "{shown}");
}

#[test]
fn a_release_that_never_becomes_ready_goes_back_with_its_data_and_says_why() {
    let rig = Rig::serving("none");
    let before = rig.library_sha256();
    rig.edit("drain = \"5s\"", "drain = \"5s\"\nready = \"2s\"");
    // It works in the rehearsal, and hangs when it is started on the live data.
    rig.replace_program(
        "1.1",
        "case \"$*\" in serve*/rehearsals/*|migrate*|check*) exec \"$0.real\" \"$@\";; esac\n\
         echo the licence server does not answer; exec sleep 600\n",
    );
    assert_eq!(rig.exit(&["deploy", "--release", "1.1", "--wait"]), 1);
    let shown = rig.ok(&["show", "dhash-2"]);
    assert!(
        shown.contains("the licence server does not answer"),
        "{shown}"
    );
    assert!(shown.contains("migrate    undone"), "{shown}");
    assert_eq!(rig.library_sha256(), before);
    assert_eq!(rig.serving_release(), "1.0");
}

#[test]
fn a_migration_that_lies_about_its_success_goes_back() {
    let rig = Rig::serving("none");
    let before = rig.library_sha256();
    // It works on the copy; on the live data it writes garbage and reports success.
    rig.replace_program(
        "1.1",
        "case \"$*\" in migrate*/rehearsals/*|serve*|check*) exec \"$0.real\" \"$@\";; esac\n\
         echo garbage > data/library.json; exit 0\n",
    );
    assert_eq!(rig.exit(&["deploy", "--release", "1.1", "--wait"]), 1);
    assert_eq!(rig.library_sha256(), before);
    let shown = rig.ok(&["show", "dhash-2"]);
    assert!(
        shown.contains("reported success but did not take effect"),
        "{shown}"
    );
}

/// A service whose users write while a release is prepared; the migration of 1.1 works on copies and ends on the live data with
/// whatever `live` does.
fn written_by_users(live: &str) -> Rig {
    let rig = Rig::serving("none");
    rig.edit("written_by = \"migrations\"", "written_by = \"service\"");
    let script = format!(
        "case \"$*\" in migrate*/rehearsals/*|serve*|check*) exec \"$0.real\" \"$@\";; esac\n{live}\n"
    );
    rig.replace_program("1.1", &script);
    rig
}

#[test]
fn what_users_wrote_before_a_migration_failed_is_not_taken_away_unasked() {
    let rig = written_by_users("printf ' ' >> data/library.json; exit 1");
    let before = rig.library_sha256();
    assert_eq!(rig.exit(&["deploy", "--release", "1.1", "--wait"]), 4);
    let shown = rig.ok(&["show", "dhash-2"]);
    assert!(
        shown.contains("would lose the writes taken since"),
        "{shown}"
    );
    assert_ne!(rig.library_sha256(), before, "it is as it was written");
    assert_eq!(rig.serving_release(), "1.0");
    let refused = rig.run(&["retry"]);
    assert_ne!(refused.status.code(), Some(0));
    rig.ok(&["retry", "--accept-loss"]);
    rig.until("the backup was put back", |rig| {
        rig.state_of("dhash-2") == "rolled back"
    });
    assert_eq!(rig.library_sha256(), before);
}

#[test]
fn a_migration_that_failed_before_it_changed_anything_goes_back_by_itself() {
    let rig = written_by_users("exit 1");
    let before = rig.library_sha256();
    assert_eq!(rig.exit(&["deploy", "--release", "1.1", "--wait"]), 1);
    assert_eq!(rig.state_of("dhash-2"), "rolled back");
    assert_eq!(rig.library_sha256(), before);
}

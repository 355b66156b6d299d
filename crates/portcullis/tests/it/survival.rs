//! `kill -9` of Portcullis in the middle of a rollout.

use crate::rig::Rig;

#[test]
fn a_killed_engine_comes_back_and_finishes_the_rollout() {
    let mut rig = Rig::serving("none");
    let users = rig.users();
    rig.ok(&["deploy", "--release", "1.1"]);
    rig.until("the first gate is open", |rig| {
        rig.state_of("dhash-2") == "watching"
    });
    rig.kill();
    rig.start();
    rig.until("it is over", |rig| rig.state_of("dhash-2") == "promoted");
    assert_eq!(rig.serving_release(), "1.1");
    let shown = rig.ok(&["show", "dhash-2"]);
    assert_eq!(shown.matches("migrate    done").count(), 1, "{shown}");
    rig.ok(&["journal", "verify"]);
    users.stop();
}

#[test]
fn services_outlive_a_killed_engine_and_are_adopted() {
    let mut rig = Rig::serving("none");
    let pid_before = rig.json(&["show", "dhash-1"])["moments"].to_string();
    rig.kill();
    rig.start();
    rig.until("the gateway serves from its saved split", |rig| {
        rig.get("/health", "me").contains("\"version\":\"1.0\"")
    });
    assert_eq!(
        rig.json(&["show", "dhash-1"])["moments"].to_string(),
        pid_before
    );
    assert_eq!(rig.json(&["status"])["epoch"], 2);
}

#[test]
fn a_second_server_on_one_state_folder_is_refused() {
    let rig = Rig::serving("none");
    let output = rig.run(&["serve"]);
    assert_eq!(output.status.code(), Some(6));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("another Portcullis (pid "), "{told}");
    assert_eq!(
        rig.exit(&[
            "backup",
            "restore",
            "dhash_test_20260101T000000Z",
            "--in-place"
        ]),
        6
    );
}

//! Releases that die, do not come up, or do not go.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::rig::{Rig, processes_in, signal};

/// The processes of a release: those that run its program.
fn processes_of(rig: &Rig, release: &str) -> Vec<u32> {
    let program = format!("releases/{release}/dhash");
    let runs = |id: &u32| {
        let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        line.contains(&program) && line.contains("serve") && !line.contains("rehearsals")
    };
    let mut found = processes_in(rig.folder.path());
    found.retain(runs);
    found
}

fn kill_release(rig: &Rig, release: &str) {
    let found = processes_of(rig, release);
    assert!(!found.is_empty(), "{release} does not run");
    for id in found {
        signal("-KILL", id);
    }
}

/// Which release answers a user, and with which status.
fn answer(rig: &Rig, user: &str) -> (String, String) {
    let answer = rig.get("/health", user);
    let status = answer.lines().next().unwrap_or_default().to_owned();
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    (
        status,
        body["version"].as_str().unwrap_or_default().to_owned(),
    )
}

/// Waits until every one of some users is answered with 200.
fn all_are_served(rig: &Rig) {
    rig.until("everybody is served", |rig| {
        (0..20).all(|user| answer(rig, &format!("user-{user}")).0.contains("200"))
    });
}

fn is_over(rig: &Rig, rollout: &str) -> bool {
    ["promoted", "rolled back"].contains(&rig.state_of(rollout).as_str())
}

/// Deploys 1.1 and returns in its first gate.
fn in_the_gate() -> Rig {
    let rig = Rig::serving("none");
    rig.ok(&["deploy", "--release", "1.1"]);
    rig.until("the first gate is open", |rig| {
        rig.state_of("dhash-2") == "watching"
    });
    rig
}

#[test]
fn a_canary_that_is_killed_in_the_gate_is_started_again_or_goes_back() {
    let rig = in_the_gate();
    let users = rig.users();
    kill_release(&rig, "1.1");
    all_are_served(&rig);
    rig.until("it is over", |rig| is_over(rig, "dhash-2"));
    all_are_served(&rig);
    let log = rig.log();
    assert!(
        log.contains("release 1.1 of dhash was ended by signal 9; it is started again"),
        "{log}"
    );
    assert_eq!(users.stop(), 0, "requests got no answer at all");
}

#[test]
fn a_canary_that_hangs_in_the_gate_goes_back_within_seconds_without_any_user() {
    let rig = Rig::serving("none");
    rig.edit("window = \"2s\"", "window = \"30s\"");
    // The checks may take longer than the measurements are apart, which must not slow the verdict down.
    rig.edit("timeout = \"2s\" }", "timeout = \"25s\" }");
    rig.ok(&["deploy", "--release", "1.1"]);
    rig.until("the first gate is open", |rig| {
        rig.state_of("dhash-2") == "watching"
    });
    let hung = Instant::now();
    for id in processes_of(&rig, "1.1") {
        signal("-STOP", id);
    }
    rig.until("it goes back", |rig| {
        ["unwinding", "rolled back"].contains(&rig.state_of("dhash-2").as_str())
    });
    let took = hung.elapsed();
    assert!(took < Duration::from_secs(12), "{took:?}");
    let told = rig.json(&["status"])["sentence"].to_string();
    assert!(told.contains("failed checks in a row 3, limit 2"), "{told}");
    let numbers = told
        .split("failed checks")
        .nth(1)
        .unwrap()
        .trim_end_matches('"');
    let shown = rig.ok(&["show", "dhash-2"]);
    let places = shown.matches(numbers).count();
    assert!(places >= 2, "{numbers} in:\n{shown}");
    rig.until("it is over", |rig| is_over(rig, "dhash-2"));
}

#[test]
fn a_stable_release_that_is_killed_in_the_gate_is_started_again() {
    let rig = in_the_gate();
    let users = rig.users();
    let killed = Instant::now();
    kill_release(&rig, "1.0");
    all_are_served(&rig);
    assert!(killed.elapsed() < Duration::from_secs(10));
    rig.until("it is over", |rig| is_over(rig, "dhash-2"));
    all_are_served(&rig);
    assert_eq!(users.stop(), 0, "requests got no answer at all");
    assert!(
        rig.log()
            .contains("release 1.0 of dhash was ended by signal 9"),
        "{}",
        rig.log()
    );
}

#[test]
fn both_releases_killed_in_the_gate_are_started_again() {
    let rig = in_the_gate();
    let users = rig.users();
    kill_release(&rig, "1.0");
    kill_release(&rig, "1.1");
    all_are_served(&rig);
    rig.until("it is over", |rig| is_over(rig, "dhash-2"));
    all_are_served(&rig);
    assert_eq!(users.stop(), 0, "requests got no answer at all");
}

#[test]
fn a_release_that_crashes_again_and_again_in_the_gate_goes_back() {
    let rig = Rig::serving("none");
    let before = rig.library_sha256();
    // It lives for 0.3 s whenever it is started on the live data, the first time a little longer.
    rig.replace_program(
        "1.1",
        "case \"$*\" in serve*/rehearsals/*|migrate*|check*) exec \"$0.real\" \"$@\";; esac\n\
         life=0.3; [ -e crashed ] || life=1.5; touch crashed\n\
         \"$0.real\" \"$@\" & child=$!; sleep $life; kill -9 $child; exit 7\n",
    );
    let users = rig.users();
    assert_eq!(rig.exit(&["deploy", "--release", "1.1", "--wait"]), 3);
    let shown = rig.ok(&["show", "dhash-2"]);
    assert!(shown.contains("Rolled back to 1.0"), "{shown}");
    assert_eq!(rig.library_sha256(), before);
    assert_eq!(users.stop(), 0, "requests got no answer at all");
    assert!(
        processes_of(&rig, "1.1").is_empty(),
        "it is still started again"
    );
}

#[test]
fn a_release_that_exits_at_once_goes_back_with_its_last_words() {
    let rig = Rig::serving("none");
    let before = rig.library_sha256();
    rig.replace_program(
        "1.1",
        "case \"$*\" in serve*/rehearsals/*|migrate*|check*) exec \"$0.real\" \"$@\";; esac\n\
         echo no licence key; sleep 0.3; exit 7\n",
    );
    assert_eq!(rig.exit(&["deploy", "--release", "1.1", "--wait"]), 1);
    let shown = rig.ok(&["show", "dhash-2"]);
    for told in ["exited with code 7", "no licence key"] {
        assert!(shown.contains(told), "{told:?} is not in\n{shown}");
    }
    assert_eq!(rig.library_sha256(), before);
}

#[test]
fn a_port_that_somebody_took_is_named_with_who_has_it() {
    let rig = Rig::serving("none");
    let before = rig.library_sha256();
    // The rehearsal waits until this test sits on the planned address.
    rig.replace_program(
        "1.1",
        "case \"$*\" in migrate*/rehearsals/*) while [ ! -e go ]; do sleep 0.05; done;; esac\n\
         exec \"$0.real\" \"$@\"\n",
    );
    rig.ok(&["deploy", "--release", "1.1"]);
    rig.until("it rehearses", |rig| {
        rig.log().contains("action=\"rehearse\"")
    });
    // 1.0 has the first port, so the lowest free one is the second.
    let (first, _) = rig.release_ports();
    let taken = TcpListener::bind(("127.0.0.1", first + 1)).unwrap();
    std::fs::write(rig.path("go"), "").unwrap();
    rig.until("it is over", |rig| rig.state_of("dhash-2") == "rolled back");
    drop(taken);
    let shown = rig.ok(&["show", "dhash-2"]);
    let told = format!("address 127.0.0.1:{} is taken by", first + 1);
    assert!(shown.contains(&told), "{shown}");
    assert!(
        shown.contains(&format!("process {}", std::process::id())),
        "it is not told who\n{shown}"
    );
    assert_eq!(rig.library_sha256(), before);
}

#[test]
fn a_release_that_answers_health_and_nothing_else_is_found_by_its_smoke_questions() {
    let rig = Rig::serving("errors:1.0");
    rig.edit(
        "[[store]]",
        "[[service.smoke]]\npath = \"/lookup/0123456789abcdef?radius=4\"\n\n[[store]]",
    );
    let before = rig.library_sha256();
    let users = rig.users();
    assert_eq!(rig.exit(&["deploy", "--release", "1.2", "--wait"]), 1);
    let shown = rig.ok(&["show", "dhash-2"]);
    assert!(shown.contains("/lookup/0123456789abcdef"), "{shown}");
    assert!(shown.contains("the live data was not touched"), "{shown}");
    assert_eq!(rig.library_sha256(), before);
    assert_eq!(users.stop(), 0);
}

#[test]
fn a_release_that_answers_health_and_nothing_else_fails_its_gate() {
    let rig = Rig::serving("errors:1.0");
    let users = rig.users();
    assert_eq!(rig.exit(&["deploy", "--release", "1.2", "--wait"]), 3);
    let shown = rig.ok(&["show", "dhash-2"]);
    assert!(shown.contains("error rate 100"), "{shown}");
    assert_eq!(users.stop(), 0);
}

#[test]
fn a_release_that_ignores_being_asked_to_stop_is_killed_after_its_time() {
    let mut rig = Rig::new("none");
    rig.edit("stop = \"5s\"", "stop = \"1s\"");
    rig.replace_program(
        "1.0",
        "case \"$*\" in serve*) ;; *) exec \"$0.real\" \"$@\";; esac\n\
         trap '' TERM; \"$0.real\" \"$@\" & while :; do sleep 0.1; done\n",
    );
    rig.ok(&["init"]);
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    let users = rig.users();
    assert_eq!(rig.exit(&["deploy", "--release", "1.1", "--wait"]), 0);
    assert_eq!(users.stop(), 0, "requests were dropped");
    let shown = rig.ok(&["show", "dhash-2"]);
    assert!(shown.contains("had to be killed after 1"), "{shown}");
    assert!(processes_of(&rig, "1.0").is_empty());
}

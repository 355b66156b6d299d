//! What a person can do with a rollout: pause, approve, go back to a warm release or a named one, carry
//! out a reviewed plan; and what the operator's own commands can do.

use std::time::{Duration, Instant};

use crate::rig::Rig;

const KEPT_WARM: (&str, &str) = ("keep_warm = \"0s\"", "keep_warm = \"10m\"");

fn stderr(rig: &Rig, args: &[&str], code: i32) -> String {
    let output = rig.run(args);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{args:?}\n{text}");
    text
}

fn sentence(rig: &Rig) -> String {
    rig.json(&["status"])["sentence"].to_string()
}

#[test]
fn a_paused_rollout_waits_and_goes_on_where_it_was() {
    let rig = Rig::serving("none");
    let users = rig.users();
    rig.ok(&["deploy", "--release", "1.1"]);
    rig.until("the gate is open", |rig| {
        rig.state_of("dhash-2") == "watching"
    });
    let told = rig.ok(&["status"]);
    assert!(
        told.contains("; 1.1 at 127.0.0.1:") && told.contains("has 20 % of the users"),
        "{told}"
    );
    let said = stderr(&rig, &["pause", "--reason", "lunch"], 0);
    assert!(
        said.contains("undo: portcullis resume (loses nothing)"),
        "{said}"
    );
    assert!(
        sentence(&rig).contains("Paused by tester (lunch)"),
        "{}",
        sentence(&rig)
    );
    let again = stderr(&rig, &["pause"], 1);
    assert!(again.contains("already paused"), "{again}");
    let unasked = stderr(&rig, &["approve"], 1);
    assert!(unasked.contains("no question is waiting"), "{unasked}");
    let said = stderr(&rig, &["resume"], 0);
    assert!(said.contains("undo: portcullis abort dhash-2"), "{said}");
    let begun = Instant::now();
    rig.until("it is promoted", |rig| {
        rig.state_of("dhash-2") == "promoted"
    });
    assert!(
        begun.elapsed() < Duration::from_secs(25),
        "the gate did not go on at once"
    );
    assert_eq!(users.stop(), 0, "requests were dropped");
}

#[test]
fn a_planned_question_is_answered_by_approve() {
    let rig = Rig::serving("none");
    rig.edit(
        "[service]",
        "[service]\napproval = \"May the library be migrated?\"",
    );
    let users = rig.users();
    assert_eq!(rig.exit(&["deploy", "--release", "1.1", "--wait"]), 4);
    assert!(sentence(&rig).contains("Waiting for approval: May the library be migrated?"));
    rig.ok(&["approve"]);
    rig.until("it is promoted", |rig| {
        rig.state_of("dhash-2") == "promoted"
    });
    users.stop();
}

#[test]
fn a_promoted_release_goes_back_in_a_second_while_the_old_one_is_warm() {
    let rig = Rig::serving("none");
    rig.edit(KEPT_WARM.0, KEPT_WARM.1);
    let users = rig.users();
    rig.ok(&["deploy", "--release", "1.1"]);
    rig.until("1.0 is kept warm", |rig| {
        sentence(rig).contains("1.0 is kept warm")
    });
    assert_eq!(rig.serving_release(), "1.1");
    let begun = Instant::now();
    rig.ok(&["rollback", "--wait"]);
    let took = begun.elapsed();
    assert_eq!(rig.state_of("dhash-2"), "rolled back");
    assert_eq!(rig.serving_release(), "1.0");
    // It includes putting the data back and stopping the new release, which may take its time.
    assert!(took < Duration::from_secs(20), "{took:?}");
    assert_eq!(users.stop(), 0, "requests were dropped");
    assert_eq!(rig.exit(&["rollback"]), 1, "it does not flip forward again");
}

#[test]
fn the_time_in_which_the_old_release_is_kept_warm_can_be_ended() {
    let rig = Rig::serving("none");
    rig.edit(KEPT_WARM.0, KEPT_WARM.1);
    let users = rig.users();
    rig.ok(&["deploy", "--release", "1.1"]);
    rig.until("1.0 is kept warm", |rig| {
        sentence(rig).contains("1.0 is kept warm")
    });
    let told = stderr(&rig, &["retry"], 1);
    assert!(
        told.contains("`portcullis resume` (ends the time for which 1.0 is kept warm)"),
        "{told}"
    );
    rig.ok(&["resume"]);
    rig.until("1.0 is retired", |rig| {
        rig.state_of("dhash-2") == "promoted"
    });
    assert_eq!(users.stop(), 0, "requests were dropped");
}

#[test]
fn waiting_for_a_deployment_ends_with_its_promotion_and_the_next_one_ends_the_warm_time() {
    let rig = Rig::serving("none");
    rig.edit(KEPT_WARM.0, KEPT_WARM.1);
    let users = rig.users();
    rig.ok(&["deploy", "--release", "1.1"]);
    let busy = stderr(&rig, &["deploy", "--release", "1.2"], 1);
    assert!(busy.contains("still live"), "{busy}");
    assert!(
        busy.contains("`portcullis abort` (goes back to 1.0)")
            && !busy.contains("`portcullis resume`"),
        "{busy}"
    );
    rig.until("1.1 is promoted", |rig| rig.serving_release() == "1.1");

    let begun = Instant::now();
    let output = rig.run(&["deploy", "--release", "1.2", "--wait"]);
    let took = begun.elapsed();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    );
    assert_eq!(output.status.code(), Some(0), "{out}{err}");
    assert!(took < Duration::from_secs(60), "{took:?}");
    assert!(err.contains("1.0 is no longer kept warm"), "{err}");
    assert!(
        out.contains("=> Promoted: 1.2 serves; 1.1 is kept warm for 10 min, until "),
        "{out}"
    );
    assert!(out.contains("`portcullis resume` ends it"), "{out}");
    assert!(
        err.contains("undo: portcullis rollback (goes back to 1.1 at once;"),
        "{err}"
    );
    assert_eq!(rig.state_of("dhash-2"), "promoted");
    let past = rig.ok(&["show", "dhash-2"]);
    assert!(past.contains("resume by tester"), "{past}");

    // Going back to the warm release names the right way forward again, and what it leaves behind.
    let output = rig.run(&["rollback", "--wait"]);
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{err}");
    assert!(err.contains("library.json.replaced-"), "{err}");
    assert!(
        err.contains(
            "undo: portcullis deploy --release 1.2 (a rollout of its own, from the beginning)"
        ),
        "{err}"
    );
    assert_eq!(users.stop(), 0, "requests were dropped");
}

#[test]
fn a_named_release_comes_back_however_old_it_is() {
    let rig = Rig::serving("none");
    let users = rig.users();
    rig.ok(&["deploy", "--release", "1.1", "--wait"]);
    rig.ok(&["deploy", "--release", "1.2", "--wait"]);
    let never = stderr(&rig, &["rollback", "0.9"], 1);
    assert!(
        never.contains("release 0.9 never served here; served have 1.2, 1.1, 1.0"),
        "{never}"
    );
    let plan = rig.ok(&["plan", "--back", "--release", "1.0"]);
    assert!(
        plan.contains("1.0 was never tried on the data as the migration of 1.2, 1.1 left it"),
        "{plan}"
    );
    assert!(plan.contains("from earlier rollouts"), "{plan}");
    rig.ok(&["rollback", "1.0", "--wait"]);
    assert_eq!(rig.serving_release(), "1.0");
    assert_eq!(users.stop(), 0, "requests were dropped");
}

#[test]
fn a_reviewed_plan_is_carried_out_or_refused() {
    let rig = Rig::serving("none");
    let users = rig.users();
    rig.ok(&["plan", "--release", "1.1", "--out", "reviewed.json"]);
    let file = rig.folder.path().join("reviewed.json");
    let saved = std::fs::read_to_string(&file).unwrap();

    std::fs::write(
        &file,
        saved.replace("\"drain_timeout_ms\": 5000", "\"drain_timeout_ms\": 1"),
    )
    .unwrap();
    let changed = stderr(&rig, &["deploy", "reviewed.json"], 1);
    assert!(
        changed.contains("reviewed.json was changed after it was saved"),
        "{changed}"
    );
    std::fs::write(&file, "{}").unwrap();
    let none = stderr(&rig, &["deploy", "reviewed.json"], 2);
    assert!(none.contains("is no saved plan"), "{none}");
    let missing = stderr(&rig, &["deploy", "nowhere.json"], 2);
    assert!(missing.contains("nowhere.json cannot be read"), "{missing}");

    std::fs::write(&file, &saved).unwrap();
    rig.edit("window = \"2s\"", "window = \"3s\"");
    let moved = stderr(&rig, &["deploy", "reviewed.json"], 1);
    assert!(
        moved.contains("the configuration has changed; it shows in gate-20, gate-100"),
        "{moved}"
    );
    rig.edit("window = \"3s\"", "window = \"2s\"");

    let program = rig.folder.path().join("releases/1.1/dhash");
    let bytes = std::fs::read(&program).unwrap();
    std::fs::write(&program, [bytes.as_slice(), b"\0"].concat()).unwrap();
    let moved = stderr(&rig, &["deploy", "reviewed.json"], 1);
    assert!(
        moved.contains("releases/1.1/dhash has changed: its sha256 was"),
        "{moved}"
    );
    std::fs::write(&program, bytes).unwrap();
    assert_eq!(
        rig.json(&["history"])["rollouts"].as_array().unwrap().len(),
        1,
        "nothing was begun"
    );

    rig.ok(&["deploy", "reviewed.json", "--wait"]);
    assert_eq!(rig.serving_release(), "1.1");
    let hash = serde_json::from_str::<serde_json::Value>(&saved).unwrap()["hash"].clone();
    assert_eq!(
        rig.json(&["show", "dhash-2"])["plan"]["hash"],
        hash,
        "the very plan was carried out"
    );
    let again = stderr(&rig, &["deploy", "reviewed.json"], 1);
    assert!(
        again.contains("other rollouts came first: dhash-2 would be dhash-3 now"),
        "{again}"
    );
    users.stop();
}

#[test]
fn hooks_run_around_their_steps_and_a_failing_one_fails_its_step() {
    let rig = Rig::serving("none");
    let hooks = r#"
[[hook]]
name = "freeze"
on = ["before-migrate"]
command = ["sh", "-c", "cat > frozen.json"]

[[hook]]
name = "page"
on = ["notice"]
command = ["sh", "-c", "cat >> notices.jsonl; echo >> notices.jsonl"]

[[hook]]
name = "shrug"
on = ["after-any"]
command = ["sh", "-c", "exit 7"]
on_failure = "note"

[[release]]
version = "1.0""#;
    rig.edit("\n[[release]]\nversion = \"1.0\"", hooks);
    let users = rig.users();
    let plan = rig.ok(&["plan", "--release", "1.1"]);
    assert!(plan.contains("freeze-before-migrate"), "{plan}");
    rig.ok(&["deploy", "--release", "1.1", "--wait"]);
    let frozen = std::fs::read_to_string(rig.folder.path().join("frozen.json")).unwrap();
    let frozen: serde_json::Value = serde_json::from_str(&frozen).unwrap();
    assert_eq!(frozen["step"], "migrate");
    assert_eq!(frozen["plan"]["id"], "dhash-2");
    let shown = rig.ok(&["show", "dhash-2"]);
    assert!(
        shown.contains("hook shrug after migrate exited with code 7"),
        "{shown}"
    );

    rig.edit("cat > frozen.json", "echo the database is busy; exit 1");
    let before = rig.library_sha256();
    assert_eq!(rig.exit(&["deploy", "--release", "1.2", "--wait"]), 1);
    assert_eq!(rig.library_sha256(), before, "the migration never ran");
    assert_eq!(rig.serving_release(), "1.1");
    let shown = rig.ok(&["show", "dhash-3"]);
    assert!(
        shown.contains("hook freeze before migrate exited with code 1"),
        "{shown}"
    );
    assert!(shown.contains("the database is busy"), "{shown}");
    // Nobody waits for a notice; they come one after the other, so the last one is there when its line is.
    let last_told = || {
        let heard = std::fs::read_to_string(rig.folder.path().join("notices.jsonl"));
        let whole = heard.unwrap_or_default();
        let lines = whole.lines().filter(|line| !line.is_empty());
        let notices: Result<Vec<serde_json::Value>, _> = lines.map(serde_json::from_str).collect();
        notices.ok()?.pop()
    };
    rig.until("the end of the rollout was told", |_| {
        last_told().is_some_and(|last| last["rollout"] == "dhash-3" && last["kind"] == "done")
    });
    let last = last_told().unwrap();
    assert!(
        last["sentence"]
            .as_str()
            .unwrap()
            .starts_with("Rolled back to 1.1"),
        "{last}"
    );

    // What guards the way forward does not bar the way back.
    rig.edit(
        "[\"before-migrate\"]",
        "[\"before-migrate\", \"before-start\"]",
    );
    let told = rig.ok(&["rollback", "--wait"]);
    assert!(
        told.contains("noted: hook freeze before start exited"),
        "{told}"
    );
    assert_eq!(rig.serving_release(), "1.0");
    users.stop();
}

#[test]
fn a_failed_release_shows_its_last_words_before_it_is_cleared_away() {
    let rig = Rig::serving("errors:0.3");
    rig.replace_program(
        "1.2",
        "echo my last words >&2\nexec \"$(dirname \"$0\")/dhash.real\" \"$@\"\n",
    );
    let users = rig.users();
    rig.ok(&["deploy", "--release", "1.1", "--wait"]);
    assert_eq!(rig.exit(&["deploy", "--release", "1.2", "--wait"]), 3);
    let shown = rig.ok(&["show", "dhash-3"]);
    assert!(shown.contains("my last words"), "{shown}");
    users.stop();
}

#[test]
fn a_secret_that_is_missing_is_found_before_anything_is_touched() {
    let rig = Rig::serving("none");
    rig.edit(
        "env = { DHASH_RELEASE = \"{release}\", DHASH_FAULT",
        "env = { TOKEN = \"cmd:false\", PIN = \"env:NOWHERE_SET\", DHASH_RELEASE = \"{release}\", DHASH_FAULT",
    );
    let before = rig.library_sha256();
    assert_eq!(rig.exit(&["deploy", "--release", "1.2", "--wait"]), 1);
    let shown = rig.ok(&["show", "dhash-2"]);
    for told in [
        "the variable TOKEN of release 1.2: `cmd:false` did not exit with code 0",
        "the variable PIN of release 1.2: `env:NOWHERE_SET` is not set in the environment",
    ] {
        assert!(shown.contains(told), "{told} is not in:\n{shown}");
    }
    assert!(!shown.contains("  migrate "), "{shown}");
    assert_eq!(rig.library_sha256(), before);

    // One in a file is found without a server, too.
    rig.edit("cmd:false", "file:secrets/none");
    let checked = stderr(&rig, &["check"], 2);
    assert!(checked.contains("secrets/none"), "{checked}");
}

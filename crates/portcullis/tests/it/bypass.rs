//! `portcullis gateway bypass`: through the binary, in the middle of a rollout, across a restart.

use serde_json::Value;

use crate::rig::Rig;

const REASON: &str = "errors after the shift";

fn begin(rig: &Rig, time: &str) -> String {
    rig.ok(&[
        "gateway", "bypass", "dhash", "--for", time, "--reason", REASON,
    ])
}

/// The release that answered a user who asks for the canary.
fn release(rig: &Rig, user: &str) -> String {
    let answer = rig.get("/health", user);
    let line = answer
        .lines()
        .find_map(|line| line.strip_prefix("x-portcullis-release: "));
    line.unwrap_or_default().trim().to_owned()
}

/// Which releases a hundred users meet.
fn met(rig: &Rig) -> Vec<String> {
    let all = (0..100).map(|user| release(rig, &format!("user-{user}")));
    let mut releases: Vec<String> = all.collect();
    releases.sort();
    releases.dedup();
    releases
}

fn events(rig: &Rig) -> Vec<(String, String)> {
    let list = rig.json(&["gateway", "bypass", "--list"]);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let entries = list["entries"].as_array().unwrap().iter();
    entries
        .map(|entry| {
            assert_eq!(entry["reason"], REASON);
            assert_eq!(entry["service"], "dhash");
            (text(&entry["event"]), text(&entry["by"]))
        })
        .collect()
}

#[test]
fn a_rollout_holds_at_its_gate_under_a_bypass_and_goes_on_afterwards() {
    let mut rig = Rig::new("none");
    rig.edit("window = \"2s\"", "window = \"4s\"");
    rig.ok(&["init"]);
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    let users = rig.users();
    rig.ok(&["deploy", "--release", "1.1"]);
    rig.until("the gate is open", |rig| {
        rig.state_of("dhash-2") == "watching"
    });
    let told = begin(&rig, "1h");
    assert!(
        told.contains("dhash: every request goes to 1.0 until "),
        "{told}"
    );
    assert_eq!(met(&rig), ["1.0"]);
    let sentence = |rig: &Rig| {
        let status = rig.json(&["status"]);
        status["sentence"].as_str().unwrap().to_owned()
    };
    rig.until("the gate says why it holds", |rig| {
        let told = sentence(rig);
        told.contains("not measuring: the split is bypassed by tester (errors after the shift)")
    });
    // It is measured again and again, for longer than its window, and never passes.
    let seq = |rig: &Rig| rig.json(&["status"])["journal_seq"].as_u64().unwrap();
    let first = seq(&rig);
    rig.until("the gate was looked at often", |rig| seq(rig) > first + 30);
    assert_eq!(rig.state_of("dhash-2"), "watching");
    assert_eq!(rig.serving_release(), "1.0");

    // Told wherever somebody looks.
    let status = rig.ok(&["status"]);
    assert!(
        status.contains("bypass    every request goes to the stable release until"),
        "{status}"
    );
    assert_eq!(rig.json(&["status"])["bypass"]["reason"], REASON);
    let routes = rig.ok(&["gateway", "routes"]);
    assert!(
        routes.contains("BYPASSED: ") && routes.contains(REASON),
        "{routes}"
    );
    let split = rig.ok(&["gateway", "split"]);
    assert!(
        split.contains("20 % to the canary 1.1") && split.contains("BYPASSED"),
        "{split}"
    );

    // It survives the death of what holds it, and so does the rollout.
    rig.kill();
    rig.start();
    assert_eq!(met(&rig), ["1.0"]);
    assert_eq!(rig.json(&["gateway", "split"])["bypass"]["by"], "tester");

    let ended = rig.ok(&["gateway", "bypass", "dhash", "--end"]);
    assert!(!ended.contains("BYPASSED"), "{ended}");
    rig.until("the rollout goes on and is promoted", |rig| {
        rig.state_of("dhash-2") == "promoted"
    });
    assert_eq!(rig.serving_release(), "1.1");
    users.stop();
    let by = "tester".to_owned();
    let expected = ["bypass_begun", "bypass_ended"].map(|event| (event.to_owned(), by.clone()));
    assert_eq!(events(&rig), expected);
    let log = rig.log();
    assert!(
        log.contains("the split is bypassed") && log.contains("the bypass was ended"),
        "{log}"
    );
    assert!(rig.ok(&["journal", "verify"]).contains("chain whole"));
}

#[test]
fn a_bypass_needs_a_reason_a_time_and_the_right_service() {
    let mut rig = Rig::new("none");
    rig.ok(&["init"]);
    let refused = |rig: &Rig, args: &[&str], exit: i32| {
        let args = [&["gateway", "bypass"][..], args].concat();
        let output = rig.run(&args);
        let words = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(exit), "{args:?}: {words}");
        words
    };
    let words = refused(&rig, &["dhash", "--for", "1h", "--reason", "x"], 8);
    assert!(words.contains("no gateway answers"), "{words}");
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    for (args, exit, words) in [
        (&["dhash", "--for", "1h"][..], 2, "--reason"),
        (&["dhash", "--reason", "x"], 2, "--for"),
        (&["--for", "1h", "--reason", "x"], 2, "SERVICE"),
        (
            &["dhash", "--for", "25h", "--reason", "x"],
            2,
            "at most 24h",
        ),
        (
            &["dhash", "--for", "0s", "--reason", "x"],
            2,
            "for some time",
        ),
        (
            &["dhash", "--for", "long", "--reason", "x"],
            2,
            "for example 15m",
        ),
        (
            &["dhash", "--end", "--for", "1h", "--reason", "x"],
            2,
            "cannot be used with",
        ),
        (
            &["other", "--for", "1h", "--reason", "x"],
            1,
            "the configured one is dhash",
        ),
        (
            &["dhash", "--for", "1h", "--reason", " "],
            1,
            "`reason` is empty",
        ),
        (&["dhash", "--end"], 1, "no bypass of dhash is in force"),
    ] {
        let told = refused(&rig, args, exit);
        assert!(told.contains(words), "{args:?}: {told}");
    }
    assert!(events(&rig).is_empty());

    // A short one ends by itself, a configuration that was broken meanwhile is not in the way, and the
    // record can be read when nothing runs.
    rig.edit("strategy = \"canary\"", "stratgy = \"canary\"");
    begin(&rig, "1s");
    rig.until("it is over", |rig| {
        rig.json(&["gateway", "split"])["bypass"].is_null()
    });
    rig.until("that is recorded", |rig| events(rig).len() == 2);
    rig.stop();
    let expected = [("bypass_begun", "tester"), ("bypass_expired", "gateway")];
    let expected = expected.map(|(event, by)| (event.to_owned(), by.to_owned()));
    assert_eq!(events(&rig), expected);
    let list = rig.ok(&["gateway", "bypass", "--list"]);
    assert!(
        list.lines().count() == 2 && list.contains("bypass expired"),
        "{list}"
    );
}

#[test]
fn who_asked_is_the_user_of_the_system_whatever_the_environment_says() {
    let rig = Rig::serving("none");
    let told = std::process::Command::new("id")
        .arg("-un")
        .output()
        .unwrap();
    let name = String::from_utf8(told.stdout).unwrap().trim().to_owned();
    let bypass = |args: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command.current_dir(rig.folder.path()).args(args);
        command.env_remove("PORTCULLIS_USER").env_remove("LOGNAME");
        command.env_remove("SUDO_USER").env("USER", "somebody");
        assert!(command.output().unwrap().status.success());
    };
    bypass(&[
        "gateway", "bypass", "dhash", "--for", "5m", "--reason", REASON,
    ]);
    assert_eq!(
        rig.json(&["gateway", "split"])["bypass"]["by"],
        name.as_str()
    );
    let audit = std::fs::read_to_string(rig.path(".portcullis/audit.jsonl")).unwrap();
    assert!(audit.contains(&format!("\"by\":\"{name}\"")), "{audit}");
}

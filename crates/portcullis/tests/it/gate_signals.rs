//! What gates look at besides their users' requests: synthetic requests, figures of both releases, signals that stop; and
//! `gate run` beside a rollout that is under way.

use std::process::Output;

use serde_json::Value;

use crate::rig::Rig;

/// The rig's gate, which asks for as little as its tests have users.
const RIGS_GATE: &str = r#"[gate]
window = "2s"
interval = "250ms"
samples_min = 3
extend = "20s"
[[gate.rule]]
signal = "error-rate"
max = "1%"
requests_min = 20
[[gate.rule]]
signal = "health"
max = 2
"#;

/// Rules that pass by evidence, in a gate that asks both releases itself.
const ASKING: &str = r#"[gate]
window = "2s"
interval = "250ms"
extend = "60s"
[[gate.rule]]
signal = "error-rate"
max = "5%"
[[gate.rule]]
signal = "error-rate"
worse_than_stable_by = "1%"
matters_by = "10%"
[[gate.rule]]
signal = "health"
max = 2
"#;

const SYNTHETIC: &str = r#"[gate.synthetic]
rate = "40/s"
below = "2/s"
[[gate.synthetic.request]]
path = "/lookup/0123456789abcdef?radius=4"
[[gate.synthetic.request]]
path = "/lookup/fedcba9876543210?radius=2"
headers = { accept = "application/json" }
"#;

fn told(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

/// All requests that the gateway has counted, at any release.
fn counted(rig: &Rig) -> Vec<u64> {
    fn collect(value: &Value, found: &mut Vec<u64>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("requests").and_then(Value::as_u64));
                fields.values().for_each(|field| collect(field, found));
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    collect(&rig.json(&["gateway", "routes"]), &mut found);
    found
}

fn abort(rig: &Rig, rollout: &str) {
    rig.ok(&["abort"]);
    rig.until("the rollout is over", |rig| {
        rig.state_of(rollout) == "rolled back"
    });
}

#[test]
fn without_any_users_synthetic_requests_pass_a_good_release_and_roll_a_bad_one_back() {
    let mut rig = Rig::serving("errors:0.3");
    rig.edit(RIGS_GATE, &format!("{ASKING}{SYNTHETIC}"));
    rig.ok(&["deploy", "--release", "1.1", "--wait"]);
    assert_eq!(rig.serving_release(), "1.1");
    for gate in ["gate-20", "gate-100"] {
        let shown = rig.ok(&["show", "dhash-2", "--gate", gate]);
        assert!(shown.contains("(all of them synthetic)"), "{gate}: {shown}");
        let replayed = rig.ok(&["show", "dhash-2", "--gate", gate, "--replay"]);
        assert!(
            replayed.contains("judged again: the same, to the last bit"),
            "{gate}: {replayed}"
        );
    }
    // They are none of the gateway's: nobody asked it for anything.
    let requests = counted(&rig);
    assert!(!requests.is_empty());
    assert!(requests.iter().all(|count| *count == 0), "{requests:?}");

    let output = rig.run(&["deploy", "--release", "1.2", "--wait"]);
    assert_eq!(output.status.code(), Some(3), "{}", told(&output));
    assert_eq!(rig.serving_release(), "1.1");
    let shown = rig.ok(&["show", "dhash-3", "--gate", "gate-20"]);
    assert!(
        shown.contains("of a synthetic one: GET /lookup/"),
        "{shown}"
    );
    rig.stop();
}

#[test]
fn a_gate_without_users_offers_synthetic_requests() {
    let mut rig = Rig::serving("none");
    rig.edit(RIGS_GATE, &ASKING.replace("60s", "1s"));
    let output = rig.run(&["deploy", "--release", "1.1", "--wait"]);
    assert_eq!(output.status.code(), Some(5), "{}", told(&output));
    let sentence = rig.json(&["status"]);
    let sentence = sentence.to_string();
    assert!(
        sentence.contains("with [gate.synthetic] Portcullis asks both releases itself")
            && sentence.contains("`portcullis gate run gate-20 --for 5m`"),
        "{sentence}"
    );
    // It is as it says: the same rollout, looked at again with them.
    let few = rig.run(&["gate", "run", "gate-20", "--for", "2s"]);
    assert_eq!(few.status.code(), Some(5), "{}", told(&few));
    assert!(
        told(&few).contains("hint: with [gate.synthetic]"),
        "{}",
        told(&few)
    );
    rig.edit("[gate]\n", &format!("{SYNTHETIC}\n[gate]\n"));
    let now = rig.run(&["gate", "run", "gate-20", "--for", "10s"]);
    assert_eq!(now.status.code(), Some(0), "{}", told(&now));
    abort(&rig, "dhash-2");
    rig.stop();
}

/// A rollout that waits at its first gate with a fifth of the traffic, and rules for `gate run` alone.
fn waiting_at_a_gate(fault: &str, release: &str) -> Rig {
    let rig = Rig::serving(fault);
    // What the rollout itself looks at says nothing for a long time.
    let patient = "[gate]\nwindow = \"1h\"\ninterval = \"1s\"\n[[gate.rule]]\nsignal = \"health\"\nmax = 100\n";
    rig.edit(RIGS_GATE, patient);
    rig.ok(&["deploy", "--release", release]);
    rig.until("the gate is open", |rig| {
        rig.state_of("dhash-2") == "watching"
    });
    let strict = "[gate]\nwindow = \"1m\"\ninterval = \"500ms\"\n[[gate.rule]]\nsignal = \"error-rate\"\n\
                  worse_than_stable_by = \"2%\"\nrequests_min = 50\n[[gate.rule]]\nsignal = \"health\"\nmax = 3\n";
    rig.edit(patient, strict);
    rig
}

#[test]
fn a_canary_that_is_under_way_is_measured_beside_the_stable_release() {
    let mut rig = waiting_at_a_gate("none", "1.1");
    let nobody = rig.run(&["gate", "run", "gate-20", "--for", "2s"]);
    assert_eq!(nobody.status.code(), Some(5), "{}", told(&nobody));
    let users = rig.users();
    let good = rig.run(&["gate", "run", "gate-20", "--for", "6s", "--json"]);
    assert_eq!(good.status.code(), Some(0), "{}", told(&good));
    let good: Value = serde_json::from_slice(&good.stdout).unwrap();
    assert_eq!(
        (&good["canary"], &good["stable"]),
        (&"1.1".into(), &"1.0".into())
    );
    let evidence = &good["judgement"]["evidence"][0];
    assert!(evidence["requests"].as_u64().unwrap() >= 50, "{evidence}");
    assert!(evidence["baseline"].is_number(), "{evidence}");
    // It has changed nothing: the rollout still waits where it was.
    assert_eq!(rig.state_of("dhash-2"), "watching");
    abort(&rig, "dhash-2");
    drop(users);
    rig.stop();
}

#[test]
fn a_failing_canary_ends_gate_run_with_three_and_is_not_rolled_back_by_it() {
    let mut rig = waiting_at_a_gate("errors:0.4", "1.2");
    let users = rig.users();
    let output = rig.run(&["gate", "run", "gate-20", "--for", "30s"]);
    let words = told(&output);
    assert_eq!(output.status.code(), Some(3), "{words}");
    assert!(
        words.contains("gate-20 would fail") && words.contains("fail: error rate"),
        "{words}"
    );
    assert!(words.contains("times as many errors"), "{words}");
    assert_eq!(rig.state_of("dhash-2"), "watching");
    abort(&rig, "dhash-2");
    assert_eq!(rig.serving_release(), "1.0");
    drop(users);
    rig.stop();
}

#[test]
fn without_a_canary_gate_run_names_what_it_leaves_out_tells_a_gap_once_and_ends_in_time() {
    let mut rig = Rig::serving("none");
    let gate = r#"[gate]
window = "1m"
interval = "4s"
[[gate.metric]]
name = "queue"
from = "command"
command = ["cat", "queue"]
reads = "number"
[[gate.rule]]
signal = "metric"
metric = "queue"
max = 5
[[gate.rule]]
signal = "error-rate"
worse_than_stable_by = "2%"
[[gate.rule]]
signal = "health"
max = 3
"#;
    rig.edit(RIGS_GATE, gate);
    let output = rig.run(&["gate", "run", "gate-20", "--for", "5s", "--json"]);
    let words = told(&output);
    assert_eq!(output.status.code(), Some(5), "{words}");
    assert!(
        words.contains("left out, because no release serves beside 1.0: error rate"),
        "{words}"
    );
    assert!(!words.contains("1.0: checks"), "{words}");
    assert_eq!(words.matches("queue: no data").count(), 1, "{words}");
    // Two measurements: one of 4 s, and one of what is left.
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let measured_ms = found["judgement"]["measured_ms"].as_u64().unwrap();
    assert!((5_000..8_000).contains(&measured_ms), "{measured_ms}");
    rig.stop();
}

#[test]
fn a_figure_that_stops_in_mid_gate_pauses_the_rollout_and_tells_people() {
    let mut rig = Rig::serving("none");
    let gate = r#"[gate]
window = "4s"
interval = "250ms"
extend = "1s"
[[gate.metric]]
name = "queue"
from = "command"
command = ["cat", "queue"]
reads = "number"
[[gate.rule]]
signal = "metric"
metric = "queue"
max = 5
[[hook]]
name = "page"
on = ["notice"]
command = ["sh", "-c", "cat >> notices.jsonl; echo >> notices.jsonl"]
"#;
    rig.edit(RIGS_GATE, gate);
    std::fs::write(rig.path("queue"), "3\n").unwrap();
    let deployed = rig.spawn(&["deploy", "--release", "1.1", "--wait"]);
    rig.until("the figure was read", |rig| {
        rig.json(&["status"])
            .to_string()
            .contains("queue 3, limit 5")
    });
    std::fs::remove_file(rig.path("queue")).unwrap();
    assert_eq!(deployed.join().unwrap().code(), Some(5));
    let status = rig.json(&["status"]).to_string();
    assert!(
        status.contains("cannot decide: queue 3, limit 5") && status.contains("no data now"),
        "{status}"
    );
    // Told once when it stopped, and once that a person is asked.
    let notices = || std::fs::read_to_string(rig.path("notices.jsonl")).unwrap_or_default();
    rig.until("both notices came", |_| notices().contains("cannot decide"));
    let notices = notices();
    let warned = notices
        .lines()
        .filter(|line| line.contains("\"kind\":\"warning\""));
    assert_eq!(warned.count(), 1, "{notices}");
    abort(&rig, "dhash-2");
    rig.stop();
}

#[test]
fn a_figure_of_both_releases_is_compared_and_replayed() {
    let mut rig = Rig::serving("none");
    let gate = r#"[gate]
window = "2s"
interval = "250ms"
[[gate.metric]]
name = "queue"
from = "command"
command = ["cat", "queue-{release}"]
reads = "number"
[[gate.rule]]
signal = "metric"
metric = "queue"
ratio_max = 1.5
[[gate.rule]]
signal = "health"
max = 2
"#;
    rig.edit(RIGS_GATE, gate);
    let write = |release: &str, value: &str| {
        std::fs::write(rig.path(&format!("queue-{release}")), value).unwrap();
    };
    write("1.0", "400");
    write("1.1", "500");
    let plan = rig.ok(&["plan", "--release", "1.1"]);
    assert!(
        plan.contains(
            "queue (mean over 2 s) at most 1.5 times the stable one's, compared as it stands"
        ),
        "{plan}"
    );
    rig.ok(&["deploy", "--release", "1.1", "--wait"]);
    assert_eq!(rig.serving_release(), "1.1");
    let shown = rig.ok(&["show", "dhash-2", "--gate", "gate-20"]);
    assert!(
        shown.contains("queue (mean over 2 s) 500, stable 400, limit 600"),
        "{shown}"
    );
    write("1.2", "900");
    let output = rig.run(&["deploy", "--release", "1.2", "--wait"]);
    assert_eq!(output.status.code(), Some(3), "{}", told(&output));
    let replayed = rig.ok(&["show", "dhash-3", "--gate", "gate-20", "--replay"]);
    assert!(
        replayed.contains("judged again: the same, to the last bit")
            && replayed.contains("chance is not ruled out"),
        "{replayed}"
    );
    rig.stop();
}

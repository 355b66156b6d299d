//! A folder with the service `faulty`, a running `portcullis serve`, and what the tests ask of both.

use std::time::Duration;

use serde_json::Value;

use crate::rig::{Ports, Rig, binary};

/// What a service does that is well: one answer in two hundred fails, and answers come at once.
pub(super) const USUAL: &str = "errors = 0.005\n";
/// The comparisons without which a gate would not see a difference, and the checks.
pub(super) const COMPARISONS: &str = r#"
[[gate.rule]]
signal = "error-rate"
worse_than_stable_by = "0.5%"
[[gate.rule]]
signal = "latency"
ratio_max = 1.1
worse_than_stable_by = "10ms"
[[gate.rule]]
signal = "health"
max = 2
"#;
/// Only the errors are compared.
pub(super) const ERRORS: &str = r#"
[[gate.rule]]
signal = "error-rate"
worse_than_stable_by = "0.5%"
[[gate.rule]]
signal = "health"
max = 2
"#;
/// The rollout that the tests look at; the one before it brought out release 1.0.
pub(super) const ROLLOUT: &str = "shop-2";

/// The service of one test, with release 1.0 in service.
pub(super) struct Shop {
    pub(super) rig: Rig,
}

/// How a rollout ended, or what it waits for.
pub(super) struct End {
    /// `promoted`, `rolled back` or `paused`.
    pub(super) state: String,
    pub(super) sentence: String,
    /// The judgement of the gate that decided, if one did.
    pub(super) judgement: Value,
}

impl Shop {
    /// `gate` is the text of `[gate]` and of what else the test needs.
    pub(super) fn serving(gate: &str) -> Shop {
        let mut shop = Shop::prepared(gate);
        shop.start();
        shop
    }

    /// The same, with nothing started yet.
    pub(super) fn prepared(gate: &str) -> Shop {
        let folder = tempfile::tempdir().unwrap();
        let ports = Ports::take();
        let (first, last) = ports.releases();
        let text = include_str!("portcullis.toml")
            .replace("@GATE@", gate)
            .replace("@PORT@", &ports.gateway().to_string())
            .replace("@FIRST@", &first.to_string())
            .replace("@LAST@", &last.to_string())
            .replace("@FOLDER@", &folder.path().display().to_string());
        std::fs::write(folder.path().join("portcullis.toml"), text).unwrap();
        std::fs::copy(binary("faulty"), folder.path().join("faulty")).unwrap();
        let shop = Shop {
            rig: Rig::of(folder, ports),
        };
        shop.behave("1.0", USUAL);
        shop.behave("1.1", USUAL);
        shop
    }

    /// Starts the server and brings out release 1.0.
    pub(super) fn start(&mut self) {
        self.rig.ok(&["init"]);
        self.rig.start();
        self.rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    }

    /// What a release does from its next request on.
    pub(super) fn behave(&self, release: &str, behaviour: &str) {
        let path = self.rig.path(&format!("{release}.toml"));
        let new = path.with_extension("new");
        std::fs::write(&new, behaviour).unwrap();
        std::fs::rename(new, path).unwrap();
    }

    /// Brings release 1.1 out and returns when its first gate is open.
    pub(super) fn open_the_gate(&self) {
        self.rig.ok(&["deploy", "--release", "1.1"]);
        self.rig.until("the first gate is open", |rig| {
            rig.state_of(ROLLOUT) == "watching"
        });
    }

    /// Brings release 1.1 out. Returns the exit code of `deploy --wait`, and how it ended.
    pub(super) fn release(&self) -> (i32, End) {
        let code = self.rig.exit(&["deploy", "--release", "1.1", "--wait"]);
        (code, self.end())
    }

    /// Waits for the end of the rollout, or for a question, and looks whether its verdicts follow from its samples.
    pub(super) fn end(&self) -> End {
        self.rig.until("it is over or asks", |rig| {
            ["promoted", "rolled back", "paused", "held"].contains(&rig.state_of(ROLLOUT).as_str())
        });
        self.rig
            .ok(&["show", ROLLOUT, "--gate", "gate-50", "--replay"]);
        let detail = self.rig.json(&["show", ROLLOUT]);
        let state = &detail["state_detail"];
        let of = |place: &str| state.pointer(place).filter(|value| value.is_object());
        let judgement = of("/cause/judgement").or(of("/why/judgement"));
        End {
            state: detail["state"].as_str().unwrap_or_default().to_owned(),
            sentence: detail["sentence"].as_str().unwrap_or_default().to_owned(),
            judgement: judgement.cloned().unwrap_or_default(),
        }
    }

    /// What the open gate has seen so far, or the last verdict of one that is over.
    pub(super) fn seen(&self) -> Value {
        let gate = self.rig.json(&["show", ROLLOUT, "--gate", "gate-50"]);
        let verdicts = gate["verdicts"].as_array().cloned().unwrap_or_default();
        verdicts.last().cloned().unwrap_or_default()["computed"].clone()
    }

    pub(super) fn sentence(&self) -> String {
        let status = self.rig.run(&["status", "--json"]);
        let status: Value = serde_json::from_slice(&status.stdout).unwrap_or_default();
        status["sentence"].as_str().unwrap_or_default().to_owned()
    }

    /// So many users whom the split of the moment sends to a release.
    pub(super) fn users_of(&self, release: &str, count: usize) -> Vec<String> {
        let name = format!("x-portcullis-release: {release}\r\n");
        let users = (0..200).map(|user| format!("one-{user}"));
        let is_there = |user: &String| {
            let answer = self.rig.get("/", user).to_ascii_lowercase();
            answer.contains(&name)
        };
        let found: Vec<_> = users.filter(is_there).take(count).collect();
        assert_eq!(found.len(), count, "too few users of {release}");
        found
    }
}

impl End {
    /// The rule that failed, as its signal and its test are called.
    pub(super) fn failed_rule(&self) -> (String, String) {
        let evidence = self.judgement["evidence"].as_array().cloned();
        let evidence = evidence.unwrap_or_default();
        let failed = evidence.iter().find(|one| one["verdict"] == "fail");
        let failed = failed.unwrap_or_else(|| panic!("no rule failed: {}", self.sentence));
        let word = |of: &str| failed["rule"][of]["kind"].as_str().unwrap().to_owned();
        (word("signal"), word("test"))
    }
}

/// A number of a judgement.
pub(super) fn number(judgement: &Value, place: &str) -> f64 {
    let number = judgement.pointer(place).and_then(Value::as_f64);
    number.unwrap_or_else(|| panic!("{place} in {judgement:#}"))
}

/// The `[gate]` of a test.
pub(super) fn gate(window: &str, rules: &str) -> String {
    format!("[gate]\nwindow = \"{window}\"\ninterval = \"500ms\"\nextend = \"0s\"\n{rules}")
}

/// For what takes its time and cannot be waited for.
pub(super) fn sleep(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}

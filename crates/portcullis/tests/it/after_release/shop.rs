//! A folder with three releases of a shop, whose faults begin when a test says so.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::rig::{Ports, Rig, Users};

/// The rules that these tests begin with: two fixed limits on traffic, a comparison, checks and a figure. The
/// comparison needs so many requests of each release that the p95 of the old one is known afterwards.
pub(super) const RULES: &str = r#"
[[gate.rule]]
signal = "error-rate"
max = "5%"
requests_min = 20
[[gate.rule]]
signal = "latency"
max = "2s"
requests_min = 20
[[gate.rule]]
signal = "latency"
ratio_max = 1.5
worse_than_stable_by = "20ms"
requests_min = 600
[[gate.rule]]
signal = "health"
max = 2
[[gate.rule]]
signal = "metric"
metric = "memory"
max = 100
"#;

/// A shop that runs, and what a test does with it.
pub(super) struct Shop {
    pub(super) rig: Rig,
}

impl Shop {
    /// A shop whose release 1.0 serves; the old release is kept warm for so long.
    pub(super) fn serving(keep_warm: &str, rules: &str) -> Shop {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let program = std::env::current_exe().unwrap();
        let script = format!(
            "#!/bin/sh\nexec {} after_release::service::serves --exact --ignored --nocapture\n",
            program.display()
        );
        for version in ["1.0", "1.1", "1.2"] {
            let home = root.join("releases").join(version);
            std::fs::create_dir_all(&home).unwrap();
            std::fs::write(home.join("shop"), &script).unwrap();
            let executable = PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(home.join("shop"), executable).unwrap();
        }
        std::fs::create_dir(root.join("data")).unwrap();
        std::fs::write(root.join("data/orders.json"), "{\"schema\": 1}").unwrap();
        let ports = Ports::take();
        let (first, last) = ports.releases();
        let text = include_str!("portcullis.toml")
            .replace("@PORT@", &ports.gateway().to_string())
            .replace("@FIRST@", &first.to_string())
            .replace("@LAST@", &last.to_string())
            .replace("@WARM@", keep_warm)
            .replace("@RULES@", rules);
        std::fs::write(root.join("portcullis.toml"), text).unwrap();
        let mut rig = Rig::of(folder, ports);
        rig.ok(&["init"]);
        rig.start();
        rig.ok(&["deploy", "--release", "1.0", "--wait"]);
        Shop { rig }
    }

    /// From now on a release does this wrong.
    pub(super) fn breaks(&self, release: &str, wrong: &Value) {
        self.behaves(&json!({ release: wrong }));
    }

    /// From now on each release does wrong what stands under its name.
    pub(super) fn behaves(&self, all: &Value) {
        let aside = self.rig.path("behaviour.new");
        std::fs::write(&aside, all.to_string()).unwrap();
        std::fs::rename(aside, self.rig.path("behaviour.json")).unwrap();
    }

    /// Brings 1.1 out as far as its promotion.
    pub(super) fn promote(&self) {
        self.rig.ok(&["deploy", "--release", "1.1", "--wait"]);
        assert_eq!(self.rig.serving_release(), "1.1");
        assert_eq!(self.rig.state_of("shop-2"), "watching");
    }

    /// The sentence of the service.
    pub(super) fn sentence(&self) -> String {
        let status = self.rig.json(&["status"]);
        status["sentence"].as_str().unwrap_or_default().to_owned()
    }

    /// How many entries the journal has of the time after the promotion, and what the last one concluded. Each
    /// verdict that is recorded must follow from the entries.
    pub(super) fn replayed(&self) -> (u64, Value) {
        let args = ["show", "shop-2", "--gate", "keep-warm", "--replay"];
        let mut replayed = self.rig.json(&args);
        let verdicts = replayed["verdicts"].as_array_mut().unwrap();
        let last = verdicts.pop().unwrap();
        (replayed["samples"].as_u64().unwrap(), last)
    }

    /// What people were told, as sentences: the file that the hook of these tests writes.
    pub(super) fn notices(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.rig.path("notices.jsonl")).unwrap_or_default();
        let notices = text
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let sentences = notices.map(|notice| notice["sentence"].as_str().map(str::to_owned));
        sentences.flatten().collect()
    }

    /// Breaks 1.1 and waits until users are back at 1.0.
    pub(super) fn goes_back(&self, wrong: &Value) {
        self.goes_back_when(wrong, |shop| {
            shop.get("/", "user-1").contains(r#""release": "1.0""#)
        });
    }

    /// The same without any traffic: by the journal, users would be at 1.0 again.
    pub(super) fn goes_back_unasked(&self, wrong: &Value) {
        self.goes_back_when(wrong, |shop| shop.serving_release() == "1.0");
    }

    fn goes_back_when(&self, wrong: &Value, is_back: impl Fn(&Rig) -> bool) {
        let watching = self.rig.spawn(&["watch", "shop-2"]);
        self.breaks("1.1", wrong);
        self.rig.until("users are back at 1.0", is_back);
        let verdict = watching.join().unwrap();
        assert_eq!(verdict.code(), Some(3), "the verdict of watch");
        assert_eq!(self.rig.state_of("shop-2"), "rolled back");
        assert_eq!(self.rig.serving_release(), "1.0");
    }

    /// Users who ask until they are told to stop.
    pub(super) fn users(&self) -> Users {
        self.rig.users()
    }
}

//! A gateway in a process of its own follows an engine's split, counts for its gates, and outlives it.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::rig::{Ports, Rig, get, signal, users_of};

/// A gateway without an engine, in a folder of its own.
struct Alone {
    folder: TempDir,
    gateway: String,
    engine: PathBuf,
    token: PathBuf,
    child: Option<Child>,
    _ports: Ports,
}

impl Alone {
    /// One that follows the engine of a rig, with the same configuration but for its address.
    fn of(rig: &Rig) -> Alone {
        let (folder, ports) = (tempfile::tempdir().unwrap(), Ports::take());
        let gateway = format!("127.0.0.1:{}", ports.gateway());
        let text = std::fs::read_to_string(rig.path("portcullis.toml")).unwrap();
        let text = text.replace(rig.gateway(), &gateway);
        std::fs::write(folder.path().join("portcullis.toml"), text).unwrap();
        let mut alone = Alone {
            folder,
            gateway,
            engine: rig.path(".portcullis/api.sock"),
            token: rig.path(".portcullis/token"),
            child: None,
            _ports: ports,
        };
        assert!(alone.run(&["init"]).0);
        alone.start();
        alone
    }

    fn start(&mut self) {
        let serves = "a gateway without an engine serves";
        let before = self.log().matches(serves).count();
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().join("serve.log"))
            .unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .current_dir(self.folder.path())
            .args(["gateway", "serve", "--name", "edge", "--engine"])
            .arg(&self.engine)
            .arg("--token-file")
            .arg(&self.token)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        self.child = Some(child.unwrap());
        self.until("it serves", |alone| {
            alone.log().matches(serves).count() > before
        });
    }

    /// Stops it as a service manager does, and returns its exit code.
    fn stop(&mut self) -> Option<i32> {
        let mut child = self.child.take()?;
        signal("-TERM", child.id());
        child.wait().unwrap().code()
    }

    fn run(&self, args: &[&str]) -> (bool, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .current_dir(self.folder.path())
            .args(args)
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let both = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
        (output.status.success(), String::from_utf8(both).unwrap())
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("serve.log")).unwrap_or_default()
    }

    fn answered_by(&self, user: &str) -> String {
        let answer = get(&self.gateway, "/health", user);
        let version = answer.split("\"version\":\"").nth(1).unwrap_or_default();
        version.split('"').next().unwrap_or_default().to_owned()
    }

    fn until(&self, what: &str, holds: impl Fn(&Alone) -> bool) {
        let begun = Instant::now();
        while !holds(self) {
            let waited = begun.elapsed() < Duration::from_secs(60);
            assert!(waited, "waited too long until {what}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn epoch(&self) -> u64 {
        let (_, text) = self.run(&["gateway", "split", "--json"]);
        let split: Value = serde_json::from_str(&text).unwrap();
        split["epoch"].as_u64().unwrap()
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        self.stop();
    }
}

#[test]
fn a_rollout_is_followed_and_its_gates_count_the_followers_traffic() {
    let rig = Rig::serving("none");
    let mut alone = Alone::of(&rig);
    alone.until("it follows", |alone| alone.answered_by("me") == "1.0");
    // Nobody asks the engine's own gateway: a gate that counts only that one can never pass.
    let users = users_of(&alone.gateway);
    rig.ok(&["deploy", "--release", "1.1", "--wait"]);
    alone.until("all users are there", |alone| {
        (0..20).all(|user| alone.answered_by(&format!("user-{user}")) == "1.1")
    });
    assert_eq!(users.stop(), 0, "requests without an answer");
    let shown = rig.ok(&["show", "dhash-2"]);
    assert!(shown.contains("done, 1.1 serves"), "{shown}");
    assert_eq!(alone.stop(), Some(0));
}

#[test]
fn without_its_engine_it_serves_from_the_last_saved_split_also_after_a_restart() {
    let mut rig = Rig::serving("none");
    let mut alone = Alone::of(&rig);
    alone.until("it follows", |alone| alone.answered_by("me") == "1.0");
    let users = users_of(&alone.gateway);
    rig.kill();
    alone.until("it says that the engine is away", |alone| {
        alone.log().contains("serving from the last saved split")
    });
    assert_eq!(alone.answered_by("me"), "1.0");
    assert_eq!(users.stop(), 0, "requests without an answer");
    assert_eq!(alone.stop(), Some(0));
    alone.start();
    assert_eq!(alone.answered_by("me"), "1.0");
    rig.start();
    let users = users_of(&alone.gateway);
    rig.ok(&["deploy", "--release", "1.1", "--wait"]);
    alone.until("it follows", |alone| alone.answered_by("me") == "1.1");
    users.stop();
}

#[test]
fn an_engine_with_an_older_epoch_is_not_followed() {
    let mut rig = Rig::serving("none");
    for _ in 0..2 {
        rig.stop();
        rig.start();
    }
    let users = rig.users();
    rig.ok(&["deploy", "--release", "1.1", "--wait"]);
    users.stop();
    let alone = Alone::of(&rig);
    alone.until("it follows", |alone| alone.answered_by("me") == "1.1");
    let epoch = alone.epoch();
    assert!(epoch > 2, "{epoch}");
    // An engine that knows nothing of all that: another folder, another journal, the same service.
    let other = Rig::serving("none");
    let mut misled = Alone::of(&other);
    misled.until("it follows", |alone| alone.answered_by("me") == "1.0");
    misled.stop();
    let saved = alone.folder.path().join(".portcullis/gateway.json");
    std::fs::copy(saved, misled.folder.path().join(".portcullis/gateway.json")).unwrap();
    misled.start();
    misled.until("it says why it does not follow", |alone| {
        alone.log().contains("is fenced off")
    });
    assert_eq!(misled.answered_by("me"), "1.1");
    assert_eq!(misled.epoch(), epoch);
}

#[test]
fn a_wrong_token_is_refused_and_a_reload_works_without_an_engine() {
    let rig = Rig::serving("none");
    let mut alone = Alone::of(&rig);
    alone.until("it follows", |alone| alone.answered_by("me") == "1.0");
    alone.stop();
    alone.token = alone.folder.path().join(".portcullis/token");
    alone.start();
    alone.until("it is told that its token is wrong", |alone| {
        alone.log().contains("Authorization: Bearer TOKEN")
    });
    assert_eq!(alone.answered_by("me"), "1.0", "from the saved split");
    let file = alone.folder.path().join("portcullis.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let route = "[[gateway.route]]\nname = \"here\"\nexact = \"/here\"\n\
                 redirect = { location = \"/there\", status = 307 }\n\n[timeouts]";
    std::fs::write(&file, text.replace("[timeouts]", route)).unwrap();
    let (done, said) = alone.run(&["gateway", "reload"]);
    assert!(done, "{said}");
    assert!(get(&alone.gateway, "/here", "me").contains("location: /there\r\n"));
}

#[test]
fn a_gateway_that_never_had_a_split_says_that_requests_get_503() {
    let rig = Rig::serving("none");
    let mut alone = Alone::of(&rig);
    alone.until("it follows", |alone| alone.answered_by("me") == "1.0");
    alone.stop();
    std::fs::remove_file(alone.folder.path().join(".portcullis/gateway.json")).unwrap();
    std::fs::remove_file(alone.folder.path().join("serve.log")).unwrap();
    alone.token = alone.folder.path().join(".portcullis/token");
    alone.start();
    alone.until("it says what is so", |alone| {
        alone
            .log()
            .contains("no split was ever saved here: requests get 503")
    });
    assert!(get(&alone.gateway, "/health", "me").starts_with("HTTP/1.1 503"));
    assert!(!alone.log().contains("last saved split"), "{}", alone.log());
}

#[test]
fn a_share_is_not_set_by_hand_at_a_follower() {
    let rig = Rig::serving("none");
    let alone = Alone::of(&rig);
    rig.ok(&["deploy", "--release", "1.1"]);
    rig.until("the first gate is open", |rig| {
        rig.state_of("dhash-2") == "watching"
    });
    alone.until("it follows", |alone| {
        alone
            .run(&["gateway", "split"])
            .1
            .contains("20 % to the canary")
    });
    let (done, said) = alone.run(&["gateway", "split", "50"]);
    assert!(!done, "{said}");
    assert!(said.contains("from an engine elsewhere"), "{said}");
    let (_, shown) = alone.run(&["gateway", "split"]);
    assert!(shown.contains("20 % to the canary"), "{shown}");
    rig.ok(&["abort", "--wait"]);
}

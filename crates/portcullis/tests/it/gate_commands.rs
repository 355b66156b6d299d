//! Gates outside of a rollout: explained, simulated, measured, judged on the past, advised.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use jiff::Timestamp;
use tempfile::TempDir;

use crate::rig::{Ports, Rig};

const INSTALL: &str =
    "Prometheus is not installed; run `cargo xtask setup`, which installs `prometheus`";
const CONFIGURATION: &str = r#"
[service]
name = "notes"
strategy = "canary"
weights = [10, 100]
ready = { path = "/health" }
[gateway]
listen = "127.0.0.1:18080"
[[release]]
version = "1.0"
artifact = "app"
command = ["{artifact}", "{port}"]
"#;

fn configured(more: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("{CONFIGURATION}{more}");
    std::fs::write(folder.path().join("portcullis.toml"), text).unwrap();
    folder
}

fn run(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(args)
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .env("TZ", "UTC")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn ok(folder: &Path, args: &[&str]) -> String {
    let output = run(folder, args);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {told}");
    String::from_utf8(output.stdout).unwrap()
}

fn refused(folder: &Path, args: &[&str]) -> String {
    let output = run(folder, args);
    assert_eq!(output.status.code(), Some(2), "{args:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_gate_says_in_plain_words_what_it_does_and_what_it_can_see() {
    let folder = configured("");
    insta::assert_snapshot!(ok(folder.path(), &["gate", "explain", "gate-10"]));
    let all = ok(folder.path(), &["gate", "explain"]);
    assert!(all.contains("gate-100: 100 % of the traffic"), "{all}");
    assert!(all.contains("keep-warm: "), "{all}");
    assert!(
        all.contains("A fixed limit (`max`) counts requests"),
        "{all}"
    );
    assert!(
        all.contains("rolls back by chance, 200 simulated rollouts each at 10 requests a second"),
        "{all}"
    );
    let json = ok(folder.path(), &["gate", "explain", "gate-10", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["gates"][0]["canary_percent"], 10);
}

#[test]
fn a_simulated_gate_keeps_good_releases_and_finds_bad_ones() {
    let folder = configured("");
    let wanted = [
        "gate", "simulate", "gate-10", "--rps", "100", "--runs", "40",
    ];
    let told = ok(folder.path(), &wanted);
    assert_eq!(told, ok(folder.path(), &wanted), "the seed is fixed");
    assert!(
        told.contains("no difference:      rolled back 0.0 %"),
        "{told}"
    );
    assert!(
        told.contains("10 x the errors (5.0 %): rolled back"),
        "{told}"
    );
    assert!(!told.contains("by fixed limits"), "there are none: {told}");
    // Nothing differs, so there is one line of results.
    let alike = ok(
        folder.path(),
        &[
            "gate",
            "simulate",
            "gate-10",
            "--rps",
            "10",
            "--runs",
            "5",
            "--error-rate",
            "0",
        ],
    );
    assert_eq!(alike.matches("rolled back").count(), 1, "{alike}");
    let slow = [
        &wanted[..],
        &["--factor", "1", "--latency-factor", "2", "--json"],
    ]
    .concat();
    let json: serde_json::Value = serde_json::from_str(&ok(folder.path(), &slow)).unwrap();
    assert_eq!(json["difference"]["failed"], 40, "{json}");
    assert_eq!(json["no_difference"]["failed"], 0, "{json}");
    assert!(
        json["difference"]["failed_after_ms"]["p90"]
            .as_u64()
            .unwrap()
            <= 60_000
    );
}

#[test]
fn what_fixed_limits_and_breakers_do_by_chance_is_simulated_and_told() {
    let rules = "[gate]\nrule = [\n  { signal = \"error-rate\", max = \"2%\" },\n  \
                 { signal = \"error-rate\", max = \"5%\", breaker = true },\n]\n";
    let folder = configured(rules);
    let told = ok(folder.path(), &["gate", "explain", "gate-10"]);
    assert!(
        told.contains("and is covered only where each request fails for itself"),
        "{told}"
    );
    assert!(told.contains("as they stand (circuit breakers)"), "{told}");
    let json = ok(folder.path(), &["gate", "explain", "gate-10", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let failed = |rule: usize, cell: usize| {
        json["gates"][0]["rules"][rule]["false_alarms"][cell]["failed"]
            .as_u64()
            .unwrap()
    };
    // At half of the limit and right at it; users who stay make it worse, and a breaker right at its limit trips.
    assert!(failed(0, 0) <= 2 && failed(0, 2) <= 6, "{json}");
    assert!(failed(0, 3) > failed(0, 2) + 5, "{json}");
    assert!(failed(1, 2) > 100, "{json}");
    let simulated = ok(
        folder.path(),
        &[
            "gate",
            "simulate",
            "gate-10",
            "--rps",
            "10",
            "--runs",
            "100",
            "--error-rate",
            "2%",
        ],
    );
    assert!(
        simulated.contains(
            "by fixed limits and breakers alone, for which alpha is no promise: rolled back"
        ),
        "{simulated}"
    );
    assert!(
        simulated.contains("if 300 users stay with a release"),
        "{simulated}"
    );
}

#[test]
fn mistakes_about_gates_are_named() {
    let folder = configured("");
    let told = refused(folder.path(), &["gate", "explain", "gate-11"]);
    assert!(told.contains("notes has no gate gate-11"), "{told}");
    assert!(told.contains("gate-10, gate-100, keep-warm"), "{told}");
    let told = refused(folder.path(), &["gate", "simulate", "--rps", "0"]);
    let bounds = "expected a number from 0.001 to 1000000, for example 20";
    assert!(told.contains(bounds), "{told}");
    for rps in ["1e300", "1e-300", "nan"] {
        let told = refused(folder.path(), &["gate", "simulate", "--rps", rps]);
        assert!(told.contains(bounds), "{told}");
    }
    let told = refused(
        folder.path(),
        &[
            "gate",
            "simulate",
            "--rps",
            "1",
            "--error-rate",
            "0",
            "--factor",
            "10",
        ],
    );
    assert!(told.contains("10 times no errors are none"), "{told}");
    let told = refused(
        folder.path(),
        &["gate", "simulate", "--rps", "1", "--error-rate", "120%"],
    );
    assert!(told.contains("expected a share below 100 %"), "{told}");
    let told = refused(folder.path(), &["gate", "run", "--for", "0s"]);
    assert!(told.contains("for some time"), "{told}");
    let backtest = |range| {
        let server = ["gate", "backtest", "--prometheus", "http://127.0.0.1:1"];
        [&server[..], &["--canary", "1.0", "--range", range]].concat()
    };
    let told = refused(folder.path(), &backtest("yesterday"));
    assert!(told.contains("expected FROM..TO"), "{told}");
    let day = "2026-11-20T10:00Z..2026-11-21T10:00Z";
    let told = refused(folder.path(), &backtest(day));
    assert!(told.contains("take a range of at most"), "{told}");
    let output = run(
        folder.path(),
        &backtest("2026-11-20T10:00Z..2026-11-20T10:10Z"),
    );
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(told.contains("could not connect"), "{told}");
    let checks = "[gate]\nrule = [{ signal = \"health\", max = 2 }]\n";
    let told = refused(
        configured(checks).path(),
        &["gate", "simulate", "--rps", "1"],
    );
    assert!(told.contains("no rule about errors or latency"), "{told}");
    let text = std::fs::read_to_string(folder.path().join("portcullis.toml")).unwrap();
    let text = text.replace(
        "\"canary\"\nweights = [10, 100]",
        "\"at-once\"\nkeep_warm = \"0s\"",
    );
    std::fs::write(folder.path().join("portcullis.toml"), text).unwrap();
    let told = refused(folder.path(), &["gate", "explain"]);
    assert!(told.contains("its strategy is at-once"), "{told}");
}

#[test]
fn what_serves_is_measured_as_a_gate_would_and_past_releases_give_advice() {
    let mut rig = Rig::serving("none");
    let output = rig.run(&["gate", "run", "gate-100", "--for", "1s"]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(5), "without requests: {told}");
    assert!(told.starts_with("gate-100 could not decide"), "{told}");
    let advice = rig.ok(&["gate", "advise"]);
    assert!(
        advice.starts_with("0 releases with measured gates"),
        "{advice}"
    );

    let users = rig.users();
    let told = rig.ok(&["gate", "run", "gate-100", "--for", "3s"]);
    assert!(told.starts_with("gate-100 would pass"), "{told}");
    assert!(told.contains("pass: error rate 0.0 %"), "{told}");
    rig.ok(&["deploy", "--release", "1.1", "--wait"]);
    let advice = rig.ok(&["gate", "advise", "--releases-min", "1"]);
    assert!(
        advice.contains("from 1 release that were promoted (1.1)"),
        "{advice}"
    );
    assert!(
        advice.contains("signal = \"error-rate\"\nmax = \""),
        "{advice}"
    );
    assert!(
        advice.contains("# now: error rate at most 1.0 %"),
        "{advice}"
    );
    drop(users);
    rig.stop();
}

/// A Prometheus with a past: blocks written from a text, and no target to scrape.
struct Recorded {
    child: Child,
    url: String,
    _folder: TempDir,
    _ports: Ports,
}

impl Recorded {
    fn serving(text: &str) -> Recorded {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("past.om"), text).unwrap();
        std::fs::write(at("prometheus.yml"), "global: {}\n").unwrap();
        let blocks = Command::new("promtool")
            .args(["tsdb", "create-blocks-from", "openmetrics"])
            .args([at("past.om"), at("data")])
            .output()
            .unwrap_or_else(|error| panic!("{INSTALL} ({error})"));
        assert!(blocks.status.success(), "{blocks:?}");
        let ports = Ports::take();
        let address = format!("127.0.0.1:{}", ports.gateway());
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", at("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", at("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--log.level=error")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{INSTALL} ({error})"));
        for _ in 0..600 {
            if std::net::TcpStream::connect(&address).is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Recorded {
            child,
            url: format!("http://{address}"),
            _folder: folder,
            _ports: ports,
        }
    }
}

impl Drop for Recorded {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Ten minutes of counters, every five seconds: from the fifth on the candidate fails a tenth.
fn ten_minutes(from_s: i64) -> String {
    let mut text = String::new();
    for (name, per_step) in [("requests", [50, 450]), ("errors", [0, 2])] {
        let _ = writeln!(text, "# TYPE portcullis_arm_{name} counter");
        for (release, own) in [("1.1", 0), ("1.0", 1)] {
            let mut count = 0;
            for step in 0..=120 {
                let broken = name == "errors" && own == 0 && step > 60;
                count += if broken { 5 } else { per_step[own] };
                let _ = writeln!(
                    text,
                    "portcullis_arm_{name}_total{{service=\"notes\",release=\"{release}\",address=\"a\"}} \
                     {count} {}",
                    from_s + step * 5
                );
            }
        }
    }
    text.push_str("# EOF\n");
    text
}

#[test]
fn gates_are_judged_on_what_prometheus_has_recorded() {
    let rules = "[gate]\nearly = true\nrule = [\n  { signal = \"error-rate\", worse_than_stable_by = \"0.5%\" },\n  \
                 { signal = \"error-rate\", max = \"50%\" },\n  { signal = \"health\", max = 2 },\n]\n";
    let folder = configured(rules);
    let from_s = Timestamp::now().as_second() / 7200 * 7200 - 7200;
    let recorded = Recorded::serving(&ten_minutes(from_s));
    let moment = |at_s: i64| Timestamp::from_second(at_s).unwrap().to_string();
    let backtest = |from: i64, to: i64| {
        let range = format!("{}..{}", moment(from_s + from), moment(from_s + to));
        let wanted = [
            "gate",
            "backtest",
            "gate-10",
            "--prometheus",
            &recorded.url,
            "--range",
            &range,
        ];
        run(
            folder.path(),
            &[&wanted[..], &["--canary", "1.1", "--stable", "1.0"]].concat(),
        )
    };
    let good = backtest(0, 300);
    let told = String::from_utf8_lossy(&good.stdout).into_owned();
    assert_eq!(good.status.code(), Some(0), "{told}");
    assert!(
        told.contains("not recorded, so left out: failed checks in a row"),
        "{told}"
    );
    let bad = backtest(0, 600);
    let told = String::from_utf8_lossy(&bad.stdout).into_owned();
    assert_eq!(bad.status.code(), Some(3), "{told}");
    assert!(told.contains("  fail: error rate"), "{told}");
    assert!(told.contains("times as many errors"), "{told}");
    let nothing = backtest(-3600, -3000);
    let told = String::from_utf8_lossy(&nothing.stderr).into_owned();
    assert_eq!(nothing.status.code(), Some(1), "{told}");
    assert!(
        told.contains("has recorded nothing of release 1.1 of notes"),
        "{told}"
    );
}

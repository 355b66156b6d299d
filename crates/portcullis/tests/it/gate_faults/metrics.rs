//! A gate that asks Prometheus, which goes away.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::load::{Load, Who};
use super::shop::{Shop, gate, sleep};
use crate::rig::Ports;

const INSTALL: &str =
    "Prometheus is not installed; run `cargo xtask setup`, which installs `prometheus`";

/// A Prometheus that scrapes the gateway.
struct Prometheus {
    folder: PathBuf,
    address: String,
    child: Child,
}

impl Prometheus {
    fn start(folder: PathBuf, address: &str, target: &str) -> Prometheus {
        let configuration = format!(
            "global: {{ scrape_interval: 1s, scrape_timeout: 1s }}\n\
             scrape_configs:\n  - job_name: gateway\n    static_configs: [{{ targets: ['{target}'] }}]\n"
        );
        std::fs::write(folder.join("prometheus.yml"), configuration).unwrap();
        let child = Prometheus::spawn(&folder, address);
        Prometheus {
            folder,
            address: address.to_owned(),
            child,
        }
    }

    fn spawn(folder: &std::path::Path, address: &str) -> Child {
        let log = std::fs::File::create(folder.join("prometheus.log")).unwrap();
        let child = Command::new("prometheus")
            .arg(format!(
                "--config.file={}",
                folder.join("prometheus.yml").display()
            ))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.join("tsdb").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        child.unwrap_or_else(|error| panic!("{INSTALL} ({error})"))
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn again(&mut self) {
        self.child = Prometheus::spawn(&self.folder, &self.address);
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A service whose gate also asks how many errors Prometheus has seen at the new release, and the hook that hears the
/// notices.
fn watched(window: &str) -> (Shop, Prometheus, Ports) {
    let ports = Ports::take();
    let (server, metrics) = (ports.gateway(), ports.releases().0);
    // Without a rule for the error rate, which may be undecided too, by chance.
    let rules = format!(
        r#"
[[gate.rule]]
signal = "health"
max = 2
[[gate.metric]]
name = "errors"
from = "prometheus"
url = "http://127.0.0.1:{server}"
query = 'sum by (release) (portcullis_arm_errors_total{{service="shop"}})'
label = "release"
timeout = "400ms"
[[gate.rule]]
signal = "metric"
metric = "errors"
max = 1000

[gateway.metrics]
listen = "127.0.0.1:{metrics}"

[[hook]]
name = "page"
on = ["notice"]
command = ["sh", "-c", "cat >> notices.jsonl; echo >> notices.jsonl"]
"#
    );
    let mut shop = Shop::prepared(&gate(window, &rules));
    let folder = shop.rig.path("prometheus");
    std::fs::create_dir(&folder).unwrap();
    let target = format!("127.0.0.1:{metrics}");
    let prometheus = Prometheus::start(folder, &format!("127.0.0.1:{server}"), &target);
    shop.start();
    (shop, prometheus, ports)
}

/// The sentences of the warnings that were told.
fn warnings(shop: &Shop) -> Vec<String> {
    let heard = std::fs::read_to_string(shop.rig.path("notices.jsonl")).unwrap_or_default();
    let lines = heard
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let warnings = lines.filter(|notice| notice["kind"] == "warning");
    let sentences = warnings.map(|notice| notice["sentence"].as_str().unwrap().to_owned());
    sentences.collect()
}

/// Whether the figure was read at least once.
fn has_reading(shop: &Shop) -> bool {
    let seen = shop.seen();
    let last = seen["evidence"].as_array().and_then(|all| all.last());
    last.is_some_and(|last| last["requests"].as_u64() > Some(0))
}

fn is_without_data(shop: &Shop) -> bool {
    shop.sentence().contains("no data")
}

#[test]
fn prometheus_that_is_away_for_half_of_the_window_is_told_and_asks() {
    let (shop, mut prometheus, _ports) = watched("14s");
    let users = Load::start(shop.rig.gateway(), 100.0, Who::Strangers);
    shop.open_the_gate();
    prometheus.kill();
    shop.rig.until("it is told", |_| is_without_data(&shop));
    sleep(7_000);
    prometheus.again();
    let end = shop.end();
    assert_eq!(users.stop(), 0, "requests were dropped");
    assert_eq!(end.state, "paused", "{}", end.sentence);
    let told = &end.sentence;
    assert!(told.contains("cannot decide: errors"), "{told}");
    // It is back, and it was away for too long.
    assert!(
        told.contains(" measurements)") && told.contains("(in "),
        "{told}"
    );
    let warnings = warnings(&shop);
    let of_gap = warnings.iter().filter(|told| told.contains("no data"));
    assert_eq!(of_gap.count(), 1, "{warnings:?}");
    // The person who is asked may go on all the same.
    shop.rig.ok(&["resume"]);
    shop.rig
        .until("it went on", |rig| rig.state_of("shop-2") != "paused");
}

#[test]
fn prometheus_that_is_away_for_a_moment_is_told_and_waited_for() {
    let (shop, mut prometheus, _ports) = watched("24s");
    let users = Load::start(shop.rig.gateway(), 100.0, Who::Strangers);
    shop.open_the_gate();
    shop.rig.until("there is data", |_| has_reading(&shop));
    prometheus.kill();
    shop.rig.until("it is told", |_| is_without_data(&shop));
    prometheus.again();
    shop.rig
        .until("the data is back", |_| !is_without_data(&shop));
    shop.rig.until("the first gate has passed", |_| {
        !shop.sentence().starts_with("Holding at 50 %")
    });
    assert!(
        !shop.sentence().starts_with("Paused"),
        "{}",
        shop.sentence()
    );
    users.stop();
    shop.rig.ok(&["abort", "--reason", "seen enough"]);
    assert_eq!(shop.end().state, "rolled back");
    let warnings = warnings(&shop);
    assert!(
        warnings.iter().any(|told| told.contains("no data")),
        "{warnings:?}"
    );
}

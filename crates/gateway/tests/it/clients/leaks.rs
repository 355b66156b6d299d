//! An independent benchmark of leaks, `pii-leak-benchmark` from PyPI: it plays client and model, looks for its values in
//! every byte that arrives at the model, and for all of them in what the client gets, in a stream of single characters. And
//! the OpenAI SDK, when an answer is withheld.

use std::net::TcpListener;
use std::process::{Command, Stdio};

use portcullis_config::LeakAction;
use serde_json::Value;

use super::program::python;
use crate::masking::settings::openai;
use crate::rig::Rig;
use crate::ways::{upstream, way_to};

#[tokio::test]
async fn an_independent_benchmark_finds_no_leak_and_every_value_again() {
    // The benchmark listens where the gateway sends to; nobody else is given a port of below the system's range.
    let (port, held) = free_port();
    let rig = Rig::start_with(|settings| {
        let mut way = way_to("model");
        way.mask = Some("openai".into());
        settings.routing.routes = vec![way];
        settings.routing.upstreams = vec![upstream("model", &[format!("127.0.0.1:{port}")])];
        settings.routing.masks = vec![openai()];
    });
    drop(held);
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let mut command = Command::new(python());
    command
        .args([
            "-c",
            "import sys; from pii_leak_benchmark.cli import main; sys.exit(main())",
        ])
        .args([
            "--target-base-url",
            &rig.url("/v1"),
            "--capture-port",
            &port.to_string(),
        ])
        .args([
            "--iterations",
            "3",
            "--target-name",
            "portcullis",
            "--redaction-claimed",
            "claimed",
        ])
        .args([
            "--redaction-enabled",
            "--redaction-config-reference",
            "mask = \"openai\"",
        ])
        .args([
            "--redaction-claim-citation",
            "https://portcullis.example/guide",
            "--redaction-claim-quote",
            "masking",
        ])
        .arg("--json-out")
        .arg(&report)
        .env_clear()
        .stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output());
    let output = output.await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    let report = std::fs::read_to_string(&report).unwrap_or_else(|error| panic!("{error}: {said}"));
    let report: Value = serde_json::from_str(&report).unwrap();
    let checks = report["checks"].as_object().unwrap();
    assert_eq!(checks.len(), 5, "{checks:#?}");
    for (name, check) in checks {
        assert_eq!(check["passed"], true, "{name}: {check:#}");
    }
    assert_eq!(
        checks["configured_upstream_boundary"]["captured_requests"],
        3
    );
}

#[tokio::test]
async fn the_openai_sdk_hears_of_an_answer_that_is_withheld_as_of_an_error() {
    let mut config = openai();
    config.leaks = LeakAction::Block;
    super::masked::play("leak_client", config).await;
}

/// A port that is free now, and what holds it.
fn free_port() -> (u16, TcpListener) {
    let free = (17_000..19_000)
        .find_map(|port| Some((port, TcpListener::bind(("127.0.0.1", port)).ok()?)));
    free.expect("a free port")
}

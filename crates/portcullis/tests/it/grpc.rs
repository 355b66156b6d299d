//! A service of gRPC, in Python, is released without a failed call.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::rig::{Ports, Rig};

/// Python with what the gateway's tests require.
fn python() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let python = target.join("python-clients/bin/python");
    assert!(
        python.exists(),
        "{} is missing; `cargo xtask setup` makes it",
        python.display()
    );
    python
}

fn rig() -> Rig {
    let folder = tempfile::tempdir().unwrap();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/grpc/service.py");
    std::fs::copy(fixture, folder.path().join("service.py")).unwrap();
    let ports = Ports::take();
    let (port, (first, last)) = (ports.gateway(), ports.releases());
    let python = python().display().to_string();
    let health = "/grpc.health.v1.Health/Check";
    let releases = ["1.0", "1.1"].map(|version| {
        format!(
            "[[release]]\nversion = \"{version}\"\nartifact = \"service.py\"\n\
             command = [{python:?}, \"{{artifact}}\", \"{version}\", \"{{port}}\"]\n"
        )
    });
    let text = format!(
        "[service]\nname = \"shop\"\nprotocol = \"http2\"\nweights = [50, 100]\n\
         ports = \"{first}-{last}\"\nready = {{ path = \"{health}\" }}\n\
         [[service.smoke]]\npath = \"{health}\"\n\
         [gate]\nwindow = \"1s\"\ninterval = \"200ms\"\n\
         [[gate.rule]]\nsignal = \"health\"\nmax = 2\n\
         [[gate.rule]]\nsignal = \"error-rate\"\nmax = \"1%\"\nrequests_min = 1\n\
         [gateway]\nlisten = \"127.0.0.1:{port}\"\n{}",
        releases.concat()
    );
    std::fs::write(folder.path().join("portcullis.toml"), text).unwrap();
    Rig::of(folder, ports)
}

#[test]
fn a_service_of_grpc_is_released_without_a_failed_call() {
    let mut rig = rig();
    rig.ok(&["init"]);
    rig.start();
    rig.ok(&["deploy", "--release", "1.0", "--wait"]);
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/grpc/users.py");
    let users = Command::new(python())
        .arg(program)
        .arg(rig.gateway())
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    rig.ok(&["deploy", "--release", "1.1", "--wait"]);
    assert_eq!(rig.serving_release(), "1.1");
    // Its standard input ends.
    let output = users.wait_with_output().unwrap();
    let answered: BTreeMap<String, u64> = serde_json::from_slice(&output.stdout).unwrap();
    let versions: Vec<&String> = answered.keys().collect();
    assert_eq!(versions, ["1.0", "1.1"], "{answered:?}");
    let report = rig.json(&["doctor"]).to_string();
    assert!(report.contains("passes its ready check"), "{report}");
}

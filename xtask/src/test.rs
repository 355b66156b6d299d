//! Running the tests.

use std::process::Stdio;

use anyhow::Result;

use crate::{cargo, setup, tidy};

/// Installs what is missing, then runs every test: with nextest where it is installed, else with cargo's
/// own runner.
pub fn run(args: &[String]) -> Result<()> {
    setup::run(false)?;
    // The binaries that end-to-end tests start.
    cargo::run(cargo::cargo().args(["build", "--package", "portcullis", "--package", "dhash"]))?;
    let has_nextest = cargo::cargo()
        .args(["nextest", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    let mut command = cargo::cargo();
    if has_nextest {
        command.args(["nextest", "run", "--workspace"]).args(args);
    } else {
        eprintln!("cargo-nextest is not installed; using cargo test");
        command.args(["test", "--workspace"]).args(args);
    }
    cargo::run(&mut command)
}

/// Format, lint, tidy and test.
pub fn ci() -> Result<()> {
    cargo::run(cargo::cargo().args(["fmt", "--all", "--check"]))?;
    let clippy = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ];
    cargo::run(cargo::cargo().args(clippy))?;
    tidy::run()?;
    run(&[])
}

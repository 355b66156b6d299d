//! Running the tests.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::{cargo, setup, tidy};

/// Installs what is missing, then runs every test: with nextest where it is installed, else with cargo's
/// own runner.
pub fn run(args: &[String]) -> Result<()> {
    prepare()?;
    let mut command = runner();
    command.arg("--workspace");
    if !args.iter().any(|arg| arg.ends_with("fail-fast")) {
        // One that fails says nothing about the others, and whoever runs them all wants to know about all.
        command.arg("--no-fail-fast");
    }
    if has_nextest() {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = (2 * cores).to_string();
        // Why so many is said in .config/nextest.toml.
        command.args(["--profile", "suite", "--test-threads", &threads]);
    }
    cargo::run(command.args(args))
}

/// Builds all tests while what is missing is installed: the one needs the processor, the other the network. The
/// binaries that end-to-end tests start are built with them. Building these first and by themselves would compile half of
/// the dependencies twice, because tests turn on more of their features.
fn prepare() -> Result<()> {
    let mut build = cargo::cargo();
    build.args(["test", "--workspace", "--no-run"]);
    let mut child = build.spawn().context("cargo could not be started")?;
    if let Err(error) = setup::run(false) {
        // Nobody should wait for a build whose tests cannot run.
        child.kill().ok();
        child.wait().ok();
        return Err(error);
    }
    let status = child.wait().context("the build was lost")?;
    if !status.success() {
        bail!("the tests could not be built");
    }
    Ok(())
}

/// Runs the tests of a portcullis with the feature `model`.
pub fn models() -> Result<()> {
    setup::run(false)?;
    let build = [
        "build",
        "--package",
        "portcullis",
        "--features",
        "model",
        "--package",
        "dhash",
    ];
    cargo::run(cargo::cargo().args(build))?;
    let mut command = runner();
    let tests = [
        "--package",
        "portcullis",
        "--features",
        "model",
        "--test",
        "it",
        "mask",
    ];
    cargo::run(command.args(tests))
}

/// Runs the fault tests with `rounds` random kills.
pub fn faults(rounds: u32) -> Result<()> {
    setup::run(false)?;
    cargo::run(cargo::cargo().args(["build", "--package", "portcullis", "--package", "dhash"]))?;
    let mut command = runner();
    command.args(["--package", "portcullis", "--test", "it", "faults::"]);
    // Read by crates/portcullis/tests/it/faults/kills.rs.
    command.env("PORTCULLIS_FAULT_ROUNDS", rounds.to_string());
    cargo::run(&mut command)
}

/// Runs the fault tests of backups with their full counts.
pub fn backup_faults() -> Result<()> {
    setup::run(false)?;
    let mut command = runner();
    command.args(["--package", "portcullis-backup", "--test", "it", "faults::"]);
    // Read by crates/backup/tests/it/faults.rs.
    command.env("PORTCULLIS_BACKUP_FAULTS", "full");
    cargo::run(&mut command)
}

fn has_nextest() -> bool {
    cargo::cargo()
        .args(["nextest", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Nextest where it is installed, else cargo's own runner.
fn runner() -> Command {
    let mut command = cargo::cargo();
    if has_nextest() {
        command.args(["nextest", "run"]);
    } else {
        eprintln!("cargo-nextest is not installed; using cargo test");
        command.arg("test");
    }
    command
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

//! The Node.js programs that the gateway's tests run.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::cargo::{root, run, target_folder};

/// Where `package.json` and its lock file are, which say each package's version and digest.
const LISTS: &str = "crates/gateway/tests/it/clients/node";
/// The folder in cargo's target folder where the tests look for the packages.
const FOLDER: &str = "node-clients";
/// The lock file, whose copy is written when all of its packages are installed.
const LOCK: &str = "package-lock.json";
/// A copy of the lock file that stands for what is installed.
const INSTALLED: &str = "installed.json";

/// Installs the packages of the gateway's tests anew unless they are there as the lock file says.
pub fn clients() -> Result<()> {
    let lists = root().join(LISTS);
    let wanted = read(&lists.join(LOCK))?;
    let folder = target_folder()?.join(FOLDER);
    let installed = folder.join(INSTALLED);
    if std::fs::read_to_string(&installed).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    eprintln!("installing Node.js packages into {}", folder.display());
    if folder.exists() {
        std::fs::remove_dir_all(&folder)
            .with_context(|| format!("{} could not be removed", folder.display()))?;
    }
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("{} could not be made", folder.display()))?;
    write(
        &folder.join("package.json"),
        &read(&lists.join("package.json"))?,
    )?;
    write(&folder.join(LOCK), &wanted)?;
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    npm.args(["--loglevel", "error", "--prefix"]);
    run(npm.arg(&folder).current_dir(&folder))?;
    write(&installed, &wanted)
}

fn read(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("{} could not be read", file.display()))
}

fn write(file: &Path, text: &str) -> Result<()> {
    std::fs::write(file, text).with_context(|| format!("{} could not be written", file.display()))
}

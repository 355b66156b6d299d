//! The Node.js programs that tests run.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::cargo::{root, run, target_folder};

/// Where `package.json` and its lock file are, which say each package's version and digest, and the folder in cargo's
/// target folder where the tests look for the packages.
const ENVIRONMENTS: [(&str, &str); 2] = [
    ("crates/gateway/tests/it/clients/node", "node-clients"),
    ("crates/backup/tests/it/cloud/node", "node-cloud"),
];
/// The lock file, whose copy is written when all of its packages are installed.
const LOCK: &str = "package-lock.json";
/// A copy of the lock file that stands for what is installed.
const INSTALLED: &str = "installed.json";

/// Installs the packages of the tests anew unless they are there as the lock files say.
pub fn clients() -> Result<()> {
    for (lists, folder) in ENVIRONMENTS {
        environment(&root().join(lists), &target_folder()?.join(folder))?;
    }
    Ok(())
}

fn environment(lists: &Path, folder: &Path) -> Result<()> {
    let wanted = read(&lists.join(LOCK))?;
    let installed = folder.join(INSTALLED);
    if std::fs::read_to_string(&installed).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    eprintln!("installing Node.js packages into {}", folder.display());
    if folder.exists() {
        std::fs::remove_dir_all(folder)
            .with_context(|| format!("{} could not be removed", folder.display()))?;
    }
    std::fs::create_dir_all(folder)
        .with_context(|| format!("{} could not be made", folder.display()))?;
    write(
        &folder.join("package.json"),
        &read(&lists.join("package.json"))?,
    )?;
    write(&folder.join(LOCK), &wanted)?;
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    npm.args(["--loglevel", "error", "--prefix"]);
    run(npm.arg(folder).current_dir(folder))?;
    write(&installed, &wanted)
}

fn read(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("{} could not be read", file.display()))
}

fn write(file: &Path, text: &str) -> Result<()> {
    std::fs::write(file, text).with_context(|| format!("{} could not be written", file.display()))
}

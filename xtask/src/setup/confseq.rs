//! The peer of the sequential tests: the C++ core of the Python package confseq.

use std::process::{Command, Stdio};

use anyhow::Result;

use crate::cargo::{root, run, target_folder};

/// Builds the program that prints the golden table with today's compiler, so that a test compares with the package
/// itself and not only with the table.
pub fn build() -> Result<()> {
    let folder = target_folder()?.join("confseq");
    if folder.join("golden").exists() {
        return Ok(());
    }
    let script = root().join("crates/analysis/tests/confseq/generate.sh");
    run(Command::new("sh")
        .arg(script)
        .arg(&folder)
        .stdout(Stdio::null()))
}

//! The journal: appends beside a plain `INSERT`, recovery, verification, and a year's growth.

use std::path::Path;

use anyhow::Result;

use crate::cargo::{cargo, run};
use crate::setup;

/// Measures on the disk of `folder`; the system's folder for temporary files if there is none.
pub fn run_bench(folder: Option<&Path>) -> Result<()> {
    setup::run(false)?;
    let mut bench = cargo();
    bench.args(["run", "--release", "--package", "portcullis-journal"]);
    bench.args(["--example", "journal_bench"]);
    if let Some(folder) = folder {
        bench.arg("--").arg(folder);
    }
    run(&mut bench)
}

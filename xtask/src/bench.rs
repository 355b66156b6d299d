//! `cargo xtask bench`: measurements side by side with a peer.

use anyhow::Result;
use clap::Subcommand;

use crate::cargo::{cargo, run};

/// What to measure.
#[derive(Subcommand)]
pub enum Bench {
    /// States per second of the explorer.
    Explorer,
}

impl Bench {
    /// Measures and prints.
    pub fn run(&self) -> Result<()> {
        match self {
            Bench::Explorer => {
                let package = ["run", "--release", "--package", "portcullis-sim"];
                run(cargo().args(package).args(["--example", "explore"]))
            }
        }
    }
}

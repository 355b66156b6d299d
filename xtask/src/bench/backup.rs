//! `cargo xtask bench backup`: backups through the built binary against `tar | zstd`, restic, `sha256sum`, and the tools of
//! PostgreSQL. Sides take turns, and ratios are of medians.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::bench::figures::load_average;
use crate::cargo::{cargo, run, target_folder};
use crate::{setup, test};

mod corpus;
mod cost;
mod files;
mod postgres;
#[path = "../../../crates/journal/tests/it/postgres_server.rs"]
#[allow(dead_code)]
mod postgres_server;
mod site;
mod swap;

/// The level of both sides: that of Portcullis, and zstd's own default.
const LEVEL: &str = "-3";
/// What a command may need of memory, whatever the size of the data.
const MEMORY_TARGET_MIB: f64 = 64.0;
/// Everything that is made follows from it.
const SEED: u64 = 7;

/// What is measured.
#[derive(clap::Args)]
pub struct Backup {
    /// The size of the folder, and of the single file, in MiB.
    #[arg(long, default_value_t = 2048)]
    mib: u64,
    /// Rounds; the sides take turns, each round beginning with another one.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// pgbench's scale: 10 are 150 MB.
    #[arg(long, default_value_t = 60)]
    scale: u32,
    /// Sessions that dump and restore the database at a time.
    #[arg(long, default_value_t = 2)]
    jobs: u32,
    /// The size of the stores that are swapped, in MiB; a third of what is free, if that is less.
    #[arg(long, default_value_t = 10_240)]
    swap_mib: u64,
    /// Only these parts.
    #[arg(long, value_enum)]
    only: Vec<Part>,
    /// Everything that is made is in a new folder in this one, and removed in the end.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// The program `portcullis`; without it, it is built.
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Not to measure, but to run all fault tests of backups with their full counts.
    #[arg(long)]
    faults: bool,
}

/// A part of the benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// A folder of mixed files.
    Folder,
    /// One file.
    File,
    /// A PostgreSQL database.
    Postgres,
    /// Restores in place of a large folder and a large file.
    Swap,
}

/// Measures and prints.
pub fn measure(args: &Backup) -> Result<()> {
    if args.faults {
        return test::backup_faults();
    }
    setup::run(true)?;
    let binary = match &args.binary {
        Some(binary) => binary.canonicalize()?,
        None => {
            run(cargo().args(["build", "--release", "--package", "portcullis"]))?;
            target_folder()?.join("release/portcullis")
        }
    };
    let within = match &args.folder {
        Some(folder) => folder.clone(),
        None => target_folder()?.join("bench"),
    };
    std::fs::create_dir_all(&within)?;
    let folder = tempfile::Builder::new()
        .prefix("backup-")
        .tempdir_in(&within)?;
    println!("load average {} before", load_average());
    let stand = Stand {
        folder: folder.path(),
        binary: &binary,
        args,
    };
    let wanted = |part| args.only.is_empty() || args.only.contains(&part);
    if wanted(Part::Folder) {
        files::measure(&stand, true)?;
    }
    if wanted(Part::File) {
        files::measure(&stand, false)?;
    }
    if wanted(Part::Postgres) {
        postgres::measure(&stand)?;
    }
    if wanted(Part::Swap) {
        swap::measure(&stand)?;
    }
    println!("load average {} after", load_average());
    Ok(())
}

/// Where and what with.
struct Stand<'a> {
    folder: &'a Path,
    binary: &'a Path,
    args: &'a Backup,
}

impl Stand<'_> {
    /// How many bytes are free where everything is made.
    fn free_bytes(&self) -> Result<u64> {
        let output = Command::new("df")
            .args(["--output=avail", "--block-size=1"])
            .arg(self.folder)
            .output()?;
        let text = String::from_utf8(output.stdout)?;
        let last = text.lines().last().context("df said nothing")?;
        Ok(last.trim().parse()?)
    }
}

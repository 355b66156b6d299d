//! `cargo xtask bench`: measurements side by side with a peer in the same run. What was measured is
//! recorded in docs/benchmarks.md.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use clap::Subcommand;

use crate::cargo::{cargo, root, run, target_folder};
use crate::setup;

mod backup;
mod clock;
mod detect;
mod engine;
mod figures;
mod gateway;
mod journal;
mod rollback;
mod serve;
mod site;
mod switch;
mod users;

/// What to measure.
#[derive(Subcommand)]
pub enum Bench {
    /// dhash against Python's imagehash: identical share and images per second of CPU time.
    Dhash {
        /// Which Pillow the peer uses.
        #[arg(long, default_value = "12.0.0")]
        pillow: String,
        /// The fast mode, which is not exact.
        #[arg(long)]
        fast: bool,
    },
    /// A look-up over a million hashes.
    Lookup,
    /// The gateway against nginx and HAProxy: CPU time, throughput, latency and memory.
    Gateway(gateway::Gateway),
    /// A million requests during flips of the split, hot reloads and binary upgrades: none may fail.
    GatewayEndure(gateway::endure::Endure),
    /// Load for a long time with upstream failures and reloads: nothing may grow, nothing may be lost.
    GatewaySoak(gateway::soak::Soak),
    /// The journal on SQLite and PostgreSQL: durable appends against a plain INSERT, recovery of 1e5
    /// entries, verification of 1e6, and how large a year is.
    Journal {
        /// The folder on whose disk SQLite is measured.
        #[arg(long)]
        folder: Option<PathBuf>,
    },
    /// Gates by evidence against thresholds and usual tests, over simulated traffic: how often good releases are
    /// rolled back, after what time bad ones.
    Detect(detect::Detect),
    /// States per second of the explorer.
    Explorer,
    /// Many simulated services rolled out at once: does it grow linearly?
    Engine {
        /// How many services; each size is a process of its own.
        #[arg(long, value_delimiter = ',', default_values_t = [10, 100, 1_000])]
        sizes: Vec<u32>,
    },
    /// All traffic flipped back and forth under load, in the gateway and in nginx.
    Switch {
        /// How often the traffic moves.
        #[arg(long, default_value_t = 100)]
        flips: u32,
        /// Requests that must be answered in all, at least.
        #[arg(long, default_value_t = 1_000_000)]
        requests: u64,
        /// Kept-alive connections that ask at the same time.
        #[arg(long, default_value_t = 16)]
        connections: u32,
        /// Rounds; the two take turns.
        #[arg(long, default_value_t = 1)]
        rounds: u32,
    },
    /// Warm rollbacks through the built binary, while users ask.
    Rollback {
        /// How many.
        #[arg(long, default_value_t = 20)]
        times: u32,
        /// A folder with the programs `portcullis` and `dhash`; without it they are built.
        #[arg(long)]
        binaries: Option<PathBuf>,
    },
    /// Finding and masking personal data against the pattern recognizers of Presidio, over the same texts.
    Mask {
        /// The program; without it, it is built as it is installed.
        #[arg(long)]
        portcullis: Option<PathBuf>,
    },
    /// Backups against `tar | zstd`, restic, `sha256sum` and the tools of PostgreSQL; with `--faults` their fault tests.
    Backup(backup::Backup),
    /// Memory of an idle `portcullis serve`, and how fast `status` answers, with short and long journals.
    Serve(serve::Serve),
}

impl Bench {
    /// Measures and prints.
    pub fn run(&self) -> Result<()> {
        match self {
            Bench::Dhash { pillow, fast } => dhash(pillow, *fast),
            Bench::Lookup => example("dhash", "bench_lookup"),
            Bench::Gateway(args) => gateway::measure(args),
            Bench::GatewayEndure(args) => gateway::endure::measure(args),
            Bench::GatewaySoak(args) => gateway::soak::measure(args),
            Bench::Journal { folder } => journal::run_bench(folder.as_deref()),
            Bench::Detect(args) => detect::measure(args),
            Bench::Explorer => example("portcullis-sim", "explore"),
            Bench::Engine { sizes } => engine::measure(sizes),
            Bench::Switch {
                flips,
                requests,
                connections,
                rounds,
            } => switch::measure(*flips, *requests, *connections, *rounds),
            Bench::Rollback { times, binaries } => rollback::measure(*times, binaries.as_deref()),
            Bench::Mask { portcullis } => mask(portcullis.as_deref()),
            Bench::Backup(args) => backup::measure(args),
            Bench::Serve(args) => serve::measure(args),
        }
    }
}

fn example(package: &str, name: &str) -> Result<()> {
    run(cargo().args(["run", "--release", "--package", package, "--example", name]))
}

/// The version of Presidio that masking is compared with.
const PRESIDIO: &str = "2.2.366";

fn mask(portcullis: Option<&Path>) -> Result<()> {
    let target = target_folder()?;
    let built = target.join("dist/portcullis");
    if portcullis.is_none() {
        run(cargo().args(["build", "--profile", "dist", "--package", "portcullis"]))?;
    }
    let peer = target.join(format!("bench/presidio-{PRESIDIO}"));
    let python = peer.join("bin/python");
    if !python.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&peer))?;
        let wanted = format!("presidio-analyzer=={PRESIDIO}");
        run(Command::new(&python).args(["-m", "pip", "install", "-q", &wanted]))?;
    }
    let mut compare = Command::new(&python);
    compare.arg(root().join("crates/mask/bench/compare.py"));
    run(compare
        .arg("--portcullis")
        .arg(portcullis.unwrap_or(&built)))
}

fn dhash(pillow: &str, fast: bool) -> Result<()> {
    setup::run(true)?;
    run(cargo().args(["build", "--release", "--package", "dhash"]))?;
    let target = target_folder()?;
    let peer = target.join(format!("bench/pillow-{pillow}"));
    let python = peer.join("bin/python");
    if !python.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&peer))?;
        let wanted = format!("pillow=={pillow}");
        run(Command::new(&python).args(["-m", "pip", "install", "-q", "imagehash", &wanted]))?;
    }
    let mut compare = Command::new(&python);
    compare.arg(root().join("workloads/dhash/bench/compare.py"));
    compare.arg("--dhash").arg(target.join("release/dhash"));
    if fast {
        compare.args(["--fast", "--identical-min", "0"]);
    }
    let folders = ["/usr/share/backgrounds", "/usr/share/tuxpaint/stamps"];
    run(compare.args(folders.iter().filter(|folder| Path::new(folder).is_dir())))
}

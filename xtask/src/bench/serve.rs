//! What `portcullis serve` needs while nothing happens, and how fast the command line answers.

use std::io::Read;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::clock;
use super::figures::{Spread, against, load_average};
use super::site::Site;
use super::users::Users;
use crate::cargo::{cargo, run, target_folder};

/// Memory of an idle server.
const MEMORY_TARGET_MIB: f64 = 60.0;
/// The wall time of `portcullis status`.
const STATUS_TARGET_MS: f64 = 50.0;
/// The first byte of anything.
const FIRST_BYTE_TARGET_MS: f64 = 100.0;
/// The rollout that is repeated to make the journal long: a canary release with its gates.
const MODEL: &str = "dhash-2";

/// What is measured.
#[derive(clap::Args)]
pub struct Serve {
    /// How long the server is left alone before its memory is read, in seconds.
    #[arg(long, default_value_t = 30)]
    idle: u64,
    /// How often each command is run.
    #[arg(long, default_value_t = 200)]
    runs: u32,
    /// Rollouts in the past of the longer journal.
    #[arg(long, default_value_t = 1_000)]
    rollouts: u64,
    /// Entries of the longest journal.
    #[arg(long, default_value_t = 100_000)]
    entries: u64,
    /// A folder with the programs `portcullis` and `dhash`; without it they are built.
    #[arg(long)]
    binaries: Option<PathBuf>,
}

/// Measures with a small journal, with many rollouts in the past, and with very many entries.
pub fn measure(args: &Serve) -> Result<()> {
    let (idle, runs) = (Duration::from_secs(args.idle), args.runs);
    let sim = ["build", "--release", "--package", "portcullis-sim"];
    run(cargo().args(sim).args(["--example", "grow_journal"]))?;
    let mut site = Site::make(args.binaries.as_deref())?;
    site.start()?;
    site.run(&["deploy", "--release", "1.0", "--wait"])?;
    let first = site.status()?.journal_seq;
    let users = Users::start(&site.gateway);
    site.run(&["deploy", "--release", "1.1"])?;
    site.until("1.1 is promoted", |site| {
        let detail = site.rollout(MODEL)?;
        if detail.summary.state == "watching" && serves(site, "1.1")? {
            // The old release need not be kept warm any longer.
            site.run(&["resume"])?;
        }
        if detail.summary.over && detail.summary.state != "promoted" {
            bail!("{}", detail.summary.sentence);
        }
        Ok(detail.summary.over)
    })?;
    users.stop();
    let per_rollout = site.status()?.journal_seq - first;
    look(&mut site, "a small journal", idle, runs)?;
    for (words, wanted) in [
        (
            format!("{} rollouts in the past", args.rollouts),
            args.rollouts * per_rollout,
        ),
        (
            format!("a journal of {} entries", args.entries),
            args.entries,
        ),
    ] {
        site.stop()?;
        grow(&site, wanted)?;
        look(&mut site, &words, idle, runs)?;
    }
    Ok(())
}

/// All figures for one journal: with a server that was just started, and without.
fn look(site: &mut Site, words: &str, idle: Duration, runs: u32) -> Result<()> {
    site.stop()?;
    println!("{words}, load average {}", load_average());
    let started_ms = site.start()?;
    std::thread::sleep(idle);
    let (idle_mib, peak_mib) = (
        site.memory_kib("VmRSS")? as f64 / 1024.0,
        site.memory_kib("VmHWM")? as f64 / 1024.0,
    );
    println!(
        "  serve: acts after {started_ms:.0} ms; after {} s idle {}; peak {peak_mib:.1} MiB; {} entries",
        idle.as_secs(),
        against(idle_mib, MEMORY_TARGET_MIB, "MiB"),
        site.status()?.journal_seq,
    );
    let help = first_bytes(site, &["--help"], runs)?;
    println!(
        "  first byte of --help: {}",
        against(help.quantile_ms(0.99), FIRST_BYTE_TARGET_MS, "ms")
    );
    statuses(site, "with a server   ", runs)?;
    site.stop()?;
    statuses(site, "without a server", runs)?;
    site.start()?;
    Ok(())
}

fn statuses(site: &Site, words: &str, runs: u32) -> Result<()> {
    let mut took_ms = Vec::new();
    for _ in 0..runs {
        let begun = clock::now();
        let output = site.command(&["status"]).output()?;
        took_ms.push(clock::ms_since(begun));
        if output.stdout.is_empty() {
            bail!(
                "status said nothing: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
    let (took, first) = (Spread::new(took_ms), first_bytes(site, &["status"], runs)?);
    println!("  status {words}: {took}");
    println!(
        "    p99 {}",
        against(took.quantile_ms(0.99), STATUS_TARGET_MS, "ms")
    );
    println!(
        "    first byte p99 {}",
        against(first.quantile_ms(0.99), FIRST_BYTE_TARGET_MS, "ms")
    );
    Ok(())
}

/// From starting a command to the first byte on its standard output.
fn first_bytes(site: &Site, args: &[&str], runs: u32) -> Result<Spread> {
    let mut took_ms = Vec::new();
    for _ in 0..runs {
        let begun = clock::now();
        let mut child = site.command(args).spawn()?;
        let mut stdout = child.stdout.take().context("no standard output")?;
        stdout.read_exact(&mut [0])?;
        took_ms.push(clock::ms_since(begun));
        std::io::copy(&mut stdout, &mut std::io::sink())?;
        child.wait()?;
    }
    Ok(Spread::new(took_ms))
}

fn serves(site: &Site, release: &str) -> Result<bool> {
    let serving = site.status()?.serving;
    Ok(serving.is_some_and(|serving| serving.release == release))
}

/// Repeats the model rollout until the journal has so many entries. No server may run.
fn grow(site: &Site, entries: u64) -> Result<()> {
    run(
        Command::new(target_folder()?.join("release/examples/grow_journal"))
            .arg(site.folder().join(".portcullis/journal.db"))
            .args(["dhash", MODEL, &entries.to_string()]),
    )
}

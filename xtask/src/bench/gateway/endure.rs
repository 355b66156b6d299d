//! What operators do to a gateway that works, while it works: splits flipped, configurations reloaded,
//! binaries replaced, under load. No request may fail.

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use portcullis_api::gateway::{RouteStatus, Split, SplitChange};
use portcullis_api::{Client, Endpoint};

use super::cores::{self, Cores};
use super::reload;
use super::stand::{Binaries, Stand};
use super::users::{Crowd, Users};
use crate::bench::figures::load_average;
use crate::setup;

/// Who asks meanwhile.
const CROWD: Crowd = Crowd {
    keep_alive: 12,
    new: 4,
    http2: 2,
    events: 2,
};
/// Each release must have had at least one request in so many.
const SHARE_MIN: u64 = 4;
/// The route of the service.
const ROUTE: &str = "/v1/routes/bench";

/// What is done to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Trial {
    /// All traffic moves from one release to the other.
    Flips,
    /// The configuration is changed and read again.
    Reloads,
    /// A new process takes over.
    Upgrades,
}

/// What is endured.
#[derive(clap::Args)]
pub struct Endure {
    /// Requests that must be answered in each trial, at least.
    #[arg(long, default_value_t = 1_000_000)]
    requests: u64,
    /// Only these; all when not given.
    #[arg(long, value_enum)]
    only: Vec<Trial>,
    /// A twentieth of the requests and a tenth of the changes, to see that everything works.
    #[arg(long)]
    quick: bool,
    /// A folder with the program `portcullis`; without it it is built.
    #[arg(long)]
    binaries: Option<PathBuf>,
}

impl Trial {
    const ALL: [Trial; 3] = [Trial::Flips, Trial::Reloads, Trial::Upgrades];

    fn name(self) -> &'static str {
        match self {
            Trial::Flips => "flips of the split",
            Trial::Reloads => "hot reloads",
            Trial::Upgrades => "binary upgrades",
        }
    }

    fn times(self) -> u64 {
        match self {
            Trial::Flips => 100,
            Trial::Reloads => 50,
            Trial::Upgrades => 5,
        }
    }
}

/// Runs the trials.
///
/// # Errors
/// When a request failed in any of them, or one cannot be run.
pub fn measure(args: &Endure) -> Result<()> {
    setup::run(true)?;
    let binaries = Binaries::find(args.binaries.as_deref())?;
    let mut bad = Vec::new();
    let wanted = |trial: &Trial| args.only.is_empty() || args.only.contains(trial);
    for trial in Trial::ALL.into_iter().filter(wanted) {
        if trial == Trial::Reloads && !reload::TAKES_EFFECT {
            eprintln!("{}: {}", trial.name(), reload::NOT_YET);
            bad.push(format!("{}: not run", trial.name()));
            continue;
        }
        let (requests, times) = match args.quick {
            true => (args.requests / 20, trial.times().div_ceil(10)),
            false => (args.requests, trial.times()),
        };
        let failed = run_trial(trial, requests, times, &binaries);
        let failed = failed.with_context(|| trial.name().to_owned())?;
        if failed > 0 {
            bad.push(format!("{}: {failed} requests failed", trial.name()));
        }
    }
    match bad.is_empty() {
        true => Ok(()),
        false => bail!("{}", bad.join("; ")),
    }
}

/// Returns how many requests failed.
fn run_trial(trial: Trial, requests: u64, times: u64, binaries: &Binaries) -> Result<u64> {
    let cores = Cores::divide(cores::count()?)?;
    cores.leave_to_proxy()?;
    let mut stand = Stand::start(binaries, &cores)?;
    if trial == Trial::Flips {
        stand.start_canary()?;
    }
    println!("{times} {}, load average {}", trial.name(), load_average());
    let users = Users::start(&stand, CROWD)?;
    let share = requests.div_ceil(times + 1);
    for number in 1..=times {
        users.tally.until_answered(share * number)?;
        match trial {
            Trial::Flips => flip(&stand, number)?,
            Trial::Reloads => reload::reload(&stand, number)?,
            Trial::Upgrades => {
                stand.replace_binary(binaries)?;
                stand.site.upgrade()?;
            }
        }
    }
    users
        .tally
        .until_answered(requests.max(share * (times + 1)))?;
    let tally = users.stop();
    tally.print();
    if trial == Trial::Flips {
        check_shares(&stand, tally.answered())?;
    }
    Ok(tally.failed())
}

/// Moves all traffic to the other release, as the engine does: by a change of the whole split.
fn flip(stand: &Stand, number: u64) -> Result<()> {
    let weight_percent = if number % 2 == 1 { 100 } else { 0 };
    with_admin(stand, async |client| {
        let seen: RouteStatus = client.get(ROUTE).await?;
        let split = seen.split.context("no release serves")?;
        ensure!(split.canary.is_some(), "there is no canary to flip to");
        let change = SplitChange {
            split: Split {
                weight_percent,
                ..split
            },
            epoch: seen.epoch,
            if_changes: Some(seen.changes),
        };
        let now: RouteStatus = client.put(&format!("{ROUTE}/split"), &change).await?;
        let weight = now.split.map(|split| split.weight_percent);
        ensure!(weight == Some(weight_percent), "the split is {weight:?}");
        Ok(())
    })
}

/// Flips that move nothing would prove nothing: each release must have had a fair share of the requests.
fn check_shares(stand: &Stand, requests: u64) -> Result<()> {
    with_admin(stand, async |client| {
        let seen: RouteStatus = client.get(ROUTE).await?;
        for arm in &seen.arms {
            let (release, had) = (&arm.arm.release, arm.requests);
            ensure!(
                had >= requests / SHARE_MIN,
                "release {release} had only {had} of {requests} requests"
            );
        }
        ensure!(
            seen.arms.len() == 2,
            "there are {} releases",
            seen.arms.len()
        );
        Ok(())
    })
}

/// Does something with the gateway's admin API.
fn with_admin(stand: &Stand, does: impl AsyncFnOnce(&Client) -> Result<()>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let socket = stand.folder().join(".portcullis/gateway.sock");
    let client = Client::new(Endpoint::Unix(socket), None)?;
    runtime.block_on(does(&client))
}

//! `portcullis gate`, as typed.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};

use super::gateway::time;

/// The longest time that a gate is measured outside of a rollout.
const RUN_MAX: SignedDuration = SignedDuration::from_hours(24 * 7);
/// The most runs of a simulation.
const RUNS_MAX: u64 = 1_000_000;
/// The least and the most requests a second that are simulated: from a few an hour to more than one gateway takes.
const RPS: (f64, f64) = (0.001, 1_000_000.0);
/// The least and the most that a bad release can differ by.
const FACTOR: (f64, f64) = (0.01, 1_000.0);

#[derive(Debug, Subcommand)]
pub(crate) enum Gate {
    /// Say in plain words what a gate does, when it can decide, and what it can see at which traffic.
    ///
    /// Reads the configuration only; nothing is measured. Without a name every gate is told.
    #[command(
        after_long_help = "Examples:\n  portcullis gate explain\n  portcullis gate explain gate-10"
    )]
    Explain(Named),
    /// Let a gate decide on simulated traffic: how often it rolls a good release back, and after what time a bad one.
    ///
    /// The same code judges as in a rollout, at the same pace. Only rules about errors and latency are
    /// simulated; the others count as met. Requests come by chance, latencies are log-normal with a median of
    /// 100 ms.
    #[command(
        after_long_help = "Example:\n  portcullis gate simulate gate-10 --rps 20 --error-rate 0.5% --factor 4"
    )]
    Simulate(Simulate),
    /// Measure what runs now as a gate would, and judge it. Changes nothing.
    ///
    /// The canary is measured against the stable release if the gateway has both, and else the serving
    /// release alone, by the rules that need no comparison.
    ///
    /// Exit codes: 0 it would pass, 3 it would fail (nothing is rolled back), 5 it could not decide.
    #[command(
        after_long_help = "Examples:\n  portcullis gate run --for 10m\n  portcullis gate run gate-10 --for 90s --json"
    )]
    Run(GateRun),
    /// Let gates decide on the past, as a Prometheus server has recorded it from the gateway.
    ///
    /// Reads the gateway's own counters of two releases (portcullis_arm_requests_total and the like) and the
    /// figures that come from Prometheus. Gates are opened one after the other over the range. Other figures,
    /// and health checks, are not recorded: their rules are left out and named.
    ///
    /// Exit codes: 0 all would have passed, 3 one would have failed, 5 one could not have decided.
    #[command(
        after_long_help = "Example:\n  portcullis gate backtest gate-10 --prometheus http://127.0.0.1:9090 --range 2026-11-20T10:00Z..2026-11-20T11:00Z --canary 1.1 --stable 1.0"
    )]
    Backtest(Backtest),
    /// Propose limits from what good releases did before. Never applies them.
    #[command(after_long_help = "Example:\n  portcullis gate advise")]
    Advise(Advise),
}

/// Which gate is meant.
#[derive(Debug, Args)]
pub(crate) struct Named {
    /// The gate's name, for example `gate-10` or `keep-warm`; `portcullis gate explain` has them all.
    pub(crate) name: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Simulate {
    /// The gate; the first one when not given.
    #[command(flatten)]
    pub(crate) gate: Named,
    /// Requests a second of both releases together.
    #[arg(long, value_name = "NUMBER", value_parser = requests_per_second)]
    pub(crate) rps: f64,
    /// The share of requests that fails at the stable release.
    #[arg(long, value_name = "SHARE", default_value = "0.5%", value_parser = share)]
    pub(crate) error_rate: f64,
    /// How many times as many errors a bad release makes; 10 when neither this nor another latency is given.
    #[arg(long, value_name = "TIMES", value_parser = factor)]
    pub(crate) factor: Option<f64>,
    /// How many times as long a bad release takes to answer.
    #[arg(long, value_name = "TIMES", default_value = "1", value_parser = factor)]
    pub(crate) latency_factor: f64,
    /// The canary's share; the gate's own when not given.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..=100))]
    pub(crate) canary_percent: Option<u8>,
    /// How many users there are, who stay with a release and of whom a fifth has all errors; when not given, each
    /// request is divided by chance.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    pub(crate) users: Option<u32>,
    /// How many runs; more make the numbers surer.
    #[arg(long, value_name = "NUMBER", default_value = "1000", value_parser = clap::value_parser!(u64).range(1..=RUNS_MAX))]
    pub(crate) runs: u64,
    /// The seed: the same one gives the same numbers.
    #[arg(long, value_name = "NUMBER", default_value = "1")]
    pub(crate) seed: u64,
}

#[derive(Debug, Args)]
pub(crate) struct GateRun {
    /// The gate; the first one when not given.
    #[command(flatten)]
    pub(crate) gate: Named,
    /// For how long, for example 90s or 10m; it ends earlier when the gate fails.
    #[arg(long = "for", value_name = "DURATION", value_parser = run_time)]
    pub(crate) time: SignedDuration,
}

#[derive(Debug, Args)]
pub(crate) struct Backtest {
    /// The gate; the first one when not given.
    #[command(flatten)]
    pub(crate) gate: Named,
    /// The Prometheus server, for example http://127.0.0.1:9090 or https://prometheus.example.
    #[arg(long, value_name = "URL")]
    pub(crate) prometheus: String,
    /// A PEM file with the authorities that are trusted over HTTPS instead of the system's.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// From when to when, as FROM..TO; each a moment such as 2026-11-20T10:00Z.
    #[arg(long, value_name = "FROM..TO", value_parser = range)]
    pub(crate) range: TimeRange,
    /// The release that was the candidate.
    #[arg(long, value_name = "RELEASE")]
    pub(crate) canary: String,
    /// The release that served beside it; without one only the rules that need no comparison are judged.
    #[arg(long, value_name = "RELEASE")]
    pub(crate) stable: Option<String>,
    /// A file with the token that the server wants.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Advise {
    /// How many releases must have been promoted before anything is proposed.
    #[arg(long, value_name = "NUMBER", default_value = "5", value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(crate) releases_min: u64,
}

/// From one moment to a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimeRange {
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
}

fn requests_per_second(text: &str) -> Result<f64, String> {
    between(text, RPS, "20 or 0.5")
}

fn factor(text: &str) -> Result<f64, String> {
    between(text, FACTOR, "4 or 1.5")
}

/// A number within bounds. Beyond them it is a slip, and the numbers that come of it are no help.
fn between(text: &str, (least, most): (f64, f64), example: &str) -> Result<f64, String> {
    let number = text.trim().parse::<f64>().ok();
    number
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| format!("expected a number from {least} to {most}, for example {example}"))
}

fn share(text: &str) -> Result<f64, String> {
    let text = text.trim();
    let number = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse().map(|percent: f64| percent / 100.0),
        None => text.parse(),
    };
    number
        .ok()
        .filter(|share| (0.0..1.0).contains(share))
        .ok_or_else(|| "expected a share below 100 %, for example 0.5% or 0.005".to_owned())
}

fn run_time(text: &str) -> Result<SignedDuration, String> {
    match time(text)? {
        time if time.is_zero() => {
            Err("a gate is measured for some time, for example 10m".to_owned())
        }
        time if time > RUN_MAX => Err("a gate is measured for at most 7 days".to_owned()),
        time => Ok(time),
    }
}

fn range(text: &str) -> Result<TimeRange, String> {
    let wrong = || "expected FROM..TO, for example 2026-11-20T10:00Z..2026-11-20T11:00Z".to_owned();
    let (from, to) = text.split_once("..").ok_or_else(wrong)?;
    let moment = |text: &str| text.trim().parse::<Timestamp>().map_err(|_| wrong());
    let (from, to) = (moment(from)?, moment(to)?);
    if from >= to {
        return Err("the range ends before it begins".to_owned());
    }
    Ok(TimeRange { from, to })
}

//! A gateway under load for a long time, while its upstream is killed and its configuration reloaded: memory
//! and descriptors must not grow, and no request may be lost but those that the killed upstream broke.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use serde_json::json;

use super::case::{Case, get};
use super::cores::{self, Cores};
use super::http1::Connection;
use super::reload;
use super::stand::{Binaries, Stand, small};
use super::tally::{Failed, Tally};
use super::users::{Crowd, Users};
use crate::bench::figures::load_average;
use crate::cargo::{run, target_folder};
use crate::setup;

/// Who asks meanwhile.
const CROWD: Crowd = Crowd {
    keep_alive: 8,
    new: 3,
    http2: 2,
    events: 4,
};
/// How often the gateway is looked at.
const LOOK: Duration = Duration::from_secs(5);
/// The first part of the time is for it to become warm; its samples do not count for the slope.
const WARM_UP_SHARE: f64 = 0.2;
/// Flat: over the time that counts, it grew by no more than this share of the median.
const GROWTH_MAX: f64 = 0.05;
/// A request that failed so long before or after the upstream was away may have been touched by it.
const TOUCH_MS: f64 = 100.0;

/// How long it is.
#[derive(clap::Args)]
pub struct Soak {
    /// Minutes of load.
    #[arg(long, default_value_t = 20)]
    minutes: u32,
    /// Seconds between two kills of the upstream.
    #[arg(long, default_value_t = 30)]
    kill_every: u32,
    /// Seconds between two reloads of the configuration.
    #[arg(long, default_value_t = 20)]
    reload_every: u32,
    /// A folder with the program `portcullis`; without it it is built.
    #[arg(long)]
    binaries: Option<PathBuf>,
}

/// One look at the gateway.
#[derive(Debug, Clone, Copy)]
struct Sample {
    at_ms: f64,
    resident_kib: f64,
    descriptors: f64,
}

/// A time without the upstream.
#[derive(Debug, Clone, Copy)]
struct Outage {
    from_ms: f64,
    to_ms: f64,
}

/// Soaks, and prints what was found.
///
/// # Errors
/// When a request was lost, or memory or descriptors grew.
pub fn measure(args: &Soak) -> Result<()> {
    setup::run(true)?;
    let binaries = Binaries::find(args.binaries.as_deref())?;
    let cores = Cores::divide(cores::count()?)?;
    cores.leave_to_proxy()?;
    let stand = Stand::start(&binaries, &cores)?;
    if !reload::TAKES_EFFECT {
        eprintln!("without reloads: {}", reload::NOT_YET);
    }
    println!("{} minutes, load average {}", args.minutes, load_average());
    let users = Users::start(&stand, CROWD)?;
    let (samples, outages, reloads) = soak(args, &stand, &users.tally)?;
    let tally = users.stop();
    tally.print();
    let lost = lost(&tally, &outages)?;
    println!(
        "  {} kills of the upstream, {reloads} reloads; {} failures in outages, {} lost",
        outages.len(),
        tally.failed() - lost.len() as u64,
        lost.len()
    );
    for failed in lost.iter().take(10) {
        println!(
            "    after {:.1} s, {}: {}",
            failed.begun_ms / 1000.0,
            failed.manner.name(),
            failed.what
        );
    }
    let memory = Trend::of("memory", "KiB", &samples, |sample| sample.resident_kib);
    let descriptors = Trend::of("descriptors", "", &samples, |sample| sample.descriptors);
    write(&samples)?;
    let grew = [memory, descriptors].iter().any(|trend| {
        trend.print();
        !trend.is_flat()
    });
    match (lost.is_empty(), grew) {
        (true, false) => Ok(()),
        (false, _) => bail!("{} requests were lost", lost.len()),
        (true, true) => bail!("it grew"),
    }
}

fn soak(args: &Soak, stand: &Stand, tally: &Tally) -> Result<(Vec<Sample>, Vec<Outage>, u64)> {
    let (mut samples, mut outages, mut reloads) = (Vec::new(), Vec::new(), 0);
    let end_ms = f64::from(args.minutes) * 60_000.0;
    let every = |seconds: u32| f64::from(seconds) * 1000.0;
    let (mut kill_ms, mut reload_ms) = (every(args.kill_every), every(args.reload_every));
    while tally.now_ms() < end_ms {
        std::thread::sleep(LOOK);
        let gateway = stand.gateway()?;
        samples.push(Sample {
            at_ms: tally.now_ms(),
            resident_kib: gateway.resident_kib()? as f64,
            descriptors: gateway.descriptors()? as f64,
        });
        if tally.now_ms() >= kill_ms {
            outages.push(kill_upstream(stand, tally)?);
            kill_ms += every(args.kill_every);
        }
        if reload::TAKES_EFFECT && tally.now_ms() >= reload_ms {
            reloads += 1;
            reload::reload(stand, reloads)?;
            reload_ms += every(args.reload_every);
        }
    }
    Ok((samples, outages, reloads))
}

/// Kills the upstream, which its release starts again, and waits until requests come through.
fn kill_upstream(stand: &Stand, tally: &Tally) -> Result<Outage> {
    let from_ms = tally.now_ms();
    let pid = stand.upstream_pid()?;
    run(Command::new("kill").args(["-9", &pid.to_string()]))?;
    let asks = |address| -> Result<()> {
        let mut connection = Connection::new(std::net::TcpStream::connect(address)?);
        Ok(connection.expect(get(Case::Get.path()).as_bytes(), small().as_bytes())?)
    };
    stand.site.until("the upstream is there again", |_| {
        let another = stand.upstream_pid().is_ok_and(|now| now != pid);
        Ok(another && asks(stand.upstream).is_ok() && asks(stand.plain).is_ok())
    })?;
    Ok(Outage {
        from_ms,
        to_ms: tally.now_ms(),
    })
}

/// Failures that no outage explains.
fn lost(tally: &Tally, outages: &[Outage]) -> Result<Vec<Failed>> {
    let failures = tally.failures();
    ensure!(
        failures.len() as u64 == tally.failed(),
        "{} requests failed: too many to look at each",
        tally.failed()
    );
    let is_touched = |failed: &Failed| {
        outages.iter().any(|outage| {
            failed.begun_ms <= outage.to_ms + TOUCH_MS
                && failed.ended_ms >= outage.from_ms - TOUCH_MS
        })
    };
    let unexplained = |failed: &Failed| !(failed.may_be_upstream && is_touched(failed));
    Ok(failures.into_iter().filter(unexplained).collect())
}

fn write(samples: &[Sample]) -> Result<()> {
    let lines: Vec<_> = samples
        .iter()
        .map(|sample| json!([sample.at_ms, sample.resident_kib, sample.descriptors]))
        .collect();
    let folder = target_folder()?.join("bench");
    std::fs::create_dir_all(&folder)?;
    let path = folder.join("gateway-soak.json");
    std::fs::write(&path, serde_json::to_string(&lines)?)?;
    println!("  every sample is in {}", path.display());
    Ok(())
}

/// How something went over time: the line with the least squares through its samples.
struct Trend {
    name: &'static str,
    unit: &'static str,
    median: f64,
    max: f64,
    per_minute: f64,
    minutes: f64,
}

impl Trend {
    fn of(
        name: &'static str,
        unit: &'static str,
        samples: &[Sample],
        value: impl Fn(&Sample) -> f64,
    ) -> Trend {
        let skipped = (samples.len() as f64 * WARM_UP_SHARE) as usize;
        let points: Vec<(f64, f64)> = samples[skipped..]
            .iter()
            .map(|sample| (sample.at_ms / 60_000.0, value(sample)))
            .collect();
        let count = points.len() as f64;
        let mean = |of: &dyn Fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
        let (mean_x, mean_y) = (mean(&|point| point.0), mean(&|point| point.1));
        let covariance = mean(&|point| (point.0 - mean_x) * (point.1 - mean_y));
        let variance = mean(&|point| (point.0 - mean_x).powi(2));
        let mut values: Vec<f64> = points.iter().map(|point| point.1).collect();
        values.sort_by(f64::total_cmp);
        let times = (points.first(), points.last());
        Trend {
            name,
            unit,
            median: values.get(values.len() / 2).copied().unwrap_or(f64::NAN),
            max: values.last().copied().unwrap_or(f64::NAN),
            per_minute: covariance / variance,
            minutes: match times {
                (Some(first), Some(last)) => last.0 - first.0,
                _ => 0.0,
            },
        }
    }

    fn growth(&self) -> f64 {
        self.per_minute * self.minutes / self.median
    }

    fn is_flat(&self) -> bool {
        self.growth() <= GROWTH_MAX
    }

    fn print(&self) {
        let verdict = if self.is_flat() { "flat" } else { "GROWING" };
        println!(
            "  {}: median {:.0} {unit}, largest {:.0} {unit}, slope {:.1} {unit} a minute over {:.1} minutes \
             ({:+.1} %): {verdict}",
            self.name,
            self.median,
            self.max,
            self.per_minute,
            self.minutes,
            self.growth() * 100.0,
            unit = self.unit,
        );
    }
}

#[cfg(test)]
mod tests;

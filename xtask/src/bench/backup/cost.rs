//! What a command costs: time, CPU time of it and of all that it starts, and its peak of memory.

use std::fmt;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::bench::clock;

/// How often the memory of a command is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// What one run cost.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    pub wall_s: f64,
    /// User and system time, with that of children.
    pub cpu_s: f64,
    /// The peak of resident memory of the command itself, without what it starts.
    pub peak_mib: f64,
}

/// Runs a command that must succeed.
pub fn cost_of(command: &mut Command) -> Result<(Cost, Output)> {
    let cpu = children_cpu_s()?;
    let begun = clock::now();
    command.stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command
        .spawn()
        .with_context(|| format!("{command:?} could not be started"))?;
    let pid = child.id();
    let (ended, watched) = std::sync::mpsc::channel::<()>();
    let watch = std::thread::spawn(move || {
        let mut peak_kib = 0;
        loop {
            peak_kib = peak_of(pid).unwrap_or(0).max(peak_kib);
            match watched.recv_timeout(LOOK) {
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {}
                _ => return peak_kib,
            }
        }
    });
    // What it prints is read until it ends, so that it never waits for us.
    let output = child.wait_with_output()?;
    let wall_s = clock::ms_since(begun) / 1000.0;
    drop(ended);
    let peak_kib = watch.join().unwrap_or(0);
    if !output.status.success() {
        bail!(
            "{command:?} ended with {}:\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let cost = Cost {
        wall_s,
        cpu_s: children_cpu_s()? - cpu,
        peak_mib: peak_kib as f64 / 1024.0,
    };
    Ok((cost, output))
}

fn peak_of(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// CPU time of all children that have ended and were waited for, in seconds: fields 16 and 17 of proc(5).
fn children_cpu_s() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat
        .rsplit_once(')')
        .context("no name in /proc/self/stat")?;
    let fields: Vec<&str> = fields.1.split_whitespace().collect();
    let number = |at: usize| -> Result<f64> {
        let field = fields.get(at).context("/proc/self/stat is too short")?;
        Ok(field.parse::<u64>()? as f64)
    };
    // USER_HZ has been 100 on every architecture that we build for.
    Ok((number(13)? + number(14)?) / 100.0)
}

/// The costs of one side over the rounds.
#[derive(Debug, Clone, Default)]
pub struct Costs(pub Vec<Cost>);

impl Costs {
    pub fn wall_s(&self) -> f64 {
        median(self.0.iter().map(|cost| cost.wall_s))
    }

    pub fn cpu_s(&self) -> f64 {
        median(self.0.iter().map(|cost| cost.cpu_s))
    }

    /// The largest of all rounds.
    pub fn peak_mib(&self) -> f64 {
        self.0.iter().map(|cost| cost.peak_mib).fold(0.0, f64::max)
    }
}

impl fmt::Display for Costs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let walls = || self.0.iter().map(|cost| cost.wall_s);
        let (least, most) = (
            walls().fold(f64::MAX, f64::min),
            walls().fold(0.0, f64::max),
        );
        write!(
            f,
            "{:7.2} s ({least:.2}-{most:.2}), CPU {:6.2} s, peak {:4.0} MiB",
            self.wall_s(),
            self.cpu_s(),
            self.peak_mib()
        )
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (values.len() % 2, values.get(middle)) {
        (_, None) => f64::NAN,
        (1, Some(value)) => *value,
        (_, Some(value)) => (value + values[middle - 1]) / 2.0,
    }
}

/// How many times as fast as a peer, and whether that is what was aimed at.
pub fn faster(what: &str, ours: f64, peer: f64, at_least: f64) {
    let ratio = peer / ours;
    let word = if ratio >= at_least { "met" } else { "MISSED" };
    println!("  {what}: {word}: {ratio:.2}, target {at_least:.2}");
}

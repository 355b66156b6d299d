//! What the system knows of processes: CPU time, memory, descriptors.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

/// A process and its children: those whose cost is measured together.
#[derive(Debug, Clone)]
pub struct Family(Vec<u32>);

impl Family {
    /// A process alone, whatever it has started.
    pub fn alone(pid: u32) -> Family {
        Family(vec![pid])
    }

    /// A process with its children of now.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn of(pid: u32) -> Result<Family> {
        let path = format!("/proc/{pid}/task/{pid}/children");
        let children = std::fs::read_to_string(&path).with_context(|| path.clone())?;
        let children = children
            .split_whitespace()
            .filter_map(|pid| pid.parse().ok());
        Ok(Family(std::iter::once(pid).chain(children).collect()))
    }

    /// CPU time of all threads until now, in seconds.
    ///
    /// # Errors
    /// When a process is gone.
    pub fn cpu_s(&self) -> Result<f64> {
        let ticks = self.0.iter().map(|pid| cpu_ticks(*pid));
        let ticks: u64 = ticks.sum::<Result<u64>>()?;
        Ok(ticks as f64 / ticks_per_second()?)
    }

    /// Resident memory, in KiB. Pages that processes share count for each.
    ///
    /// # Errors
    /// When a process is gone.
    pub fn resident_kib(&self) -> Result<u64> {
        let each = self.0.iter().map(|pid| {
            let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
            let number = line.and_then(|line| line.split_whitespace().next());
            Ok(number
                .context("no VmRSS in /proc/PID/status")?
                .parse::<u64>()?)
        });
        each.sum()
    }

    /// Open file descriptors.
    ///
    /// # Errors
    /// When a process is gone.
    pub fn descriptors(&self) -> Result<usize> {
        let each = self.0.iter().map(|pid| {
            let folder = format!("/proc/{pid}/fd");
            Ok(std::fs::read_dir(Path::new(&folder))?.count())
        });
        each.sum()
    }
}

/// User and system time in ticks, fields 14 and 15 of proc(5).
fn cpu_ticks(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/stat");
    let stat = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    // The name in the second field may have anything in it.
    let fields = stat
        .rsplit_once(')')
        .context("no name in /proc/PID/stat")?
        .1;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let number = |at: usize| -> Result<u64> {
        Ok(fields
            .get(at)
            .context("/proc/PID/stat is too short")?
            .parse()?)
    };
    Ok(number(11)? + number(12)?)
}

fn ticks_per_second() -> Result<f64> {
    let output = Command::new("getconf").arg("CLK_TCK").output()?;
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

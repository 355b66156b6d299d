//! Which cores a proxy has, and which the load and the upstream.

use std::process::{Command, Stdio};

use anyhow::{Result, ensure};

use crate::cargo::run;

/// Two sets of cores, as `taskset -c` takes them.
#[derive(Debug, Clone)]
pub struct Cores {
    /// The proxy's; it has a worker for each.
    pub proxy: String,
    /// Everything else's.
    pub others: String,
    /// How many the proxy has.
    pub workers: usize,
}

impl Cores {
    /// The first `workers` cores for the proxy and the others for the rest; where none are left, they share.
    ///
    /// # Errors
    /// When the machine has fewer cores than that.
    pub fn divide(workers: usize) -> Result<Cores> {
        let count = count()?;
        ensure!(
            workers <= count,
            "{workers} workers need as many cores; there are {count}"
        );
        let range = |from: usize, to: usize| match from == to {
            true => from.to_string(),
            false => format!("{from}-{to}"),
        };
        let others = match workers == count {
            true => range(0, count - 1),
            false => range(workers, count - 1),
        };
        Ok(Cores {
            proxy: range(0, workers - 1),
            others,
            workers,
        })
    }

    /// Keeps this process, and what it will start, to the cores that are not the proxy's.
    ///
    /// # Errors
    /// When `taskset` fails.
    pub fn leave_to_proxy(&self) -> Result<()> {
        let me = std::process::id().to_string();
        let mut taskset = Command::new("taskset");
        taskset.args(["-a", "-p", "-c", &self.others, &me]);
        run(taskset.stdout(Stdio::null()))
    }
}

/// The cores of this machine, whatever this process is kept to at the moment.
///
/// # Errors
/// When the system does not say.
pub fn count() -> Result<usize> {
    let text = std::fs::read_to_string("/proc/stat")?;
    let cores = text.lines().filter(|line| {
        let digits = line
            .strip_prefix("cpu")
            .and_then(|rest| rest.chars().next());
        digits.is_some_and(|first| first.is_ascii_digit())
    });
    Ok(cores.count())
}

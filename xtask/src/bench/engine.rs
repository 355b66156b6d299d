//! Many simulated services rolled out at once: do memory and time grow linearly?

use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::figures::load_average;
use crate::cargo::{cargo, run, target_folder};

/// The kinds of journal: the peer without a disk first.
const JOURNALS: [&str; 3] = ["memory", "files", "shared"];

/// Runs `engine_scale` at each size and prints the table. The ratios are per service, to the row before:
/// 1.00 is exactly linear.
pub fn measure(sizes: &[u32]) -> Result<()> {
    run(cargo()
        .args(["build", "--release", "--package", "portcullis-sim"])
        .args(["--example", "engine_scale"]))?;
    let program = target_folder()?.join("release/examples/engine_scale");
    println!(
        "| journal | services | entries | entries/s | opening, s | rollouts, s | ms a service | ratio | \
         CPU, ms a service | ratio | peak, MiB | KiB a service | ratio | threads | load |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    for journal in JOURNALS {
        let mut before: Option<Row> = None;
        for size in sizes {
            let load = load_average();
            let output = Command::new(&program)
                .args([journal, &size.to_string()])
                .output()
                .context("engine_scale could not be started")?;
            if !output.status.success() {
                bail!(
                    "engine_scale {journal} {size} failed: {}",
                    String::from_utf8_lossy(&output.stderr)
                );
            }
            let row = Row::of(&serde_json::from_slice(&output.stdout)?)?;
            println!("{} {load} |", row.line(journal, before.as_ref()));
            before = Some(row);
        }
    }
    Ok(())
}

struct Row {
    services: f64,
    entries: f64,
    opening_s: f64,
    rolling_s: f64,
    ms_each: f64,
    cpu_ms_each: f64,
    peak_kib: f64,
    kib_each: f64,
    threads: f64,
}

impl Row {
    fn of(line: &Value) -> Result<Row> {
        let figure = |name: &str| {
            let value = line[name].as_f64();
            value.with_context(|| format!("engine_scale printed no {name}"))
        };
        let services = figure("services")?;
        let (opening_s, rolling_s) = (figure("opening_s")?, figure("rolling_s")?);
        let peak_kib = figure("peak_kib")?;
        Ok(Row {
            services,
            entries: figure("entries")?,
            opening_s,
            rolling_s,
            ms_each: (opening_s + rolling_s) * 1000.0 / services,
            cpu_ms_each: figure("cpu_s")? * 1000.0 / services,
            peak_kib,
            // What the process needs before the first service is not the services'.
            kib_each: (peak_kib - figure("at_first_kib")?) / services,
            threads: figure("threads")?,
        })
    }

    fn line(&self, journal: &str, before: Option<&Row>) -> String {
        // The kernel counts CPU time in hundredths of a second: too coarse for the smallest size.
        let ratio = |of: fn(&Row) -> f64| match before {
            Some(before) if of(before) > 0.0 => format!("{:.2}", of(self) / of(before)),
            _ => "-".to_owned(),
        };
        format!(
            "| {journal} | {} | {} | {:.0} | {:.2} | {:.2} | {:.1} | {} | {:.1} | {} | {:.1} | {:.0} | {} | {} |",
            self.services,
            self.entries,
            self.entries / self.rolling_s,
            self.opening_s,
            self.rolling_s,
            self.ms_each,
            ratio(|row| row.ms_each),
            self.cpu_ms_each,
            ratio(|row| row.cpu_ms_each),
            self.peak_kib / 1024.0,
            self.kib_each,
            ratio(|row| row.kib_each),
            self.threads,
        )
    }
}

//! From rounds to a table and a file: medians with their range, and ratios to nginx round by round.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Result;
use serde_json::{Value, json};

use super::case::Case;
use super::peer::Kind;
use crate::bench::figures::Spread;
use crate::cargo::target_folder;

/// A figure of one round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Figure {
    /// CPU time of the proxy for 100,000 requests, in seconds.
    Cpu,
    /// Requests a second.
    Rate,
    /// The median latency, in milliseconds.
    P50,
    /// The 99th percentile of the latency, in milliseconds.
    P99,
    /// The median beyond that of the same round without a proxy, in milliseconds.
    AddedP50,
    /// The 99th percentile beyond that of the same round without a proxy, in milliseconds.
    AddedP99,
    /// Resident memory of an idle connection, in KiB.
    Memory,
    /// Idle connections that still answered.
    Answered,
}

impl Figure {
    /// As it is printed.
    fn title(self) -> &'static str {
        match self {
            Figure::Cpu => "CPU s/100,000",
            Figure::Rate => "requests/s",
            Figure::P50 => "p50 ms",
            Figure::P99 => "p99 ms",
            Figure::AddedP50 => "added p50 ms",
            Figure::AddedP99 => "added p99 ms",
            Figure::Memory => "KiB each",
            Figure::Answered => "still answer",
        }
    }

    fn digits(self) -> usize {
        match self {
            Figure::Rate | Figure::Answered => 0,
            _ => 2,
        }
    }
}

/// All rounds of a run.
#[derive(Debug, Default)]
pub struct Report {
    rounds: BTreeMap<(Case, Figure, Kind), Vec<f64>>,
    errors: Vec<String>,
}

impl Report {
    /// Takes note of a figure.
    pub fn note(&mut self, case: Case, kind: Kind, figure: Figure, value: f64) {
        let rounds = self.rounds.entry((case, figure, kind)).or_default();
        rounds.push(value);
    }

    /// The figure of the latest round.
    pub fn last(&self, case: Case, kind: Kind, figure: Figure) -> Option<f64> {
        self.rounds.get(&(case, figure, kind))?.last().copied()
    }

    /// Takes note of something that went wrong and does not spoil the rest.
    pub fn note_error(&mut self, error: String) {
        self.errors.push(error);
    }

    /// The table.
    pub fn print(&self) {
        let width = 24;
        println!(
            "{:27} {:14} {:width$} {:width$} {:width$} gateway : nginx",
            "", "", "nginx", "HAProxy", "gateway"
        );
        let mut last = None;
        let rows: std::collections::BTreeSet<_> = self
            .rounds
            .keys()
            .map(|(case, figure, _)| (*case, *figure))
            .collect();
        for (case, figure) in rows {
            let title = if last == Some(case) { "" } else { case.title() };
            last = Some(case);
            let cells = Kind::PROXIES.map(|kind| self.cell(case, figure, kind));
            let ratio = self.ratio(case, figure).unwrap_or_default();
            println!(
                "{title:27} {:14} {:width$} {:width$} {:width$} {ratio}",
                figure.title(),
                cells[0],
                cells[1],
                cells[2]
            );
        }
        for error in &self.errors {
            println!("not well: {error}");
        }
    }

    fn cell(&self, case: Case, figure: Figure, kind: Kind) -> String {
        let rounds = self.rounds.get(&(case, figure, kind));
        rounds.map_or_else(String::new, |rounds| ranged(rounds, figure.digits()))
    }

    /// Round by round, so that what else the machine did in a round touches both.
    fn ratio(&self, case: Case, figure: Figure) -> Option<String> {
        if matches!(
            figure,
            Figure::AddedP50 | Figure::AddedP99 | Figure::Answered
        ) {
            return None;
        }
        let ours = self.rounds.get(&(case, figure, Kind::Gateway))?;
        let theirs = self.rounds.get(&(case, figure, Kind::Nginx))?;
        let each: Vec<f64> = ours.iter().zip(theirs).map(|(a, b)| a / b).collect();
        Some(ranged(&each, 2))
    }

    /// Writes everything, every round of it, and returns where.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn write(&self, about: &Value) -> Result<PathBuf> {
        let figures: Vec<Value> = self
            .rounds
            .iter()
            .map(|((case, figure, kind), rounds)| {
                json!({
                    "case": case.title(),
                    "figure": figure.title(),
                    "proxy": kind.name(),
                    "median": Spread::new(rounds.clone()).quantile_ms(0.5),
                    "rounds": rounds,
                })
            })
            .collect();
        let folder = target_folder()?.join("bench");
        std::fs::create_dir_all(&folder)?;
        let path = folder.join("gateway.json");
        let whole = json!({ "about": about, "errors": self.errors, "figures": figures });
        std::fs::write(&path, serde_json::to_string_pretty(&whole)?)?;
        Ok(path)
    }
}

/// The median with the smallest and the largest.
fn ranged(rounds: &[f64], digits: usize) -> String {
    let spread = Spread::new(rounds.to_vec());
    let (least, most) = (spread.quantile_ms(0.0), spread.max_ms());
    let median = spread.quantile_ms(0.5);
    match rounds.len() {
        1 => format!("{median:.digits$}"),
        _ => format!("{median:.digits$} ({least:.digits$}-{most:.digits$})"),
    }
}

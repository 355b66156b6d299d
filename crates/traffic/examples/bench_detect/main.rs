//! How often good releases are rolled back, and after what time bad ones, beside the usual ways of
//! deciding. `cargo xtask bench detect` runs it; `--quick` takes a twentieth of the runs.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)]

mod armitage;
mod cells;
mod cost;
mod peers;
mod race;
mod usual;

use std::time::Instant;

use cells::{Cell, bad_by_default, bad_releases, good_releases};
use race::{Counts, race};

/// Runs for each good release, and for each bad one.
const RUNS: (u64, u64) = (10_000, 2_000);
/// What `--quick` divides them by.
const QUICK: u64 = 20;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let quick = std::env::args().any(|arg| arg == "--quick");
    let only = std::env::args().skip_while(|arg| arg != "--only").nth(1);
    let divisor = if quick { QUICK } else { 1 };
    let runs = (RUNS.0 / divisor, RUNS.1 / divisor);
    let begun = Instant::now();
    let chosen = |cell: &Cell| only.as_ref().is_none_or(|part| cell.name.contains(part));

    println!("False rollbacks of good releases, {} runs each\n", runs.0);
    println!(
        "| release | evidence, alpha 1 % | upper 95 % | threshold, 1 | threshold, 5 | z 5 % peeked | Mann-Whitney |"
    );
    println!("|---|---|---|---|---|---|---|");
    for cell in good_releases().into_iter().filter(chosen) {
        let started = Instant::now();
        let counts = race(&cell, runs.0)?;
        let (_, upper) = portcullis_traffic::binomial_interval(counts.own.failed(), runs.0, 0.05);
        let share = counts.own.failed() as f64 / runs.0 as f64;
        let peers = peer_shares(&counts, runs.0);
        println!("| {} | {share:.4} | {upper:.4} | {peers} |", cell.name);
        eprintln!("  {:.1} s", started.elapsed().as_secs_f64());
    }

    println!(
        "\nDetection of bad releases, {} runs each: share found, median / 90 % of those, seconds\n",
        runs.1
    );
    println!(
        "| release | evidence, alpha 1 % | threshold, 1 | threshold, 5 | z 5 % peeked | Mann-Whitney |"
    );
    println!("|---|---|---|---|---|---|");
    for cell in bad_releases()
        .into_iter()
        .chain(bad_by_default())
        .filter(chosen)
    {
        let started = Instant::now();
        let counts = race(&cell, runs.1)?;
        let peers = counts.peers.iter().map(found);
        let peers: Vec<String> = peers.collect();
        println!(
            "| {} | {} | {} |",
            cell.name,
            found(&counts.own),
            peers.join(" | ")
        );
        eprintln!("  {:.1} s", started.elapsed().as_secs_f64());
    }
    if only.is_none() || only.as_deref() == Some("usual") {
        usual::print(runs.0)?;
    }
    if only.is_none() {
        armitage::print(runs.0);
        cost::print()?;
    }
    println!("\n{:.0} s in all", begun.elapsed().as_secs_f64());
    Ok(())
}

fn peer_shares(counts: &Counts, runs: u64) -> String {
    let shares = counts.peers.iter();
    let shares = shares.map(|study| format!("{:.3}", study.failed() as f64 / runs as f64));
    shares.collect::<Vec<_>>().join(" | ")
}

fn found(study: &portcullis_traffic::Study) -> String {
    let share = study.failed() as f64 / study.runs().max(1) as f64;
    let seconds = |quantile| {
        let ms = study.failed_after_ms(quantile);
        ms.map_or("-".to_owned(), |ms| (ms / 1000).to_string())
    };
    match study.failed() {
        0 => "0".to_owned(),
        _ if share == 1.0 => format!("1, {} / {}", seconds(0.5), seconds(0.9)),
        _ => format!("{share:.3}, {} / {}", seconds(0.5), seconds(0.9)),
    }
}

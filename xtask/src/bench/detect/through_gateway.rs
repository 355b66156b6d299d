//! The same faults through the built gateway, beside the simulation of the same configuration.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use anyhow::{Context, Result};
use serde_json::Value;

use super::case::{BAD, Case, GOOD, REQUESTS_PER_SECOND};
use super::load::Load;
use super::shop::{Decided, Shop};
use crate::bench::clock;
use crate::bench::figures::{Spread, load_average};
use crate::cargo::{cargo, run, target_folder};

/// Simulated runs of each fault.
const SIMULATED: u32 = 4_000;
/// How far the median through the gateway may be from the simulated one.
const TARGET: f64 = 0.2;
/// The normal quantile of an interval at 95 %.
const Z_95: f64 = 1.96;

/// Releases every fault `runs` times, `sites` side by side, and prints the table.
pub fn measure(runs: u32, sites: u32, binaries: Option<&Path>) -> Result<()> {
    let binaries = match binaries {
        Some(folder) => folder.canonicalize()?,
        None => built()?,
    };
    let (begun, load) = (clock::now(), load_average());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let _on_runtime = runtime.enter();
    let mut shops = Vec::new();
    for _ in 0..sites {
        // One after the other: the next one looks for ports that this one has not taken.
        shops.push(Shop::open(&binaries)?);
    }
    let gateways = shops.iter().map(|shop| shop.site.gateway.clone());
    let loads: Result<Vec<Load>> = gateways
        .map(|gateway| Load::start(&gateway, REQUESTS_PER_SECOND))
        .collect();
    let loads = loads?;
    println!(
        "Detection at {REQUESTS_PER_SECOND} requests/s, 10 % of them to the canary, measured every second; \
         seconds, median (95 % interval of it) / 90 %\n"
    );
    println!(
        "| release | simulated | through the gateway | runs, rolled back | median : simulated |"
    );
    println!("|---|---|---|---|---|");
    for case in &BAD {
        let simulated = simulate(&shops[0], case)?;
        let found = release_all(&mut shops, case, runs)?;
        println!("{}", row(case, &simulated, &found, runs));
    }
    let good = release_all(&mut shops, &GOOD, sites)?;
    println!("{}", row(&GOOD, &simulate(&shops[0], &GOOD)?, &good, sites));
    let so_far: Vec<(f64, u64)> = loads.iter().map(Load::so_far).collect();
    let rate = so_far.iter().map(|(rate, _)| rate).sum::<f64>() / f64::from(sites);
    let dropped: u64 = so_far.iter().map(|(_, dropped)| dropped).sum();
    println!(
        "\n{sites} services side by side, {rate:.1} requests/s answered at each, {dropped} not; load average {load} to \
         {}; {:.0} s in all",
        load_average(),
        begun.elapsed().as_secs_f64()
    );
    Ok(())
}

fn built() -> Result<PathBuf> {
    let packages = ["--package", "portcullis", "--package", "faulty"];
    run(cargo().args(["build", "--release"]).args(packages))?;
    Ok(target_folder()?.join("release"))
}

/// Releases a fault so many times over all shops; the times after which those that were found were.
fn release_all(shops: &mut [Shop], case: &Case, runs: u32) -> Result<Spread> {
    let (left, found) = (AtomicU32::new(runs), Mutex::new(Vec::new()));
    let one = |shop: &mut Shop| -> Result<()> {
        while left
            .fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1))
            .is_ok()
        {
            if let Decided::Failed { after_ms } = shop.release(case)? {
                let mut found = found
                    .lock()
                    .unwrap_or_else(|poisoned| poisoned.into_inner());
                found.push(after_ms as f64);
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = shops
            .iter_mut()
            .map(|shop| scope.spawn(|| one(shop)))
            .collect();
        let mut ends = threads.into_iter().map(|thread| thread.join());
        // Those that are not waited for here are at the end of the scope.
        ends.try_for_each(|end| end.map_err(|_| anyhow::anyhow!("a thread panicked"))?)
    })?;
    let found = found
        .into_inner()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    Ok(Spread::new(found))
}

/// What the same configuration does in simulation, by the built program.
fn simulate(shop: &Shop, case: &Case) -> Result<Value> {
    let mut words = vec![
        "gate".to_owned(),
        "simulate".to_owned(),
        "gate-10".to_owned(),
    ];
    words.extend(case.simulation(SIMULATED));
    words.push("--json".to_owned());
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let told: Value = serde_json::from_str(&shop.site.run(&words)?)?;
    let difference = told
        .get("difference")
        .context("no difference was simulated")?;
    Ok(difference.clone())
}

fn row(case: &Case, simulated: &Value, found: &Spread, runs: u32) -> String {
    let of = |quantile: &str| simulated["failed_after_ms"][quantile].as_f64();
    let share = simulated["failed"].as_f64().unwrap_or(0.0) / f64::from(SIMULATED);
    let seconds = |ms: f64| format!("{:.1}", ms / 1000.0);
    let name = case.name;
    let (Some(half), Some(most)) = (of("p50"), of("p90")) else {
        return format!(
            "| {name} | none rolled back | - | {runs}, {} | - |",
            found.count()
        );
    };
    let simulated = match share < 0.5 {
        true => format!("{share:.4} rolled back"),
        false => format!("{} / {}", seconds(half), seconds(most)),
    };
    if found.count() < 2 || share < 0.5 {
        return format!(
            "| {name} | {simulated} | - | {runs}, {} | - |",
            found.count()
        );
    }
    let middle = found.quantile_ms(0.5);
    // Half of the values are below the median: binomial ranks.
    let apart = Z_95 / 2.0 / (found.count() as f64).sqrt();
    let ratio = middle / half;
    let word = if (ratio - 1.0).abs() <= TARGET {
        "met"
    } else {
        "MISSED"
    };
    format!(
        "| {name} | {simulated} | {} ({} to {}) / {} | {runs}, {} | {ratio:.2}, {word} |",
        seconds(middle),
        seconds(found.quantile_ms((0.5 - apart).max(0.0))),
        seconds(found.quantile_ms((0.5 + apart).min(1.0))),
        seconds(found.quantile_ms(0.9)),
        found.count()
    )
}

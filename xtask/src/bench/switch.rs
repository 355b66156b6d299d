//! All traffic flipped from one upstream to the other and back, under load at full speed, in the gateway
//! and in nginx.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::figures::{Spread, against, load_average};
use crate::cargo::{cargo, run, target_folder};

/// From the decision to the last request that the bad arm began to get, at the 99th percentile.
const TARGET_MS: f64 = 100.0;
/// Where nginx may be.
const NGINX: [&str; 3] = ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/sbin/nginx"];

/// Runs `flip_bench` on both and prints them side by side.
pub fn measure(flips: u32, requests: u64, connections: u32, rounds: u32) -> Result<()> {
    let package = ["build", "--release", "--package", "portcullis-gateway"];
    let examples = ["--example", "gateway_bench", "--example", "flip_bench"];
    run(cargo().args(package).args(examples))?;
    let examples = target_folder()?.join("release/examples");
    let gateway = examples.join("gateway_bench");
    let nginx = NGINX.into_iter().map(Path::new).find(|path| path.exists());
    if nginx.is_none() {
        eprintln!("no nginx here: no peer; `cargo xtask setup` installs it");
    }
    for round in 1..=rounds {
        let mut pairs = Vec::new();
        for (kind, program) in [("gateway", Some(gateway.as_path())), ("nginx", nginx)] {
            let Some(program) = program else { continue };
            let load = load_average();
            let output = Command::new(examples.join("flip_bench"))
                .arg(kind)
                .arg(program)
                .args([flips.to_string(), requests.to_string()])
                .arg(connections.to_string())
                .stderr(Stdio::inherit())
                .output()
                .context("flip_bench could not be started")?;
            if !output.status.success() {
                bail!("flip_bench {kind} failed: {}", output.status);
            }
            let told: Value = serde_json::from_slice(&output.stdout)?;
            println!("round {round}, load {load}");
            pairs.push(report(&told)?);
        }
        if let [gateway, nginx] = pairs.as_slice() {
            println!(
                "  nginx / gateway: decision to last request {:.1} times at p50, {:.1} at p99\n",
                nginx.quantile_ms(0.5) / gateway.quantile_ms(0.5),
                nginx.quantile_ms(0.99) / gateway.quantile_ms(0.99),
            );
        }
    }
    Ok(())
}

fn report(told: &Value) -> Result<Spread> {
    let proxy = told["proxy"].as_str().unwrap_or_default();
    let last = Spread::of(&told["last_ms"])?;
    let answered = Spread::of(&told["answered_ms"])?;
    let seconds = told["seconds"].as_f64().unwrap_or(f64::NAN);
    let served = told["served"].as_u64().unwrap_or_default();
    println!(
        "  {proxy:8} {} flips in {seconds:.0} s, {served} requests answered ({:.0}/s), {} failed, {} \
         closed without an answer{}",
        told["flips"],
        served as f64 / seconds,
        told["failed"],
        told["closed_unanswered"],
        match told["first_failure"].as_str() {
            Some(first) => format!("; the first failure: {first}"),
            None => String::new(),
        },
    );
    println!("           decision to answered: {answered}");
    println!("           decision to last request on the bad arm: {last}");
    if proxy == "gateway" {
        println!(
            "           p99 {}",
            against(last.quantile_ms(0.99), TARGET_MS, "ms")
        );
    }
    Ok(last)
}

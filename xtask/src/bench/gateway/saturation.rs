//! Load at full speed, by wrk and h2load: so many connections, and the next request as soon as the last is
//! answered.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::case::Case;
use super::chat;
use super::peer::Peer;
use super::stand::Stand;
use crate::bench::figures::Spread;

/// Streams at once on each connection of HTTP/2.
const STREAMS: &str = "4";

/// What a load generator saw.
#[derive(Debug, Clone)]
pub struct Load {
    /// Requests that were answered.
    pub requests: u64,
    /// Over how many seconds.
    pub seconds: f64,
    /// Half of them were answered within this time, milliseconds.
    pub p50_ms: f64,
    /// All but one in a hundred were, milliseconds.
    pub p99_ms: f64,
    /// What went wrong besides, in the load generator's words.
    pub errors: Option<String>,
}

/// Runs the load for so many seconds.
///
/// # Errors
/// When the load generator fails.
pub fn run(case: Case, peer: &Peer, stand: &Stand, seconds: u32) -> Result<Load> {
    match case {
        Case::Http2 => h2load(case, peer, stand, seconds),
        _ => wrk(case, peer, stand, seconds),
    }
}

fn wrk(case: Case, peer: &Peer, stand: &Stand, seconds: u32) -> Result<Load> {
    let base = match case {
        Case::Tls => format!("https://{}", peer.secure),
        _ => format!("http://{}", peer.plain),
    };
    let mut wrk = Command::new("wrk");
    wrk.args(["-t", "1", "--latency", "--timeout", "10s"]);
    wrk.args(["-c", &case.connections().to_string()]);
    wrk.args(["-d", &format!("{seconds}s")]);
    if let Some(text) = chat::script(case) {
        let script = stand.folder().join("chat.lua");
        fs::write(&script, text)?;
        wrk.arg("-s").arg(script);
    }
    if case == Case::Post {
        let script = stand.folder().join("post.lua");
        fs::write(&script, include_str!("post.lua"))?;
        wrk.arg("-s").arg(script);
    }
    let output = wrk.arg(format!("{base}{}", case.path())).output();
    let output = output.context("wrk could not be started")?;
    ensure!(output.status.success(), "wrk failed: {}", output.status);
    let text = String::from_utf8(output.stdout)?;
    let is_error = |line: &&str| line.contains("Socket errors") || line.contains("Non-2xx");
    let errors = text.lines().find(is_error);
    let total = text.lines().find(|line| line.contains(" requests in "));
    let total = total.context("wrk did not say how many requests there were")?;
    let (requests, rest) = total
        .trim()
        .split_once(" requests in ")
        .context("no total")?;
    let took = rest.split(',').next().context("no time")?;
    Ok(Load {
        requests: requests.parse()?,
        seconds: milliseconds(took)? / 1000.0,
        p50_ms: percentile(&text, "50%")?,
        p99_ms: percentile(&text, "99%")?,
        errors: errors.map(|line| line.trim().to_owned()),
    })
}

fn percentile(text: &str, name: &str) -> Result<f64> {
    let found = text.lines().find_map(|line| line.trim().strip_prefix(name));
    milliseconds(
        found
            .with_context(|| format!("wrk did not say {name}"))?
            .trim(),
    )
}

/// A time as wrk and h2load print it: `12.5us`, `3.1ms`, `2.0s`, `1.0m`.
fn milliseconds(text: &str) -> Result<f64> {
    let split = text.find(|c: char| c.is_ascii_alphabetic());
    let (number, unit) = text.split_at(split.with_context(|| format!("no unit in {text}"))?);
    let scale = match unit {
        "us" => 0.001,
        "ms" => 1.0,
        "s" => 1000.0,
        "m" => 60_000.0,
        _ => bail!("{text} has an unknown unit"),
    };
    Ok(number.parse::<f64>()? * scale)
}

/// h2load's summary has no percentiles; its log has a line for each request: when it was sent, the status
/// and how long it took, in microseconds.
fn h2load(case: Case, peer: &Peer, stand: &Stand, seconds: u32) -> Result<Load> {
    let log = stand.folder().join("h2load.log");
    // It writes on where it stopped.
    if log.exists() {
        fs::remove_file(&log)?;
    }
    let mut h2load = Command::new("h2load");
    h2load.args([
        "-t",
        "1",
        "-m",
        STREAMS,
        "-c",
        &case.connections().to_string(),
    ]);
    h2load
        .args(["-D", &seconds.to_string()])
        .arg("--log-file")
        .arg(&log);
    let output = h2load
        .arg(format!("https://{}{}", peer.secure, case.path()))
        .output();
    let output = output.context("h2load could not be started")?;
    ensure!(output.status.success(), "h2load failed: {}", output.status);
    let text = String::from_utf8(output.stdout)?;
    ensure!(
        text.contains("Application protocol: h2"),
        "{} does not speak HTTP/2",
        peer.kind
    );
    let requests = text.lines().find(|line| line.starts_with("requests:"));
    let requests = requests.context("h2load did not say how many requests there were")?;
    let good = requests.contains(" 0 failed") && requests.contains(" 0 errored");
    let lines = fs::read_to_string(&log)?;
    let took_ms: Vec<f64> = lines
        .lines()
        .filter_map(|line| line.split('\t').nth(2)?.parse::<f64>().ok())
        .map(|us| us / 1000.0)
        .collect();
    ensure!(!took_ms.is_empty(), "h2load logged no request");
    let (count, spread) = (took_ms.len() as u64, Spread::new(took_ms));
    Ok(Load {
        requests: count,
        seconds: f64::from(seconds),
        p50_ms: spread.quantile_ms(0.5),
        p99_ms: spread.quantile_ms(0.99),
        errors: (!good).then(|| requests.to_owned()),
    })
}

#[cfg(test)]
mod tests;

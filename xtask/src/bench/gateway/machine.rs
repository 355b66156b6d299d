//! What the figures were taken on.

use std::process::Command;

use anyhow::Result;
use serde_json::{Value, json};

use super::cores;
use super::stand::Binaries;

/// Cores, kernel and versions.
///
/// # Errors
/// When the system does not say how many cores there are.
pub fn describe(binaries: &Binaries) -> Result<Value> {
    let model = std::fs::read_to_string("/proc/cpuinfo")?;
    let model = model
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("unknown", |rest| rest.trim_start_matches(['\t', ' ', ':']));
    Ok(json!({
        "cores": cores::count()?,
        "cpu": model,
        "kernel": first_line(Command::new("uname").arg("-sr")),
        "gateway": first_line(Command::new(binaries.portcullis()).arg("--version")),
        "nginx": first_line(Command::new("nginx").arg("-v")),
        "haproxy": first_line(Command::new("haproxy").arg("-v")),
        "wrk": first_line(Command::new("wrk").arg("-v")),
        "h2load": first_line(Command::new("h2load").arg("--version")),
    }))
}

/// The first line that a program says of itself, on whichever stream.
fn first_line(command: &mut Command) -> String {
    let Ok(output) = command.output() else {
        return "not installed".to_owned();
    };
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    text.lines().next().unwrap_or_default().trim().to_owned()
}

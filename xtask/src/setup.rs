//! Installing what a fresh Debian machine lacks.

use std::process::{Command, Stdio};

use anyhow::{Result, bail};

mod confseq;
mod node;
mod python;

/// What tests and demo use, and why.
const PACKAGES: [(&str, &str); 16] = [
    (
        "age",
        "for the runbook that restores an encrypted backup by hand",
    ),
    ("curl", "a client of the gateway that speaks TLS and HTTP/2"),
    ("faketime", "a clock that can be set, for the fault tests"),
    (
        "jq",
        "for the runbook that puts the objects of a bucket back by hand",
    ),
    ("nginx-light", "a real upstream for the gateway's tests"),
    ("pebble", "a real ACME authority for the gateway's tests"),
    ("postgresql", "a real server for the journal's tests"),
    ("prometheus", "promtool, which reads the gateway's metrics"),
    (
        "redis-server",
        "a real server for limits that gateways share, and for stores",
    ),
    ("openssl", "the certificate of that server"),
    (
        "sqlite3",
        "for databases of tests, and for the runbook that restores one by hand",
    ),
    ("zstd", "for the same runbook"),
    ("wrk", "load over HTTP/1.1 for tests and benchmarks"),
    ("nghttp2-client", "h2load, load over HTTP/2"),
    (
        "python3-venv",
        "the Python clients of the gateway's tests, and a peer of a benchmark",
    ),
    (
        "mate-backgrounds",
        "photographs for the demo and the dhash tests",
    ),
];
/// What tests use that also comes otherwise than as Debian's package of that name: the program, the package, and why.
const PROGRAMS: [(&str, &str, &str); 2] = [
    (
        "node",
        "nodejs",
        "the Node.js clients of the gateway's tests",
    ),
    (
        "npm",
        "npm",
        "what those clients consist of, and Azurite, where copies of backups are kept in tests",
    ),
];
/// What only benchmarks use.
const BENCH_PACKAGES: [(&str, &str); 5] = [
    (
        "g++",
        "builds confseq, with which the sequential tests are compared",
    ),
    ("libboost-dev", "the mathematics of confseq"),
    ("haproxy", "a proxy that the gateway is compared with"),
    ("restic", "what backups are compared with"),
    (
        "tuxpaint-stamps-default",
        "pictures with transparency for the dhash benchmark",
    ),
];

/// Installs what is missing; says what cannot be installed and how.
pub fn run(bench: bool) -> Result<()> {
    packages(bench)?;
    python::clients()?;
    node::clients()?;
    if bench { confseq::build() } else { Ok(()) }
}

fn packages(bench: bool) -> Result<()> {
    let mut wanted = PACKAGES.to_vec();
    if bench {
        wanted.extend(BENCH_PACKAGES);
    }
    let mut missing: Vec<_> = wanted
        .into_iter()
        .filter(|(name, _)| !is_installed(name))
        .collect();
    let absent = PROGRAMS.iter().filter(|(program, ..)| !runs(program));
    missing.extend(absent.map(|(_, package, reason)| (*package, *reason)));
    if missing.is_empty() {
        return Ok(());
    }
    for (name, reason) in &missing {
        eprintln!("missing: {name} ({reason})");
    }
    let names: Vec<&str> = missing.iter().map(|(name, _)| *name).collect();
    if !install(&names) {
        bail!(
            "these packages could not be installed; install them by hand: apt-get install {}",
            names.join(" ")
        );
    }
    Ok(())
}

/// Whether a Debian package is installed.
pub fn is_installed(package: &str) -> bool {
    let query = Command::new("dpkg-query")
        .args(["-W", "-f=${db:Status-Abbrev}", package])
        .stderr(Stdio::null())
        .output();
    query.is_ok_and(|output| output.stdout.starts_with(b"ii"))
}

/// Whether a program is there, wherever it came from.
fn runs(program: &str) -> bool {
    let mut version = Command::new(program);
    version.arg("--version");
    version.stdout(Stdio::null()).stderr(Stdio::null());
    version.status().is_ok_and(|status| status.success())
}

fn install(names: &[&str]) -> bool {
    let apt = |args: &[&str]| {
        let mut command = if is_root() {
            Command::new("apt-get")
        } else {
            let mut sudo = Command::new("sudo");
            sudo.args(["-n", "apt-get"]);
            sudo
        };
        command
            .args(args)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null());
        command
            .stdout(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    let mut install = vec!["install", "-y", "--no-install-recommends"];
    install.extend(names);
    // The package list may be there already; asking for it anew is the slower part.
    apt(&install) || (apt(&["update"]) && apt(&install))
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

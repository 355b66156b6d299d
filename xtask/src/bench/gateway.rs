//! The gateway side by side with nginx and HAProxy, in one interleaved run.
//!
//! The gateway is the release binary as users run it, `portcullis serve`, with its engine and API in the same
//! process: what they cost while nothing is deployed is part of what a user pays. It is kept to as many cores
//! as it shall have workers, and the other two likewise. Upstream and load have the other cores. All proxies
//! share one upstream, an nginx that is the release of the service. The main figure is the CPU time of a
//! proxy's own processes: it does not depend on what load and upstream take away from it.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::json;

use super::figures::load_average;
use crate::setup;
use case::Case;
use cores::Cores;
use peer::{Kind, Peer};
use report::{Figure, Report};
use saturation::Load;
use stand::{Binaries, Stand};

mod case;
mod chat;
mod cores;
pub mod endure;
mod events;
mod handshakes;
mod http1;
mod http2;
mod idle;
mod machine;
mod paced;
mod peer;
mod process;
mod reload;
mod report;
mod saturation;
pub mod soak;
mod stand;
mod tally;
mod users;

/// Idle connections.
const IDLE_CONNECTIONS: usize = 10_000;

/// What is measured.
#[derive(clap::Args)]
pub struct Gateway {
    /// Rounds; the proxies take turns in each.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Seconds of load for each proxy in each round, after one to warm up.
    #[arg(long, default_value_t = 4)]
    seconds: u32,
    /// Only these; all when not given.
    #[arg(long, value_enum)]
    only: Vec<Case>,
    /// Two short rounds, to see that everything works: no figures to keep.
    #[arg(long)]
    quick: bool,
    /// A folder with the program `portcullis`; without it it is built.
    #[arg(long)]
    binaries: Option<PathBuf>,
}

/// Measures everything and prints the table.
pub fn measure(args: &Gateway) -> Result<()> {
    setup::run(true)?;
    let binaries = Binaries::find(args.binaries.as_deref())?;
    let (rounds, seconds) = match args.quick {
        true => (2, 1),
        false => (args.rounds, args.seconds),
    };
    let mut run = Run {
        about: json!({
            "machine": machine::describe(&binaries)?,
            "rounds": rounds,
            "seconds": seconds,
            "load_average_before": load_average(),
        }),
        binaries,
        rounds,
        seconds,
        report: Report::default(),
    };
    println!("{}", serde_json::to_string_pretty(&run.about)?);
    let wanted = |case: &Case| args.only.is_empty() || args.only.contains(case);
    let cases: Vec<Case> = Case::ALL.into_iter().filter(wanted).collect();
    for workers in [1, 2] {
        let group = cases.iter().filter(|case| case.workers() == workers);
        let group: Vec<Case> = group.copied().collect();
        run.measure(workers, &group)
            .with_context(|| format!("with {workers} workers"))?;
    }
    run.report.print();
    println!(
        "everything is in {}",
        run.report.write(&run.about)?.display()
    );
    Ok(())
}

struct Run {
    about: serde_json::Value,
    binaries: Binaries,
    rounds: u32,
    seconds: u32,
    report: Report,
}

impl Run {
    /// Measures some cases with so many workers.
    fn measure(&mut self, workers: usize, cases: &[Case]) -> Result<()> {
        if cases.is_empty() {
            return Ok(());
        }
        let cores = Cores::divide(workers)?;
        cores.leave_to_proxy()?;
        let (idle, loaded): (Vec<Case>, Vec<Case>) =
            cases.iter().copied().partition(|case| *case == Case::Idle);
        if !loaded.is_empty() {
            let stand = Stand::start(&self.binaries, &cores)?;
            let peers = Kind::ALL.map(|kind| Peer::start(kind, &stand));
            let peers = peers.into_iter().collect::<Result<Vec<Peer>>>()?;
            for case in &loaded {
                for peer in &peers {
                    case.check(peer)?;
                }
            }
            for round in 0..self.rounds {
                for case in &loaded {
                    self.round(round, *case, &peers, &stand)?;
                }
            }
        }
        if !idle.is_empty() {
            for round in 0..self.rounds {
                self.idle_round(round, &cores)?;
            }
        }
        Ok(())
    }

    fn round(&mut self, round: u32, case: Case, peers: &[Peer], stand: &Stand) -> Result<()> {
        eprintln!("round {}: {}", round + 1, case.title());
        let mut direct = None;
        for kind in turn(case.kinds(), round) {
            let peer = peers.iter().find(|peer| peer.kind == kind);
            let peer = peer.context("no such proxy")?;
            load(case, peer, stand, 1)?;
            let before_s = cpu_s(peer)?;
            let load = load(case, peer, stand, self.seconds)?;
            let cpu_s = cpu_s(peer)? - before_s;
            if let Some(errors) = &load.errors {
                let (case, round) = (case.title(), round + 1);
                self.report
                    .note_error(format!("{case} through {kind}, round {round}: {errors}"));
            }
            if kind == Kind::Direct {
                direct = Some(load);
                continue;
            }
            let per_100k = cpu_s * 100_000.0 / load.requests as f64;
            let mut note = |figure, value| self.report.note(case, kind, figure, value);
            note(Figure::Cpu, per_100k);
            note(Figure::Rate, load.requests as f64 / load.seconds);
            note(Figure::P50, load.p50_ms);
            note(Figure::P99, load.p99_ms);
        }
        if let Some(direct) = direct {
            self.note_added(case, &direct);
        }
        Ok(())
    }

    /// What proxies add to the latency of this round.
    fn note_added(&mut self, case: Case, direct: &Load) {
        for kind in Kind::PROXIES {
            for (figure, added, without_ms) in [
                (Figure::P50, Figure::AddedP50, direct.p50_ms),
                (Figure::P99, Figure::AddedP99, direct.p99_ms),
            ] {
                if let Some(with_ms) = self.report.last(case, kind, figure) {
                    self.report.note(case, kind, added, with_ms - without_ms);
                }
            }
        }
    }

    /// Every proxy is fresh: memory that it had for former load would hide what connections need.
    fn idle_round(&mut self, round: u32, cores: &Cores) -> Result<()> {
        eprintln!("round {}: {}", round + 1, Case::Idle.title());
        let stand = Stand::start(&self.binaries, cores)?;
        for kind in turn(Case::Idle.kinds(), round) {
            let peer = Peer::start(kind, &stand)?;
            let family = peer.family.as_ref().context("no process")?;
            let found = idle::run(peer.plain, family, IDLE_CONNECTIONS);
            let found = found.with_context(|| format!("idle connections of {kind}"))?;
            let mut note = |figure, value| self.report.note(Case::Idle, kind, figure, value);
            note(Figure::Memory, found.bytes_each / 1024.0);
            note(Figure::Answered, found.answered as f64);
        }
        Ok(())
    }
}

/// Each round begins with another one.
fn turn(kinds: &[Kind], round: u32) -> Vec<Kind> {
    let mut kinds = kinds.to_vec();
    let first = round as usize % kinds.len();
    kinds.rotate_left(first);
    kinds
}

fn cpu_s(peer: &Peer) -> Result<f64> {
    peer.family.as_ref().map_or(Ok(0.0), process::Family::cpu_s)
}

fn load(case: Case, peer: &Peer, stand: &Stand, seconds: u32) -> Result<Load> {
    let load = match case {
        Case::Handshake => handshakes::run(peer.secure, stand.folder(), false, seconds),
        Case::Resumed => handshakes::run(peer.secure, stand.folder(), true, seconds),
        Case::Paced => paced::run(peer.plain, seconds),
        _ => saturation::run(case, peer, stand, seconds),
    };
    load.with_context(|| format!("{} through {}", case.title(), peer.kind))
}

//! After what time gates find bad releases: in simulation, and through the built gateway.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::cargo::{cargo, run};

mod case;
mod load;
mod shop;
mod through_gateway;

/// Which gates to let decide, and how often.
#[derive(Args)]
pub struct Detect {
    /// A twentieth of the simulated runs; an eighth of those through the gateway.
    #[arg(long)]
    quick: bool,
    /// Instead of simulations: the same faults through the built gateway, beside the simulation of the same
    /// configuration.
    #[arg(long)]
    gateway: bool,
    /// With --gateway: how many releases with each fault.
    #[arg(long, default_value_t = 48)]
    runs: u32,
    /// With --gateway: how many services are looked after side by side, each with its own `portcullis serve` and load.
    #[arg(long, default_value_t = 6)]
    sites: u32,
    /// With --gateway: a folder with the programs `portcullis` and `faulty`; without it they are built.
    #[arg(long)]
    binaries: Option<PathBuf>,
}

/// Measures and prints.
pub fn measure(args: &Detect) -> Result<()> {
    if args.gateway {
        let runs = if args.quick { args.runs / 8 } else { args.runs };
        return through_gateway::measure(runs.max(1), args.sites.max(1), args.binaries.as_deref());
    }
    let mut bench = cargo();
    bench.args(["run", "--release", "--package", "portcullis-traffic"]);
    bench.args(["--example", "bench_detect", "--"]);
    if args.quick {
        bench.arg("--quick");
    }
    run(&mut bench)
}

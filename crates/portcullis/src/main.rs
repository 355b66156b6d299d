//! Portcullis: guarded deployments of AI services.
//!
//! This crate is the binary: it reads the command line, wires engine, gateway and API together in
//! `serve`, and puts results and errors into words. It decides nothing.

use std::process::ExitCode;

use clap::Parser;

mod bounds;
mod cli;
mod clock;
mod command_error;
mod commands;
mod connect;
mod journal_place;
mod offline;
mod output;
mod render;
mod saved_plan;
mod serve_process;
mod site;
mod state_folder;

/// The gateway's measurements were taken with it; see docs/benchmarks.md.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        // Help and version are results, usage errors are talk; clap knows which is which.
        Err(error) if error.use_stderr() => {
            let json = std::env::args_os().any(|word| word == "--json");
            let mistake = command_error::mistyped(&error);
            mistake.report(json);
            return mistake.exit().into();
        }
        Err(error) => {
            let _ = error.print();
            return command_error::Exit::Done.into();
        }
    };
    let json = cli.json;
    output::settle(cli.plain);
    match commands::run(cli) {
        Ok(exit) => exit.into(),
        Err(error) => {
            error.report(json);
            error.exit().into()
        }
    }
}

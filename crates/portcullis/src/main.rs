//! Portcullis: guarded deployments of AI services.
//!
//! This crate is the binary: it reads the command line, wires engine, gateway and API together in
//! `serve`, and puts results and errors into words. It decides nothing.

use std::process::ExitCode;

use clap::Parser;
use command_error::{CommandError, ErrorCode, Exit};

mod bounds;
mod cli;
mod clock;
mod command_error;
mod commands;
mod connect;
mod continuous_range;
mod continuous_source;
mod gateway_files;
mod journal_place;
mod models;
mod offline;
mod output;
mod render;
mod saved_plan;
mod serve_process;
mod site;
mod state_folder;
mod write_pause;

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
            output::note(error.print());
            return settled(Exit::Done).into();
        }
    };
    let json = cli.json;
    output::settle(cli.plain);
    match commands::run(cli) {
        Ok(exit) => settled(exit).into(),
        Err(error) => {
            error.report(json);
            settled(error.exit()).into()
        }
    }
}

/// The exit code, once it is known whether the result could be written. Nobody shall take half a result for
/// a whole one.
fn settled(exit: Exit) -> Exit {
    let Some(why) = output::unwritten() else {
        return exit;
    };
    let error = CommandError::coded(
        ErrorCode::FileUnwritable,
        format!("the result could not be written to standard output: {why}"),
    )
    .hint("make room where it is sent, and run the command again");
    error.report(false);
    match exit {
        Exit::Done => error.exit(),
        failed => failed,
    }
}

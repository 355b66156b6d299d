//! Automation for this repository: `cargo xtask COMMAND`.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

mod bench;
mod cargo;
mod demo;
mod setup;
mod test;
mod tidy;

/// Automation for the Portcullis repository.
#[derive(Parser)]
#[command(name = "cargo xtask", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build in release mode and show two guarded releases: a good one and one that is rolled back.
    Demo(demo::Demo),
    /// Install what is missing and run all tests.
    Test {
        /// Passed on to the test runner, for example a filter.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Test a Portcullis that is built with the feature `model`: the tests of `test` that it changes. Builds the binary
    /// once more.
    Models,
    /// Kill Portcullis at 200 random moments of rollouts and rollbacks, in place of the few of `test`, and
    /// run all other fault tests too. Takes some minutes.
    Faults {
        /// How many random kills there are in all.
        #[arg(long, default_value_t = 200)]
        rounds: u32,
    },
    /// Install what tests, demo and benchmarks use: Debian packages, and packages of Python and Node.js into target/.
    Setup {
        /// Also what only benchmarks use.
        #[arg(long)]
        bench: bool,
    },
    /// Check the import table, file and function lengths, names and documents.
    Tidy,
    /// Format, lint, tidy and test, as CI does.
    Ci,
    /// Measure, side by side with a peer.
    #[command(subcommand)]
    Bench(bench::Bench),
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Demo(demo) => demo.run(),
        Command::Test { args } => test::run(&args),
        Command::Models => test::models(),
        Command::Faults { rounds } => test::faults(rounds),
        Command::Setup { bench } => setup::run(bench),
        Command::Tidy => tidy::run(),
        Command::Ci => test::ci(),
        Command::Bench(bench) => bench.run(),
    }
}

//! `portcullis gate`: a gate outside of a rollout. Nothing here changes anything.

mod advise;
mod backtest;
mod explain;
mod limits;
mod measure;
mod named;
mod simulate;

use portcullis_analysis::{Judgement, Verdict};

use crate::cli::Gate;
use crate::command_error::{CommandError, Exit};
use crate::connect;
use crate::site::Site;

pub(super) async fn run(site: &Site, json: bool, command: &Gate) -> Result<Exit, CommandError> {
    let config = connect::config(site)?;
    match command {
        Gate::Explain(gate) => explain::run(&config, gate, json),
        Gate::Simulate(args) => simulate::run(&config, args, json),
        Gate::Run(args) => measure::run(&config, args, json).await,
        Gate::Backtest(args) => backtest::run(&config, args, json).await,
        Gate::Advise(args) => advise::run(&config, args, json).await,
    }
}

/// The exit code of what a gate would decide.
fn exit(verdict: Verdict) -> Exit {
    match verdict {
        Verdict::Pass => Exit::Done,
        Verdict::Fail => Exit::RolledBack,
        Verdict::Inconclusive | Verdict::Undecided => Exit::Inconclusive,
    }
}

/// Each rule with its evidence, indented.
fn evidence(judgement: &Judgement) -> Vec<String> {
    let rules = judgement.evidence.iter();
    rules
        .map(|evidence| {
            let mut line = format!("  {}: {}", evidence.verdict.word(), evidence.phrase());
            let told = evidence.verdict == Verdict::Fail;
            if let Some(effect) = evidence.effect_words().filter(|_| !told) {
                line.push_str(&format!("; {effect}"));
            }
            line
        })
        .collect()
}

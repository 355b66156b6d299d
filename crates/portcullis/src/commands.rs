//! One module per command; each returns its exit code.

use crate::cli::{Cli, Command};
use crate::command_error::{CommandError, Exit};

mod answer;
mod backup;
mod check;
mod deploy;
mod follow;
mod init;
mod journal;
mod plan;
mod report;
mod serve;

/// Runs a command.
pub(crate) fn run(cli: Cli) -> Result<Exit, CommandError> {
    let (file, json) = (cli.file, cli.json);
    match cli.command {
        Command::Init(init) => init::run(&file, json, &init),
        Command::Check => check::run(&file, json),
        Command::Plan(plan) => wait(plan::run(&file, json, &plan)),
        Command::Serve(serve) => serve::run(&file, &serve),
        Command::Deploy(deploy) => wait(deploy::run(&file, json, &deploy)),
        Command::Status => wait(report::status(&file, json)),
        Command::History => wait(report::history(&file, json)),
        Command::Show(show) => wait(report::show(&file, json, &show.rollout)),
        Command::Abort(abort) => wait(answer::abort(&file, json, &abort)),
        Command::Rollback(rollback) => wait(answer::rollback(&file, json, &rollback)),
        Command::Resume(to) => wait(answer::answer(&file, json, &to, answer::Word::Resume)),
        Command::Retry(to) => wait(answer::answer(&file, json, &to, answer::Word::Retry)),
        Command::Skip(to) => wait(answer::answer(&file, json, &to, answer::Word::Skip)),
        Command::Backup(backup) => wait(backup::run(&file, json, &backup)),
        Command::Journal(_) => wait(journal::verify(&file, json)),
    }
}

/// Runs a client command to its end.
fn wait(command: impl Future<Output = Result<Exit, CommandError>>) -> Result<Exit, CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime
        .map_err(|error| CommandError::of(Exit::Internal, &error))?
        .block_on(command)
}

//! One module per command; each returns its exit code.

use crate::cli::{Cli, Command};
use crate::command_error::{CommandError, ErrorCode, Exit};
use crate::connect;
use crate::site::Site;

mod answer;
mod backup;
mod check;
mod config;
mod deploy;
mod docs;
mod doctor;
mod drill;
mod explain;
mod follow;
mod gate;
mod gateway;
mod init;
mod journal;
mod logs;
mod mask;
mod migrate;
mod plan;
mod question;
mod report;
mod serve;
mod shell;
mod twin;
mod watch;

/// Runs a command.
pub(crate) fn run(cli: Cli) -> Result<Exit, CommandError> {
    let (json, plain) = (cli.json, cli.plain);
    let site = Site {
        file: cli.file,
        // Pipelines set the variable and leave it empty.
        environment: cli.env.filter(|name| !name.is_empty()),
    };
    let otherwise = otherwise(&cli.command);
    // They tell of the gateway, of this process, and of servers that are none of ours.
    let tells_itself = matches!(
        cli.command,
        Command::Gateway(_) | Command::Serve(_) | Command::Mask(_) | Command::Migrate(_)
    );
    let done = match cli.command {
        Command::Init(init) => init::run(&site, json, &init),
        Command::Check => check::run(&site, json),
        Command::Plan(plan) => wait(plan::run(&site, json, &plan)),
        Command::Serve(serve) => serve::run(&site, &serve),
        Command::Deploy(deploy) => wait(deploy::run(&site, json, &deploy)),
        Command::Status => wait(report::status(&site, json)),
        Command::History => wait(report::history(&site, json)),
        Command::Show(show) => wait(report::show(&site, json, &show)),
        Command::Abort(abort) => wait(answer::abort(&site, json, &abort)),
        Command::Rollback(rollback) => wait(answer::rollback(&site, json, &rollback)),
        Command::Resume(to) => wait(answer::answer(&site, json, to.both(), answer::Word::Resume)),
        Command::Retry(to) => wait(answer::answer(&site, json, to.both(), answer::Word::Retry)),
        Command::Skip(to) => wait(answer::answer(&site, json, to.both(), answer::Word::Skip)),
        Command::Watch(to) => wait(watch::run(&site, json, plain, &to)),
        Command::Pause(to) => wait(answer::pause(&site, json, &to)),
        Command::Approve(to) => wait(answer::answer(
            &site,
            json,
            to.both(),
            answer::Word::Approve,
        )),
        Command::Backup(backup) => wait(backup::run(&site, json, &backup)),
        Command::Drill(drill) => wait(drill::run(&site, json, &drill)),
        Command::Twin(twin) => wait(twin::run(&site, json, &twin)),
        Command::Journal(_) => wait(journal::verify(&site, json)),
        Command::Logs(args) => wait(logs::run(&site, json, &args)),
        Command::Gate(command) => wait(gate::run(&site, json, &command)),
        Command::Gateway(crate::cli::Gateway::Serve(args)) => serve::alone(&site, &args),
        Command::Gateway(command) => wait(gateway::run(&site, json, &command)),
        Command::Migrate(command) => wait(migrate::run(&site, json, &command)),
        Command::Mask(command) => match command.command {
            Some(crate::cli::MaskCommand::Detect(args)) => wait(mask::detect(json, &args)),
            _ => mask::run(&site, json, &command),
        },
        Command::Unmask(args) => mask::unmask(&site, json, &args),
        Command::Config(command) => config::run(&site, json, &command),
        Command::Explain(args) => explain::run(json, &args),
        Command::Docs(args) => docs::run(json, plain, &args),
        Command::Doctor => wait(doctor::run(&site, json)),
        Command::Completions(args) => shell::completions(&args),
        Command::Man(args) => shell::man(&args),
    };
    done.map_err(|error| match tells_itself {
        true => error.or_code(otherwise),
        false => connect::explained(error, &site).or_code(otherwise),
    })
}

/// The kind of a failure that the command itself does not say more about.
fn otherwise(command: &Command) -> ErrorCode {
    match command {
        Command::Plan(_) | Command::Deploy(_) => ErrorCode::PlanRefused,
        Command::Backup(_) => ErrorCode::BackupFailed,
        Command::Journal(_) => ErrorCode::JournalFailed,
        Command::Serve(_) | Command::Gateway(crate::cli::Gateway::Serve(_)) => {
            ErrorCode::ServeFailed
        }
        _ => ErrorCode::Failed,
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

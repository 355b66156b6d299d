//! The gateway's part of the configuration file is put in force while it serves.
//!
//! The file is read and checked as a whole, and so is what it names on the disk for the gateway. Then the
//! gateway takes all of its part at once, or nothing: the old one stays in force, and who asked is told why. What
//! the engine uses needs no reload, because each plan reads the file.

use portcullis_api::Problem;
use portcullis_api::gateway::{CONFIGURATION, RESTART_NEEDED, Reloaded};
use portcullis_config::{Config, Problems};
use portcullis_gateway::{Gateway, GatewayError, ReloadRequest, ReloadRequests};

use super::changes::{self, Part, When};
use super::configuration::Configuration;
use super::front::{self, FrontError};
use crate::command_error::{CommandError, ErrorCode, Exit};
use crate::state_folder::StateFolder;

/// Who asks when a signal came.
const SIGNAL: &str = "SIGHUP";

/// Why nothing was put in force.
#[derive(Debug)]
enum Refused {
    /// The file has problems.
    Broken(Problems),
    /// What it asks for cannot be had.
    Cannot(String),
    /// A running gateway cannot change these keys.
    Restart(Vec<Part>),
}

/// The next request to reload; never comes back where nobody can ask.
pub(super) async fn next(requests: &mut Option<ReloadRequests>) -> ReloadRequest {
    match requests {
        Some(requests) => requests.next().await,
        None => std::future::pending().await,
    }
}

/// Carries out a request, or a signal that says the same, and tells the log and who asked.
pub(super) async fn reload(
    gateway: &Gateway,
    configuration: &mut Configuration,
    folder: &StateFolder,
    request: Option<ReloadRequest>,
) {
    // Also where the file has problems: a renamed log must not be written on.
    gateway.reopen_log();
    let by = match &request {
        Some(request) => request.wish.by.clone(),
        None => SIGNAL.to_owned(),
    };
    let done = put_in_force(gateway, configuration, folder).await;
    let answer = match done {
        Ok(reloaded) => {
            let changed = match reloaded.changed.is_empty() {
                true => "nothing differed".to_owned(),
                false => reloaded.changed.join(", "),
            };
            tracing::info!(
                by,
                changed,
                "the configuration was read again, and the gateway's configuration was reloaded"
            );
            Ok(reloaded)
        }
        Err(refused) => {
            let problem = refused.problem();
            // What is wrong with the file stands in the log already.
            let why = problem.detail.clone().unwrap_or_default();
            tracing::error!(
                by,
                "the gateway's configuration was not reloaded, the old one stays in force: {why}"
            );
            Err(problem)
        }
    };
    if let Some(request) = request {
        request.answer(answer);
    }
}

async fn put_in_force(
    gateway: &Gateway,
    configuration: &mut Configuration,
    folder: &StateFolder,
) -> Result<Reloaded, Refused> {
    let config = configuration.read_again().map_err(Refused::Broken)?;
    let changed = changed(configuration.in_force(), &config)?;
    let settings = front::settings(&config, folder).await;
    let settings = settings.map_err(|error| match error {
        FrontError::Broken(problems) => Refused::Broken(problems),
        FrontError::Other(error) => Refused::Cannot(error.sentence()),
    })?;
    let taken = gateway.reload(settings).await;
    taken.map_err(|error| refused(&error, &config))?;
    Ok(Reloaded {
        changed,
        at_restart: configuration.took_effect(&config),
    })
}

/// The keys of the gateway that differ, if all of them can be changed.
fn changed(in_force: &Config, config: &Config) -> Result<Vec<String>, Refused> {
    let parts = changes::parts(in_force, config);
    let differ = parts.iter().filter(|part| part.differs && part.is_gateways);
    let (now, later): (Vec<&Part>, Vec<&Part>) = differ.partition(|part| part.when == When::Reload);
    if later.is_empty() {
        return Ok(now.iter().map(|part| part.key.to_owned()).collect());
    }
    Err(Refused::Restart(later.into_iter().copied().collect()))
}

/// Whether a successor that reads this file can go on with what is handed over to it.
///
/// # Errors
/// When the file has another value of what only a restart changes: sockets that are handed over stay where
/// they are, and the file would say something else than what runs.
pub(super) fn may_be_taken_over(in_force: &Config, file: &Config) -> Result<(), CommandError> {
    let parts = changes::parts(in_force, file);
    let kept = parts
        .iter()
        .filter(|part| part.differs && part.when == When::Restart);
    let keys: Vec<&str> = kept.map(|part| part.key).collect();
    if keys.is_empty() {
        return Ok(());
    }
    let what = format!(
        "an upgrade cannot change {}: the successor gets what this process has; nothing was done",
        keys.join(", ")
    );
    Err(CommandError::new(Exit::Failed, what)
        .code(ErrorCode::RestartNeeded)
        .hint("restart `portcullis serve`, or take the change back and upgrade again"))
}

/// What a person can do about keys that a running gateway cannot change.
fn way_out(parts: &[Part]) -> &'static str {
    match parts.iter().any(|part| part.when == When::Restart) {
        true => {
            "restart `portcullis serve`: an upgrade (SIGUSR2) keeps addresses and the state folder; or take the \
             change back"
        }
        false => {
            "restart `portcullis serve`, or upgrade it (SIGUSR2), which drops no request; or take the change back"
        }
    }
}

fn refused(error: &GatewayError, config: &Config) -> Refused {
    let hint = error.hint().map(|hint| format!("; {hint}"));
    let error = CommandError::of(Exit::Usage, error);
    Refused::Cannot(format!(
        "{}: {}{}",
        config.file.display(),
        error.sentence(),
        hint.unwrap_or_default()
    ))
}

impl Refused {
    /// As it goes over the wire.
    fn problem(self) -> Problem {
        match self {
            Refused::Broken(problems) => {
                let count = problems.count();
                let noun = if count == 1 { "problem" } else { "problems" };
                let detail = format!("the configuration has {count} {noun}\n{problems}");
                let title = "The configuration has problems";
                let mut problem = Problem::new(422, title, CONFIGURATION, detail);
                problem.problems = problems.into_iter().map(ToString::to_string).collect();
                problem
            }
            Refused::Cannot(why) => {
                let title = "The configuration cannot be carried out";
                let mut problem = Problem::new(422, title, CONFIGURATION, why.clone());
                problem.problems = vec![why];
                problem
            }
            Refused::Restart(parts) => {
                let keys: Vec<&str> = parts.iter().map(|part| part.key).collect();
                let detail = format!(
                    "a running gateway cannot change {}: restart it; nothing of the file was put in force",
                    keys.join(", ")
                );
                let title = "A running gateway cannot change this";
                let mut problem = Problem::new(409, title, RESTART_NEEDED, detail);
                problem.hint = Some(way_out(&parts).to_owned());
                problem
            }
        }
    }
}

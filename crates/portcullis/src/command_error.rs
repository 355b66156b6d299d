//! Errors at the command's edge: what happened, why, what to do, and the exit code.

use std::process::ExitCode;

use portcullis_api::{ClientError, Problem};
use portcullis_config::Problems;
use serde::Serialize;

use crate::output;

/// The documented exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Done = 0,
    /// Failed or refused.
    Failed = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// A gate failed and the release was rolled back.
    RolledBack = 3,
    /// A person is needed.
    Waits = 4,
    /// A gate could not decide.
    Inconclusive = 5,
    /// Somebody else holds the lease.
    LeaseHeld = 6,
    /// No server answers.
    Unreachable = 8,
    /// The token is missing or wrong.
    NotAuthorised = 9,
    /// A mistake in Portcullis.
    Internal = 70,
    /// Detached by an interrupt; the rollout goes on.
    Detached = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct CommandError {
    exit: Exit,
    message: String,
    causes: Vec<String>,
    hints: Vec<String>,
    details: Vec<String>,
}

#[derive(Serialize)]
struct Wire<'a> {
    schema: &'a str,
    exit_code: u8,
    message: &'a str,
    causes: &'a [String],
    hints: &'a [String],
    details: &'a [String],
}

impl CommandError {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> CommandError {
        CommandError {
            exit,
            message: message.into(),
            causes: Vec::new(),
            hints: Vec::new(),
            details: Vec::new(),
        }
    }

    /// An error with its sources as causes.
    pub(crate) fn of(exit: Exit, error: &dyn std::error::Error) -> CommandError {
        let mut made = CommandError::new(exit, error.to_string());
        let mut source = error.source();
        while let Some(inner) = source {
            made.causes.push(inner.to_string());
            source = inner.source();
        }
        made
    }

    /// An error in words of its own, because of another error and that one's sources.
    pub(crate) fn because(
        exit: Exit,
        message: impl Into<String>,
        error: &dyn std::error::Error,
    ) -> CommandError {
        let mut made = CommandError::of(exit, error);
        let reason = std::mem::replace(&mut made.message, message.into());
        made.causes.insert(0, reason);
        made
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> CommandError {
        self.hints.push(hint.into());
        self
    }

    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// Tells the person, or the program that reads JSON.
    pub(crate) fn report(&self, json: bool) {
        if json {
            output::json(&Wire {
                schema: "portcullis.error/1",
                exit_code: self.exit as u8,
                message: &self.message,
                causes: &self.causes,
                hints: &self.hints,
                details: &self.details,
            });
            return;
        }
        output::talk(&format!("error: {}", self.message));
        for cause in &self.causes {
            output::talk(&format!("  because: {cause}"));
        }
        for detail in &self.details {
            for line in detail.lines() {
                output::talk(&format!("  {line}"));
            }
        }
        for hint in &self.hints {
            output::talk(&format!("  hint: {hint}"));
        }
    }
}

impl From<Problems> for CommandError {
    fn from(problems: Problems) -> CommandError {
        let count = problems.count();
        let noun = if count == 1 { "problem" } else { "problems" };
        let mut error =
            CommandError::new(Exit::Usage, format!("the configuration has {count} {noun}"));
        error.details = vec![problems.to_string()];
        error
    }
}

impl From<ClientError> for CommandError {
    fn from(error: ClientError) -> CommandError {
        match &error {
            ClientError::Unreachable { .. } => CommandError::of(Exit::Unreachable, &error)
                .hint("start it with `portcullis serve`, or name the right file with --file"),
            ClientError::Refused(problem) => refused(problem),
            ClientError::Malformed { .. } | ClientError::Setup(_) => {
                CommandError::of(Exit::Internal, &error)
            }
        }
    }
}

fn refused(problem: &Problem) -> CommandError {
    let exit = match (problem.status, problem.code.as_deref()) {
        (401 | 403, _) => Exit::NotAuthorised,
        (_, Some("configuration")) => Exit::Usage,
        (500, _) => Exit::Internal,
        _ => Exit::Failed,
    };
    let mut error = CommandError::new(exit, problem.to_string());
    if problem.code.as_deref() == Some("configuration") {
        error.message = "the configuration has problems; what runs is not affected".to_owned();
        error.details = vec![problem.detail.clone().unwrap_or_default()];
    }
    let hint = match problem.code.as_deref() {
        Some("still_live") => "`portcullis status` shows it, `portcullis abort` stops it",
        Some("engine_stopped") => "`portcullis serve` printed why; start it again when mended",
        Some("not_authorised") => "the token in the state folder and the server's differ",
        _ => return error,
    };
    error.hint(hint)
}

//! Errors at the command's edge: which kind, what happened, why, what to do, and the exit code.

use std::path::PathBuf;
use std::process::ExitCode;

use portcullis_api::{ClientError, Problem};
use portcullis_config::Problems;
use serde::Serialize;

use crate::output;

mod code;
mod typed;

pub(crate) use code::ErrorCode;
pub(crate) use typed::mistyped;

/// The documented exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Done = 0,
    /// Failed or refused.
    Failed = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// A gate failed, or could not decide and is told to roll back then, and the release was rolled back.
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
    /// What was said about its kind; the exit code's own kind otherwise.
    code: Option<ErrorCode>,
    exit: Exit,
    message: String,
    causes: Vec<String>,
    hints: Vec<String>,
    details: Vec<Detail>,
}

/// One of several things that are wrong.
#[derive(Debug, Default, Serialize)]
struct Detail {
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    /// The same for people, with the place in the file.
    #[serde(skip)]
    text: String,
}

#[derive(Serialize)]
struct Wire<'a> {
    schema: &'a str,
    code: String,
    exit_code: u8,
    message: &'a str,
    causes: &'a [String],
    hints: &'a [String],
    details: &'a [Detail],
}

impl CommandError {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> CommandError {
        CommandError {
            code: None,
            exit,
            message: message.into(),
            causes: Vec::new(),
            hints: Vec::new(),
            details: Vec::new(),
        }
    }

    /// An error of a known kind, with that kind's exit code.
    pub(crate) fn coded(code: ErrorCode, message: impl Into<String>) -> CommandError {
        CommandError::new(code.meaning().exit, message).code(code)
    }

    /// An error with its sources as causes.
    pub(crate) fn of(exit: Exit, error: &dyn std::error::Error) -> CommandError {
        let mut made = CommandError::new(exit, error.to_string());
        let mut source = error.source();
        while let Some(inner) = source {
            let words = inner.to_string();
            // Some errors have the words of their cause in their own.
            let said = made.causes.last().unwrap_or(&made.message);
            if !said.ends_with(&words) {
                made.causes.push(words);
            }
            source = inner.source();
        }
        made
    }

    /// This error with only the last of its causes: the system's own words, without those of the library
    /// in between.
    fn innermost(mut self) -> CommandError {
        let outer = self.causes.len().saturating_sub(1);
        self.causes.drain(..outer);
        self
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

    /// Says each of these in a line of its own.
    #[must_use]
    pub(crate) fn saying(mut self, texts: impl IntoIterator<Item = String>) -> CommandError {
        self.details.extend(texts.into_iter().map(Detail::said));
        self
    }

    /// Adds a cause.
    #[must_use]
    pub(crate) fn cause(mut self, cause: impl Into<String>) -> CommandError {
        self.causes.push(cause.into());
        self
    }

    /// The same error in other words.
    #[must_use]
    pub(crate) fn reworded(mut self, message: impl Into<String>) -> CommandError {
        self.message = message.into();
        self
    }

    /// Says which kind of error it is. The exit code stays.
    #[must_use]
    pub(crate) fn code(mut self, code: ErrorCode) -> CommandError {
        self.code = Some(code);
        self
    }

    /// Says which kind of failure it is, if nobody did that more exactly. Other exit codes than
    /// [`Exit::Failed`] have kinds of their own.
    #[must_use]
    pub(crate) fn or_code(mut self, code: ErrorCode) -> CommandError {
        if self.code.is_none() && self.exit == Exit::Failed {
            self.code = Some(code);
        }
        self
    }

    /// What happened.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// What to do, the first of it.
    pub(crate) fn first_hint(&self) -> Option<&str> {
        self.hints.first().map(String::as_str)
    }

    /// What happened and why, in one line.
    pub(crate) fn sentence(&self) -> String {
        let mut sentence = self.message.clone();
        for cause in &self.causes {
            sentence.push_str(": ");
            sentence.push_str(cause);
        }
        sentence
    }

    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// Which kind of error it is. Every error has one.
    fn kind(&self) -> ErrorCode {
        self.code.unwrap_or_else(|| ErrorCode::of_exit(self.exit))
    }

    /// Tells the person, or the program that reads JSON.
    pub(crate) fn report(&self, json: bool) {
        if json {
            output::json(&Wire {
                schema: "portcullis.error/2",
                code: self.kind().to_string(),
                exit_code: self.exit as u8,
                message: &self.message,
                causes: &self.causes,
                hints: &self.hints,
                details: &self.details,
            });
            return;
        }
        output::talk(&format!("error[{}]: {}", self.kind(), self.message));
        for cause in &self.causes {
            output::talk(&format!("  because: {cause}"));
        }
        for detail in &self.details {
            for line in detail.text.lines() {
                // Marks stand below what they point at.
                let is_excerpt = line.trim_start().split(' ').nth(1) == Some("|")
                    || line.trim_start().starts_with('|');
                let line = format!("  {line}");
                match is_excerpt {
                    true => output::talk_unbroken(&line),
                    false => output::talk(&line),
                }
            }
        }
        for hint in &self.hints {
            output::talk(&format!("  hint: {hint}"));
        }
    }
}

impl std::fmt::Display for CommandError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<&portcullis_config::Problem> for Detail {
    fn from(problem: &portcullis_config::Problem) -> Detail {
        let key = Some(problem.key.clone()).filter(|key| !key.is_empty());
        Detail {
            code: Some(problem.code.to_string()),
            file: Some(problem.file.clone()),
            line: Some(problem.line),
            column: Some(problem.column),
            key,
            message: problem.message.clone(),
            hint: problem.hint.clone(),
            text: problem.to_string(),
        }
    }
}

impl From<Problems> for CommandError {
    fn from(problems: Problems) -> CommandError {
        let count = problems.count();
        let noun = if count == 1 { "problem" } else { "problems" };
        let message = format!("the configuration has {count} {noun}");
        let mut error = CommandError::coded(ErrorCode::Configuration, message);
        error.details = problems.into_iter().map(Detail::from).collect();
        // A blank line between problems, which have several lines each.
        let last = error.details.len().saturating_sub(1);
        error.details[..last]
            .iter_mut()
            .for_each(|detail| detail.text.push_str("\n\n"));
        if problems.omitted() > 0 {
            let text = format!("and {} more", problems.omitted());
            error.details.push(Detail::said(text));
        }
        error
    }
}

impl Detail {
    /// Something that is only known as words.
    fn said(text: String) -> Detail {
        Detail {
            message: text.clone(),
            text,
            ..Detail::default()
        }
    }
}

impl From<ClientError> for CommandError {
    fn from(error: ClientError) -> CommandError {
        match &error {
            ClientError::Unreachable { .. } => {
                CommandError::of(Exit::Unreachable, &error).innermost()
            }
            ClientError::Refused(problem) => refused(problem),
            ClientError::Malformed { .. } => {
                CommandError::of(Exit::Internal, &error).code(ErrorCode::AnswerUnreadable)
            }
            ClientError::Setup(_) => CommandError::of(Exit::Internal, &error),
        }
    }
}

fn refused(problem: &Problem) -> CommandError {
    let code = ErrorCode::of_refusal(problem.code.as_deref(), problem.status);
    let mut error = CommandError::coded(code, problem.to_string());
    if let Some(hint) = &problem.hint {
        return error.hint(hint.clone());
    }
    match code {
        ErrorCode::Configuration => {
            error.message = "the configuration has problems; what runs is not affected".to_owned();
            error.saying(problem.problems.iter().cloned())
        }
        ErrorCode::MigrationRefused => error.saying(problem.problems.iter().cloned()),
        ErrorCode::StillLive => {
            error.hint("`portcullis status` shows it, `portcullis abort` stops it")
        }
        ErrorCode::NothingLive => error
            .hint("`portcullis status` says how things stand; `portcullis rollback` returns to the release before"),
        ErrorCode::NotNow | ErrorCode::NotLive => {
            error.hint("`portcullis status` says which words it takes now")
        }
        ErrorCode::EngineStopped => {
            error.hint("`portcullis serve` printed why; start it again when mended")
        }
        ErrorCode::NotAuthorised => {
            error.hint(
                "the token in the state folder and the server's differ: if the token was made anew, stop \
                 `portcullis serve` and start it again, services go on; otherwise name the right file with \
                 --file",
            )
        }
        _ => error,
    }
}

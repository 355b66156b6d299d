//! `portcullis migrate`: plain SQL migrations, examined, compared with a database, and applied.

mod apply;
mod files;
mod lint;
mod rehearse;
mod status;

pub(super) use rehearse::{chosen, interrupted};

use portcullis_driver::{DatabaseRefused, FailedStatement, MigrationError, RunBy};

use crate::cli::Migrate;
use crate::command_error::{CommandError, ErrorCode, Exit};
use crate::site::Site;

/// Carries out a command.
pub(super) async fn run(site: &Site, json: bool, command: &Migrate) -> Result<Exit, CommandError> {
    match command {
        Migrate::Lint(args) => lint::run(site, json, args).await,
        Migrate::Status(args) => status::run(site, json, args).await,
        Migrate::Rehearse(args) => rehearse::run(site, json, args).await,
        Migrate::Apply(args) => apply::run(site, json, args).await,
    }
}

/// Why migrations were not applied or compared.
fn told(error: &MigrationError) -> CommandError {
    let (exit, code) = match error {
        MigrationError::Database(DatabaseRefused { .. }) => (Exit::Usage, ErrorCode::BadValue),
        MigrationError::Unreachable { .. } => (Exit::Unreachable, ErrorCode::NoDatabase),
        MigrationError::Busy { .. } => (Exit::LeaseHeld, ErrorCode::MigrationUnderWay),
        MigrationError::Statement(_)
        | MigrationError::BatchTooLarge { .. }
        | MigrationError::TooManyRounds { .. }
        | MigrationError::Ledger { .. } => (Exit::Failed, ErrorCode::MigrationFailed),
        _ => (Exit::Failed, ErrorCode::MigrationRefused),
    };
    let mut told = CommandError::of(exit, error).code(code);
    if let MigrationError::Files(problems) = error {
        for problem in problems {
            told = told.cause(problem.to_string());
        }
    }
    if let Some(left) = left(error) {
        told = told.cause(left);
    }
    match error.hint(RunBy::Command) {
        Some(hint) => told.hint(hint),
        None => told,
    }
}

/// What a failure leaves behind.
fn left(error: &MigrationError) -> Option<String> {
    match error {
        MigrationError::Statement(failed) => {
            let FailedStatement { file, of, .. } = failed.as_ref();
            let Some(done) = failed.done else {
                return Some(format!(
                    "{file} is one transaction and was rolled back: nothing of it is applied"
                ));
            };
            let mut left =
                format!("{done} of {of} statements of {file} are carried out and recorded");
            if !failed.invalid_indexes.is_empty() {
                let invalid = failed.invalid_indexes.join(", ");
                left.push_str(&format!("; it left an invalid index: {invalid}"));
            }
            Some(left)
        }
        MigrationError::BatchTooLarge { .. } | MigrationError::TooManyRounds { .. } => Some(
            "what earlier rounds changed stays and is recorded; the next run goes on from there"
                .to_owned(),
        ),
        _ => None,
    }
}

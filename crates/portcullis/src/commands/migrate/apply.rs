//! `portcullis migrate apply`: files carried out and entered.

use std::path::Path;

use portcullis_driver::{ApplyOrder, Doubt, MigrationDatabase, MigrationEvent, apply_migrations};
use serde_json::json;

use crate::cli::{Apply, InDoubt};
use crate::command_error::{CommandError, Exit};
use crate::output;
use crate::site::Site;

use super::{files, told};

pub(super) async fn run(site: &Site, json: bool, args: &Apply) -> Result<Exit, CommandError> {
    files::no_addresses(&args.against.paths)?;
    let database = MigrationDatabase::of(&args.against.url, Path::new("")).await;
    let database = database.map_err(|error| told(&error.into()))?;
    let (set, problems) = files::read(site, &args.against.paths, database.dialect())?;
    let order = ApplyOrder {
        phase: args.phase,
        lock_timeout_ms: args.lock_timeout,
        statement_timeout_ms: args.statement_timeout,
        pause_ms: args.pause,
        out_of_order: args.out_of_order,
        doubt: args.in_doubt.map(|said| match said {
            InDoubt::Done => Doubt::Done,
            InDoubt::Again => Doubt::Again,
        }),
    };
    let applied = apply_migrations(&database, (&set, &problems), &order, &mut progress).await;
    let applied = applied.map_err(|error| told(&error))?;
    if json {
        output::json(&json!({
            "schema": "portcullis.migrate-apply/1",
            "database": database.to_string(),
            "phase": order.phase,
            "applied": applied.files,
        }));
        return Ok(Exit::Done);
    }
    let phase = order.phase;
    output::result(&match applied.files.len() {
        0 => format!("{database}: no file of the phase {phase} is pending"),
        1 => format!("{database}: 1 file of the phase {phase} applied"),
        count => format!("{database}: {count} files of the phase {phase} applied"),
    });
    Ok(Exit::Done)
}

/// How it goes, as talk.
fn progress(event: MigrationEvent<'_>) {
    match event {
        MigrationEvent::Begins {
            migration, done: 0, ..
        } => {
            output::talk(&format!("{}: begins", migration.file));
        }
        MigrationEvent::Begins {
            migration, done, ..
        } => {
            let of = migration.statements.len();
            output::talk(&format!(
                "{}: goes on behind statement {done} of {of}",
                migration.file
            ));
        }
        MigrationEvent::Statement {
            migration,
            index,
            rows,
            took_ms,
        } => {
            let (number, of) = (index + 1, migration.statements.len());
            output::talk(&format!(
                "{}: statement {number} of {of}, {rows} rows, {took_ms} ms",
                migration.file
            ));
        }
        MigrationEvent::FoundDone { migration, index } => {
            let number = index + 1;
            output::talk(&format!(
                "{}: statement {number} was under way when an earlier run ended; the database shows that it is done",
                migration.file
            ));
        }
        MigrationEvent::Round {
            migration,
            index,
            round,
            rows,
        } => {
            let number = index + 1;
            output::talk(&format!(
                "{}: statement {number}, round {round}: {rows} rows so far",
                migration.file
            ));
        }
        MigrationEvent::Applied { migration, took_ms } => {
            output::talk(&format!("{}: applied, {took_ms} ms", migration.file));
        }
    }
}

//! `portcullis migrate status`: the files beside the ledger.

use std::path::Path;

use portcullis_driver::{Ledger, MigrationDatabase, MigrationStanding, Standing, migration_status};
use serde_json::json;

use crate::cli::Against;
use crate::command_error::{CommandError, Exit};
use crate::output;
use crate::site::Site;

use super::{files, told};

pub(super) async fn run(site: &Site, json: bool, args: &Against) -> Result<Exit, CommandError> {
    files::no_addresses(&args.paths)?;
    let database = MigrationDatabase::of(&args.url, Path::new("")).await;
    let database = database.map_err(|error| told(&error.into()))?;
    let (set, problems) = files::read(site, &args.paths, database.dialect())?;
    let ledger = migration_status(&database, &set).await;
    let ledger = ledger.map_err(|error| told(&error))?;
    if json {
        let files: Vec<_> = ledger.standings.iter().map(line).collect();
        output::json(&json!({
            "schema": "portcullis.migrate-status/1",
            "database": database.to_string(),
            "migrations": files,
            "invalid_indexes": ledger.invalid_indexes,
            "problems": problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }));
    } else {
        person(&database, &ledger);
        for problem in &problems {
            output::talk(&format!("note: {problem}"));
        }
    }
    let is_wrong = |one: &MigrationStanding| {
        matches!(one.standing, Standing::Changed | Standing::HalfWay { .. })
    };
    let wrong = ledger.standings.iter().any(is_wrong) || !ledger.invalid_indexes.is_empty();
    Ok(if wrong { Exit::Failed } else { Exit::Done })
}

fn person(database: &MigrationDatabase, ledger: &Ledger) {
    output::result(&format!("{database}:"));
    let width = ledger.standings.iter().map(|one| one.file.chars().count());
    let width = width.max().unwrap_or_default();
    for one in &ledger.standings {
        let phase = one.phase.map_or("?", |phase| phase.word());
        let word = one.standing.word();
        let more = more(one);
        let line = format!("  {:<width$}  {phase:<8}  {word:<8}  {more}", one.file);
        output::result(line.trim_end());
    }
    for index in &ledger.invalid_indexes {
        output::result(&format!(
            "  the index {index} is invalid: a build of it failed. DROP INDEX CONCURRENTLY {index}; gets rid of it"
        ));
    }
    let count = |word: &str| {
        ledger
            .standings
            .iter()
            .filter(|one| one.standing.word() == word)
            .count()
    };
    let (applied, pending) = (count("applied"), count("pending"));
    output::talk(&format!("{applied} applied, {pending} pending"));
}

fn more(one: &MigrationStanding) -> String {
    let applied = one.applied_at.as_deref().unwrap_or_default();
    match &one.standing {
        Standing::Pending => match &one.reversed_at {
            Some(at) => format!("undone {at}"),
            None => String::new(),
        },
        Standing::Applied => {
            let took = one.duration_ms.unwrap_or_default();
            format!("{applied}, {took} ms")
        }
        Standing::Changed => format!("{applied}; the file is not what was applied"),
        Standing::HalfWay { done, of, in_doubt } => {
            let of = of.map_or("?".to_owned(), |of| of.to_string());
            let doubt = match in_doubt {
                true => format!("; nobody knows whether statement {} took effect", done + 1),
                false => String::new(),
            };
            let rows = one.rows_changed;
            format!("{done} of {of} statements done, {rows} rows changed{doubt}")
        }
        Standing::Unknown => format!("{applied}; there is no such file"),
    }
}

fn line(one: &MigrationStanding) -> serde_json::Value {
    let (done, of) = match one.standing {
        Standing::HalfWay { done, of, .. } => (Some(done), of),
        _ => (None, None),
    };
    json!({
        "version": one.version,
        "file": one.file,
        "phase": one.phase,
        "standing": one.standing.word().replace(' ', "_"),
        "applied_at": one.applied_at,
        "reversed_at": one.reversed_at,
        "duration_ms": one.duration_ms,
        "rows_changed": one.rows_changed,
        "statements_done": done,
        "statements": of,
        "portcullis_version": one.portcullis_version,
    })
}

//! `portcullis migrate lint`: what would hurt.

use std::path::Path;

use portcullis_driver::{MigrationDatabase, server_version};
use portcullis_migration::{Dialect, Finding, LintOptions, ServerVersion, Severity, lint};
use serde_json::json;

use crate::cli::{Deny, Lint};
use crate::command_error::{CommandError, Exit};
use crate::output;
use crate::site::Site;

use super::files;

pub(super) async fn run(site: &Site, json: bool, args: &Lint) -> Result<Exit, CommandError> {
    let (dialect, server) = target(args).await?;
    let (set, problems) = files::read(site, &args.paths, dialect)?;
    let findings = lint(&set, &problems, LintOptions { server });
    let count = |severity: Severity| findings.iter().filter(|f| f.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let denied = match args.deny {
        Deny::Errors => errors,
        Deny::Warnings => errors + warnings,
    };
    let files = set.migrations.len();
    if json {
        output::json(&json!({
            "schema": "portcullis.migrate-lint/1",
            "dialect": dialect,
            "files": files,
            "errors": errors,
            "warnings": warnings,
            "notes": count(Severity::Note),
            "denied": denied > 0,
            "findings": findings,
        }));
    } else {
        for finding in &findings {
            told(finding);
        }
        output::talk(&match findings.is_empty() {
            true => format!("{}: nothing found", counted(files, "file")),
            false => format!(
                "{}: {}, {}, {}",
                counted(files, "file"),
                counted(errors, "error"),
                counted(warnings, "warning"),
                counted(count(Severity::Note), "note")
            ),
        });
    }
    Ok(match denied {
        0 => Exit::Done,
        _ => Exit::Failed,
    })
}

/// Whose SQL the files are, and for which version: as said, or as the database says.
async fn target(args: &Lint) -> Result<(Dialect, ServerVersion), CommandError> {
    let Some(url) = &args.url else {
        return Ok((args.dialect.into(), args.server_version));
    };
    let database = MigrationDatabase::of(url, Path::new("")).await;
    let database = database.map_err(|error| super::told(&error.into()))?;
    let version = server_version(&database).await;
    let version = version.map_err(|error| super::told(&error))?;
    Ok((database.dialect(), version.unwrap_or_default()))
}

fn counted(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

fn told(finding: &Finding) {
    let (word, rule) = (finding.severity.word(), &finding.rule);
    output::result(&format!(
        "{}:{}: {word}: {rule}",
        finding.file, finding.line
    ));
    if let Some(statement) = &finding.statement {
        output::result(&format!("    {statement}"));
    }
    output::result(&format!("  why: {}", finding.why));
    output::result(&format!("  do: {}", finding.instead));
}

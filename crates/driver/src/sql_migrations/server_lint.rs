//! What the lint says for the very server that the files are for.
//!
//! A plan is made without asking a database, and examines its files for the version that the configuration names. What a
//! statement locks, and whether it can be carried out at all, depends on the real one.

use portcullis_migration::{
    Dialect, Finding, LintOptions, MigrationSet, ServerVersion, SetProblem, Severity, lint,
};
use portcullis_rollout::Fact;

use super::database::{DatabaseKind, MigrationDatabase};
use super::error::MigrationError;
use super::ledger::Entry;
use super::postgres::PostgresSession;

/// The version of PostgreSQL for which files are examined: the major one that is named, or the one that is taken for it.
#[must_use]
pub fn server_of(named: Option<u32>) -> ServerVersion {
    let named = named.and_then(|major| major.to_string().parse().ok());
    named.unwrap_or_default()
}

/// The version of a database's server; nothing for SQLite, of which Portcullis has its own.
///
/// # Errors
/// When it cannot be asked.
pub async fn server_version(
    database: &MigrationDatabase,
) -> Result<Option<ServerVersion>, MigrationError> {
    let DatabaseKind::Postgres(options) = &database.kind else {
        return Ok(None);
    };
    let session = PostgresSession::to_look(options, database).await?;
    let version = session.server_version().await;
    let version = version.map_err(MigrationError::ledger("ask for the server's version"))?;
    let text = format!("{}.{}", version / 10_000, version % 10_000);
    Ok(text.parse().ok())
}

/// What the lint says of files that are not applied and did not say for the version of the plan.
///
/// # Errors
/// Errors among that, in words, and when the server cannot be asked.
pub(super) async fn new_findings(
    database: &MigrationDatabase,
    (set, problems): (&MigrationSet, &[SetProblem]),
    entries: &[Entry],
    planned_for: Option<u32>,
) -> Result<Vec<Fact>, String> {
    if set.dialect != Dialect::Postgres {
        return Ok(Vec::new());
    }
    let server = server_version(database)
        .await
        .map_err(|error| error.to_string())?;
    let Some(server) = server else {
        return Ok(Vec::new());
    };
    let mut facts = vec![Fact::new("server", format!("PostgreSQL {server}"))];
    let known = lint(
        set,
        problems,
        LintOptions {
            server: server_of(planned_for),
        },
    );
    let is_new = |finding: &Finding| {
        let mut known = known.iter();
        !known.any(|one| {
            (&one.file, one.line, &one.rule) == (&finding.file, finding.line, &finding.rule)
        })
    };
    let is_pending = |finding: &Finding| {
        let mut applied = entries.iter().filter(|entry| entry.applied_at.is_some());
        !applied.any(|entry| entry.name == finding.file)
    };
    let mut found = lint(set, problems, LintOptions { server });
    found.retain(|finding| is_pending(finding) && is_new(finding));
    let told = |finding: &Finding| {
        format!(
            "{}:{}: {}: {} ({}: {})",
            finding.file,
            finding.line,
            finding.severity.word(),
            finding.why,
            finding.rule,
            finding.instead
        )
    };
    let of = |severity: Severity| {
        found
            .iter()
            .filter(move |one| one.severity == severity)
            .map(told)
    };
    let errors: Vec<String> = of(Severity::Error).collect();
    if !errors.is_empty() {
        return Err(format!(
            "on the server's version, PostgreSQL {server}, the files would do harm: {}; set `server_version` in \
             [release.migrate], and plan again",
            errors.join("; ")
        ));
    }
    facts.extend(of(Severity::Warning).map(|told| Fact::new("lint", told)));
    Ok(facts)
}

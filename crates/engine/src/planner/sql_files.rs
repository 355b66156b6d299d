//! The SQL files of a release that is planned: which there are, and what the lint says of those that are new.

use portcullis_driver::{MigrationFiles, read_migration_files, server_of};
use portcullis_migration::{Dialect, Finding, LintOptions, Phase, RuleClass, Severity, lint};
use portcullis_rollout::{
    Migration, MigrationPhase, PlanRequest, Purpose, Release, SqlFile, SqlMigration, StoreKind,
};

use super::PlanningError;

/// The release with its SQL files as they are now.
pub(super) fn listed(mut release: Release) -> Result<Release, PlanningError> {
    let id = release.id.clone();
    if let Some(Migration::Sql(sql)) = &mut release.migration {
        let refused = |problems| PlanningError::Migrations {
            release: id,
            problems,
        };
        match read(sql) {
            Ok(files) if files.problems.iter().any(|problem| problem.kind.is_fatal()) => {
                let problems = files
                    .problems
                    .iter()
                    .filter(|problem| problem.kind.is_fatal());
                let told = problems.map(|problem| format!("{problem}; {}", problem.kind.instead()));
                return Err(refused(told.collect()));
            }
            Ok(files) => sql.files = files.set.migrations.iter().map(file).collect(),
            Err(problem) => return Err(refused(vec![problem])),
        }
    }
    Ok(release)
}

fn file(migration: &portcullis_migration::Migration) -> SqlFile {
    SqlFile {
        name: migration.file.clone(),
        sha256: migration.sha256.clone(),
        phase: match migration.phase {
            Phase::Expand => MigrationPhase::Expand,
            Phase::Backfill => MigrationPhase::Backfill,
            Phase::Contract => MigrationPhase::Contract,
        },
    }
}

/// What the lint says of the files that the serving release does not have: warnings, as notes of the plan.
///
/// # Errors
/// Findings that are errors, when there is a release that they would break. Without one nothing can break, and what fails
/// as it stands is still an error.
pub(super) fn examined(request: &PlanRequest) -> Result<Vec<String>, PlanningError> {
    let release = &request.release;
    let (Some(Migration::Sql(sql)), Purpose::Deploy) = (&release.migration, request.purpose) else {
        return Ok(Vec::new());
    };
    let serving = request.previous.as_ref();
    let serving_migration = serving.and_then(|running| running.release.migration.as_ref());
    let phases = MigrationPhase::ALL.into_iter();
    let new: Vec<&SqlFile> = phases
        .flat_map(|phase| sql.new_files(phase, serving_migration))
        .collect();
    let refused = |problems| PlanningError::Migrations {
        release: release.id.clone(),
        problems,
    };
    let MigrationFiles { set, problems } = read(sql).map_err(|problem| refused(vec![problem]))?;
    let server = server_of(sql.server_version);
    let mut findings = lint(&set, &problems, LintOptions { server });
    findings.retain(|finding| new.iter().any(|file| file.name == finding.file));
    let matters = |finding: &&Finding| {
        let fails = matches!(finding.class, RuleClass::Fails | RuleClass::File);
        finding.severity == Severity::Error && (serving.is_some() || fails)
    };
    let errors: Vec<String> = findings.iter().filter(matters).map(told).collect();
    if !errors.is_empty() {
        return Err(refused(errors));
    }
    let warnings = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Warning);
    Ok(warnings.map(told).collect())
}

/// A finding in one line.
fn told(finding: &Finding) -> String {
    format!(
        "{}:{}: {}: {} ({}: {})",
        finding.file,
        finding.line,
        finding.severity.word(),
        finding.why,
        finding.rule,
        finding.instead
    )
}

fn read(sql: &SqlMigration) -> Result<MigrationFiles, String> {
    let dialect = match sql.store.kind() {
        StoreKind::Sqlite => Dialect::Sqlite,
        StoreKind::Postgres => Dialect::Postgres,
        StoreKind::File | StoreKind::Directory | StoreKind::Redis => {
            return Err(format!("store {} is no database", sql.store.name));
        }
    };
    let folder = std::slice::from_ref(&sql.folder);
    read_migration_files(folder, dialect, sql.through).map_err(|error| {
        let message = crate::hands::chain(&error);
        match error.hint() {
            Some(hint) => format!("{message}; {hint}"),
            None => message,
        }
    })
}

//! How files and database stand to each other.

use std::path::Path;

use portcullis_migration::{MigrationSet, Phase};
use portcullis_rollout::{LedgerCheck, SqlFile};

use super::database::{DatabaseKind, MigrationDatabase};
use super::error::MigrationError;
use super::files::number;
use super::ledger::Entry;
use super::postgres::PostgresSession;
use super::session::Session;
use super::sqlite::SqliteSession;
use crate::bounds::LEDGER_LOOK_MS;

/// What a database says about a set of files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// Each file and each entry, by number.
    pub standings: Vec<MigrationStanding>,
    /// Indexes that a failed build left invalid, with their schemas.
    pub invalid_indexes: Vec<String>,
}

/// How one file stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationStanding {
    /// Its number.
    pub version: u64,
    /// The file's name; that of the ledger if there is no file.
    pub file: String,
    /// Its phase; nothing if an entry names one that is not known.
    pub phase: Option<Phase>,
    /// How it stands.
    pub standing: Standing,
    /// When it was applied, in RFC 3339.
    pub applied_at: Option<String>,
    /// When it was undone last, in RFC 3339, where it is pending since.
    pub reversed_at: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: Option<i64>,
    /// How many rows its batches and statements changed, if it was carried out in steps.
    pub rows_changed: u64,
    /// Which version of Portcullis applied it.
    pub portcullis_version: Option<String>,
}

/// How a file stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Not applied.
    Pending,
    /// Applied, and the file is what it was.
    Applied,
    /// Applied, and the file is not what it was.
    Changed,
    /// Begun and not done.
    HalfWay {
        /// How many statements are carried out.
        done: usize,
        /// How many there are; nothing if there is no file.
        of: Option<usize>,
        /// Whether nobody knows if the next one took effect.
        in_doubt: bool,
    },
    /// Applied, and there is no such file: a newer release did it, or the file is lost.
    Unknown,
}

impl Standing {
    /// The word of reports.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Standing::Pending => "pending",
            Standing::Applied => "applied",
            Standing::Changed => "changed",
            Standing::HalfWay { in_doubt: true, .. } => "in doubt",
            Standing::HalfWay { .. } => "half way",
            Standing::Unknown => "unknown",
        }
    }
}

/// How files and database stand to each other. Changes nothing and takes no lock.
///
/// # Errors
/// When the database cannot be reached or read, or is of another kind than the files.
pub async fn migration_status(
    database: &MigrationDatabase,
    set: &MigrationSet,
) -> Result<Ledger, MigrationError> {
    same_dialect(database, set)?;
    match &database.kind {
        DatabaseKind::Postgres(options) => {
            read(PostgresSession::to_look(options, database).await?, set).await
        }
        DatabaseKind::Sqlite(path) => {
            read(SqliteSession::to_look(path, database).await?, set).await
        }
    }
}

/// How the files of a plan stand once nobody is at them: this takes the lock that changes take. The files themselves are not
/// asked for: what was planned is what must be in the ledger, whatever became of the folder since.
///
/// # Errors
/// [`MigrationError::Busy`] while another holds it, and when the database cannot be reached or read.
pub(super) async fn settled_standings(
    database: &MigrationDatabase,
    files: &[&SqlFile],
) -> Result<Vec<(String, Standing)>, MigrationError> {
    let entries = match &database.kind {
        DatabaseKind::Postgres(options) => {
            let session = PostgresSession::to_change(options, database, LEDGER_LOOK_MS).await?;
            ended_entries(session).await?
        }
        DatabaseKind::Sqlite(path) => {
            let session = SqliteSession::to_change(path, database, LEDGER_LOOK_MS).await?;
            ended_entries(session).await?
        }
    };
    let of = |file: &SqlFile| {
        let version = number(Path::new(&file.name));
        let entry = entries.iter().find(|entry| Some(entry.version) == version);
        match entry {
            None => Standing::Pending,
            Some(entry) if entry.applied_at.is_none() => half_way(entry, None),
            Some(entry) if entry.sha256 == file.sha256 => Standing::Applied,
            Some(_) => Standing::Changed,
        }
    };
    let standings = files.iter().map(|file| (file.name.clone(), of(file)));
    Ok(standings.collect())
}

async fn ended_entries<S: Session>(mut session: S) -> Result<Vec<Entry>, MigrationError> {
    let entries = session.entries().await;
    session.close().await;
    let entries = entries.map_err(MigrationError::ledger("read the ledger"))?;
    Ok(entries.unwrap_or_default())
}

/// Files of the phase contract that are applied, or begun, and that a release cannot know: those that are named, and those
/// with a higher number than all that it has. One that is missing among older numbers was thrown away with the files that
/// it belonged to, and says nothing.
///
/// # Errors
/// When the database cannot be reached or read.
pub(super) async fn taken_away(
    database: &MigrationDatabase,
    check: &LedgerCheck,
) -> Result<Vec<String>, MigrationError> {
    let known = check.migration.files.iter();
    let last = known.filter_map(|file| number(Path::new(&file.name))).max();
    let is_unknown = |entry: &Entry| {
        check.taken_away.contains(&entry.name) || last.is_some_and(|last| entry.version > last)
    };
    let entries = entries(database).await?.into_iter();
    let gone = entries.filter(|entry| entry.phase == Some(Phase::Contract));
    Ok(gone.filter(is_unknown).map(|entry| entry.name).collect())
}

/// What the ledger holds.
pub(super) async fn entries(database: &MigrationDatabase) -> Result<Vec<Entry>, MigrationError> {
    match &database.kind {
        DatabaseKind::Postgres(options) => {
            ended_entries(PostgresSession::to_look(options, database).await?).await
        }
        DatabaseKind::Sqlite(path) => {
            ended_entries(SqliteSession::to_look(path, database).await?).await
        }
    }
}

async fn read<S: Session>(mut session: S, set: &MigrationSet) -> Result<Ledger, MigrationError> {
    let entries = session.entries().await;
    let entries = entries.map_err(MigrationError::ledger("read the ledger"))?;
    let invalid = session.invalid_indexes().await;
    let invalid = invalid.map_err(MigrationError::ledger("look for invalid indexes"))?;
    let reversals = session.reversals().await;
    let reversals = reversals.map_err(MigrationError::ledger("read what was undone"))?;
    session.close().await;
    let mut standings = compare(set, &entries.unwrap_or_default());
    for standing in &mut standings {
        let mut reversals = reversals.iter();
        if standing.standing == Standing::Pending {
            let found = reversals.find(|(version, _)| *version == standing.version);
            standing.reversed_at = found.map(|(_, at)| at.clone());
        }
    }
    Ok(Ledger {
        standings,
        invalid_indexes: invalid,
    })
}

pub(super) fn same_dialect(
    database: &MigrationDatabase,
    set: &MigrationSet,
) -> Result<(), MigrationError> {
    let (files, database) = (set.dialect, database.dialect());
    match files == database {
        true => Ok(()),
        false => Err(MigrationError::OtherDialect { files, database }),
    }
}

/// Each file with its entry, and the entries without a file.
fn compare(set: &MigrationSet, entries: &[Entry]) -> Vec<MigrationStanding> {
    let of = |version: u64| entries.iter().find(|entry| entry.version == version);
    let mut standings: Vec<MigrationStanding> = set
        .migrations
        .iter()
        .map(|migration| {
            let entry = of(migration.version);
            let standing = match entry {
                None => Standing::Pending,
                Some(entry) if entry.applied_at.is_none() => {
                    half_way(entry, Some(migration.statements.len()))
                }
                Some(entry) if entry.sha256 == migration.sha256 => Standing::Applied,
                Some(_) => Standing::Changed,
            };
            told(
                migration.version,
                migration.file.clone(),
                Some(migration.phase),
                (standing, entry),
            )
        })
        .collect();
    for entry in entries {
        if set.migrations.iter().any(|m| m.version == entry.version) {
            continue;
        }
        let standing = match entry.applied_at {
            Some(_) => Standing::Unknown,
            None => half_way(entry, None),
        };
        let name = entry.name.clone();
        standings.push(told(
            entry.version,
            name,
            entry.phase,
            (standing, Some(entry)),
        ));
    }
    standings.sort_by_key(|standing| standing.version);
    standings
}

fn half_way(entry: &Entry, of: Option<usize>) -> Standing {
    Standing::HalfWay {
        done: entry.statements_done,
        of,
        in_doubt: entry.under_way.is_some(),
    }
}

fn told(
    version: u64,
    file: String,
    phase: Option<Phase>,
    (standing, entry): (Standing, Option<&Entry>),
) -> MigrationStanding {
    MigrationStanding {
        version,
        file,
        phase,
        standing,
        applied_at: entry.and_then(|entry| entry.applied_at.clone()),
        reversed_at: None,
        duration_ms: entry.and_then(|entry| entry.duration_ms),
        rows_changed: entry.map_or(0, |entry| entry.rows_changed),
        portcullis_version: entry.map(|entry| entry.portcullis_version.clone()),
    }
}

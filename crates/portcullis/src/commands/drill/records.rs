//! The records of drills and scheduled backups in the journal.

use portcullis_config::Config;
use portcullis_engine::{DataEntry, DataLog, DataLogError, DataRecord, DrillReport};
use portcullis_journal::{Scope, StoredJournal};

use crate::command_error::{CommandError, ErrorCode, Exit};
use crate::journal_place;

/// The records of the configured journal.
pub(crate) type DataJournal = DataLog<StoredJournal>;

/// The records for writing.
pub(crate) async fn open(config: &Config) -> Result<DataJournal, CommandError> {
    let location = journal_place::locate(config).await?;
    let opened = StoredJournal::open(&location).await;
    let journal = opened.map_err(|error| journal_place::unreadable(&error))?;
    Ok(DataLog::new(journal, &scope(config)?))
}

/// All records, oldest first; none when there is no journal yet.
pub(crate) async fn read(config: &Config) -> Result<Vec<DataEntry>, CommandError> {
    let Some((_, journal)) = journal_place::open_read_only(config).await? else {
        return Ok(Vec::new());
    };
    let read = DataLog::new(journal, &scope(config)?).read().await;
    read.map_err(|error| unreadable(&error))
}

/// How long the last backup of the schedule took, in milliseconds.
pub(crate) fn backup_takes_ms(entries: &[DataEntry]) -> Option<u64> {
    entries.iter().rev().find_map(|entry| match &entry.record {
        DataRecord::BackedUp { took_ms, .. } => Some(*took_ms),
        _ => None,
    })
}

/// A drill as JSON.
pub(super) fn json(entry: &DataEntry, report: &DrillReport) -> serde_json::Value {
    let mut out = serde_json::json!({
        "schema": "portcullis.drill/1",
        "id": entry.drill_id(),
        "by": entry.by,
        "recorded_at_ms": entry.at_ms,
        "journal_entry": entry.seq,
        "journal_hash": entry.hash,
    });
    if let (Some(out), Ok(serde_json::Value::Object(fields))) =
        (out.as_object_mut(), serde_json::to_value(report))
    {
        out.extend(fields);
    }
    out
}

fn scope(config: &Config) -> Result<Scope, CommandError> {
    let scope = Scope::new(config.service.name.as_str());
    scope.map_err(|error| CommandError::of(Exit::Failed, &error))
}

pub(crate) fn unreadable(error: &DataLogError) -> CommandError {
    match error {
        DataLogError::Journal(error) => journal_place::unreadable(error),
        _ => CommandError::of(Exit::Failed, error).code(ErrorCode::JournalUnreadable),
    }
}

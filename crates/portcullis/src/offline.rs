//! Reading the journal's file when no server runs.

use portcullis_config::Config;
use portcullis_engine::{History, Past};
use portcullis_journal::{Journal, Scope, SqliteJournal};

use crate::bounds::{LAST_ENTRIES, LAST_ENTRIES_FACTOR};
use crate::command_error::{CommandError, ErrorCode, Exit};
use crate::state_folder::StateFolder;

/// Everything that happened, from the journal's file; empty when there is none yet.
pub(crate) async fn history(config: &Config) -> Result<History, CommandError> {
    let Some((journal, scope)) = open(config).await? else {
        return Ok(History::default());
    };
    let history = History::read_all(&journal, &scope).await;
    history.map_err(|e| failed(&e))
}

/// The rollout with this name, from the journal's file; `None` when there never was one.
pub(crate) async fn rollout(config: &Config, id: &str) -> Result<Option<Past>, CommandError> {
    let Some((journal, scope)) = open(config).await? else {
        return Ok(None);
    };
    let history = History::read_all(&journal, &scope).await;
    let Some(outline) = history.map_err(|e| failed(&e))?.outline(id) else {
        return Ok(None);
    };
    let past = Past::read(&journal, &scope, &outline).await;
    past.map(Some).map_err(|e| failed(&e))
}

/// The last rollout and what serves: enough for `status`, and as quick in a long journal as in a short
/// one.
pub(crate) async fn present(config: &Config) -> Result<History, CommandError> {
    let Some((journal, scope)) = open(config).await? else {
        return Ok(History::default());
    };
    let mut count = LAST_ENTRIES;
    loop {
        let read = journal.read_last(&scope, count).await;
        let entries = read.map_err(|e| failed(&e))?;
        if let Some(history) = History::read_last(&entries).map_err(|e| failed(&e))? {
            return Ok(history);
        }
        if entries.first().is_none_or(|first| first.seq == 1) {
            return History::read(&entries).map_err(|e| failed(&e));
        }
        count = count.saturating_mul(LAST_ENTRIES_FACTOR);
    }
}

async fn open(config: &Config) -> Result<Option<(SqliteJournal, Scope)>, CommandError> {
    let path = StateFolder::new(&config.state.folder).journal();
    if !path.exists() {
        return Ok(None);
    }
    let opened = SqliteJournal::open_read_only(&path).await;
    let journal = opened.map_err(|e| failed(&e))?;
    let scope = Scope::new(config.service.name.as_str()).map_err(|e| failed(&e))?;
    Ok(Some((journal, scope)))
}

fn failed(error: &dyn std::error::Error) -> CommandError {
    CommandError::of(Exit::Failed, error).code(ErrorCode::JournalUnreadable)
}

//! Reading the journal when no server runs.

use portcullis_config::Config;
use portcullis_engine::{History, Past};
use portcullis_journal::{Journal, Scope, StoredJournal};

use crate::bounds::{LAST_ENTRIES, LAST_ENTRIES_FACTOR};
use crate::clock::now_ms;
use crate::command_error::{CommandError, ErrorCode, Exit};
use crate::journal_place;
use crate::state_folder::StateFolder;

/// Everything that happened, from the journal; empty when there is none yet.
pub(crate) async fn history(config: &Config) -> Result<History, CommandError> {
    let Some((journal, scope)) = open(config).await? else {
        return Ok(History::default());
    };
    let history = History::read_all(&journal, &scope).await;
    history.map_err(|e| failed(&e))
}

/// The rollout with this name, from the journal; `None` when there never was one.
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

/// Which other engine acts, according to a journal that several share; `None` when none does.
pub(crate) async fn other_engine(config: &Config) -> Result<Option<String>, CommandError> {
    let ours = StateFolder::new(&config.state.folder).known_engine_name()?;
    let Some((journal, scope)) = open(config).await? else {
        return Ok(None);
    };
    let lease = journal.shared_lease(&scope, now_ms()).await;
    let lease = lease.map_err(|e| failed(&e))?;
    let lease = lease.filter(|lease| lease.expires_ms > now_ms());
    let holder = lease.map(|lease| lease.holder);
    Ok(holder.filter(|holder| ours.is_none_or(|ours| !holder.contains(&ours))))
}

async fn open(config: &Config) -> Result<Option<(StoredJournal, Scope)>, CommandError> {
    let Some((_, journal)) = journal_place::open_read_only(config).await? else {
        return Ok(None);
    };
    let scope = Scope::new(config.service.name.as_str()).map_err(|e| failed(&e))?;
    Ok(Some((journal, scope)))
}

fn failed(error: &dyn std::error::Error) -> CommandError {
    CommandError::of(Exit::Failed, error).code(ErrorCode::JournalUnreadable)
}

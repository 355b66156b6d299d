//! Reading the journal's file when no server runs.

use portcullis_config::Config;
use portcullis_engine::History;
use portcullis_journal::{Journal, Scope, SqliteJournal};

use crate::command_error::{CommandError, ErrorCode, Exit};
use crate::state_folder::StateFolder;

/// Everything that happened, from the journal's file; empty when there is none yet.
pub(crate) async fn history(config: &Config) -> Result<History, CommandError> {
    let path = StateFolder::new(&config.state.folder).journal();
    if !path.exists() {
        return Ok(History::default());
    }
    let failed = |error: &dyn std::error::Error| {
        CommandError::of(Exit::Failed, error).code(ErrorCode::JournalUnreadable)
    };
    let journal = SqliteJournal::open_read_only(&path)
        .await
        .map_err(|e| failed(&e))?;
    let scope = Scope::new(config.service.name.as_str()).map_err(|e| failed(&e))?;
    let entries = journal.read(&scope, 1).await.map_err(|e| failed(&e))?;
    History::read(&entries).map_err(|e| failed(&e))
}

//! The journal: whole, understood, and not from the future.

use portcullis_config::Config;
use portcullis_engine::{History, size_words};
use portcullis_journal::{Journal, Scope, SqliteJournal};

use super::finding::Finding;
use crate::clock;
use crate::state_folder::StateFolder;

/// How far the newest entry may be ahead of the clock, in milliseconds: clocks are set now and then.
const AHEAD_MS_MAX: u64 = 5_000;

/// Verifies every entry, and reads what they say.
pub(super) async fn examine(config: &Config) -> (Option<History>, Vec<Finding>) {
    let path = StateFolder::new(&config.state.folder).journal();
    if !path.exists() {
        let message = "there is none yet; `portcullis serve` makes it";
        return (
            Some(History::default()),
            vec![Finding::ok("journal", message)],
        );
    }
    match read(config).await {
        Ok(read) => read,
        Err(error) => {
            let mut message = error.to_string();
            if let Some(source) = error.source() {
                message = format!("{message}: {source}");
            }
            let hint =
                "release nothing; keep a copy of the file; `portcullis journal verify` says more";
            (None, vec![Finding::fail("journal", message).hint(hint)])
        }
    }
}

type Read = (Option<History>, Vec<Finding>);

async fn read(config: &Config) -> Result<Read, Box<dyn std::error::Error + Send + Sync>> {
    let path = StateFolder::new(&config.state.folder).journal();
    let bytes = std::fs::metadata(&path)?.len();
    let journal = SqliteJournal::open_read_only(&path).await?;
    let scope = Scope::new(config.service.name.as_str())?;
    let verified = journal.verify(&scope).await?;
    let newest = journal.read_last(&scope, 1).await?;
    let newest = newest.last().map(|entry| entry.at_ms);
    let history = History::read_all(&journal, &scope).await?;
    journal.close().await;
    let message = format!(
        "whole: {} entries in {}, all understood by this version",
        verified.entries,
        size_words(bytes)
    );
    let found = vec![Finding::ok("journal", message), clock_is_sane(newest)];
    Ok((Some(history), found))
}

fn clock_is_sane(newest_ms: Option<u64>) -> Finding {
    let ahead_ms = newest_ms.unwrap_or(0).saturating_sub(clock::now_ms());
    if ahead_ms > AHEAD_MS_MAX {
        let seconds = ahead_ms / 1000;
        Finding::fail(
            "clock",
            format!("the journal's newest entry is {seconds} s in the future"),
        )
        .hint("set this machine's clock; releases would be timed wrongly")
    } else {
        Finding::ok("clock", "not behind the journal's newest entry")
    }
}

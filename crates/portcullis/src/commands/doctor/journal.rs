//! The journal: whole, understood, and not from the future.

use portcullis_config::Config;
use portcullis_engine::{History, size_words};
use portcullis_journal::{Journal, Scope, StoredJournal};

use super::finding::Finding;
use super::state::unseen;
use crate::{clock, journal_place};

/// How far the newest entry may be ahead of the clock, in milliseconds: clocks are set now and then.
const AHEAD_MS_MAX: u64 = 5_000;

/// Verifies every entry, and reads what they say.
pub(super) async fn examine(config: &Config) -> (Option<History>, Vec<Finding>) {
    if journal_place::missing_file(config).is_some() {
        let message = "there is none yet; `portcullis serve` makes it";
        return (
            Some(History::default()),
            vec![Finding::ok("journal", message)],
        );
    }
    if let Some(error) = journal_place::hidden_file(config) {
        return (None, vec![unseen("journal", config, &error)]);
    }
    match read(config).await {
        Ok(read) => read,
        Err(error) => {
            let mut message = error.to_string();
            let mut source = error.source();
            while let Some(inner) = source {
                message = format!("{message}: {inner}");
                source = inner.source();
            }
            let hint = error
                .downcast_ref()
                .and_then(journal_place::out_of_reach)
                .unwrap_or("release nothing; keep a copy of the journal; `portcullis journal verify` says more");
            (None, vec![Finding::fail("journal", message).hint(hint)])
        }
    }
}

type Read = (Option<History>, Vec<Finding>);

async fn read(config: &Config) -> Result<Read, Box<dyn std::error::Error + Send + Sync>> {
    let location = journal_place::locate(config).await;
    let location = location.map_err(|error| error.sentence())?;
    let Some(journal) = StoredJournal::open_read_only(&location).await? else {
        let found = Finding::ok("journal", "there is none yet; `portcullis serve` makes it");
        return Ok((Some(History::default()), vec![found]));
    };
    let place = match location.file() {
        Some(path) => size_words(std::fs::metadata(path)?.len()),
        None => location.to_string(),
    };
    let scope = Scope::new(config.service.name.as_str())?;
    let verified = journal.verify(&scope).await?;
    let newest = journal.read_last(&scope, 1).await?;
    let newest = newest.last().map(|entry| entry.at_ms);
    let history = History::read_all(&journal, &scope).await?;
    journal.close().await;
    let message = format!(
        "whole: {} entries in {place}, all understood by this version",
        verified.entries
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

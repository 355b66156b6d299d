//! `portcullis journal verify`: works on the file or the database, with and without a running server.

use portcullis_analysis::counted;
use portcullis_engine::{DataLog, History};
use portcullis_journal::{Journal, Scope, StoredJournal};

use crate::command_error::{CommandError, Exit};
use crate::site::Site;
use crate::{connect, journal_place, output};

pub(super) async fn verify(site: &Site, json: bool) -> Result<Exit, CommandError> {
    let config = connect::config_or_stand_in(site).await?;
    let location = journal_place::locate(&config).await?;
    let broken = |error: &dyn std::error::Error| {
        CommandError::of(Exit::Failed, error)
            .hint("do not release anything until this is understood; keep a copy of the journal")
    };
    let opened = StoredJournal::open_read_only(&location).await;
    let opened = opened.map_err(|e| match journal_place::out_of_reach(&e) {
        Some(_) => journal_place::unreadable(&e),
        None => broken(&e),
    });
    let Some(journal) = opened? else {
        return Err(
            CommandError::new(Exit::Failed, format!("there is no journal at {location}"))
                .hint("`portcullis serve` makes it"),
        );
    };
    let scope = Scope::new(config.service.name.as_str()).map_err(|e| broken(&e))?;
    let verified = journal.verify(&scope).await.map_err(|e| broken(&e))?;
    let history = History::read_all(&journal, &scope).await;
    let rollouts = history.map_err(|e| broken(&e))?.len();
    let records = DataLog::new(journal, &scope).verify().await;
    let records = records.map_err(|e| broken(&e))?;
    if json {
        output::json(&serde_json::json!({
            "schema": "portcullis.journal-verify/1",
            "journal": location.to_string(),
            "entries": verified.entries,
            "head": verified.head.to_string(),
            "rollouts": rollouts,
            "data_records": records,
        }));
    } else {
        let records = match records {
            0 => String::new(),
            records => format!(
                "; {} of backups and drills",
                counted(records, "record", "records")
            ),
        };
        output::result(&format!(
            "{}: {} entries, chain whole, {rollouts} rollouts fold; head {}{records}",
            location, verified.entries, verified.head
        ));
    }
    Ok(Exit::Done)
}

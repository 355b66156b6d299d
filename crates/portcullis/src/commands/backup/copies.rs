//! Backups elsewhere: copying them there, listing what is there, bringing one back.

use portcullis_analysis::counted;
use portcullis_backup::{
    BackupError, BackupName, BackupState, BackupSummary, Copied, CopyError, CopyProblem, Keep,
    Retention, Stop, Vault, retention,
};
use portcullis_config::{Config, RetentionConfig};
use portcullis_engine::{CopyPlace, copies_of, recorded_sums, size_words, vault_of};

use super::{failed, list_lines, now, parse, refused};
use crate::command_error::{CommandError, ErrorCode, Exit};
use crate::commands::drill::read_records;
use crate::output;

/// The configured places, or the one of a name.
pub(super) async fn places(
    config: &Config,
    name: Option<&str>,
) -> Result<Vec<CopyPlace>, CommandError> {
    let mut places = copies_of(config).await.map_err(|error| refused(&error))?;
    let known: Vec<String> = places
        .iter()
        .map(|place| place.copies.name().to_owned())
        .collect();
    places.retain(|place| name.is_none_or(|name| name == place.copies.name()));
    if !places.is_empty() {
        return Ok(places);
    }
    let what = match (name, known.is_empty()) {
        (_, true) => "no place for copies is configured".to_owned(),
        (Some(name), false) => format!(
            "there is no copy of the name {name}; there is {}",
            known.join(", ")
        ),
        (None, false) => "no place for copies is configured".to_owned(),
    };
    Err(CommandError::new(Exit::Failed, what).hint("add a [[backup.copy]] to the configuration"))
}

/// `portcullis backup copy`.
pub(super) async fn copy(
    config: &Config,
    vault: &Vault,
    (name, to): (Option<&str>, Option<&str>),
    json: bool,
) -> Result<Exit, CommandError> {
    let places = places(config, to).await?;
    let local = vault.list().map_err(|error| failed(&error))?;
    let waiting = local
        .iter()
        .filter(|backup| is_complete(backup) && !is_copied(backup));
    let waiting = waiting.count();
    if name.is_none() && waiting > 0 && !json {
        output::talk(&format!(
            "{} not verified and left out; `portcullis backup verify NAME` reads one through",
            counted(waiting as u64, "backup is", "backups are")
        ));
    }
    let mut rows = Vec::new();
    let mut first_error = None;
    for place in &places {
        let outcomes = match name {
            Some(name) => {
                let name = parse(name)?;
                let copied = place.copies.copy(vault, &name, &|| false);
                vec![(name, copied)]
            }
            None => match missing(config, vault, &local, place) {
                Ok(missing) => missing
                    .into_iter()
                    .map(|name| (name.clone(), place.copies.copy(vault, &name, &|| false)))
                    .collect(),
                Err(error) => {
                    first_error.get_or_insert(error);
                    continue;
                }
            },
        };
        if outcomes.is_empty() && !json {
            output::talk(&format!("{} has every backup", place.copies.name()));
        }
        for (name, outcome) in outcomes {
            rows.push(row(place, &name, &outcome));
            match outcome {
                Ok(copied) if !json => output::result(&copied_words(place, &name, &copied)),
                Ok(_) => {}
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
    }
    if json {
        output::json(&serde_json::json!({ "schema": "portcullis.backup-copy/1", "copies": rows }));
    }
    match first_error {
        None => Ok(Exit::Done),
        Some(_) if json => Ok(Exit::Failed),
        Some(error) => Err(copy_failed(&error)),
    }
}

fn row(
    place: &CopyPlace,
    name: &BackupName,
    outcome: &Result<Copied, CopyError>,
) -> serde_json::Value {
    let copied = outcome.as_ref().ok();
    serde_json::json!({
        "name": name.as_str(),
        "copy": place.copies.name(),
        "place": place.copies.url(),
        "was_there": copied.map(|copied| copied.was_there),
        "bytes": copied.map(|copied| copied.bytes),
        "sent_bytes": copied.map(|copied| copied.sent_bytes),
        "sha256": copied.map(|copied| copied.archive_sha256.clone()),
        "took_ms": copied.map(|copied| copied.took.as_millis() as u64),
        "error": outcome.as_ref().err().map(ToString::to_string),
    })
}

fn copied_words(place: &CopyPlace, name: &BackupName, copied: &Copied) -> String {
    let (there, url) = (place.copies.name(), place.copies.url());
    match copied.was_there {
        true => format!("{name} is at {there} ({url}) already"),
        false => format!(
            "{name} copied to {there} ({url}): {} sent, {} read back in {} ms, as its .sha256 says",
            size_words(copied.sent_bytes),
            size_words(copied.bytes),
            copied.took.as_millis()
        ),
    }
}

/// Whether a backup is copied by itself: it was read through, or nobody can do that here.
pub(in crate::commands) fn is_copied(backup: &BackupSummary) -> bool {
    let closed = backup.sealed.as_ref().is_some_and(|sealed| !sealed.opens);
    is_complete(backup) && (backup.verified || closed)
}

fn is_complete(backup: &BackupSummary) -> bool {
    matches!(backup.state, BackupState::Complete { .. })
}

/// The backups of a list that a place does not have, or has damaged or without the lock that they are to have, and that its rules would
/// keep, newest first.
///
/// # Errors
/// When the place cannot be asked.
fn missing(
    config: &Config,
    vault: &Vault,
    local: &[BackupSummary],
    place: &CopyPlace,
) -> Result<Vec<BackupName>, CopyError> {
    let mut all: Vec<BackupSummary> = place.copies.list_marked(vault)?;
    let unlocked = place.copies.to_be_locked(vault);
    all.retain(|copy| is_complete(copy) && !unlocked.contains(&copy.name));
    let has = |name: &BackupName| all.iter().any(|copy| copy.name == *name);
    let wanted = local.iter();
    let wanted = wanted.filter(|backup| is_copied(backup) && !has(&backup.name));
    let wanted: Vec<BackupSummary> = wanted.cloned().collect();
    all.extend(wanted.iter().cloned());
    let decisions = retention(&all, &rules(config, place, Vec::new()));
    let kept = |name: &BackupName| {
        let decision = decisions.iter().find(|decision| decision.name == *name);
        decision.is_some_and(|decision| decision.keep)
    };
    let ours = |name: &BackupName| {
        name.service() == config.service.name.as_str()
            && name.environment() == config.service.environment
    };
    let names = wanted.into_iter().map(|backup| backup.name);
    Ok(names.filter(|name| ours(name) && kept(name)).collect())
}

/// The rules of a place.
pub(super) fn rules(
    config: &Config,
    place: &CopyPlace,
    needed: Vec<(String, String)>,
) -> Retention {
    Retention {
        service: config.service.name.to_string(),
        environment: config.service.environment.clone(),
        keep: keep(&place.retention),
        needed,
        in_use: Default::default(),
        now: now(),
    }
}

/// The numbers of a table.
pub(super) fn keep(retention: &RetentionConfig) -> Keep {
    Keep {
        last: retention.keep_last,
        days: retention.keep_days,
        hourly: retention.keep_hourly,
        daily: retention.keep_daily,
        weekly: retention.keep_weekly,
        monthly: retention.keep_monthly,
        yearly: retention.keep_yearly,
    }
}

/// `portcullis backup list --copy`.
pub(super) async fn list(config: &Config, copy: &str, json: bool) -> Result<Exit, CommandError> {
    for place in places(config, Some(copy)).await? {
        // Without a vault here nothing was ever noted of the copies.
        let listed = match vault_of(config, false).await {
            Ok(vault) => place.copies.list_marked(&vault),
            Err(_) => place.copies.list(),
        };
        let mut listed = listed.map_err(|error| copy_failed(&error))?;
        if !json {
            // It was whole when it was sent; whether it can be read through is another question.
            listed.iter_mut().for_each(|copy| copy.verified = false);
        }
        list_lines(config, &listed, &[], json).await;
    }
    Ok(Exit::Done)
}

/// `portcullis backup verify --copy`.
pub(super) async fn verify(
    config: &Config,
    (name, copy): (Option<&str>, &str),
    json: bool,
) -> Result<Exit, CommandError> {
    let mut places = places(config, Some(copy)).await?;
    let place = places.remove(0);
    let name = match name {
        Some(name) => parse(name)?,
        None => {
            let listed = place.copies.list().map_err(|error| copy_failed(&error))?;
            let newest = listed.into_iter().find(|copy| copy.verified);
            let newest = newest.ok_or_else(|| {
                CommandError::new(Exit::Failed, format!("{copy} has no complete backup"))
            })?;
            newest.name
        }
    };
    let read = place.copies.read_back(&name, &|| false);
    if let Err(error) = &read
        && matches!(&*error.problem, CopyProblem::Differs { .. })
        && let Ok(vault) = vault_of(config, false).await
    {
        let noted = place.copies.note_damaged(&vault, &name);
        noted.map_err(|error| copy_failed(&error))?;
        let hint = format!(
            "`portcullis backup copy {name} --to {copy}` sends it again, if the backup is still here"
        );
        return Err(copy_failed(error).hint(hint));
    }
    let read = read.map_err(|error| copy_failed(&error))?;
    let recorded = recorded_sums(&read_records(config).await?, name.as_str());
    if let Some(recorded) = &recorded
        && (&recorded.archive, &recorded.manifest) != (&read.archive_sha256, &read.manifest_sha256)
    {
        let what = format!(
            "the copy {name} at {} was replaced: its checksums are not those in the journal",
            place.copies.url()
        );
        return Err(CommandError::new(Exit::Failed, what).code(ErrorCode::BackupFailed));
    }
    if json {
        output::json(&serde_json::json!({
            "schema": "portcullis.backup-verify/1",
            "name": name.as_str(),
            "copy": copy,
            "bytes": read.bytes,
            "sha256": read.archive_sha256,
            "read_through": false,
            "recorded": recorded.is_some(),
            "took_ms": read.took.as_millis() as u64,
        }));
    } else {
        output::result(&format!(
            "{name} at {copy}: {} read back in {} ms, as its .sha256 says{}; sha256 {}",
            size_words(read.bytes),
            read.took.as_millis(),
            match recorded {
                Some(_) => " and as the journal says",
                None => "",
            },
            read.archive_sha256
        ));
    }
    Ok(Exit::Done)
}

/// `portcullis backup fetch`.
pub(super) async fn fetch(
    config: &Config,
    vault: &Vault,
    (name, from): (&str, &str),
    json: bool,
) -> Result<Exit, CommandError> {
    let name = parse(name)?;
    let place = places(config, Some(from)).await?.remove(0);
    let fetched = place.copies.fetch(vault, &name, &|| false);
    let fetched = fetched.map_err(|error| copy_failed(&error))?;
    let (verified, why) = match super::verify::against_journal(config, vault, &name).await {
        Ok(_) => (true, None),
        Err(error @ BackupError::NotReadThrough { .. }) => (false, Some(error.to_string())),
        Err(error) => return Err(failed(&error)),
    };
    if json {
        output::json(&serde_json::json!({
            "schema": "portcullis.backup-fetch/1",
            "name": name.as_str(),
            "from": from,
            "bytes": fetched.bytes,
            "sha256": fetched.archive_sha256,
            "verified": verified,
            "why": why,
            "took_ms": fetched.took.as_millis() as u64,
        }));
    } else {
        output::result(name.as_str());
        let words = match &why {
            None => "read through and verified".to_owned(),
            Some(why) => why.clone(),
        };
        output::talk(&format!(
            "{} fetched from {from} in {} ms; {words}",
            size_words(fetched.bytes),
            fetched.took.as_millis()
        ));
        output::talk(&format!(
            "restore a copy: portcullis backup restore {name} --to DIR"
        ));
    }
    Ok(Exit::Done)
}

/// A failure of a place elsewhere.
pub(in crate::commands) fn copy_failed(error: &CopyError) -> CommandError {
    CommandError::new(Exit::Failed, error.to_string()).code(ErrorCode::CopyFailed)
}

/// What became of copies that a place was given while `serve` catches up.
pub(in crate::commands) fn catch_up(
    config: &Config,
    vault: &Vault,
    place: &CopyPlace,
    stop: Stop<'_>,
) -> (Vec<(BackupName, Copied)>, Option<CopyError>) {
    let mut done = Vec::new();
    // A vault that cannot be read is told by whoever makes backups.
    let local = vault.list().unwrap_or_default();
    let names = match missing(config, vault, &local, place) {
        Ok(names) => names,
        Err(error) => return (done, Some(error)),
    };
    for name in names {
        match place.copies.copy(vault, &name, stop) {
            Ok(copied) => done.push((name, copied)),
            // It was pruned meanwhile.
            Err(error) if is_gone(&error) => {}
            Err(error) => return (done, Some(error)),
        }
    }
    (done, None)
}

fn is_gone(error: &CopyError) -> bool {
    matches!(
        &*error.problem,
        CopyProblem::Vault(BackupError::UnknownBackup { .. } | BackupError::Incomplete { .. })
    )
}

//! `portcullis drill`: on the files, with and without a running server.

mod page;
mod records;
mod text;

use std::path::Path;

use jiff::Timestamp;
use portcullis_config::{Config, DrilledFrom};
use portcullis_engine::{
    DataEntry, DataRecord, DrillFrom, DrillOrder, DrillVerdict, Drilled, Drills, DrillsRefused,
    Pick,
};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::cli::{Drill, DrillCommand, DrillHold, DrillSource};
use crate::command_error::{CommandError, Exit};
use crate::site::Site;
use crate::state_folder::StateFolder;
use crate::{connect, offline, output};

pub(crate) use records::{
    DataJournal, backup_takes_ms, open as open_records, read as read_records, unreadable,
};

pub(super) async fn run(site: &Site, json: bool, args: &Drill) -> Result<Exit, CommandError> {
    match &args.command {
        None => hold(&connect::config(site)?, json, &args.hold).await,
        Some(DrillCommand::List) => {
            let config = connect::config_or_stand_in(site).await?;
            list(&records::read(&config).await?, json);
            Ok(Exit::Done)
        }
        Some(DrillCommand::Report { drill, html }) => {
            let config = connect::config_or_stand_in(site).await?;
            let entries = records::read(&config).await?;
            report(&entries, drill.as_deref(), html.as_deref(), json)
        }
    }
}

async fn hold(config: &Config, json: bool, args: &DrillHold) -> Result<Exit, CommandError> {
    if config.stores.is_empty() {
        return Err(CommandError::new(
            Exit::Failed,
            "the service declares no store, so there is nothing to restore",
        )
        .hint("add a [[store]] to the configuration"));
    }
    let (from, pick) = (from(config, args), pick(args)?);
    let folder = StateFolder::new(&config.state.folder);
    folder.create()?;
    let history = offline::history(config).await?;
    let known = records::read(config).await?;
    // Whoever cannot record a drill afterwards need not hold it.
    let records = records::open(config).await?;
    let checks = connect::checks(config)?;
    let opened = Drills::open(folder.root(), checks).await;
    let mut drills = opened.map_err(|error| refused(&error))?;
    let cancelled = CancellationToken::new();
    tokio::spawn(interrupted(cancelled.clone()));
    let order = DrillOrder {
        config,
        history: &history,
        from,
        pick,
        time_ms: None,
        keep: args.keep,
        records: &known,
        backup_takes_ms: backup_takes_ms(&known),
    };
    let drilled = drills.hold(&order, &cancelled).await;
    let record = DataRecord::Drilled(Box::new(drilled.report.clone()));
    let recorded = records.append(&record, &connect::user()).await;
    let entry = match recorded {
        Ok(entry) => entry,
        Err(error) => {
            output::talk(&drilled.report.sentence);
            return Err(CommandError::because(
                Exit::Failed,
                "the drill was held and could not be recorded",
                &error,
            )
            .hint("without a record it does not count; mend the journal and hold it again"));
        }
    };
    tell(&entry, &drilled, json);
    Ok(exit_of(drilled.report.verdict))
}

/// A drill that could not run is no failure of the backup, and never a pass.
fn exit_of(verdict: DrillVerdict) -> Exit {
    match verdict {
        DrillVerdict::Passed => Exit::Done,
        DrillVerdict::Failed => Exit::Failed,
        DrillVerdict::CouldNotRun => Exit::Inconclusive,
    }
}

/// What is restored. A moment is one of the archives where there are any.
fn from(config: &Config, args: &DrillHold) -> DrillFrom {
    match (args.from, config.drill.from) {
        _ if args.backup.is_some() => DrillFrom::Backup,
        (Some(DrillSource::Backup), _) => DrillFrom::Backup,
        (Some(DrillSource::Archive), _) => DrillFrom::Archive,
        (None, _) if args.at.is_some() && !config.continuous.is_empty() => DrillFrom::Archive,
        (None, DrilledFrom::Archive) => DrillFrom::Archive,
        (None, DrilledFrom::Backup) => DrillFrom::Backup,
    }
}

fn pick(args: &DrillHold) -> Result<Pick, CommandError> {
    if let Some(name) = &args.backup {
        return Ok(Pick::Named(super::backup::parse(name)?));
    }
    if let Some(at) = &args.at {
        let moment: Result<Timestamp, _> = at.parse();
        let moment = moment.map_err(|_| {
            CommandError::new(Exit::Usage, format!("--at {at:?} is not a time"))
                .hint("write it with its zone, for example --at 2026-11-21T04:00:00Z")
        })?;
        return Ok(Pick::At(moment));
    }
    if args.random {
        return Ok(Pick::Random(random()?));
    }
    Ok(Pick::Latest)
}

/// A number to pick a backup by.
pub(crate) fn random() -> Result<u64, CommandError> {
    getrandom::u64().map_err(|error| CommandError::of(Exit::Failed, &error))
}

/// Ends a drill in good order at the first Ctrl-C or request to end.
async fn interrupted(cancelled: CancellationToken) {
    let (Ok(mut interrupt), Ok(mut terminate)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        return;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    output::talk("interrupted: the drill is being cleared away");
    cancelled.cancel();
}

fn refused(error: &DrillsRefused) -> CommandError {
    match error {
        DrillsRefused::Busy => CommandError::of(Exit::LeaseHeld, error),
        _ => CommandError::of(Exit::Failed, error),
    }
}

fn tell(entry: &DataEntry, drilled: &Drilled, json: bool) {
    if json {
        let mut out = records::json(entry, &drilled.report);
        if let Some(kept) = &drilled.kept {
            out["kept"] = serde_json::json!(kept);
        }
        output::json(&out);
    } else {
        output::result(&text::report(entry, &drilled.report));
        if let Some(kept) = &drilled.kept {
            output::talk(&format!(
                "the copies, and in logs/ what the release wrote, are in {}; they have the service's data: remove them when you \
                 are done",
                kept.display()
            ));
        }
        output::talk(&format!(
            "recorded as {}; a page to print: portcullis drill report {} --html FILE",
            entry.drill_id(),
            entry.drill_id()
        ));
    }
    // Not in the record: it may have data of people in it.
    for fact in &drilled.said {
        output::talk(&format!("{}: {}", fact.name, fact.value));
    }
}

fn list(entries: &[DataEntry], json: bool) {
    let drills = entries.iter().rev();
    let drills: Vec<_> = drills
        .filter_map(|entry| Some((entry, entry.drill()?)))
        .collect();
    if json {
        let rows: Vec<_> = drills
            .iter()
            .map(|(entry, report)| records::json(entry, report))
            .collect();
        output::json(&serde_json::json!({ "schema": "portcullis.drills/1", "drills": rows }));
    } else if drills.is_empty() {
        output::talk("no drill was held yet; `portcullis drill` holds one");
    } else {
        for (entry, report) in drills {
            output::result(&text::row(entry, report));
        }
    }
}

fn report(
    entries: &[DataEntry],
    wanted: Option<&str>,
    html: Option<&Path>,
    json: bool,
) -> Result<Exit, CommandError> {
    let mut drills = entries
        .iter()
        .rev()
        .filter_map(|entry| Some((entry, entry.drill()?)));
    let found = drills.find(|(entry, _)| wanted.is_none_or(|id| entry.drill_id() == id));
    let Some((entry, report)) = found else {
        let what = match wanted {
            Some(id) => format!("there is no drill {id}"),
            None => "no drill was held yet".to_owned(),
        };
        return Err(CommandError::new(Exit::Failed, what)
            .hint("`portcullis drill list` lists them, `portcullis drill` holds one"));
    };
    if let Some(file) = html {
        let written = std::fs::write(file, page::page(entry, report));
        written.map_err(|error| {
            CommandError::because(
                Exit::Failed,
                format!("{} cannot be written", file.display()),
                &error,
            )
        })?;
        output::talk(&format!("{} written", file.display()));
    }
    if json {
        output::json(&records::json(entry, report));
    } else if html.is_none() {
        output::result(&text::report(entry, report));
    }
    Ok(Exit::Done)
}

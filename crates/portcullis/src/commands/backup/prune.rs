//! `portcullis backup prune`: the rules decide, the vault removes, and every line says why.
//!
//! What a rollout that is not over may need, and what `rollback` would put back, is read from the journal. Without a
//! readable journal nothing is removed, because nobody can know what is needed.

use portcullis_analysis::counted;
use portcullis_backup::{BackupError, BackupSummary, Decision, Keep, Retention, Vault, retention};
use portcullis_config::Config;
use portcullis_engine::{History, Past, size_words};
use portcullis_rollout::{Action, Plan, Undo};

mod elsewhere;

pub(in crate::commands) use elsewhere::by_rules as copies_by_rules;

use super::{failed, now};
use crate::command_error::{CommandError, ErrorCode, Exit};
use crate::state_folder::StateFolder;
use crate::{connect, journal_place, offline, output};

/// What the configuration's `[backup]` table says.
pub(super) fn configured(config: &Config) -> Keep {
    super::copies::keep(&config.retention)
}

/// The numbers, for reports.
pub(super) fn keep_json(keep: &Keep) -> serde_json::Value {
    serde_json::json!({
        "last": keep.last,
        "days": keep.days,
        "hourly": keep.hourly,
        "daily": keep.daily,
        "weekly": keep.weekly,
        "monthly": keep.monthly,
        "yearly": keep.yearly,
    })
}

/// What became of a backup that was to go.
struct Outcome {
    decision: Decision,
    /// Bytes freed; in a dry run, what would be freed.
    freed_bytes: u64,
    /// Why it could not be removed.
    error: Option<BackupError>,
}

pub(super) async fn run(
    config: &Config,
    vault: &Vault,
    keep: Keep,
    dry_run: bool,
    json: bool,
) -> Result<Exit, CommandError> {
    let needed = needed_by_journal(config).await?;
    if !dry_run {
        for left in vault.clear_abandoned().map_err(|error| failed(&error))? {
            output::talk(&format!(
                "removed {}, which was left unfinished",
                left.display()
            ));
        }
    }
    let (outcomes, rules) = sweep(config, vault, (keep, needed.clone()), dry_run)?;
    let copies = elsewhere::run(config, vault, &needed, dry_run).await?;
    if json {
        report_json((&outcomes, &copies), &rules, dry_run);
    } else {
        report(&outcomes, dry_run);
        elsewhere::report(&copies, dry_run);
    }
    if let Some(why) = copies.iter().find_map(elsewhere::Swept::trouble) {
        if json {
            return Ok(Exit::Failed);
        }
        return Err(CommandError::new(Exit::Failed, why).code(ErrorCode::CopyFailed));
    }
    let mut errors = outcomes.iter().filter_map(|outcome| outcome.error.as_ref());
    match errors.next() {
        // It is said above; there is one result on standard output.
        Some(_) if json => Ok(Exit::Failed),
        Some(error) => Err(CommandError::of(Exit::Failed, error)),
        None => Ok(Exit::Done),
    }
}

/// Removes old backups by the configured rules. Returns how many, and why one could not be.
pub(in crate::commands) fn by_rules(
    config: &Config,
    vault: &Vault,
    needed: Vec<(String, String)>,
) -> (u64, Option<String>) {
    match sweep(config, vault, (configured(config), needed), false) {
        Ok((outcomes, _)) => {
            let mut errors = outcomes.iter().filter_map(|outcome| outcome.error.as_ref());
            let why = errors.next().map(|error| connect::in_one_line(error));
            (removed(&outcomes).count() as u64, why)
        }
        Err(error) => (0, Some(error.sentence())),
    }
}

/// Decides about every backup, and carries it out.
fn sweep(
    config: &Config,
    vault: &Vault,
    (keep, needed): (Keep, Vec<(String, String)>),
    dry_run: bool,
) -> Result<(Vec<Outcome>, Retention), CommandError> {
    let backups = vault.list().map_err(|error| failed(&error))?;
    let in_use = backups
        .iter()
        .filter(|backup| vault.is_in_use(&backup.name));
    let rules = Retention {
        service: config.service.name.to_string(),
        environment: config.service.environment.clone(),
        keep,
        needed,
        in_use: in_use.map(|backup| backup.name.to_string()).collect(),
        now: now(),
    };
    let decisions = retention(&backups, &rules);
    let outcomes = backups
        .iter()
        .zip(decisions)
        .map(|(backup, decision)| carry_out(vault, backup, decision, dry_run))
        .collect();
    Ok((outcomes, rules))
}

fn carry_out(
    vault: &Vault,
    backup: &BackupSummary,
    mut decision: Decision,
    dry_run: bool,
) -> Outcome {
    let outcome = |freed_bytes, error| Outcome {
        decision: decision.clone(),
        freed_bytes,
        error,
    };
    match (decision.keep, dry_run) {
        (true, _) => outcome(0, None),
        (false, true) => outcome(vault.bytes_of(&backup.name), None),
        (false, false) => match vault.remove(backup) {
            Ok(removed) => outcome(removed.bytes, None),
            // Somebody was faster.
            Err(
                error @ (BackupError::InUse { .. }
                | BackupError::Protected { .. }
                | BackupError::UnknownBackup { .. }),
            ) => {
                decision.keep = !matches!(error, BackupError::UnknownBackup { .. });
                decision.why = match &error {
                    BackupError::Protected { by, .. } => format!("{by} has just protected it"),
                    BackupError::InUse { .. } => "it has just come into use".to_owned(),
                    _ => "somebody else removed it meanwhile".to_owned(),
                };
                Outcome {
                    decision,
                    freed_bytes: 0,
                    error: None,
                }
            }
            Err(error) => outcome(0, Some(error)),
        },
    }
}

/// The names of the backups that the journal says are needed, each with the reason.
pub(super) async fn needed_by_journal(
    config: &Config,
) -> Result<Vec<(String, String)>, CommandError> {
    let unknown = |error: CommandError| {
        error.hint(
            "without the journal nobody knows what a rollout may need, so nothing was removed; \
             `portcullis journal verify` says more",
        )
    };
    let folder = StateFolder::new(&config.state.folder);
    // A folder where a gateway ran had a journal: it is lost, not empty.
    let missing = journal_place::missing_file(config).filter(|_| folder.routes().exists());
    if let Some(file) = missing {
        let what = format!("the journal {} is missing", file.display());
        return Err(unknown(CommandError::new(Exit::Failed, what)));
    }
    let history: History = offline::history(config).await.map_err(unknown)?;
    Ok(needed_by(&history))
}

/// The names of the backups that are needed, each with the reason: those in the plan of a rollout that is not over, and those
/// that `rollback` would put back.
pub(in crate::commands) fn needed_by(history: &History) -> Vec<(String, String)> {
    let of_live = |live: &Past| {
        let why = format!("rollout {} is not over and may need it", live.id());
        let names = names_in(live.rollout().plan()).into_iter();
        names.map(|name| (name, why.clone())).collect()
    };
    let mut needed: Vec<(String, String)> = history.live().map(of_live).unwrap_or_default();
    let ways = history.ways_back().into_iter();
    needed.extend(ways.map(|(backup, release)| {
        let why = format!("`portcullis rollback` needs it: {release} would get its data back");
        (backup, why)
    }));
    needed
}

/// Every backup that a plan makes, tries out or puts back.
fn names_in(plan: &Plan) -> Vec<String> {
    let mut names = Vec::new();
    for step in &plan.steps {
        let undo = match &step.undo {
            Undo::Nothing | Undo::Impossible => None,
            Undo::Run { .. } | Undo::Restore { .. } => step.undo.action(),
        };
        for action in std::iter::once(&step.action).chain(&undo) {
            match action {
                Action::Backup(order) => names.push(order.name.clone()),
                Action::Rehearse(rehearsal) => names.push(rehearsal.backup.clone()),
                Action::Restore(order) => names.push(order.backup.clone()),
                _ => {}
            }
        }
    }
    names
}

fn report(outcomes: &[Outcome], dry_run: bool) {
    if outcomes.is_empty() {
        output::talk("there are no backups; `portcullis backup create` makes one");
        return;
    }
    let goes = if dry_run { "would remove" } else { "removed" };
    let width = if dry_run { 12 } else { 7 };
    for outcome in outcomes {
        let decision = &outcome.decision;
        let word = match (decision.keep, &outcome.error) {
            (true, _) => "keeps",
            (false, Some(_)) => "failed",
            (false, None) => goes,
        };
        let size = size_words(decision.bytes);
        let (name, why) = (&decision.name, &decision.why);
        output::result(&format!("{word:width$}  {name}  {size:>9}  {why}"));
    }
    let gone = removed(outcomes).count();
    let freed = size_words(removed(outcomes).map(|outcome| outcome.freed_bytes).sum());
    let stay = counted(
        (outcomes.len() - gone) as u64,
        "backup stays",
        "backups stay",
    );
    output::talk(&match (gone, dry_run) {
        (0, _) => format!("nothing to remove; {stay}"),
        (_, true) => {
            format!("{gone} would go and free {freed}, {stay}; nothing was removed")
        }
        (_, false) => format!("{gone} removed, {freed} freed, {stay}"),
    });
}

fn report_json(
    (outcomes, copies): (&[Outcome], &[elsewhere::Swept]),
    rules: &Retention,
    dry_run: bool,
) {
    let rows: Vec<_> = outcomes
        .iter()
        .map(|outcome| {
            let decision = &outcome.decision;
            serde_json::json!({
                "name": decision.name.as_str(),
                "keep": decision.keep,
                "why": decision.why,
                "bytes": decision.bytes,
                "error": outcome.error.as_ref().map(ToString::to_string),
            })
        })
        .collect();
    let freed_bytes: u64 = removed(outcomes).map(|outcome| outcome.freed_bytes).sum();
    output::json(&serde_json::json!({
        "schema": "portcullis.backup-prune/1",
        "dry_run": dry_run,
        "keep_last": rules.keep.last,
        "keep_days": rules.keep.days,
        "keep": keep_json(&rules.keep),
        "removed": removed(outcomes).count(),
        "freed_bytes": freed_bytes,
        "backups": rows,
        "copies": elsewhere::json(copies),
    }));
}

fn removed(outcomes: &[Outcome]) -> impl Iterator<Item = &Outcome> {
    outcomes
        .iter()
        .filter(|outcome| !outcome.decision.keep && outcome.error.is_none())
}

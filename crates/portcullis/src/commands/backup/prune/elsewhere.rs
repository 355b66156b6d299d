//! The same rules for copies elsewhere: each place has its own numbers, and keeps its newest complete copy in any case.

use portcullis_backup::{CopyError, Decision, Vault, retention};
use portcullis_config::Config;
use portcullis_engine::{CopyPlace, copies_of, size_words};

use super::super::{copies, refused};
use crate::command_error::CommandError;
use crate::output;

/// What became of the copies at a place.
pub(super) struct Swept {
    copy: String,
    place: String,
    outcome: Result<Vec<Outcome>, String>,
}

/// What became of one copy.
struct Outcome {
    decision: Decision,
    /// Why it could not be removed.
    error: Option<String>,
}

impl Swept {
    /// What did not work, if something did not.
    pub(super) fn trouble(&self) -> Option<String> {
        match &self.outcome {
            Err(why) => Some(why.clone()),
            Ok(outcomes) => outcomes.iter().find_map(|outcome| outcome.error.clone()),
        }
    }
}

/// Decides about every copy at every place, and carries it out. A place that cannot be asked keeps what it has.
pub(super) async fn run(
    config: &Config,
    vault: &Vault,
    needed: &[(String, String)],
    dry_run: bool,
) -> Result<Vec<Swept>, CommandError> {
    let places = copies_of(config).await.map_err(|error| refused(&error))?;
    let sweep = |place: CopyPlace| Swept {
        copy: place.copies.name().to_owned(),
        place: place.copies.url().to_owned(),
        outcome: sweep(config, vault, (&place, needed.to_vec()), dry_run)
            .map_err(|error| error.to_string()),
    };
    Ok(places.into_iter().map(sweep).collect())
}

/// Removes old copies at a place by its rules.
///
/// # Errors
/// When the place cannot be asked, or one cannot be removed.
pub(in crate::commands) fn by_rules(
    config: &Config,
    vault: &Vault,
    place: &CopyPlace,
    needed: Vec<(String, String)>,
) -> Result<(), CopyError> {
    for (decision, error) in decide(config, vault, (place, needed), false)? {
        if let Some(error) = error {
            return Err(error);
        }
        if !decision.keep {
            let (backup, copy) = (decision.name.as_str(), place.copies.name());
            tracing::info!(backup, copy, "a copy was removed: {}", decision.why);
        }
    }
    Ok(())
}

fn sweep(
    config: &Config,
    vault: &Vault,
    what: (&CopyPlace, Vec<(String, String)>),
    dry_run: bool,
) -> Result<Vec<Outcome>, CopyError> {
    let decided = decide(config, vault, what, dry_run)?.into_iter();
    Ok(decided
        .map(|(decision, error)| Outcome {
            decision,
            error: error.map(|error| error.to_string()),
        })
        .collect())
}

fn decide(
    config: &Config,
    vault: &Vault,
    (place, needed): (&CopyPlace, Vec<(String, String)>),
    dry_run: bool,
) -> Result<Vec<(Decision, Option<CopyError>)>, CopyError> {
    let mut listed = place.copies.list_marked(vault)?;
    let here = vault.list().unwrap_or_default();
    for copy in &mut listed {
        // Who protects a backup means its copies too. A note that cannot be read protects.
        let here = here.iter().find(|backup| backup.name == copy.name);
        copy.protection = here.and_then(|backup| backup.protection.clone());
    }
    let decisions = retention(&listed, &copies::rules(config, place, needed));
    let carry_out = |decision: Decision| {
        let error = match decision.keep || dry_run {
            true => None,
            false => place.copies.remove(vault, &decision.name).err(),
        };
        (decision, error)
    };
    Ok(decisions.into_iter().map(carry_out).collect())
}

pub(super) fn report(swept: &[Swept], dry_run: bool) {
    for Swept {
        copy,
        place,
        outcome,
    } in swept
    {
        let outcomes = match outcome {
            Ok(outcomes) => outcomes,
            Err(why) => {
                output::talk(&format!("{copy}: nothing was removed: {why}"));
                continue;
            }
        };
        output::talk(&format!("at {copy} ({place}):"));
        for Outcome { decision, error } in outcomes {
            let word = match (decision.keep, error, dry_run) {
                (true, ..) => "keeps",
                (false, Some(_), _) => "failed",
                (false, None, true) => "would remove",
                (false, None, false) => "removed",
            };
            let width = if dry_run { 12 } else { 7 };
            let (name, why, size) = (&decision.name, &decision.why, size_words(decision.bytes));
            output::result(&format!(
                "{word:width$}  {name}  {size:>9}  {why}  [{copy}]"
            ));
        }
    }
}

pub(super) fn json(swept: &[Swept]) -> serde_json::Value {
    let rows = |outcomes: &[Outcome]| -> Vec<serde_json::Value> {
        let row = |Outcome { decision, error }: &Outcome| {
            serde_json::json!({
                "name": decision.name.as_str(),
                "keep": decision.keep,
                "why": decision.why,
                "bytes": decision.bytes,
                "error": error,
            })
        };
        outcomes.iter().map(row).collect()
    };
    let all = swept.iter().map(|swept| {
        serde_json::json!({
            "copy": swept.copy,
            "place": swept.place,
            "error": swept.outcome.as_ref().err(),
            "backups": rows(swept.outcome.as_deref().unwrap_or_default()),
        })
    });
    serde_json::Value::Array(all.collect())
}

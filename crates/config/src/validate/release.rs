//! The releases.

use std::collections::BTreeMap;
use std::path::PathBuf;

use portcullis_rollout::{Command, CommandMigration, Migration, Proof, ReleaseId, StoreRef};

use super::places::{begins_with_place, mentions};
use super::sql_files;
use super::{Context, text};
use crate::origin::Wanted;
use crate::raw::{RawMigration, RawProof, RawRelease, RawStore};
use crate::report::{At, Wrong};
use crate::{Code, ReleaseConfig};

/// The stores that releases may change.
pub(super) struct Stores<'s> {
    /// As they are written.
    pub(super) named: &'s [RawStore],
    /// Those of them that are right.
    pub(super) known: &'s [StoreRef],
}

impl<'s> Stores<'s> {
    /// The stores as they are written, and those that are right.
    pub(super) fn of(named: &'s [RawStore], known: &'s [StoreRef]) -> Stores<'s> {
        Stores { named, known }
    }
}

/// The releases, in the order of the file.
pub(super) fn releases(
    raw: Vec<RawRelease>,
    stores: Stores<'_>,
    context: &mut Context<'_>,
) -> Vec<ReleaseConfig> {
    for (index, release) in raw.iter().enumerate() {
        let Some(version) = &release.version else {
            continue;
        };
        let same = |other: &RawRelease| text(other.version.as_ref()) == Some(&version.value);
        if raw[..index].iter().any(same) {
            let message = format!("another release already has the version {}", version.value);
            let hint = "a version never changes: give the new one a number of its own";
            context.report.add(
                &version.spot,
                Wrong::new(Code::Duplicate, message).hint(hint),
            );
        }
    }
    raw.into_iter()
        .map(|release| self::release(release, &stores, context))
        .collect()
}

fn release(raw: RawRelease, stores: &Stores<'_>, context: &mut Context<'_>) -> ReleaseConfig {
    context.places.check_entries(&raw.env);
    where_to_listen(&raw, context);
    let artifact_path = match &raw.artifact {
        Some(artifact) => {
            let path = context.absolute(&artifact.value);
            let wanted = if runs_itself(&raw) {
                Wanted::Program
            } else {
                Wanted::Artifact
            };
            context.needs(&path, wanted, &artifact.spot);
            path
        }
        None => PathBuf::new(),
    };
    context.needs_secrets(&raw.env);
    let env: BTreeMap<String, String> = raw
        .env
        .into_iter()
        .map(|(name, at)| (name, context.referenced(at.value)))
        .collect();
    ReleaseConfig {
        id: ReleaseId::new(raw.version.map(|at| at.value).unwrap_or_default()),
        artifact_path,
        command: words(raw.command, context),
        migration: raw
            .migrate
            .and_then(|migrate| migration(migrate, &env, stores, context)),
        env,
    }
}

fn runs_itself(raw: &RawRelease) -> bool {
    let program = raw
        .command
        .as_ref()
        .and_then(|command| command.value.first());
    program.is_some_and(|program| program.value == "{artifact}")
}

/// Two releases run beside each other on different ports, so each must be told its own.
fn where_to_listen(raw: &RawRelease, context: &Context<'_>) {
    let Some(command) = &raw.command else { return };
    let told = |text: &At<String>| mentions(&text.value, &["port", "address"]);
    if !command.value.iter().any(told) && !raw.env.values().any(told) {
        let message = "the release is not told where to listen";
        let hint = "add `{port}` or `{address}` to the command, or to a variable in env";
        context.report.add(
            &command.spot,
            Wrong::new(Code::BadValue, message).hint(hint),
        );
    }
}

fn migration(
    raw: RawMigration,
    env: &BTreeMap<String, String>,
    stores: &Stores<'_>,
    context: &mut Context<'_>,
) -> Option<Migration> {
    if stores.named.is_empty() {
        let message = "this migrates data, but the file has no [[store]] to back up first";
        let hint = "declare the file or folder that it changes as a [[store]]";
        context.report.add(
            &raw.spot,
            Wrong::new(Code::Contradiction, message).hint(hint),
        );
    }
    if let Some(sql) = &raw.sql {
        return sql_files::migration(&raw, sql, stores, context).map(Migration::Sql);
    }
    let folder = context.folder.to_owned();
    let command = |argv: Vec<String>| Command {
        argv,
        env: env.clone(),
        folder: folder.clone(),
    };
    let migrate = command(words(raw.command, context));
    let reverse = raw
        .reverse
        .map(|reverse| command(words(Some(reverse), context)));
    let proof = match raw.proof {
        Some(RawProof::Json(json)) => {
            context.places.check(&json.file);
            context.places.check_json(&json.equals);
            Proof::Json {
                file: proof_file(&json.file.value, context),
                pointer: json.pointer.value,
                equals: json.equals.value,
            }
        }
        Some(RawProof::Command(words_of_proof)) => {
            Proof::Command(command(words(Some(words_of_proof), context)))
        }
        None => Proof::Command(command(Vec::new())),
    };
    Some(Migration::Command(CommandMigration {
        command: migrate,
        proof,
        reverse,
    }))
}

/// A path that begins with a place is absolute once that is filled in.
fn proof_file(file: &str, context: &Context<'_>) -> PathBuf {
    if begins_with_place(file) {
        PathBuf::from(file)
    } else {
        context.absolute(file)
    }
}

fn words(command: Option<At<Vec<At<String>>>>, context: &Context<'_>) -> Vec<String> {
    let words = command.map(|command| command.value).unwrap_or_default();
    context.places.check_all(&words);
    words.into_iter().map(|word| word.value).collect()
}

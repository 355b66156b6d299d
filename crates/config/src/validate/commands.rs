//! Stores of commands.

use portcullis_rollout::{StoreCommands, StoreLocation};

use super::Context;
use crate::origin::Wanted;
use crate::raw::RawStore;
use crate::report::{At, Spot, Wrong};
use crate::{Code, StateConfig};

/// How long a command may take unless it is said, in milliseconds.
const TIMEOUT_MS: u64 = 60 * 60 * 1_000;

/// Where it is noted what was put back, in the folder of the state.
const MEMORY: &str = "stores";

/// The commands of a store, and the place of the first.
pub(super) fn location<'r>(
    raw: &'r RawStore,
    state: &StateConfig,
    context: &mut Context<'_>,
) -> Option<(StoreLocation, &'r Spot)> {
    let commands = &raw.commands;
    for key in ["backup", "restore"] {
        if !commands.argv.contains_key(key) && !commands.refused.contains(&key) {
            let message = format!("a store of kind \"command\" needs `{key}`");
            let wrong = Wrong::new(Code::MissingKey, message);
            context.report.add(&raw.spot, wrong);
        }
    }
    for words in commands.argv.values() {
        program(words, context);
    }
    context.needs_secrets(&commands.env);
    let copies = commands.copies.as_ref().is_some_and(|at| at.value);
    if let (Some(path), false) = (&raw.path, copies) {
        let message = "`path` is what stands for the store in the commands of a release, and without `copies` a \
                       rehearsal would have live data there";
        let hint = "set copies = true, if the commands heed PORTCULLIS_COPY, or write the path out in the command of \
                    the release";
        let wrong = Wrong::new(Code::Contradiction, message).hint(hint);
        context.report.add(&path.spot, wrong);
    }
    if let (Some(at), None, true) = (&commands.copies, &raw.path, copies) {
        let message = "a release could not be told to use a copy";
        let hint = "set `path` to where the data is: {store.NAME} stands for it, and for the folder of a copy";
        let wrong = Wrong::new(Code::MissingKey, message).hint(hint);
        context.report.add(&at.spot, wrong);
    }
    if let (Some(at), Some(_)) = (
        commands.repeats.as_ref().filter(|at| at.value),
        commands.argv.get("digest"),
    ) {
        let message = "the word of `digest` proves a restore, so it does not matter what the backup command repeats";
        let wrong = Wrong::new(Code::Contradiction, message).hint("remove one of the two");
        context.report.add(&at.spot, wrong);
    }
    let words = |key: &str| {
        let words = commands.argv.get(key)?;
        Some(words.value.iter().map(|word| word.value.clone()).collect())
    };
    let name = raw.name.as_ref().map_or("", |name| &name.value);
    let env = commands.env.iter();
    let location = StoreLocation::Command(Box::new(StoreCommands {
        backup: words("backup")?,
        restore: words("restore")?,
        check: words("check"),
        size: words("size"),
        digest: words("digest"),
        repeats: commands.repeats.as_ref().is_some_and(|at| at.value),
        env: env
            .map(|(name, at)| (name.clone(), context.referenced(at.value.clone())))
            .collect(),
        folder: context.folder.to_owned(),
        timeout_ms: commands
            .timeout_ms
            .as_ref()
            .map_or(TIMEOUT_MS, |at| at.value),
        memory: state.folder.join(MEMORY).join(format!("{name}.json")),
        copies,
        path: raw.path.as_ref().map(|at| context.absolute(&at.value)),
        copy: None,
    }));
    Some((location, &commands.argv.get("backup")?.spot))
}

/// A name without a folder is looked for where the system looks when the command is run.
fn program(words: &At<Vec<At<String>>>, context: &mut Context<'_>) {
    let program = words.value.first();
    if let Some(program) = program.filter(|program| program.value.contains('/')) {
        let path = context.absolute(&program.value);
        context.needs(&path, Wanted::Hook, &program.spot);
    }
}

/// The keys of commands that are given, each with its place.
pub(super) fn given(raw: &RawStore) -> Vec<(&'static str, &Spot)> {
    let commands = &raw.commands;
    let argv = commands.argv.iter().map(|(key, at)| (*key, &at.spot));
    let rest = [
        ("repeats", commands.repeats.as_ref().map(|at| &at.spot)),
        ("copies", commands.copies.as_ref().map(|at| &at.spot)),
        ("timeout", commands.timeout_ms.as_ref().map(|at| &at.spot)),
        ("env", commands.env.values().next().map(|at| &at.spot)),
    ];
    let rest = rest
        .into_iter()
        .filter_map(|(key, spot)| Some((key, spot?)));
    argv.chain(rest).collect()
}

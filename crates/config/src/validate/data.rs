//! The stores, and what a rollback means for them.

use portcullis_rollout::{
    Closing, DataPolicy, StoreKind, StoreLocation, StoreRef, Strategy, ValueSource,
};

use super::paths::within;
use super::{Context, bucket, commands, text};
use crate::origin::Wanted;
use crate::raw::{RawData, RawRelease, RawState, RawStore};
use crate::report::{At, Report, Spot, Wrong};
use crate::{Code, StateConfig};

/// The stores, with absolute paths that do not overlap.
pub(super) fn stores(
    raw: &[RawStore],
    raw_state: &RawState,
    state: &StateConfig,
    context: &mut Context<'_>,
) -> Vec<StoreRef> {
    let mut stores: Vec<(StoreRef, &Spot)> = Vec::new();
    for (index, store) in raw.iter().enumerate() {
        duplicate_name(&raw[..index], store, context.report);
        let (Some(name), Some(kind)) = (&store.name, &store.kind) else {
            continue;
        };
        // Another word was refused when the file was read.
        let Some(kind) = StoreKind::of_word(&kind.value) else {
            continue;
        };
        let Some((location, spot)) = location(kind, store, state, context) else {
            continue;
        };
        let store = StoreRef {
            name: name.value.clone(),
            location,
        };
        for (other, _) in &stores {
            if overlap(&store, other) {
                let message = format!("this store overlaps the store `{}`", other.name);
                let hint = "each file belongs to one store, or it would be restored twice";
                let wrong = Wrong::new(Code::Duplicate, message).hint(hint);
                context.report.add(spot, wrong);
            }
        }
        for (key, own, at) in [
            ("state.folder", &state.folder, &raw_state.folder),
            ("state.vault", &state.vault, &raw_state.vault),
        ] {
            let Some(path) = store.path() else { continue };
            let holds_own = is_folder(kind) && within(own, path);
            if at.is_some() && (holds_own || within(path, own)) {
                let message = format!("this store and {key} overlap");
                let hint =
                    "backups of a store must not lie within it: choose another folder for one";
                let wrong = Wrong::new(Code::Contradiction, message).hint(hint);
                context.report.add(spot, wrong);
            }
        }
        stores.push((store, spot));
    }
    stores.into_iter().map(|(store, _)| store).collect()
}

/// The names of the stores, and whether each is a database with a URL.
pub(super) fn named(raw: &[RawStore]) -> Vec<(String, bool)> {
    // What stands for the data of commands is their `path`; without one nothing does.
    let placed = raw.iter().filter(|store| {
        let of_commands = text(store.kind.as_ref()) == Some(StoreKind::Command.word());
        !of_commands || store.path.is_some()
    });
    let named = placed.filter_map(|store| {
        let servers = [StoreKind::Postgres, StoreKind::Redis].map(StoreKind::word);
        let is_url = text(store.kind.as_ref()).is_some_and(|kind| servers.contains(&kind));
        Some((store.name.as_ref()?.value.clone(), is_url))
    });
    named.collect()
}

/// Where a store is, and the place of the key that says so.
fn location<'r>(
    kind: StoreKind,
    raw: &'r RawStore,
    state: &StateConfig,
    context: &mut Context<'_>,
) -> Option<(StoreLocation, &'r Spot)> {
    if kind == StoreKind::Bucket {
        return bucket::location(raw, context);
    }
    bucket::unused(raw, kind.word(), context.report);
    let server = matches!(kind, StoreKind::Postgres | StoreKind::Redis);
    foreign_keys(kind, server, raw, context);
    if kind == StoreKind::Command {
        return commands::location(raw, state, context);
    }
    if server {
        let url = needed(raw.url.as_ref(), "url", kind, raw, context)?;
        if let ValueSource::File(path) = ValueSource::of(&url.value) {
            let path = context.absolute(path);
            context.needs(&path, Wanted::Secret, &url.spot);
        }
        let (reference, folder) = (
            context.referenced(url.value.clone()),
            context.folder.to_owned(),
        );
        let location = match kind {
            StoreKind::Redis => StoreLocation::Redis {
                url: reference,
                folder,
                copy: None,
            },
            _ => StoreLocation::Postgres {
                url: reference,
                folder,
                database: None,
                jobs: raw.jobs.as_ref().map_or(1, |jobs| jobs.value),
            },
        };
        return Some((location, &url.spot));
    }
    let at = needed(raw.path.as_ref(), "path", kind, raw, context)?;
    let path = context.absolute(&at.value);
    let (wanted, location) = match kind {
        StoreKind::File => (Wanted::FileStore, StoreLocation::File { path }),
        StoreKind::Directory => (Wanted::DirectoryStore, StoreLocation::Directory { path }),
        StoreKind::Chroma => (Wanted::ChromaStore, StoreLocation::Chroma { path }),
        StoreKind::Sqlite
        | StoreKind::Postgres
        | StoreKind::Redis
        | StoreKind::Bucket
        | StoreKind::Command => (Wanted::SqliteStore, StoreLocation::Sqlite { path }),
    };
    context.needs(&context.absolute(&at.value), wanted, &at.spot);
    Some((location, &at.spot))
}

/// Says which keys a store of this kind does not have; `server` when its data is behind a URL.
fn foreign_keys(kind: StoreKind, server: bool, raw: &RawStore, context: &mut Context<'_>) {
    let mut foreign = Vec::new();
    match server {
        true => foreign.extend(raw.path.as_ref().map(|at| ("path", &at.spot))),
        false => foreign.extend(raw.url.as_ref().map(|at| ("url", &at.spot))),
    }
    if kind != StoreKind::Postgres {
        foreign.extend(raw.jobs.as_ref().map(|at| ("jobs", &at.spot)));
    }
    if kind != StoreKind::Command {
        foreign.extend(commands::given(raw));
    }
    for (key, spot) in foreign {
        let message = format!("a store of kind \"{kind}\" has no `{key}`");
        let wrong = Wrong::new(Code::Contradiction, message).hint("remove it, or set another kind");
        context.report.add(spot, wrong);
    }
}

/// The value of a key that a store of this kind must have.
fn needed<'r>(
    at: Option<&'r At<String>>,
    key: &str,
    kind: StoreKind,
    raw: &RawStore,
    context: &Context<'_>,
) -> Option<&'r At<String>> {
    // A value that was refused was told already.
    if at.is_none() && !raw.refused.contains(&key) {
        let message = format!("a store of kind \"{kind}\" needs `{key}`");
        context
            .report
            .add(&raw.spot, Wrong::new(Code::MissingKey, message));
    }
    at
}

fn duplicate_name(before: &[RawStore], store: &RawStore, report: &Report<'_>) {
    let Some(name) = &store.name else { return };
    if before
        .iter()
        .any(|other| text(other.name.as_ref()) == Some(&name.value))
    {
        let message = format!("another store is already named `{}`", name.value);
        report.add(&name.spot, Wrong::new(Code::Duplicate, message));
    }
}

/// Whether a store of this kind is a folder with everything in it.
fn is_folder(kind: StoreKind) -> bool {
    matches!(kind, StoreKind::Directory | StoreKind::Chroma)
}

fn overlap(one: &StoreRef, other: &StoreRef) -> bool {
    let (Some(path), Some(other_path)) = (one.path(), other.path()) else {
        // Two references may lead to one database; that can only be seen when they are resolved.
        if let (StoreLocation::Bucket(one), StoreLocation::Bucket(other)) =
            (&one.location, &other.location)
        {
            return bucket::overlap(one, other);
        }
        let same = |one: &StoreRef, other: &StoreRef| one.place() == other.place();
        return one.kind() == other.kind() && same(one, other);
    };
    let is_folder = |store: &StoreRef| is_folder(store.kind());
    let same = within(path, other_path) && within(other_path, path);
    same || is_folder(one) && within(other_path, path)
        || is_folder(other) && within(path, other_path)
}

/// What a rollback means for the data.
pub(super) fn policy(
    raw: &RawData,
    releases: &[RawRelease],
    strategy: Option<&Strategy>,
    report: &Report<'_>,
) -> DataPolicy {
    let compatible = raw.compatible.as_ref().is_some_and(|at| at.value);
    let restore = text(raw.rollback.as_ref()) != Some("keep");
    let reverse = text(raw.rollback.as_ref()) == Some("reverse");
    let known_incompatible = raw.compatible.as_ref().is_some_and(|at| !at.value);
    let side_by_side = match strategy {
        Some(Strategy::Canary { .. }) => Some("canary"),
        Some(Strategy::BlueGreen) => Some("blue-green"),
        Some(Strategy::AtOnce | Strategy::CutOver { .. }) | None => None,
    };
    let cuts_over = matches!(strategy, Some(Strategy::CutOver { .. }));
    contradictions(raw, cuts_over, report);
    let migrations = || {
        releases
            .iter()
            .filter_map(|release| release.migrate.as_ref())
    };
    if let (true, Some(strategy)) = (known_incompatible, side_by_side) {
        for migration in migrations() {
            let message = format!(
                "with the strategy {strategy} the serving release goes on working on the data that this \
                 migrates, and data.compatible is false"
            );
            let hint = "set compatible = true in [data] if it can (the rehearsal will prove it), or strategy = \
                        \"cut-over\" in [service]: users are kept out while the data is migrated";
            report.add(
                &migration.spot,
                Wrong::new(Code::Contradiction, message).hint(hint),
            );
        }
    }
    if let (false, true, Some(at)) = (restore, known_incompatible, &raw.rollback)
        && migrations().next().is_some()
    {
        let message = "going back would keep migrated data on which the old release does not work";
        let hint = "set rollback = \"restore\", or compatible = true if it does work";
        report.add(
            &at.spot,
            Wrong::new(Code::Contradiction, message).hint(hint),
        );
    }
    DataPolicy {
        compatible,
        restore,
        service_writes: raw.written_by == "service",
        accept_loss: raw.accept_loss,
        read_only: raw.read_only.as_ref().is_some_and(|at| at.value) && !cuts_over,
        reverse,
        longest_lock_ms: raw.longest_lock_ms,
    }
}

/// Whether the rehearsal can prove that two releases work on migrated data.
pub(super) fn provable(
    raw: &RawData,
    releases: &[RawRelease],
    stores: &[StoreRef],
    report: &Report<'_>,
) {
    let Some(at) = raw.compatible.as_ref().filter(|at| at.value) else {
        return;
    };
    let migrates = releases.iter().any(|release| release.migrate.is_some());
    if let Some(store) = stores
        .iter()
        .find(|store| migrates && !store.can_be_copied())
    {
        let message = format!(
            "the rehearsal has to prove it on a copy, and the store `{}` cannot be copied",
            store.name
        );
        let hint = "set copies = true in its [[store]] if its commands heed PORTCULLIS_COPY, or compatible = false";
        report.add(
            &at.spot,
            Wrong::new(Code::Contradiction, message).hint(hint),
        );
    }
}

/// What cannot be meant: a window in which nothing is restored, or in which there is nobody who could read.
fn contradictions(raw: &RawData, cuts_over: bool, report: &Report<'_>) {
    let keeps = raw.rollback.as_ref().filter(|at| at.value == "keep");
    if let (true, Some(at)) = (cuts_over, keeps) {
        let message = "in a cut-over the old release never works on migrated data, and going back would keep it";
        let hint =
            "remove it: going back restores the backup that is made while users are kept out";
        let wrong = Wrong::new(Code::Contradiction, message).hint(hint);
        report.add(&at.spot, wrong);
    }
    let Some(at) = raw.read_only.as_ref().filter(|at| at.value) else {
        return;
    };
    let (message, hint) = match keeps {
        _ if cuts_over => (
            "in a cut-over nobody is let in at all, and no release runs that could be read from",
            "remove it",
        ),
        Some(_) => (
            "writes are kept out so that a restore loses none, and going back restores nothing",
            "remove it, or set rollback = \"restore\"",
        ),
        None => return,
    };
    let wrong = Wrong::new(Code::Contradiction, message).hint(hint);
    report.add(&at.spot, wrong);
}

/// How users are kept out while data is moved.
pub(super) fn closing(raw: &RawData) -> Closing {
    Closing {
        hold_ms: raw.hold_ms,
        retry_after_s: raw.retry_after_ms.div_ceil(1_000),
        // Each was read once already.
        reads: raw
            .reads
            .iter()
            .filter_map(|at| at.value.parse().ok())
            .collect(),
    }
}

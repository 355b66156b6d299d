//! The stores, and what a rollback means for them.

use portcullis_rollout::{DataPolicy, StoreKind, StoreRef, Strategy};

use super::paths::within;
use super::{Context, text};
use crate::origin::Wanted;
use crate::raw::{RawData, RawRelease, RawState, RawStore};
use crate::report::{Report, Spot, Wrong};
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
        let (Some(name), Some(kind), Some(path)) = (&store.name, &store.kind, &store.path) else {
            continue;
        };
        // Another word was refused when the file was read.
        let Some(kind) = StoreKind::of_word(&kind.value) else {
            continue;
        };
        let wanted = match kind {
            StoreKind::File => Wanted::FileStore,
            StoreKind::Directory => Wanted::DirectoryStore,
            StoreKind::Sqlite => Wanted::SqliteStore,
        };
        let absolute = context.absolute(&path.value);
        context.needs(&absolute, wanted, &path.spot);
        let store = StoreRef {
            name: name.value.clone(),
            location: kind.at(absolute),
        };
        for (other, _) in &stores {
            if overlap(&store, other) {
                let message = format!("this store overlaps the store `{}`", other.name);
                let hint = "each file belongs to one store, or it would be restored twice";
                let wrong = Wrong::new(Code::Duplicate, message).hint(hint);
                context.report.add(&path.spot, wrong);
            }
        }
        for (key, own, at) in [
            ("state.folder", &state.folder, &raw_state.folder),
            ("state.vault", &state.vault, &raw_state.vault),
        ] {
            let holds_own = kind == StoreKind::Directory && within(own, store.path());
            if at.is_some() && (holds_own || within(store.path(), own)) {
                let message = format!("this store and {key} overlap");
                let hint =
                    "backups of a store must not lie within it: choose another folder for one";
                let wrong = Wrong::new(Code::Contradiction, message).hint(hint);
                context.report.add(&path.spot, wrong);
            }
        }
        stores.push((store, &path.spot));
    }
    stores.into_iter().map(|(store, _)| store).collect()
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

fn overlap(one: &StoreRef, other: &StoreRef) -> bool {
    let holds = |outer: &StoreRef, inner: &StoreRef| {
        outer.kind() == StoreKind::Directory && within(inner.path(), outer.path())
    };
    let same = within(one.path(), other.path()) && within(other.path(), one.path());
    same || holds(one, other) || holds(other, one)
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
    let known_incompatible = raw.compatible.as_ref().is_some_and(|at| !at.value);
    let side_by_side = match strategy {
        Some(Strategy::Canary { .. }) => Some("canary"),
        Some(Strategy::BlueGreen) => Some("blue-green"),
        Some(Strategy::AtOnce) | None => None,
    };
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
            let hint = "set compatible = true in [data] if it can (the rehearsal will prove it)";
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
    }
}

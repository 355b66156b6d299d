//! The SQL files of a release.

use portcullis_rollout::{SqlMigration, StoreKind, StoreRef};

use super::Context;
use super::release::Stores;
use crate::Code;
use crate::origin::Wanted;
use crate::raw::RawMigration;
use crate::report::{At, Wrong};

/// How long a statement of an SQL file waits for a lock if the file says nothing, in milliseconds.
const LOCK_TIMEOUT_MS: u64 = 5_000;
/// How long one may take, in milliseconds.
const STATEMENT_TIMEOUT_MS: u64 = 15 * 60 * 1000;
/// The pause between two rounds of a batch, in milliseconds.
const PAUSE_MS: u64 = 100;

/// SQL files, and the database that they change. Which files there are is looked at when a plan is made.
pub(super) fn migration(
    raw: &RawMigration,
    sql: &At<String>,
    stores: &Stores<'_>,
    context: &mut Context<'_>,
) -> Option<SqlMigration> {
    let folder = context.absolute(&sql.value);
    context.needs(&folder, Wanted::SqlFolder, &sql.spot);
    let known = stores.known;
    let databases = || {
        known
            .iter()
            .filter(|store| matches!(store.kind(), StoreKind::Sqlite | StoreKind::Postgres))
    };
    let names: Vec<String> = databases()
        .map(|store| format!("`{}`", store.name))
        .collect();
    let found = match (&raw.store, names.len()) {
        (Some(wanted), _) => databases().find(|store| store.name == wanted.value),
        (None, 1) => databases().next(),
        (None, _) => None,
    };
    let Some(store) = found else {
        // Stores that were refused for their own sake are no second mistake.
        if stores.named.len() == known.len() {
            refuse(raw, sql, known, &names, context);
        }
        return None;
    };
    Some(SqlMigration {
        folder,
        through: raw.through.as_ref().map(|at| at.value),
        store: store.clone(),
        files: Vec::new(),
        lock_timeout_ms: raw
            .lock_timeout_ms
            .as_ref()
            .map_or(LOCK_TIMEOUT_MS, |at| at.value),
        statement_timeout_ms: raw
            .statement_timeout_ms
            .as_ref()
            .map_or(STATEMENT_TIMEOUT_MS, |at| at.value),
        pause_ms: raw.pause_ms.as_ref().map_or(PAUSE_MS, |at| at.value),
        server_version: server_version(raw, store, context),
    })
}

/// The version of PostgreSQL that is named; SQLite has its own in Portcullis.
fn server_version(raw: &RawMigration, store: &StoreRef, context: &Context<'_>) -> Option<u32> {
    let named = raw.server_version.as_ref()?;
    if store.kind() != StoreKind::Postgres {
        let message = format!(
            "`server_version` is about PostgreSQL, and the store `{}` is of kind {}",
            store.name,
            store.kind()
        );
        let wrong = Wrong::new(Code::Contradiction, message).hint("remove it");
        context.report.add(&named.spot, wrong);
    }
    u32::try_from(named.value).ok()
}

/// Says why no store can be changed by the files.
fn refuse(
    raw: &RawMigration,
    sql: &At<String>,
    known: &[StoreRef],
    names: &[String],
    context: &Context<'_>,
) {
    let (spot, message) = match &raw.store {
        Some(wanted) if known.iter().any(|store| store.name == wanted.value) => (
            &wanted.spot,
            format!(
                "the store `{}` is no database, so SQL files cannot change it",
                wanted.value
            ),
        ),
        Some(wanted) => (
            &wanted.spot,
            format!("there is no store `{}`", wanted.value),
        ),
        None if names.is_empty() => {
            let message = "SQL files change a database, and no [[store]] is one";
            (&sql.spot, message.to_owned())
        }
        None => (
            &sql.spot,
            "it is not said which store the files change".to_owned(),
        ),
    };
    let hint = match names.is_empty() {
        true => {
            "declare the database as a [[store]] with kind = \"sqlite\" or \"postgres\"".to_owned()
        }
        false => format!("set store to one of {}", names.join(", ")),
    };
    let wrong = Wrong::new(Code::BadValue, message).hint(hint);
    context.report.add(spot, wrong);
}

//! The stores of the service: those that were named, or those that are found in its folder.

use std::path::Path;

use portcullis_config::TemplateStore;
use portcullis_rollout::{StoreKind, ValueSource};

use super::guess::{Guess, name_of};
use super::scan::{self, FoundStore};
use super::start::Start;
use crate::cli::Init;
use crate::command_error::{CommandError, ErrorCode};

/// The stores, each with a name of its own.
pub(super) fn found(
    folder: &Path,
    args: &Init,
    guess: &Guess,
    guesses: &[Guess],
    told: &mut Vec<String>,
) -> Result<Vec<TemplateStore>, CommandError> {
    let found = match &args.store {
        Some(place) => vec![named(folder, place)?],
        None => {
            let knows = |guess: &&Guess| !guess.stores.is_empty();
            let named = std::iter::once(guess).chain(guesses).find(knows);
            scan::stores(folder, named)
        }
    };
    let mut stores: Vec<TemplateStore> = Vec::new();
    for store in found {
        let name = name(&store);
        let taken = stores
            .iter()
            .filter(|other| other.name.starts_with(&name))
            .count();
        let name = match taken {
            0 => name,
            more => format!("{name}-{}", more + 1),
        };
        told.push(format!("store {name}: {}, from {}", store.path, store.from));
        stores.push(TemplateStore {
            name,
            kind: store.kind,
            place: store.path,
        });
    }
    Ok(stores)
}

/// Puts the stores' places into the command, and says where it does not name them.
pub(super) fn place(start: &mut Start, stores: &[TemplateStore], told: &mut Vec<String>) {
    for store in stores {
        if start.place_store(&store.name, &store.place) {
            told.push(format!(
                "  {} in the command became {{store.{}}}, so that rehearsals work on a copy",
                store.place, store.name
            ));
        } else {
            told.push(format!(
                "note: the command does not say where {} is; a migration can only be rehearsed on a copy \
                 when it does: add {{store.{}}} to it or to env",
                store.place, store.name
            ));
        }
    }
}

/// The store that `--store` names: a file, a folder, or a server's database by its URL or by a reference to it.
fn named(folder: &Path, place: &str) -> Result<FoundStore, CommandError> {
    let kind = match ValueSource::of(place) {
        ValueSource::Variable(name) => std::env::var(name)
            .ok()
            .and_then(|url| server_kind(&url))
            .unwrap_or_else(|| likely(name)),
        ValueSource::File(path) => std::fs::read_to_string(folder.join(path))
            .ok()
            .and_then(|url| server_kind(url.trim()))
            .unwrap_or_else(|| likely(path)),
        ValueSource::Command(line) => likely(line),
        ValueSource::Literal(_) | ValueSource::Database { .. } => match server_kind(place) {
            Some(kind) if has_password(place) => {
                return Err(CommandError::coded(
                    ErrorCode::BadValue,
                    "--store has a password, which would stand in the configuration",
                )
                .hint(format!(
                    "put the URL into an environment variable and name that: --store env:{}",
                    variable(kind)
                )));
            }
            Some(kind) => kind,
            None => kind_of_path(&folder.join(place)),
        },
    };
    Ok(FoundStore {
        kind,
        path: place.to_owned(),
        from: "--store".to_owned(),
    })
}

fn kind_of_path(path: &Path) -> StoreKind {
    if path.is_dir() {
        scan::kind_of_folder(path)
    } else if scan::is_sqlite(path) {
        StoreKind::Sqlite
    } else {
        StoreKind::File
    }
}

/// What kind of server a URL leads to, if to one of those that are stores.
fn server_kind(url: &str) -> Option<StoreKind> {
    match url.split_once("://")?.0 {
        "postgres" | "postgresql" => Some(StoreKind::Postgres),
        "redis" | "rediss" | "valkey" | "valkeys" => Some(StoreKind::Redis),
        _ => None,
    }
}

/// What a name that cannot be resolved now most likely stands for.
fn likely(name: &str) -> StoreKind {
    let name = name.to_ascii_lowercase();
    if name.contains("redis") || name.contains("valkey") {
        StoreKind::Redis
    } else {
        StoreKind::Postgres
    }
}

fn variable(kind: StoreKind) -> &'static str {
    match kind {
        StoreKind::Redis => "REDIS_URL",
        _ => "DATABASE_URL",
    }
}

/// Whether a URL has a password before the host.
fn has_password(url: &str) -> bool {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = authority.split(['/', '?']).next().unwrap_or_default();
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    user.is_some_and(|user| user.contains(':')) || url.contains("password=")
}

/// How a store is called: by its file or folder, and a server's by what it is.
fn name(store: &FoundStore) -> String {
    match store.kind {
        StoreKind::Postgres => "database".to_owned(),
        StoreKind::Redis => "cache".to_owned(),
        _ => Path::new(&store.path)
            .file_stem()
            .and_then(|stem| name_of(&stem.to_string_lossy()))
            .unwrap_or_else(|| "data".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_told_by_their_urls_and_passwords_are_seen() {
        for (url, kind, password) in [
            ("postgres://app@db/notes", Some(StoreKind::Postgres), false),
            (
                "postgresql://app:p@db/notes",
                Some(StoreKind::Postgres),
                true,
            ),
            (
                "postgres:///notes?password=p",
                Some(StoreKind::Postgres),
                true,
            ),
            ("redis://:p@127.0.0.1/1", Some(StoreKind::Redis), true),
            ("redis://127.0.0.1:6379/1", Some(StoreKind::Redis), false),
            ("data/notes.db", None, false),
        ] {
            assert_eq!(server_kind(url), kind, "{url}");
            assert_eq!(has_password(url), password, "{url}");
        }
    }

    #[test]
    fn references_that_cannot_be_resolved_are_taken_for_what_they_say() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("url"), "redis://127.0.0.1/0\n").unwrap();
        for (place, kind) in [
            ("env:NOBODY_HAS_SET_THIS", StoreKind::Postgres),
            ("env:NOBODY_HAS_SET_THIS_REDIS", StoreKind::Redis),
            ("file:url", StoreKind::Redis),
        ] {
            assert_eq!(named(folder.path(), place).unwrap().kind, kind, "{place}");
        }
    }
}

//! The guard of live data: what is meant for copies and leads to the live stores all the same.
//!
//! Rehearsals, drills and twins say that nothing live is touched. That holds only if all that they start was told where
//! the copies are, and a command with a path that somebody wrote out was not: it would migrate live data, and prove
//! itself on it. So every command is read before anything is started. A place is known as it is written, as a path that
//! is relative to the folder of the command, and through symbolic links. What a program has in itself nobody can see:
//! whoever changes data must name a copy.

use std::path::{Path, PathBuf};

use portcullis_config::{Config, within};
use portcullis_rollout::{
    Action, Command, CommandMigration, Launch, Migration, MigrationOrder, Plan, Proof, Rehearsal,
    ReleaseId, ReverseOrder, StoreLocation, StoreRef, Strategy, ValueSource,
};

/// What ends a path within a text: of a shell, of SQL, of a URL.
const ENDS: &str = "'\"`=:;,|&<>()[]{}?#$";

/// What stands for the folder of a command in a text of a shell.
const FOLDER_ITSELF: [&str; 4] = ["$PWD", "${PWD}", "$(pwd)", "`pwd`"];

/// Knows live data from copies of it.
struct Guard<'g> {
    live: &'g [StoreRef],
    /// The names of the stores, and what stands for their copies in a command.
    copies: Vec<(String, String)>,
}

/// A text that leads to live data.
struct Astray {
    /// Whose it is, for example `its command`.
    whose: String,
    /// What it says.
    named: String,
    /// The store there.
    store: String,
}

/// Why a release that is started on copies of all stores would use live data, or could not be known to use the copies.
pub(crate) fn leads_astray(
    launch: &Launch,
    live: &[StoreRef],
    copies: &[StoreRef],
) -> Option<String> {
    let guard = Guard::of(live, copies);
    let (command, artifact) = (&launch.command, &launch.artifact.path);
    if let Some(astray) = guard.command("its command", command, artifact) {
        return Some(astray.mended());
    }
    let copies = guard.copies.iter();
    let mut missing = copies.filter(|(_, place)| !mentions(command, place));
    missing.next().map(|(name, _)| {
        format!(
            "neither its command nor its environment has {{store.{name}}}, so nobody can tell that it would \
             use the copy and not live data"
        )
    })
}

/// Why the rehearsals of a plan would use live data.
pub(crate) fn astray_in_plan(plan: &Plan, live: &[StoreRef]) -> Vec<String> {
    let rehearsals = plan.steps.iter().filter_map(|step| match &step.action {
        Action::Rehearse(rehearsal) => Some(rehearsal),
        _ => None,
    });
    rehearsals
        .flat_map(|rehearsal| astray_in(rehearsal, live))
        .collect()
}

/// Why a rehearsal would use live data: all that it starts is looked at.
pub(crate) fn astray_in(order: &Rehearsal, live: &[StoreRef]) -> Vec<String> {
    let guard = Guard::of(live, &order.stores);
    let new = &order.new.launch;
    let (release, artifact) = (&new.release, new.artifact.path.as_path());
    let mut found = Vec::new();
    for migration in order.migration.iter().chain(&order.later) {
        match migration {
            MigrationOrder::Command(migration) => {
                found.extend(guard.migration(release, migration, artifact));
            }
            MigrationOrder::Sql(sql) => found.extend(guard.aimed(release, &sql.migration.store)),
        }
    }
    let back = order.back.as_deref();
    match back.map(|back| &back.order) {
        Some(ReverseOrder::Command { command, proof }) => {
            found.extend(guard.change(release, "reverse", command, artifact));
            found.extend(guard.proof(release, proof, artifact));
        }
        Some(ReverseOrder::Sql { reverses }) => found.extend(guard.aimed(release, &reverses.store)),
        None => {}
    }
    let astray = guard.command("its command", &new.command, artifact);
    found.extend(astray.map(|astray| format!("release {release}: {}", astray.mended())));
    let old = order.old.iter().chain(back.map(|back| &back.old));
    for launch in old.map(|trial| &trial.launch) {
        let astray = guard.command("its command", &launch.command, &launch.artifact.path);
        // It is started as it was brought out, whatever the configuration says by now.
        found.extend(astray.map(|astray| {
            format!(
                "release {}, which serves: {}; first bring out one without a migration that has {{store.{}}} instead",
                launch.release,
                astray.words(),
                astray.store
            )
        }));
    }
    once(found)
}

/// What of a configuration would lead rehearsals to live data. Nothing where none is held.
#[must_use]
pub fn astray_in_config(config: &Config) -> Vec<String> {
    let migrates = |release: &portcullis_config::ReleaseConfig| release.migration.is_some();
    let rehearses = matches!(config.service.strategy, Strategy::CutOver { .. })
        || config.releases.iter().any(migrates);
    if !rehearses || !config.stores.iter().all(StoreRef::can_be_copied) {
        return Vec::new();
    }
    let names = config.stores.iter().map(|store| store.name.clone());
    let guard = Guard {
        live: &config.stores,
        copies: names
            .map(|name| (name.clone(), format!("{{store.{name}}}")))
            .collect(),
    };
    let mut found = Vec::new();
    for release in &config.releases {
        let (id, artifact) = (&release.id, release.artifact_path.as_path());
        if let Some(Migration::Command(migration)) = &release.migration {
            found.extend(guard.migration(id, migration, artifact));
            let reverse = migration.reverse.iter().filter(|_| config.policy.reverse);
            found.extend(
                reverse.filter_map(|command| guard.change(id, "reverse", command, artifact)),
            );
        }
        let command = Command {
            argv: release.command.clone(),
            env: release.env.clone(),
            folder: config.folder.clone(),
        };
        let astray = guard.command("its command", &command, artifact);
        found.extend(astray.map(|astray| format!("release {id}: {}", astray.mended())));
    }
    once(found)
}

impl<'g> Guard<'g> {
    fn of(live: &'g [StoreRef], copies: &[StoreRef]) -> Guard<'g> {
        let copies = copies.iter();
        Guard {
            live,
            copies: copies
                .map(|copy| (copy.name.clone(), copy.place()))
                .collect(),
        }
    }

    /// The command of a migration and its proof.
    fn migration(
        &self,
        release: &ReleaseId,
        migration: &CommandMigration,
        artifact: &Path,
    ) -> Vec<String> {
        let change = self.change(release, "command", &migration.command, artifact);
        let proof = self.proof(release, &migration.proof, artifact);
        change.into_iter().chain(proof).collect()
    }

    /// A command that changes data: it must name a copy, or its program may have the place of the live data in itself.
    fn change(
        &self,
        release: &ReleaseId,
        part: &str,
        command: &Command,
        artifact: &Path,
    ) -> Option<String> {
        let whose = format!("the {part} of its migration");
        if let Some(astray) = self.command(&whose, command, artifact) {
            return Some(format!("release {release}: {}", astray.mended()));
        }
        let named = |(_, place): &(String, String)| mentions(command, place);
        if self.copies.is_empty() || self.copies.iter().any(named) {
            return None;
        }
        let copies = self.copies.iter();
        let places: Vec<String> = copies
            .map(|(name, _)| format!("{{store.{name}}}"))
            .collect();
        Some(format!(
            "release {release}: neither {whose} nor its environment has {}, so nobody can tell that it would use the copy \
             and not live data",
            places.join(" or ")
        ))
    }

    /// A proof only reads, but what it reads must be what was migrated.
    fn proof(&self, release: &ReleaseId, proof: &Proof, artifact: &Path) -> Option<String> {
        let whose = "the proof of its migration";
        let astray = match proof {
            Proof::Command(command) => self.command(whose, command, artifact),
            Proof::Json { file, .. } => {
                let found = self.live_in(&file.display().to_string(), Path::new("/"), &|_| true);
                found.map(|(named, store)| Astray {
                    whose: whose.to_owned(),
                    named,
                    store: store.name.clone(),
                })
            }
        };
        astray.map(|astray| format!("release {release}: {}", astray.mended()))
    }

    /// SQL files are carried out in the very store that the order has.
    fn aimed(&self, release: &ReleaseId, store: &StoreRef) -> Option<String> {
        let place = store.place();
        let is_copy = self.copies.iter().any(|(_, copy)| *copy == place);
        (!is_copy).then(|| {
            format!(
                "release {release}: its SQL files would be carried out in {}, which is no copy of the store {}",
                shown(store),
                store.name
            )
        })
    }

    /// The first of its words and variables that leads to live data. The program of a release is none, wherever it lies.
    /// A bare word such as `db` in `flask db upgrade` is a path only in a command that names no copy of that store.
    fn command(&self, whose: &str, command: &Command, artifact: &Path) -> Option<Astray> {
        let argv = command.argv.iter().map(|word| (whose.to_owned(), word));
        let env = command.env.iter();
        let env = env.map(|(name, value)| (format!("its variable {name}"), value));
        let mut texts = argv
            .chain(env)
            .filter(|(_, text)| Path::new(text.as_str()) != artifact);
        let has_copy = |store: &StoreRef| {
            let mut copies = self.copies.iter().filter(|(name, _)| *name == store.name);
            copies.any(|(_, place)| mentions(command, place))
        };
        texts.find_map(|(whose, text)| {
            let (named, store) = self.live_in(text, &command.folder, &has_copy)?;
            Some(Astray {
                whose,
                named,
                store: store.name.clone(),
            })
        })
    }

    /// The live store to which a text leads, and what in the text does. Bare words are none where `has_copy` says that the
    /// command has the copy of the store.
    fn live_in(
        &self,
        text: &str,
        folder: &Path,
        has_copy: &dyn Fn(&StoreRef) -> bool,
    ) -> Option<(String, &'g StoreRef)> {
        // The place of a copied database has that of the live one in it. What follows a copy must not look like a path of
        // its own.
        let mut rest = text.to_owned();
        for (_, copy) in &self.copies {
            rest = rest.replace(copy, "\0");
        }
        let here = folder.display().to_string();
        for own in FOLDER_ITSELF {
            rest = rest.replace(own, &here);
        }
        self.live.iter().find_map(|store| {
            let path = path_of(store);
            if path.is_none() || is_database(store) {
                let place = store.place();
                if names(&rest, &place, is_database(store)) {
                    return Some((shown(store), store));
                }
            }
            let path = path?;
            let is_bare = |named: &str| !named.contains(['/', '.']);
            let mut paths = paths_in(&rest).into_iter();
            let named = paths.find(|named| {
                leads_into(&folder.join(named), &path) && !(is_bare(named) && has_copy(store))
            })?;
            Some((named.to_owned(), store))
        })
    }
}

impl Astray {
    fn words(&self) -> String {
        format!(
            "{} names {}, so it would use live data",
            self.whose, self.named
        )
    }

    /// With what to write.
    fn mended(&self) -> String {
        format!("{}; write {{store.{}}} instead", self.words(), self.store)
    }
}

/// All commands of a release have the same variables: what is wrong with one is told once.
fn once(found: Vec<String>) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    for sentence in found {
        if !told.contains(&sentence) {
            told.push(sentence);
        }
    }
    told
}

/// Whether a command or one of its variables has a text.
fn mentions(command: &Command, text: &str) -> bool {
    let mut all = command.argv.iter().chain(command.env.values());
    all.any(|one| one.contains(text))
}

/// Whether a text has a place, and not only another one whose name begins or ends alike. An address of a server goes on
/// with the name of another database.
fn names(text: &str, place: &str, is_database: bool) -> bool {
    let part = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.');
    text.match_indices(place).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let mut after = text[at + place.len()..].chars();
        let goes_on = match after.next() {
            Some('/') => is_database && after.next().is_some_and(part),
            Some(letter) => part(letter),
            None => false,
        };
        !goes_on && !before.is_some_and(part)
    })
}

/// Whether it is a database of a server, which its URL names in full.
fn is_database(store: &StoreRef) -> bool {
    matches!(
        store.location,
        StoreLocation::Postgres { .. } | StoreLocation::Redis { .. }
    )
}

/// The place of a store in words that have no secret in them: a URL may have a password, and so may a command that prints it.
fn shown(store: &StoreRef) -> String {
    let place = store.place();
    match ValueSource::of(&place) {
        _ if !is_database(store) => place,
        ValueSource::Literal(_) => format!("the URL of the store {}", store.name),
        _ => ValueSource::shown(&place),
    }
}

/// Where a store is on the disk, or the file with its URL.
fn path_of(store: &StoreRef) -> Option<PathBuf> {
    match &store.location {
        StoreLocation::Postgres { url, folder, .. } | StoreLocation::Redis { url, folder, .. } => {
            match ValueSource::of(url) {
                ValueSource::File(path) => Some(folder.join(path)),
                _ => None,
            }
        }
        StoreLocation::Command(commands) => commands.path.clone(),
        StoreLocation::File { .. }
        | StoreLocation::Directory { .. }
        | StoreLocation::Sqlite { .. }
        | StoreLocation::Chroma { .. }
        | StoreLocation::Bucket(_) => store.path().map(Path::to_owned),
    }
}

/// What may be a path in a text: all of it, what follows an equals sign, and its parts, as far as they look like paths.
fn paths_in(text: &str) -> Vec<&str> {
    let value = text.split_once('=').map(|(_, value)| value);
    let is_end = |letter: char| letter.is_whitespace() || ENDS.contains(letter);
    let parts = text
        .split(is_end)
        .filter(|part| part.contains('/') || part.contains('.'));
    // `sqlite:///data/notes.db` is relative to the folder.
    let relative = parts
        .clone()
        .filter(|part| part.starts_with("///"))
        .map(|part| part.trim_start_matches('/'));
    // `-f/data/notes.db`.
    let option = text
        .strip_prefix('-')
        .map(|rest| rest.trim_start_matches(|letter: char| letter.is_ascii_alphabetic()));
    let option = option.filter(|path| path.starts_with('/'));
    [Some(text), value, option]
        .into_iter()
        .flatten()
        // `//media:8080` is a server.
        .chain(parts.filter(|part| !part.starts_with("//") || part.starts_with("///")))
        .chain(relative)
        .filter(|path| !path.is_empty())
        .collect()
}

/// Whether a path is that of a store or lies within it: as it is written, or as the system finds it.
fn leads_into(path: &Path, store: &Path) -> bool {
    if within(path, store) {
        return true;
    }
    match (path.canonicalize(), store.canonicalize()) {
        (Ok(path), Ok(store)) => path.starts_with(store),
        _ => false,
    }
}

#[cfg(test)]
mod tests;

//! Looking through a folder for files that say how its service is started, and where its data is.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use portcullis_rollout::StoreKind;

use super::guess::Guess;
use super::sources;
use crate::bounds::GUESSED_FILE_BYTES_MAX;

/// Names of compose files, the usual one first.
const COMPOSE: [&str; 4] = [
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
];
/// Python programs that serve, by their usual names.
const PYTHON: [&str; 4] = ["app.py", "main.py", "server.py", "wsgi.py"];
/// How an SQLite file begins.
const SQLITE: &[u8] = b"SQLite format 3\0";

/// A store that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FoundStore {
    pub(super) kind: StoreKind,
    /// Relative to the folder.
    pub(super) path: String,
    pub(super) from: String,
}

/// Everything that says something about the service, in the order in which it is believed: Procfile,
/// systemd units, a compose file, package.json, pyproject.toml, Python programs, `releases/`.
pub(super) fn guesses(folder: &Path) -> Vec<Guess> {
    let mut found = Vec::new();
    let read = |name: &str| text(&folder.join(name));
    found.extend(read("Procfile").and_then(|text| sources::procfile(&text)));
    for name in names(folder) {
        if name.ends_with(".service") && !name.starts_with("portcullis") {
            found.extend(read(&name).and_then(|text| sources::unit(&name, &text)));
        }
    }
    let compose = COMPOSE
        .iter()
        .find_map(|name| sources::compose(name, &read(name)?));
    found.extend(compose);
    found.extend(read("package.json").and_then(|text| sources::package_json(&text)));
    found.extend(read("pyproject.toml").and_then(|text| sources::pyproject(&text)));
    let python = PYTHON
        .iter()
        .filter_map(|name| Some(sources::python(name, &read(name)?)));
    found.extend(python);
    found.extend(released(folder));
    found
}

/// The version that a path in `releases/` belongs to.
pub(super) fn version_of(path: &str) -> Option<&str> {
    let (version, _) = path.strip_prefix("releases/")?.split_once('/')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    version.chars().all(plain).then_some(version)
}

/// The other versions in `releases/` that have the same program as `artifact`, oldest first, each with its
/// path.
pub(super) fn other_versions(folder: &Path, artifact: &str) -> Vec<(String, String)> {
    let Some(version) = version_of(artifact) else {
        return Vec::new();
    };
    let file = &artifact["releases/".len() + version.len() + 1..];
    let mut versions = names(&folder.join("releases"));
    versions.sort_by_key(|version| natural(version));
    let others = versions.into_iter().filter(|other| other != version);
    others
        .map(|other| (other.clone(), format!("releases/{other}/{file}")))
        .filter(|(_, path)| version_of(path).is_some() && folder.join(path).is_file())
        .collect()
}

/// The program in the newest folder of `releases/`.
fn released(folder: &Path) -> Option<Guess> {
    let releases = folder.join("releases");
    let mut versions: Vec<String> = names(&releases);
    versions.sort_by_key(|version| natural(version));
    let (path, name) = versions.iter().rev().find_map(|version| {
        let files = names(&releases.join(version));
        let program = files.into_iter().find(|name| {
            let file = releases.join(version).join(name);
            let runs = fs::metadata(&file)
                .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0);
            runs || (file.is_file() && name.ends_with(".py"))
        })?;
        Some((format!("releases/{version}/{program}"), program))
    })?;
    let mut guess = if name.ends_with(".py") {
        sources::python(&path, &text(&folder.join(&path)).unwrap_or_default())
    } else {
        let mut guess = Guess::from(path.as_str());
        guess.command = Some(format!("./{}", shell_words::quote(&path)));
        guess
    };
    guess.name = super::guess::name_of(name.trim_end_matches(".py")).filter(|n| n != "app");
    Some(guess)
}

/// Numbers in a version compare as numbers.
fn natural(version: &str) -> Vec<(u64, String)> {
    version
        .split(['.', '-', '_'])
        .map(|part| (part.parse().unwrap_or(0), part.to_owned()))
        .collect()
}

/// Data: the folder `data`, SQLite files outside of it, and what a guess names, if it is there.
pub(super) fn stores(folder: &Path, guess: Option<&Guess>) -> Vec<FoundStore> {
    let mut found = Vec::new();
    if folder.join("data").is_dir() {
        found.extend(data(folder));
    }
    for name in names(folder) {
        let looks = [".db", ".sqlite", ".sqlite3"]
            .iter()
            .any(|end| name.ends_with(end));
        if looks && is_sqlite(&folder.join(&name)) {
            found.push(FoundStore {
                kind: StoreKind::Sqlite,
                from: format!("{name}, an SQLite database"),
                path: name,
            });
        }
    }
    for path in guess
        .map(|guess| guess.stores.as_slice())
        .unwrap_or_default()
    {
        let inside = found
            .iter()
            .any(|store| Path::new(path).starts_with(&store.path));
        let plain = Path::new(path)
            .components()
            .all(|part| matches!(part, std::path::Component::Normal(_)));
        let at = folder.join(path);
        if inside || !plain || !at.exists() {
            continue;
        }
        found.push(FoundStore {
            kind: if at.is_dir() {
                StoreKind::Directory
            } else if is_sqlite(&at) {
                StoreKind::Sqlite
            } else {
                StoreKind::File
            },
            path: path.clone(),
            from: guess.map(|guess| guess.from.clone()).unwrap_or_default(),
        });
    }
    found
}

/// The folder `data` as one store, or what is in it as several, when there is an SQLite database among it: that is copied while
/// it is used, and a folder cannot be.
fn data(folder: &Path) -> Vec<FoundStore> {
    let inside = folder.join("data");
    let all = names(&inside);
    let databases: Vec<&String> = all
        .iter()
        .filter(|name| is_sqlite(&inside.join(name)))
        .collect();
    if databases.is_empty() {
        return vec![FoundStore {
            kind: StoreKind::Directory,
            path: "data".to_owned(),
            from: "the folder data/".to_owned(),
        }];
    }
    let belongs = |name: &String| {
        let of = |database: &&String| {
            let end = name.strip_prefix(database.as_str());
            end.is_some_and(|end| ["-wal", "-shm", "-journal"].contains(&end))
        };
        databases.iter().any(of)
    };
    let found = all.iter().filter(|name| !belongs(name)).map(|name| {
        let at = inside.join(name);
        let (kind, what) = match (databases.contains(&name), at.is_dir()) {
            (true, _) => (StoreKind::Sqlite, "an SQLite database"),
            (false, true) => (StoreKind::Directory, "a folder"),
            (false, false) => (StoreKind::File, "a file"),
        };
        FoundStore {
            kind,
            path: format!("data/{name}"),
            from: format!("data/{name}, {what}"),
        }
    });
    found.collect()
}

/// Whether a file is an SQLite database, by its first bytes.
pub(super) fn is_sqlite(file: &Path) -> bool {
    let mut head = [0; 16];
    let read = fs::File::open(file).and_then(|mut file| file.read_exact(&mut head));
    read.is_ok() && head == SQLITE
}

/// The text of a file, if it is one and not too large to have been written by a person.
fn text(file: &Path) -> Option<String> {
    let meta = fs::metadata(file).ok()?;
    if !meta.is_file() || meta.len() > GUESSED_FILE_BYTES_MAX {
        return None;
    }
    fs::read_to_string(file).ok()
}

/// The names in a folder, in order; none when it cannot be read.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

/// The folders in which programs are looked for.
pub(super) fn program_folders() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_in_the_folder_of_data_is_a_store_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        fs::create_dir_all(data.join("uploads")).unwrap();
        fs::write(data.join("settings.json"), "{}").unwrap();
        let paths = |folder: &Path| {
            let found = stores(folder, None).into_iter();
            found
                .map(|store| (store.kind, store.path))
                .collect::<Vec<_>>()
        };
        let whole = (StoreKind::Directory, "data".to_owned());
        assert_eq!(paths(folder.path()), [whole]);
        for end in ["", "-wal", "-shm"] {
            fs::write(data.join(format!("notes.db{end}")), SQLITE).unwrap();
        }
        let each = [
            (StoreKind::Sqlite, "data/notes.db".to_owned()),
            (StoreKind::File, "data/settings.json".to_owned()),
            (StoreKind::Directory, "data/uploads".to_owned()),
        ];
        assert_eq!(paths(folder.path()), each);
    }
}

//! Keeping copies away from the data that they are copies of.
//!
//! A copy that lies in a live store becomes part of it and of each backup after it; one in the vault or the state folder lies
//! among files that Portcullis itself names, lists and removes.

use std::path::{Component, Path, PathBuf};

use portcullis_config::Config;
use portcullis_rollout::{StoreKind, StoreLocation};

use crate::command_error::{CommandError, ErrorCode, Exit};

/// What SQLite has beside a database: a file of such a name would be taken for it.
const BESIDE_SQLITE: [&str; 3] = ["-journal", "-wal", "-shm"];

/// A place where no copy may lie.
struct Taken {
    what: String,
    path: PathBuf,
}

/// Each copy goes to a place that is neither in live data, the vault or the state folder, nor around one of them. What is copied
/// stands before its place. Links are followed.
///
/// # Errors
/// When one does not.
pub(super) fn are_apart(
    config: &Config,
    targets: &[(String, PathBuf)],
) -> Result<(), CommandError> {
    let taken = taken(config);
    for (copy, target) in targets {
        let real = resolved(target);
        let met = taken.iter().find(|taken| {
            let taken = resolved(&taken.path);
            real.starts_with(&taken) || taken.starts_with(&real)
        });
        if let Some(met) = met {
            let what = format!(
                "{copy} would be written to {}, which overlaps {} ({}); nothing was written",
                target.display(),
                met.what,
                met.path.display()
            );
            return Err(CommandError::new(Exit::Failed, what)
                .code(ErrorCode::BackupFailed)
                .hint("--to names a folder outside of live data, the vault and the state folder; --in-place replaces live data"));
        }
    }
    Ok(())
}

fn taken(config: &Config) -> Vec<Taken> {
    let mut taken = Vec::new();
    for store in &config.stores {
        let mut add = |path: PathBuf| {
            taken.push(Taken {
                what: format!("the live data of the store {}", store.name),
                path,
            });
        };
        match &store.location {
            StoreLocation::Command(commands) => commands.path.iter().cloned().for_each(add),
            location => {
                let path = location.path().map(Path::to_owned);
                if let (Some(path), StoreKind::Sqlite) = (&path, store.kind()) {
                    BESIDE_SQLITE.iter().for_each(|end| add(beside(path, end)));
                }
                path.into_iter().for_each(add);
            }
        }
    }
    for (what, path) in [
        ("the vault", &config.state.vault),
        ("the state folder", &config.state.folder),
    ] {
        taken.push(Taken {
            what: what.to_owned(),
            path: path.clone(),
        });
    }
    taken
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// Where a path leads by the links that are there now. What is not there yet is taken as it is written.
fn resolved(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut found = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                found.pop();
            }
            part => {
                found.push(part);
                if let Ok(real) = found.canonicalize() {
                    found = real;
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_path_is_resolved_as_far_as_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("data/deep")).unwrap();
        symlink(root.join("data/deep"), root.join("link")).unwrap();
        for (path, leads_to) in [
            ("data/new", "data/new"),
            ("link/new", "data/deep/new"),
            // A link leads away before the way back is taken.
            ("link/../new", "data/new"),
            ("new/../data/./x", "data/x"),
        ] {
            assert_eq!(resolved(&root.join(path)), root.join(leads_to), "{path}");
        }
    }
}

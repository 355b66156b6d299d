//! Stores that lie in each other only by way of symbolic links, which their paths as they are written do not tell.

use std::path::{Path, PathBuf};

use super::{PathUse, Wanted};
use crate::Code;
use crate::report::{Report, Wrong};
use crate::validate::within;

/// Reports stores that have data together. What overlaps as it is written was told when the file was read.
pub(super) fn look(uses: &[PathUse], report: &Report<'_>) {
    let stores = uses.iter().filter(|used| is_store(used.wanted));
    let stores: Vec<(&PathUse, PathBuf)> = stores.map(|used| (used, real(&used.path))).collect();
    for (index, (one, at)) in stores.iter().enumerate() {
        for (other, other_at) in &stores[..index] {
            let wanted = (one.wanted, other.wanted);
            if overlap(wanted, &one.path, &other.path) || !overlap(wanted, at, other_at) {
                continue;
            }
            let message = format!(
                "through a symbolic link this store overlaps the one at `{}`: they are `{}` and `{}`",
                other.path.display(),
                at.display(),
                other_at.display()
            );
            let hint = "each file belongs to one store, or it would be restored twice";
            report.add(&one.spot, Wrong::new(Code::Duplicate, message).hint(hint));
        }
    }
}

fn is_store(wanted: Wanted) -> bool {
    is_folder(wanted) || matches!(wanted, Wanted::FileStore | Wanted::SqliteStore)
}

fn is_folder(wanted: Wanted) -> bool {
    matches!(wanted, Wanted::DirectoryStore | Wanted::ChromaStore)
}

/// Whether one path is the other, or lies within a store that is a folder.
fn overlap((one, other): (Wanted, Wanted), at: &Path, other_at: &Path) -> bool {
    at == other_at
        || is_folder(one) && within(other_at, at)
        || is_folder(other) && within(at, other_at)
}

/// A path without symbolic links, as far as it exists.
fn real(path: &Path) -> PathBuf {
    let found = path.ancestors().find_map(|folder| {
        let real = folder.canonicalize().ok()?;
        let rest = path.strip_prefix(folder).ok()?;
        // Joined with nothing, it would end with a slash.
        Some(match rest.as_os_str().is_empty() {
            true => real,
            false => real.join(rest),
        })
    });
    found.unwrap_or_else(|| path.to_owned())
}

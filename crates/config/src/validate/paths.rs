//! Paths of the file: absolute ones, and whether one lies within another.

use std::path::{Component, Path, PathBuf};

/// A path of the file as an absolute one, without `.` in it. `..` is left to the system, which alone
/// knows what it means behind a symbolic link.
pub(super) fn absolute(folder: &Path, path: &str) -> PathBuf {
    folder
        .join(path)
        .components()
        .filter(|part| *part != Component::CurDir)
        .collect()
}

/// Whether `path` is `folder` or lies within it, as far as the names tell: `..` takes the name before it away.
#[must_use]
pub fn within(path: &Path, folder: &Path) -> bool {
    plain(path).starts_with(plain(folder))
}

fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

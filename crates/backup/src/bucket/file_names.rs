//! Under which file an object is kept in the archive.
//!
//! A key is any text of up to 1024 bytes. Where it is a path of a file, the file has its name, so that a person finds it.
//! Where it is not, the file has a number, and the manifest says whose it is: with an empty part, `.` or `..`, with `/` at
//! an end, longer in one part than a name may be, with a NUL, or the name of what must be a folder for another key.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::RelativePath;
use crate::bounds::FILE_NAME_BYTES_MAX;

/// The folder of the files with numbers.
pub(super) const KEYS: &str = ".portcullis-keys";

/// The names that are given away.
#[derive(Default)]
pub(super) struct FileNames {
    files: BTreeSet<PathBuf>,
    folders: BTreeSet<PathBuf>,
    numbered: u64,
}

impl FileNames {
    /// A file for each key; None for one whose file has its own name.
    pub(super) fn assign<'k>(
        &mut self,
        keys: impl Iterator<Item = &'k str> + Clone,
    ) -> Vec<Option<RelativePath>> {
        for key in keys.clone().filter(|key| is_path(key)) {
            let mut parents: Vec<&Path> = Path::new(key).ancestors().skip(1).collect();
            parents.pop();
            if !parents.iter().any(|parent| self.files.contains(*parent)) {
                self.folders.extend(parents.into_iter().map(Path::to_owned));
            }
        }
        keys.map(|key| match self.is_free(key) {
            true => {
                self.files.insert(key.into());
                None
            }
            false => {
                self.numbered += 1;
                let name = format!("{KEYS}/{:06}", self.numbered);
                RelativePath::new(name).ok()
            }
        })
        .collect()
    }

    fn is_free(&self, key: &str) -> bool {
        let path = Path::new(key);
        let through_file = || {
            let mut parents = path.ancestors().skip(1);
            parents.any(|parent| self.files.contains(parent))
        };
        is_path(key) && !self.folders.contains(path) && !through_file()
    }
}

/// Whether a key is the path of a file that any Linux can have.
fn is_path(key: &str) -> bool {
    let mut parts = key.split('/');
    key != "."
        && RelativePath::new(key).is_ok()
        && parts.next() != Some(KEYS)
        && key.split('/').all(|part| part.len() <= FILE_NAME_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_a_file_that_can_be_made() {
        let long = "x".repeat(256);
        let keys = [
            "",
            "/",
            "/a",
            "..",
            "../etc/passwd",
            ".",
            "a/",
            "a//b",
            "a/./b",
            "dir",
            "dir/file",
            "dir/file/deeper",
            "n\0ul",
            &long,
            ".portcullis-keys/000001",
            "plain",
            "with space/\u{fc}\n",
        ];
        let mut names = FileNames::default();
        let given = names.assign(keys.into_iter());
        let own: Vec<_> = keys
            .iter()
            .zip(&given)
            .filter(|(_, file)| file.is_none())
            .map(|(key, _)| *key)
            .collect();
        assert_eq!(own, ["dir/file/deeper", "plain", "with space/\u{fc}\n"]);
        let numbered: BTreeSet<_> = given.iter().flatten().map(ToString::to_string).collect();
        assert_eq!(numbered.len(), keys.len() - own.len());
        // What comes later fits to what is there.
        let later = ["plain/below", "dir", "dir/other"];
        let given = names.assign(later.into_iter());
        assert_eq!(
            given.iter().map(Option::is_some).collect::<Vec<_>>(),
            [true, true, false]
        );
        // A real tree can be made of all of it.
        let folder = tempfile::tempdir().unwrap();
        for path in &names.files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
    }
}

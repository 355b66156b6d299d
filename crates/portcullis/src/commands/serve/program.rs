//! Which program a successor runs: the one that now lies where this one was started from.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// What the kernel adds to the path of a program whose file was replaced (proc(5)).
const DELETED: &[u8] = b" (deleted)";

/// The path of this program as it was named when it was started, so that a link is followed anew; the
/// path of its file where it was found by its name alone.
pub(super) fn find() -> std::io::Result<PathBuf> {
    let running = without_mark(std::env::current_exe()?);
    let named = std::env::args_os().next().map(PathBuf::from);
    let named = named.filter(|path| path.components().count() > 1);
    match named.map(std::path::absolute).transpose()? {
        // Whoever starts a program may name it anything.
        Some(named) if is_same(&named, &running) => Ok(named),
        _ => Ok(running),
    }
}

fn is_same(named: &Path, running: &Path) -> bool {
    named == running || named.canonicalize().is_ok_and(|found| found == running)
}

/// A program's path without what the kernel adds once its file was replaced.
fn without_mark(path: PathBuf) -> PathBuf {
    let bytes = path.as_os_str().as_bytes();
    match bytes.strip_suffix(DELETED) {
        Some(bare) if !path.exists() => PathBuf::from(OsString::from_vec(bare.to_vec())),
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_of_a_replaced_program_is_taken_off_and_a_name_that_ends_like_it_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let odd = folder.path().join("tool (deleted)");
        assert_eq!(without_mark(odd.clone()), folder.path().join("tool"));
        std::fs::write(&odd, "").unwrap();
        assert_eq!(without_mark(odd.clone()), odd);
    }
}

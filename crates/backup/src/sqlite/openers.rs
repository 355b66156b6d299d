//! Who has a file open, as far as the system tells.
//!
//! Linux shows the open files of all processes of the same user, and of all processes to root. A process of
//! somebody else is not seen; the lock that the caller asks for next finds those that are in the middle of
//! something.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The programs other than this one that have one of the files open, for example `python3 (process 4711)`.
pub(super) fn openers(files: &[PathBuf]) -> Vec<String> {
    let identity = |path: &Path| {
        let found = fs::metadata(path).ok()?;
        Some((found.dev(), found.ino()))
    };
    let wanted: BTreeSet<(u64, u64)> = files.iter().filter_map(|file| identity(file)).collect();
    let own = std::process::id();
    let mut openers = Vec::new();
    for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let number = process.file_name().to_string_lossy().parse::<u32>();
        let Some(number) = number.ok().filter(|number| *number != own) else {
            continue;
        };
        let mut handles = fs::read_dir(process.path().join("fd"))
            .into_iter()
            .flatten()
            .flatten();
        if handles.any(|handle| identity(&handle.path()).is_some_and(|it| wanted.contains(&it))) {
            let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            openers.push(format!("{} (process {number})", name.trim()));
        }
    }
    openers
}

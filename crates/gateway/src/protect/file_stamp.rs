//! Whether a file changed.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

/// What of a file changes when it is written or replaced: its number, length and time of change. A
/// file that is rewritten in place with the same length within the file system's time step looks the
/// same; files that are replaced by renaming, as ours are, never do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileStamp {
    inode: u64,
    bytes: u64,
    modified_s: i64,
    modified_ns: i64,
}

impl FileStamp {
    pub(super) fn new(metadata: &Metadata) -> FileStamp {
        FileStamp {
            inode: metadata.ino(),
            bytes: metadata.len(),
            modified_s: metadata.mtime(),
            modified_ns: metadata.mtime_nsec(),
        }
    }
}

//! The machine: versions and limits.

use rustix::process::{Resource, getrlimit};

use super::finding::Finding;

/// Fewer open files than this are soon used up by connections.
const OPEN_FILES_MIN: u64 = 1024;

/// Which Portcullis this is.
pub(super) fn version() -> Finding {
    let version = env!("CARGO_PKG_VERSION");
    Finding::ok("version", format!("portcullis {version}"))
}

/// How many files a process may open; each connection is one or two.
pub(super) fn open_files() -> Finding {
    match getrlimit(Resource::Nofile).current {
        Some(limit) if limit < OPEN_FILES_MIN => {
            Finding::warn("open files", format!("a process may open only {limit}")).hint(
                "raise it for `portcullis serve`: `ulimit -n 65536`, or LimitNOFILE= in its unit",
            )
        }
        Some(limit) => Finding::ok("open files", format!("a process may open {limit}")),
        None => Finding::ok("open files", "without a limit"),
    }
}

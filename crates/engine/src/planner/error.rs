//! Why no plan can be made.

use portcullis_backup::NameRefused;
use portcullis_driver::AddressError;
use portcullis_rollout::{PlanProblem, ReleaseId};

/// Why no plan can be made.
#[derive(Debug, thiserror::Error)]
pub enum PlanningError {
    /// The release is not in the configuration.
    #[error("release {wanted} is not in {file}; it has {known}")]
    UnknownRelease {
        /// What was asked for.
        wanted: ReleaseId,
        /// The configuration file.
        file: String,
        /// The releases there.
        known: String,
    },
    /// There is nothing to go back to.
    #[error("there is no release to go back to: {0}")]
    NoPredecessor(String),
    /// The program cannot be read.
    #[error("the program {path} of release {release} cannot be read")]
    Artifact {
        /// The release.
        release: ReleaseId,
        /// Where the program should be.
        path: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The SQL files of a release cannot be carried out, or would break what runs.
    #[error("the SQL files of release {release} are refused")]
    Migrations {
        /// The release.
        release: ReleaseId,
        /// Each with file, line, and what to do.
        problems: Vec<String>,
    },
    /// What would be tried out on copies leads to live data.
    #[error("{}", list(.0))]
    LiveData(Vec<String>),
    /// No address is free.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The backup cannot be named.
    #[error("the backup cannot be named")]
    BackupName(#[from] NameRefused),
    /// The release never served, so there is nothing to go back to.
    #[error("release {wanted} never served here; served have {known}")]
    NeverServed {
        /// What was asked for.
        wanted: ReleaseId,
        /// The releases that did, newest first.
        known: String,
    },
    /// The release does not work on the data of a cut-over, and its own data cannot be put back.
    #[error(
        "release {wanted} does not work on the data as the cut-over to {cut} left it, and no backup is known of what \
         {wanted} left: `portcullis backup list` shows what there is, and docs/guide/cut-over.md how to go back by hand"
    )]
    BehindCutOver {
        /// What was asked for.
        wanted: ReleaseId,
        /// The release of the cut-over.
        cut: ReleaseId,
    },
    /// A twin needs data, and a release that serves.
    #[error(
        "there is nothing to make a twin of: the service has no store, or no release serves yet"
    )]
    NothingToCopy,
    /// A saved plan is not what would be planned now.
    #[error("the world has moved since the plan was saved: {}", .0.join("; "))]
    Moved(Vec<String>),
    /// The plan is refused.
    #[error("{}", list(.0))]
    Refused(Vec<PlanProblem>),
}

fn list<P: ToString>(problems: &[P]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.join("; ")
}

pub(super) fn names(releases: &[ReleaseId]) -> String {
    let names: Vec<&str> = releases.iter().map(ReleaseId::as_str).collect();
    match names.is_empty() {
        true => "none".to_owned(),
        false => names.join(", "),
    }
}

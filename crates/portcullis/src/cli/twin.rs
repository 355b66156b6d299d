//! The arguments of `portcullis twin`.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum Twin {
    /// Restore a backup, migrate the copy, and start a release on it. Nothing live is touched.
    ///
    /// The twin stays until `portcullis twin down`, with what it writes.
    #[command(
        after_long_help = "Examples:\n  portcullis twin up --release 2.0\n  portcullis twin up --release 2.0 --shadow"
    )]
    Up(TwinUp),
    /// Ask the twin the known questions of [[service.smoke]].
    ///
    /// Exit codes: 0 it answers as it should, 1 it does not, or there is no twin.
    #[command(after_long_help = "Example:\n  portcullis twin smoke")]
    Smoke,
    /// Show the twin, and how it answered mirrored requests.
    #[command(after_long_help = "Example:\n  portcullis twin show")]
    Show,
    /// Stop the twin and remove its copy of the data.
    #[command(after_long_help = "Example:\n  portcullis twin down")]
    Down,
}

#[derive(Debug, Args)]
pub(crate) struct TwinUp {
    /// The release; the last one of the configuration when not given.
    #[arg(long, value_name = "RELEASE")]
    pub(crate) release: Option<String>,
    /// The backup to restore; the newest one when not given.
    #[arg(long, value_name = "NAME")]
    pub(crate) backup: Option<String>,
    /// Mirror users' reads to it, as much of them as `shadow` in [gateway] says. Their answers are compared and thrown away.
    #[arg(long)]
    pub(crate) shadow: bool,
}

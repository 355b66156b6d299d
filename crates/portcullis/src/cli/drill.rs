//! The arguments of `portcullis drill`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Drill {
    #[command(subcommand)]
    pub(crate) command: Option<DrillCommand>,
    #[command(flatten)]
    pub(crate) hold: DrillHold,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DrillCommand {
    /// List the drills that were held, newest first.
    #[command(after_long_help = "Example:\n  portcullis drill list")]
    List,
    /// Show what came of a drill: as text, as JSON, or as a page to print for auditors.
    #[command(
        after_long_help = "Examples:\n  portcullis drill report\n  portcullis drill report drill-3 --html drill-3.html"
    )]
    Report {
        /// The drill, for example `drill-3`; the last one when not given.
        drill: Option<String>,
        /// Write a page of its own to this file, with all that it needs in it.
        #[arg(long, value_name = "FILE")]
        html: Option<PathBuf>,
    },
}

/// What a drill restores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DrillSource {
    /// A backup.
    Backup,
    /// The continuous archives.
    Archive,
}

#[derive(Debug, Args)]
pub(crate) struct DrillHold {
    /// Try out this backup.
    #[arg(long, value_name = "NAME", group = "which")]
    pub(crate) backup: Option<String>,
    /// Try out the newest backup; so it is without any of these.
    #[arg(long, group = "which")]
    pub(crate) latest: bool,
    /// Try out any backup of the vault; with `--from archive`, any moment.
    #[arg(long, group = "which")]
    pub(crate) random: bool,
    /// Try out this moment, for example `2026-11-21T04:00:00Z`: recovered from the continuous archives, if stores have
    /// one; else the newest backup that was made then or before.
    #[arg(long, value_name = "TIME", group = "which")]
    pub(crate) at: Option<String>,
    /// Restore a backup, or the continuous archives of the stores that have one; `drill.from` when not given, and with
    /// `--at` the archives if there are any.
    #[arg(long, value_name = "WHAT", value_enum, conflicts_with = "backup")]
    pub(crate) from: Option<DrillSource>,
    /// Leave the restored copies for somebody to look at, and say where they are.
    #[arg(long)]
    pub(crate) keep: bool,
}

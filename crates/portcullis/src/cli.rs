//! The command line, as typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Guarded deployments of AI services: plan, back up, rehearse, shift traffic through gates, and roll
/// traffic and data back by itself.
#[derive(Debug, Parser)]
#[command(
    name = "portcullis",
    version,
    propagate_version = true,
    max_term_width = 100
)]
#[command(after_help = "\
Start here:
  portcullis init        make a portcullis.toml and the state folder
  portcullis check       read the configuration and report every problem
  portcullis serve       run engine, gateway and API in this process
  portcullis deploy      release the newest version, step by step

Exit codes:
  0 done            4 waits for a person       8 no server answers
  1 failed/refused  5 a gate cannot decide     9 not authorised
  2 wrong usage or configuration               70 a mistake in Portcullis
  3 a gate failed and it was rolled back       130 detached; the rollout goes on
  6 somebody else holds the lease")]
pub(crate) struct Cli {
    /// The configuration file.
    #[arg(
        short,
        long,
        global = true,
        default_value = "portcullis.toml",
        env = "PORTCULLIS_FILE"
    )]
    pub(crate) file: PathBuf,
    /// Print the result (and errors) as JSON on standard output.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a commented portcullis.toml, the state folder and the API token.
    ///
    /// An existing portcullis.toml is kept as it is; what is missing is added.
    Init(Init),
    /// Read the configuration and report every problem at once. Never touches the network.
    Check,
    /// Show what a deployment now would do: the very object that would run.
    ///
    /// Changes nothing. Works with and without a running server.
    Plan(Plan),
    /// Run engine, gateway and API in this process until interrupted.
    ///
    /// Services run as processes of their own: they go on when this stops and are adopted again.
    Serve(Serve),
    /// Release a version: back up, rehearse, migrate, start beside, shift through gates, promote.
    ///
    /// If a gate fails, traffic and data go back by themselves.
    Deploy(Deploy),
    /// Say in one sentence how the service stands, and what runs.
    Status,
    /// List all rollouts, newest first.
    History,
    /// Show a rollout with its timeline and the evidence behind each verdict.
    Show(Show),
    /// Stop the live rollout and go back.
    Abort(Abort),
    /// Go back: abort the live rollout, or return to the release that served before.
    Rollback(Rollback),
    /// Let a paused rollout go on; also approves a planned stop.
    Resume(Answer),
    /// Let a held rollout look again and go on from what it finds.
    Retry(Answer),
    /// Vouch that a held step is done (or undone) and let the rollout go on.
    Skip(Answer),
    /// Make, list, verify and restore backups.
    #[command(subcommand)]
    Backup(Backup),
    /// Look after the journal.
    #[command(subcommand)]
    Journal(Journal),
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The service's name.
    #[arg(long, default_value = "my-service")]
    pub(crate) name: String,
    /// The port that the gateway listens on, on loopback.
    #[arg(long, default_value_t = 8080)]
    pub(crate) port: u16,
    /// The command that starts the service; `{port}` stands for the port it must listen on.
    #[arg(long)]
    pub(crate) command: Option<String>,
    /// The data file or folder that a release may change.
    #[arg(long)]
    pub(crate) store: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// The release; the last in the configuration when not given.
    #[arg(long)]
    pub(crate) release: Option<String>,
    /// Plan the way back to the release that served before.
    #[arg(long, conflicts_with = "release")]
    pub(crate) back: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Write the log as JSON lines.
    #[arg(long)]
    pub(crate) log_json: bool,
    /// Stop the services too when this process stops. Without it they go on running.
    #[arg(long)]
    pub(crate) stop_services: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Deploy {
    /// The release; the last in the configuration when not given.
    #[arg(long)]
    pub(crate) release: Option<String>,
    /// Show the plan and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Follow the rollout to its end and return its verdict as the exit code.
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) wait: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The rollout, for example `dhash-2`.
    pub(crate) rollout: String,
}

#[derive(Debug, Args)]
pub(crate) struct Abort {
    /// The rollout; the live one when not given.
    pub(crate) rollout: Option<String>,
    /// Why, for the record.
    #[arg(long, default_value = "")]
    pub(crate) reason: String,
    /// Follow it back to its end.
    #[arg(long)]
    pub(crate) wait: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Rollback {
    /// Why, for the record.
    #[arg(long, default_value = "")]
    pub(crate) reason: String,
    /// Follow it to its end.
    #[arg(long)]
    pub(crate) wait: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Answer {
    /// The rollout; the live one when not given.
    pub(crate) rollout: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Backup {
    /// Back up the service's stores now and read the copy back.
    Create {
        /// Why, for people who look for it later.
        #[arg(long, default_value = "by hand")]
        reason: String,
    },
    /// List all backups, newest first.
    List,
    /// Read a backup back, every byte, and compare it with its manifest.
    Verify {
        /// The backup; the newest when not given.
        name: Option<String>,
    },
    /// Restore a store of a backup to a new place, or in place of the live data.
    Restore {
        /// The backup.
        name: String,
        /// The store; all stores when not given.
        #[arg(long)]
        store: Option<String>,
        /// The folder for the copy; the live data is not touched.
        #[arg(long, required_unless_present = "in_place")]
        to: Option<PathBuf>,
        /// Replace the live data; what is replaced is kept under a name beside it. Refused while
        /// `portcullis serve` runs, which would not know of it.
        #[arg(long, conflicts_with = "to")]
        in_place: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Journal {
    /// Recompute every hash of the journal and fold it again.
    Verify,
}

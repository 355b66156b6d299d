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
    /// The environment whose `[environment.NAME]` table overlays the file.
    #[arg(long, global = true, env = "PORTCULLIS_ENV", value_name = "NAME")]
    pub(crate) env: Option<String>,
    /// Print the result (and errors) as JSON on standard output.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Words instead of colours, bars and redrawn screens, for screen readers and logs.
    #[arg(long, global = true, env = "PORTCULLIS_PLAIN", value_parser = clap::builder::FalseyValueParser::new())]
    pub(crate) plain: bool,
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
    /// Follow a rollout on a live screen, to its end; returns its verdict as the exit code.
    ///
    /// On a terminal the screen is redrawn; otherwise, and with --plain, one line is printed for each
    /// thing that happens. Ctrl-C detaches; the rollout goes on.
    Watch(Watch),
    /// Stop the live rollout and go back.
    Abort(Abort),
    /// Go back: abort the live rollout, or return to the release that served before or to a named one.
    Rollback(Rollback),
    /// Let the live rollout stop and wait at the end of its present step. An open gate goes on measuring,
    /// and still goes back if it fails.
    Pause(Pause),
    /// Answer a planned question with yes.
    Approve(Answer),
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
    /// Print what a service's releases wrote.
    Logs(Logs),
    /// Look at the gateway's routes and set a split by hand.
    #[command(subcommand)]
    Gateway(Gateway),
    /// Look into the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Say what an error code means and what to do about it.
    Explain(Explain),
    /// Read the documentation in the terminal; without a topic, list the topics.
    Docs(Docs),
    /// Look at this machine and this configuration, and say what would keep a release from going well.
    Doctor,
    /// Print a completion script for a shell.
    Completions(Completions),
    /// Write the man pages to a folder, or print the main one.
    Man(Man),
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
    /// Plan the way back to the release that served before, or to the one named by --release.
    #[arg(long)]
    pub(crate) back: bool,
    /// Save the plan to a file, for review; `portcullis deploy FILE` carries it out.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
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
    /// A plan saved by `portcullis plan --out`. It is carried out as it was reviewed, or refused if the
    /// world has moved since.
    #[arg(conflicts_with_all = ["release", "dry_run"])]
    pub(crate) plan: Option<PathBuf>,
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
    /// The release to return to; the one that served before when not given.
    pub(crate) to: Option<String>,
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

#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// The rollout; the live one, or else the last, when not given.
    pub(crate) rollout: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Pause {
    /// The rollout; the live one when not given.
    pub(crate) rollout: Option<String>,
    /// Why, for the record.
    #[arg(long, default_value = "")]
    pub(crate) reason: String,
}

#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// The release; every release that runs when not given.
    #[arg(long)]
    pub(crate) release: Option<String>,
    /// The service; must be the configured one, for scripts that name it.
    pub(crate) service: Option<String>,
    /// How many of the last lines.
    #[arg(short = 'n', long, default_value_t = 50)]
    pub(crate) lines: usize,
    /// Go on with what is written from now on, also by releases that are started later, until
    /// interrupted. An interrupt is the way to end this, so the exit code is 0 then.
    #[arg(short = 'F', long)]
    pub(crate) follow: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Gateway {
    /// Show the routes: each arm with its share, health, requests and errors.
    Routes,
    /// Show the split, or set the canary's share by hand. Refused while a rollout is live.
    Split {
        /// The canary's share in percent.
        weight: Option<u8>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print every value with where it came from: the file and line, the environment's table, an
    /// environment variable, or the default. Secrets are never printed.
    Explain {
        /// Only the keys that begin with this, for example `gateway` or `service.name`.
        key: Option<String>,
    },
    /// Print the JSON Schema of portcullis.toml.
    Schema,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The code, for example `PC0101`; all codes are listed when not given.
    pub(crate) code: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Docs {
    /// The topic, for example `gates`.
    pub(crate) topic: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_parser = ["bash", "zsh", "fish", "elvish", "powershell"])]
    pub(crate) shell: String,
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The folder to write all pages to; the main page is printed when not given.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
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
    /// Remove old backups by the rules of `[backup]`, and say of each why it goes or stays.
    ///
    /// The last verified backup is never removed, nor one that a live rollout may need.
    Prune {
        /// Say what would be removed, and remove nothing.
        #[arg(long)]
        dry_run: bool,
        /// Keep at least this many, instead of the configured number.
        #[arg(long)]
        keep_last: Option<u32>,
        /// Keep everything younger than this many days, instead of the configured number.
        #[arg(long)]
        keep_days: Option<u32>,
    },
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

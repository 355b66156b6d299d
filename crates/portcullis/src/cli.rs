//! The command line, as typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

mod answer;
mod drill;
mod gate;
mod gateway;
mod mask;
mod migrate;
mod twin;

pub(crate) use answer::{Answer, Consent, Vouch};
pub(crate) use drill::{Drill, DrillCommand, DrillHold, DrillSource};
pub(crate) use gate::{Advise, Backtest, Gate, GateRun, Named, Simulate};
pub(crate) use gateway::{Bypass, Expiry, Gateway, GatewayServe, Key, KeyAdd, KeyFile, KeyRotate};
pub(crate) use mask::{Detect, Finding, Mask, MaskCommand, MaskRun, StyleName, Unmask};
pub(crate) use migrate::{Against, Apply, Deny, InDoubt, Lint, Migrate, Rehearse};
pub(crate) use twin::{Twin, TwinUp};

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
    /// The configuration file that the command is about.
    #[arg(
        short,
        long,
        global = true,
        help_heading = "Options of every command",
        default_value = "portcullis.toml",
        env = "PORTCULLIS_FILE"
    )]
    pub(crate) file: PathBuf,
    /// The environment whose `[environment.NAME]` table overlays the file.
    #[arg(
        long,
        global = true,
        help_heading = "Options of every command",
        env = "PORTCULLIS_ENV",
        value_name = "NAME",
        value_hint = clap::ValueHint::Other
    )]
    pub(crate) env: Option<String>,
    /// Print the result (and errors) as JSON on standard output.
    #[arg(long, global = true, help_heading = "Options of every command")]
    pub(crate) json: bool,
    /// Words instead of colours, bars and redrawn screens, for screen readers and logs.
    #[arg(long, global = true, help_heading = "Options of every command", env = "PORTCULLIS_PLAIN", value_parser = clap::builder::FalseyValueParser::new())]
    pub(crate) plain: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a commented portcullis.toml, the state folder and the API token.
    ///
    /// How the service is started is taken from the first of these that says it: --command, Procfile, a
    /// systemd unit (*.service), compose.yaml, package.json, app.py (main.py, server.py, wsgi.py), and a
    /// program in releases/. What was taken from where is printed. An existing portcullis.toml is kept as
    /// it is; what is missing is added.
    #[command(
        after_long_help = "Examples:\n  portcullis init --command './notes --port {port}' --store data/notes.db\n  portcullis init --store env:DATABASE_URL\n  portcullis init --dry-run"
    )]
    Init(Init),
    /// Read the configuration and report every problem at once. Never touches the network.
    #[command(after_long_help = "Example:\n  portcullis check")]
    Check,
    /// Show what a deployment now would do: the very object that would run.
    ///
    /// Changes nothing. Works with and without a running server.
    #[command(after_long_help = "Example:\n  portcullis plan --release 1.1 --out plan.json")]
    Plan(Plan),
    /// Run engine, gateway and API in this process until interrupted.
    ///
    /// Services run as processes of their own: they go on when this stops and are adopted again.
    #[command(after_long_help = "Example:\n  portcullis serve")]
    Serve(Serve),
    /// Release a version: back up, rehearse, migrate, start beside, shift through gates, promote.
    ///
    /// If a gate fails, traffic and data go back by themselves.
    ///
    /// With --wait the exit code is the verdict: 0 promoted, 3 a gate failed and it was rolled back, 4 it
    /// waits for a person, 5 a gate cannot decide, 1 it failed or was aborted, 130 detached. Without it, 0
    /// says that the rollout has begun. `portcullis --help` lists all codes.
    #[command(after_long_help = "Example:\n  portcullis deploy --release 1.1 --wait")]
    Deploy(Deploy),
    /// Say in one sentence how the service stands, and what runs.
    ///
    /// Ends with 0 when the engine acts, with 1 when it had to stop, and with 8 when no server answers.
    #[command(after_long_help = "Example:\n  portcullis status")]
    Status,
    /// List all rollouts, newest first.
    #[command(after_long_help = "Example:\n  portcullis history --json")]
    History,
    /// Show a rollout with its timeline and the evidence behind each verdict.
    #[command(
        after_long_help = "Examples:\n  portcullis show notes-2\n  portcullis show notes-2 --gate gate-10 --replay"
    )]
    Show(Show),
    /// Follow a rollout on a live screen, to its end; returns its verdict as the exit code.
    ///
    /// On a terminal the screen is redrawn; otherwise, and with --plain, one line is printed for each
    /// thing that happens. Ctrl-C detaches; the rollout goes on.
    ///
    /// Exit codes: 0 promoted, 3 a gate failed and it was rolled back, 4 it waits for a person, 5 a gate
    /// cannot decide, 1 it failed or was aborted, or the engine had to stop, 130 detached.
    #[command(after_long_help = "Example:\n  portcullis watch")]
    Watch(Watch),
    /// Stop the live rollout and go back.
    ///
    /// With --wait it ends with 0 when the rollout was undone, and with 1 when it was promoted all the same.
    #[command(after_long_help = "Example:\n  portcullis abort --reason 'errors in the log' --wait")]
    Abort(Abort),
    /// Go back: abort the live rollout, or return to the release that served before or to a named one.
    ///
    /// With --wait it ends with 0 when the release before serves again, and with 1 when it does not.
    #[command(after_long_help = "Example:\n  portcullis rollback --wait")]
    Rollback(Rollback),
    /// Let the live rollout stop and wait at the end of its present step.
    ///
    /// An open gate goes on measuring, and still goes back if it fails.
    #[command(after_long_help = "Example:\n  portcullis pause --reason 'looking at the figures'")]
    Pause(Pause),
    /// Answer a planned question with yes.
    #[command(after_long_help = "Example:\n  portcullis approve")]
    Approve(Answer),
    /// Let a paused rollout go on; also approves a planned stop.
    #[command(after_long_help = "Example:\n  portcullis resume")]
    Resume(Answer),
    /// Let a held rollout look again and go on from what it finds, or put the backup back that it is held before.
    ///
    /// Where a rollout is held because going back would lose what users wrote, it puts the backup back: that is the consent to the
    /// loss, so it is counted and you are asked. `portcullis skip` keeps the data there.
    #[command(after_long_help = "Example:\n  portcullis retry")]
    Retry(Answer),
    /// Vouch that a held step is done (or undone) and let the rollout go on.
    #[command(after_long_help = "Example:\n  portcullis skip")]
    Skip(Vouch),
    /// Make, list, verify and restore backups.
    #[command(subcommand)]
    Backup(Backup),
    /// Try a backup out: restore it to a scratch folder, start the release that served then on it, and measure.
    ///
    /// Live data is never touched. The drill measures how long it takes from the vault to a release that answers
    /// rightly (RTO) and how much data a loss would have cost (RPO), compares them with the targets of `[drill]`, and is
    /// recorded in the journal.
    ///
    /// Exit codes: 0 passed, 1 failed or a target was missed, 5 it could not run, which is never a pass, 6 another drill
    /// is being held.
    #[command(
        after_long_help = "Examples:\n  portcullis drill\n  portcullis drill --random\n  portcullis drill --at 2026-11-21T04:00:00Z"
    )]
    Drill(Drill),
    /// Try a release out on a copy of the data, for as long as you like.
    ///
    /// For releases that cannot share their data with what serves: restore, migrate, start, ask, mirror users' reads, and
    /// then cut over (strategy = "cut-over").
    #[command(subcommand)]
    Twin(Twin),
    /// Look after the journal, the record of all that happened.
    #[command(subcommand)]
    Journal(Journal),
    /// Print what a service's releases wrote.
    #[command(after_long_help = "Example:\n  portcullis logs --release 1.1 --lines 100 --follow")]
    Logs(Logs),
    /// Look at a gate outside of a rollout: what it does, what it would decide, how often it would be wrong.
    #[command(subcommand)]
    Gate(Gate),
    /// Look at the gateway's routes, set a split by hand, bypass it in an emergency, manage API keys.
    #[command(subcommand)]
    Gateway(Gateway),
    /// Examine plain SQL migrations, rehearse them, compare them with a database, apply them.
    #[command(subcommand)]
    Migrate(Migrate),
    /// Hide personal and secret data in text: e-mail addresses, numbers of people and accounts, keys, passwords.
    ///
    /// Each value becomes a placeholder, the same value always the same one; `portcullis unmask` puts the values back.
    /// Reads files or standard input, writes standard output. Needs no configuration and no server.
    ///
    /// With --json each text (each line with --lines) gives one object: the text as it was, where something was found
    /// (in characters: Unicode code points), and the text with placeholders.
    #[command(
        after_long_help = "Examples:\n  echo 'write to jo@example.com' | portcullis mask\n  portcullis mask --map map.json letter.txt > safe.txt\n  portcullis mask --lines --json < chat.txt"
    )]
    Mask(Box<Mask>),
    /// Put back what `portcullis mask --map` has hidden, also where a model has changed a placeholder's case or markup.
    #[command(after_long_help = "Example:\n  portcullis unmask --map map.json answer.txt")]
    Unmask(Unmask),
    /// Look into the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Say what an error code means and what to do about it.
    ///
    /// Every error begins with its code, for example `error[PC0401]: no server answers`.
    #[command(after_long_help = "Example:\n  portcullis explain PC0401")]
    Explain(Explain),
    /// Read the documentation in the terminal; without a topic, list the topics.
    #[command(after_long_help = "Example:\n  portcullis docs gate")]
    Docs(Docs),
    /// Look at this machine and this configuration, and say what would keep a release from going well.
    ///
    /// Changes nothing. Ends with 0 when everything is well or there are only warnings, and with 1 when
    /// something failed.
    #[command(after_long_help = "Example:\n  portcullis doctor")]
    Doctor,
    /// Print a completion script for a shell.
    ///
    /// Put it where your shell looks for such scripts, and open a new shell.
    #[command(
        after_long_help = "Example:\n  portcullis completions bash > ~/.local/share/bash-completion/completions/portcullis"
    )]
    Completions(Completions),
    /// Write the man pages to a folder, or print the main one.
    #[command(after_long_help = "Example:\n  portcullis man --out ~/.local/share/man/man1")]
    Man(Man),
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The service's name; guessed from the files of the folder, or the folder's own, when not given.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The port that the gateway listens on, on loopback; the port that the service has now, or 8080,
    /// when not given.
    #[arg(long)]
    pub(crate) port: Option<u16>,
    /// The command that starts the service, as you would type it; `{port}` stands for the port it must
    /// listen on.
    #[arg(long)]
    pub(crate) command: Option<String>,
    /// The path that answers 200 when the service is up, for example /health.
    #[arg(long, value_name = "PATH")]
    pub(crate) ready: Option<String>,
    /// The data that a release may change: a file, a folder, or a database of PostgreSQL or Redis by its URL or a reference to it
    /// (env:DATABASE_URL); found in the folder when not given.
    #[arg(long, value_name = "PLACE")]
    pub(crate) store: Option<String>,
    /// Take the first of several possible commands, and ask nothing.
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Print the configuration that would be written, and write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
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
    /// Stop the services too when this process stops; the next `serve` starts them again. Without it they go
    /// on running.
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
    /// Show one of its gates, for example `gate-10`: each rule of each verdict.
    #[arg(long)]
    pub(crate) gate: Option<String>,
    /// Judge the gate again from the recorded samples and compare. Ends with 1 if a verdict does not follow from them.
    #[arg(long, requires = "gate")]
    pub(crate) replay: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Abort {
    /// The rollout; the live one when not given.
    pub(crate) rollout: Option<String>,
    /// Why you do it, for the record.
    #[arg(long, default_value = "")]
    pub(crate) reason: String,
    /// Follow it back to its end.
    #[arg(long)]
    pub(crate) wait: bool,
    #[command(flatten)]
    pub(crate) consent: Consent,
}

#[derive(Debug, Args)]
pub(crate) struct Rollback {
    /// The release to return to; the one that served before when not given.
    pub(crate) to: Option<String>,
    /// Why you do it, for the record.
    #[arg(long, default_value = "")]
    pub(crate) reason: String,
    /// Follow it to its end.
    #[arg(long)]
    pub(crate) wait: bool,
    #[command(flatten)]
    pub(crate) consent: Consent,
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
    /// Why you do it, for the record.
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
    /// How many of the last lines are printed.
    #[arg(short = 'n', long, default_value_t = 50)]
    pub(crate) lines: usize,
    /// Go on with what is written from now on, also by releases that are started later, until
    /// interrupted. An interrupt is the way to end this, so the exit code is 0 then.
    #[arg(short = 'F', long)]
    pub(crate) follow: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print every value with where it came from: the file and line, the environment's table, an
    /// environment variable, or the default. Secrets are never printed.
    #[command(after_long_help = "Example:\n  portcullis config explain gateway")]
    Explain {
        /// Only the keys that begin with this, for example `gateway` or `service.name`.
        key: Option<String>,
    },
    /// Print the JSON Schema of portcullis.toml.
    #[command(after_long_help = "Example:\n  portcullis config schema > .portcullis/schema.json")]
    Schema,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The code, for example `PC0101` or just `101`; all codes are listed when not given.
    pub(crate) code: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Docs {
    /// The topic, for example `gate`; all topics are listed when not given.
    pub(crate) topic: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell that the script is for.
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
    #[command(
        after_long_help = "Example:\n  portcullis backup create --reason 'before the holidays'"
    )]
    Create {
        /// Why, for people who look for it later.
        #[arg(long, default_value = "by hand")]
        reason: String,
        /// Have writes wait at the gateway meanwhile, so that all stores belong together, whatever `backup.pause` says.
        #[arg(long, conflicts_with = "no_pause")]
        pause: bool,
        /// Let writes go on meanwhile, whatever `backup.pause` says.
        #[arg(long)]
        no_pause: bool,
    },
    /// List all backups, newest first.
    #[command(after_long_help = "Example:\n  portcullis backup list")]
    List {
        /// List what is at a place of `[[backup.copy]]` instead.
        #[arg(long, value_name = "COPY")]
        copy: Option<String>,
    },
    /// Copy backups to the places of `[[backup.copy]]` and read them back there.
    ///
    /// An upload that was cut off goes on from where it was.
    #[command(after_long_help = "Example:\n  portcullis backup copy --to offsite")]
    Copy {
        /// The backup's name; every one that is missing there when not given.
        name: Option<String>,
        /// The place; all places when not given.
        #[arg(long, value_name = "COPY")]
        to: Option<String>,
    },
    /// Bring a copy back into the vault and verify it.
    #[command(
        after_long_help = "Example:\n  portcullis backup fetch notes_production_20261121T040000Z --from offsite"
    )]
    Fetch {
        /// The backup's name, as `portcullis backup list --copy` shows it.
        name: String,
        /// The place, by its name in `[[backup.copy]]`.
        #[arg(long, value_name = "COPY")]
        from: String,
    },
    /// Make keys for encrypted backups, and say which key opens which backup.
    #[command(subcommand)]
    Key(BackupKey),
    /// Remove old backups by the rules of `[backup]`, and say of each why it goes or stays.
    ///
    /// The last verified backup is never removed, nor one that a live rollout may need.
    #[command(after_long_help = "Example:\n  portcullis backup prune --dry-run")]
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
        /// Keep the newest of each hour for so many hours in which there are backups.
        #[arg(long)]
        keep_hourly: Option<u32>,
        /// Keep the newest of each day for so many days.
        #[arg(long)]
        keep_daily: Option<u32>,
        /// Keep the newest of each week for so many weeks.
        #[arg(long)]
        keep_weekly: Option<u32>,
        /// Keep the newest of each month for so many months.
        #[arg(long)]
        keep_monthly: Option<u32>,
        /// Keep the newest of each year for so many years.
        #[arg(long)]
        keep_yearly: Option<u32>,
    },
    /// Keep a backup whatever the rules say, until `portcullis backup unprotect`.
    #[command(
        after_long_help = "Example:\n  portcullis backup protect notes_production_20261121T040000Z --reason 'audit of 2026'"
    )]
    Protect {
        /// The backup's name, as `portcullis backup list` shows it.
        name: String,
        /// Why, for people who wonder later.
        #[arg(long)]
        reason: String,
    },
    /// Let the rules decide about a protected backup again.
    #[command(
        after_long_help = "Example:\n  portcullis backup unprotect notes_production_20261121T040000Z"
    )]
    Unprotect {
        /// The backup's name, as `portcullis backup list` shows it.
        name: String,
    },
    /// Read a backup back, every byte, and compare it with its manifest.
    #[command(after_long_help = "Example:\n  portcullis backup verify")]
    Verify {
        /// The backup's name; the newest when not given.
        name: Option<String>,
        /// Read the continuous archive of this store back instead: copies of the cluster, and that no write-ahead log is
        /// missing or damaged.
        #[arg(long, value_name = "STORE", conflicts_with = "name")]
        continuous: Option<String>,
        /// Read the copy at a place of `[[backup.copy]]` instead, and compare it with its checksums.
        #[arg(long, value_name = "COPY")]
        copy: Option<String>,
    },
    /// Restore a store of a backup to a new place, or in place of the live data; or recover a PostgreSQL store to a moment.
    #[command(
        after_long_help = "Examples:\n  portcullis backup restore notes_production_20261121T040000Z --to copy\n  \
                           portcullis backup restore --at 2026-11-21T03:59:00Z --store notes --to cluster",
        group(clap::ArgGroup::new("where").required(true).args(["to", "in_place"])),
        group(clap::ArgGroup::new("what").required(true).args(["name", "at"]))
    )]
    Restore {
        /// The backup's name, as `portcullis backup list` shows it.
        name: Option<String>,
        /// The moment to recover a PostgreSQL store with a continuous archive to, such as 2026-11-21T03:59:00Z; or
        /// `latest`, for everything that was received.
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
        /// With --at and --in-place: the folder for the recovered cluster until its database is put in place.
        #[arg(long, value_name = "DIR", requires = "at", requires = "in_place")]
        scratch: Option<PathBuf>,
        /// The store; all stores when not given.
        #[arg(long)]
        store: Option<String>,
        /// The folder for the copy; the live data is not touched. Refused where the copy would lie in live data, in the vault or
        /// in the state folder.
        #[arg(long)]
        to: Option<PathBuf>,
        /// Replace the live data; what is replaced is kept under a name beside it. Refused while
        /// `portcullis serve` runs, which would not know of it, and, before any store is touched, if one of them could not be
        /// put back.
        #[arg(long)]
        in_place: bool,
        /// With --in-place: also if the backup has the data of another release than the one that works on it now.
        #[arg(long, requires = "in_place", conflicts_with = "at")]
        other_release: bool,
        /// With --in-place: agree that what was written since the backup is taken away. How much that is, you are told in any
        /// case. Without this you are asked, where there is a terminal; without a terminal nobody is asked and the data is
        /// replaced. A script that may have a terminal says this.
        #[arg(long, requires = "in_place")]
        accept_loss: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Journal {
    /// Recompute every hash of the journal and fold it again.
    #[command(after_long_help = "Example:\n  portcullis journal verify")]
    Verify,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BackupKey {
    /// Make a pair of keys: print the public one, write the secret one to a new file that only you can read.
    #[command(
        after_long_help = "Example:\n  portcullis backup key new --file /etc/portcullis/backup.key"
    )]
    New {
        /// The file for the secret key; it must not exist.
        #[arg(long)]
        file: PathBuf,
    },
    /// Say for whom backups are encrypted, and which of them open here.
    #[command(after_long_help = "Example:\n  portcullis backup key list")]
    List,
}

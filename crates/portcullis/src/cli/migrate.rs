//! The commands about plain SQL migrations, as typed.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use portcullis_migration::{Dialect, Phase, ServerVersion};

#[derive(Debug, Subcommand)]
pub(crate) enum Migrate {
    /// Say what would hurt if these files were applied: broken versions, lost data, long locks, half-applied files.
    ///
    /// Reads plain SQL files named NUMBER_name.sql, such as 0007_add_email.sql; a folder stands for all of them in it.
    /// Nothing is asked of a database but, with --url, its kind and version. PostgreSQL's files are examined by squawk, SQLite's by rules of our own, and both by
    /// what their phase allows. `-- portcullis:ignore RULE: REASON` before a statement turns a rule off for it.
    ///
    /// Exit codes: 0 nothing was found that --deny denies, 1 something was, 2 the files or an option cannot be read.
    #[command(
        after_long_help = "Examples:\n  portcullis migrate lint migrations\n  portcullis migrate lint migrations --dialect sqlite --deny warnings"
    )]
    Lint(Lint),
    /// Compare the files with the ledger in the database: applied, pending, changed, half way, unknown.
    ///
    /// Changes nothing and takes no lock.
    ///
    /// Exit codes: 0 told, 1 a file changed after it was applied, is half way, or an index is invalid, 2 the files or the
    /// reference cannot be read, 8 the database cannot be reached.
    #[command(
        after_long_help = "Example:\n  portcullis migrate status migrations --url env:DATABASE_URL"
    )]
    Status(Against),
    /// Try on a copy what a release would do to the data: restore a backup, migrate it, start both releases on it.
    ///
    /// It is the rehearsal of a rollout without the rollout: each phase is timed, the releases answer the smoke checks, and
    /// all of it is removed. Nothing live is touched, and no server need run.
    ///
    /// Exit codes: 0 it worked, or there is nothing to rehearse, 1 something did not, 2 the configuration or an option is
    /// wrong, 6 another rehearsal is under way, 130 interrupted.
    #[command(
        after_long_help = "Examples:\n  portcullis migrate rehearse\n  portcullis migrate rehearse --release 1.1 --backup notes_production_20261122T020000Z"
    )]
    Rehearse(Rehearse),
    /// Apply the files of one phase that are not applied yet, in order, and enter them into the ledger.
    ///
    /// Each file is one transaction together with its entry in the table portcullis_migrations, unless it says
    /// `-- portcullis: no-transaction` or has batches: then every statement is recorded, and what failed or was killed half way
    /// is named and gone on with. Two runs never work on one database at once.
    ///
    /// Exit codes: 0 applied, also when nothing was to be done, 1 refused or failed, 2 the files or an option cannot be read,
    /// 6 another run works on the database, 8 the database cannot be reached.
    #[command(
        after_long_help = "Examples:\n  portcullis migrate apply migrations --phase expand --url env:DATABASE_URL\n  portcullis migrate apply migrations --phase backfill --url sqlite:data/notes.db"
    )]
    Apply(Apply),
}

#[derive(Debug, Args)]
pub(crate) struct Lint {
    /// Folders of migrations, or files.
    #[arg(value_hint = clap::ValueHint::AnyPath)]
    pub(crate) paths: Vec<PathBuf>,
    /// Whose SQL the files are.
    #[arg(long, value_enum, default_value_t = DialectName::Postgres)]
    pub(crate) dialect: DialectName,
    /// The PostgreSQL server that the files are for, such as 15 or 17.2: what locks a statement takes depends on it.
    #[arg(long, value_name = "VERSION", default_value = "15", value_parser = server_version)]
    pub(crate) server_version: ServerVersion,
    /// The database that the files are for, which is asked for its kind and version: env:NAME, file:PATH, cmd:PROGRAM with
    /// postgres://... or sqlite:PATH in it, or sqlite:PATH itself. With arguments: --url 'cmd:PROGRAM ARGUMENT'.
    #[arg(long, value_name = "REFERENCE", conflicts_with_all = ["dialect", "server_version"])]
    pub(crate) url: Option<String>,
    /// From which findings on the command ends with 1.
    #[arg(long, value_enum, default_value_t = Deny::Errors)]
    pub(crate) deny: Deny,
}

#[derive(Debug, Args)]
pub(crate) struct Rehearse {
    /// The release; the last in the configuration when not given.
    #[arg(long)]
    pub(crate) release: Option<String>,
    /// The backup to try it on; the newest of the service when not given.
    #[arg(long, value_name = "NAME")]
    pub(crate) backup: Option<String>,
}

/// The files and the database.
#[derive(Debug, Args)]
pub(crate) struct Against {
    /// Folders of migrations, or files.
    #[arg(value_hint = clap::ValueHint::AnyPath)]
    pub(crate) paths: Vec<PathBuf>,
    /// Where the database is: env:NAME, file:PATH or cmd:PROGRAM with postgres://... or sqlite:PATH in it, or sqlite:PATH
    /// itself. A program with arguments is one word of the command line: --url 'cmd:PROGRAM ARGUMENT'.
    #[arg(long, value_name = "REFERENCE")]
    pub(crate) url: String,
}

#[derive(Debug, Args)]
pub(crate) struct Apply {
    #[command(flatten)]
    pub(crate) against: Against,
    /// Which files: expand before traffic shifts, backfill while both versions run, contract when no version needs the old
    /// shape.
    #[arg(long, value_name = "PHASE", value_parser = phase)]
    pub(crate) phase: Phase,
    /// How long a statement may wait for a lock, such as 500ms, 5s or 2m; 0s waits for ever.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = milliseconds)]
    pub(crate) lock_timeout: u64,
    /// How long a statement may take; 0s for ever.
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = milliseconds)]
    pub(crate) statement_timeout: u64,
    /// The pause between two rounds of a batch that says none itself.
    #[arg(long, value_name = "TIME", default_value = "100ms", value_parser = milliseconds)]
    pub(crate) pause: u64,
    /// Also apply files that come before one that is already applied.
    #[arg(long)]
    pub(crate) out_of_order: bool,
    /// What became of a statement that was under way when an earlier run was killed, after you have looked.
    #[arg(long, value_enum)]
    pub(crate) in_doubt: Option<InDoubt>,
}

/// Whose SQL files are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DialectName {
    /// PostgreSQL
    Postgres,
    /// SQLite
    Sqlite,
}

/// What a lint denies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Deny {
    /// Warnings and errors
    Warnings,
    /// Errors
    Errors,
}

/// What became of a statement in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum InDoubt {
    /// It took effect
    Done,
    /// It did not: carry it out again
    Again,
}

impl From<DialectName> for Dialect {
    fn from(name: DialectName) -> Dialect {
        match name {
            DialectName::Postgres => Dialect::Postgres,
            DialectName::Sqlite => Dialect::Sqlite,
        }
    }
}

fn server_version(text: &str) -> Result<ServerVersion, String> {
    text.parse()
        .map_err(|error: portcullis_migration::ServerVersionError| error.to_string())
}

fn phase(text: &str) -> Result<Phase, String> {
    text.parse()
        .map_err(|()| "expected expand, backfill or contract".to_owned())
}

/// A time with its unit, in milliseconds.
fn milliseconds(text: &str) -> Result<u64, String> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let factor = match &text[digits..] {
        "ms" => Some(1),
        "s" => Some(1000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    let number = text[..digits].parse::<u64>().ok();
    // PostgreSQL keeps these times in 31 bits.
    let time = number
        .zip(factor)
        .and_then(|(number, factor)| number.checked_mul(factor));
    time.filter(|time| i32::try_from(*time).is_ok())
        .ok_or_else(|| "expected a time such as 500ms, 5s, 2m or 1h, of at most 24 days".to_owned())
}

//! `pg_amcheck`: whether the tables and indexes of a database are in order page by page.

use std::ffi::OsString;
use std::process::Stdio;

use super::session::{Session, quoted};
use super::tools::Tools;
use super::{PostgresAddress, PostgresProblem};

/// From which version on there is a `pg_amcheck`.
const FIRST_MAJOR: u32 = 14;
const EXTENSION: &str = "amcheck";
/// The exit code with which it says that something is damaged.
const DAMAGE_FOUND: i32 = 2;
/// How many lines of what it found are told.
const LINES_MAX: usize = 6;

/// What `pg_amcheck` had to do with a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Amcheck {
    /// It read everything and found nothing wrong.
    Read {
        /// How many tables there are, with those of the system, materialized views and oversized values.
        tables: u64,
        /// How many B-tree indexes there are.
        indexes: u64,
    },
    /// It was not run, and why. That says nothing about the database.
    NotRun {
        /// What is missing.
        why: String,
    },
}

impl Amcheck {
    /// What was done, in words.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Read { tables, indexes } => {
                format!("pg_amcheck: {tables} tables and {indexes} B-tree indexes in order")
            }
            Self::NotRun { why } => format!("pg_amcheck not run: {why}"),
        }
    }
}

/// What is asked of a database first: whether it has the extension, whether the server could make it, and whether the
/// user may.
type Asked = (bool, bool, bool);
const ASK: &str = "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'amcheck'), \
     EXISTS (SELECT FROM pg_available_extensions WHERE name = 'amcheck'), \
     (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)";
/// What `pg_amcheck` reads.
const COUNT: &str = "SELECT count(*) FILTER (WHERE relkind IN ('r', 'm', 't')), count(*) FILTER (WHERE relkind = 'i' \
     AND relam = (SELECT oid FROM pg_am WHERE amname = 'btree')) FROM pg_class WHERE relpersistence <> 't'";

/// Checks tables and indexes of a database. A copy that is thrown away is given the extension for the time of the check if
/// it does not have it.
pub(super) async fn amcheck(
    address: &PostgresAddress,
    is_copy: bool,
) -> Result<Amcheck, PostgresProblem> {
    let not_run = |why: String| Ok(Amcheck::NotRun { why });
    let mut session = Session::open(address).await?;
    let asked: Vec<Asked> = session.rows("look for amcheck", ASK, &[]).await?;
    let (has, available, superuser) = asked.first().copied().unwrap_or_default();
    if session.major < FIRST_MAJOR {
        return not_run(format!("there is one from PostgreSQL {FIRST_MAJOR} on"));
    }
    let usable = has || (available && is_copy);
    if !usable {
        return not_run(match available {
            true => "the database has no extension amcheck".to_owned(),
            false => "the server has no extension amcheck (Debian: postgresql-contrib)".to_owned(),
        });
    }
    if !superuser {
        return not_run("its functions are for a superuser".to_owned());
    }
    let found = Tools::installed()
        .find("pg_amcheck", session.major, "the server")
        .await;
    let tool = match found {
        Ok(tool) => tool,
        Err(problem) => return not_run(problem.to_string()),
    };
    let name = quoted(EXTENSION);
    if !has {
        let create = format!("CREATE EXTENSION {name} SCHEMA pg_catalog");
        session.run("create the extension amcheck", &create).await?;
    }
    // What it prints names tables and blocks, and nothing of rows.
    let arguments: Vec<OsString> = vec![
        "--no-password".into(),
        "--database".into(),
        // It is a pattern, in which a quoted part stands for itself (PostgreSQL manual, psql, "Patterns").
        quoted(address.database()).into(),
    ];
    let child = tool.spawn(&arguments, Some(address), Stdio::null())?;
    let ended = tool.ended(child).await;
    if !has {
        let drop = format!("DROP EXTENSION {name}");
        session.run("drop the extension amcheck", &drop).await?;
    }
    let (status, found, words) = ended?;
    if status.code() == Some(DAMAGE_FOUND) {
        let found = String::from_utf8_lossy(&found);
        let lines: Vec<&str> = found.lines().map(str::trim).take(LINES_MAX).collect();
        return Err(PostgresProblem::Damaged {
            place: session.place.clone(),
            why: lines.join("; "),
        });
    }
    tool.judge(status, &words, Some(address))?;
    let counts: Vec<(i64, i64)> = session.rows("count what was checked", COUNT, &[]).await?;
    session.close().await;
    let (tables, indexes) = counts.first().copied().unwrap_or_default();
    Ok(Amcheck::Read {
        tables: u64::try_from(tables).unwrap_or(0),
        indexes: u64::try_from(indexes).unwrap_or(0),
    })
}

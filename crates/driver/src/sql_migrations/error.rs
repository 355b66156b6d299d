//! Why migrations were not applied, or not all of them.

use portcullis_migration::{Phase, SetProblem};

use super::database::DatabaseRefused;

/// Why migrations were not applied, or not all of them. What was applied before is in the ledger.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// The reference leads to no database.
    #[error(transparent)]
    Database(#[from] DatabaseRefused),
    /// Nobody answers, or lets us in.
    #[error("{place} cannot be reached")]
    Unreachable {
        /// The database.
        place: String,
        /// What the system or the server says.
        #[source]
        source: sqlx::Error,
    },
    /// Another run holds the lock.
    #[error("another migration of {place} is under way{}", holder.as_ref().map(|who| format!(" ({who})")).unwrap_or_default())]
    Busy {
        /// The database.
        place: String,
        /// Who holds it, if that can be told.
        holder: Option<String>,
    },
    /// The files are written for another kind of database.
    #[error("the files are read as {files} and the database is {database}")]
    OtherDialect {
        /// Whose SQL the files are.
        files: portcullis_migration::Dialect,
        /// Whose SQL the database takes.
        database: portcullis_migration::Dialect,
    },
    /// Files cannot be read as they are.
    #[error("{} of the files cannot be applied as they are", .0.len())]
    Files(Vec<SetProblem>),
    /// Files that were applied are not what they were.
    #[error("{} changed after {} applied", files.join(", "), if files.len() == 1 { "it was" } else { "they were" })]
    Changed {
        /// The files.
        files: Vec<String>,
    },
    /// Another file was applied under the number of one that is not applied.
    #[error("{file} has the number of {applied}, which is applied")]
    NumberTaken {
        /// The file that is not applied.
        file: String,
        /// The one that is.
        applied: String,
    },
    /// What was already carried out of a file that is half done is not what it was.
    #[error("{file} changed in its first {done} statements, which are already carried out")]
    DoneChanged {
        /// The file.
        file: String,
        /// How many statements are done.
        done: usize,
    },
    /// A later file was applied already.
    #[error("{file} comes before {after}, which is already applied")]
    OutOfOrder {
        /// The file that is to be applied.
        file: String,
        /// The one that was.
        after: String,
    },
    /// A file of an earlier phase is missing.
    #[error("{file} ({phase}) comes before {wanted} and is not applied")]
    EarlierPhase {
        /// The file that is missing.
        file: String,
        /// Its phase.
        phase: Phase,
        /// The one that is to be applied.
        wanted: String,
    },
    /// A file is to be undone, and none says how.
    #[error("{file} cannot be undone: there is no .down.sql beside it")]
    NoWayBack {
        /// The file.
        file: String,
    },
    /// A file begins or ends transactions itself.
    #[error("{file}:{line}: `{statement}` begins or ends a transaction, which is for Portcullis")]
    OwnTransaction {
        /// The file.
        file: String,
        /// Its line.
        line: usize,
        /// The statement.
        statement: String,
    },
    /// Nobody knows whether a statement took effect.
    #[error(
        "{file}:{line}: it is not known whether `{statement}` took effect: it was under way when an earlier run ended"
    )]
    InDoubt {
        /// The file.
        file: String,
        /// Its line.
        line: usize,
        /// The statement.
        statement: String,
    },
    /// An index of the name that is to be built is there and invalid.
    #[error("{file}:{line}: the index {index} is there and invalid: an earlier build failed")]
    InvalidIndex {
        /// The file.
        file: String,
        /// The line of the statement that builds it.
        line: usize,
        /// The index, with its schema.
        index: String,
    },
    /// A statement failed.
    #[error("{0}")]
    Statement(Box<FailedStatement>),
    /// A round changed more rows than its batch allows.
    #[error(
        "{file}:{line}: one round changed {rows} rows, and its batch is {batch}; the round was rolled back"
    )]
    BatchTooLarge {
        /// The file.
        file: String,
        /// Its line.
        line: usize,
        /// What the round changed.
        rows: u64,
        /// What it may.
        batch: u64,
    },
    /// A statement that is repeated goes on changing rows.
    #[error("{file}:{line}: after {rounds} rounds it still changes rows")]
    TooManyRounds {
        /// The file.
        file: String,
        /// Its line.
        line: usize,
        /// How many rounds it had.
        rounds: u64,
    },
    /// It was asked to stop, and did between two rounds, statements or files.
    #[error("{file} was stopped, as was asked for; what is done of it is in the ledger")]
    Suspended {
        /// The file that is next, or goes on.
        file: String,
    },
    /// The ledger or the session failed.
    #[error("could not {doing}")]
    Ledger {
        /// What was tried.
        doing: &'static str,
        /// What the database says.
        #[source]
        source: sqlx::Error,
    },
}

/// A statement that failed.
#[derive(Debug, thiserror::Error)]
#[error("{file}:{line}: `{statement}` failed: {message}{}", code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default())]
pub struct FailedStatement {
    /// The file.
    pub file: String,
    /// Its line.
    pub line: usize,
    /// The statement.
    pub statement: String,
    /// What the database says.
    pub message: String,
    /// Its SQLSTATE, or SQLite's extended code.
    pub code: Option<String>,
    /// How many statements of the file are carried out; nothing if all of it was rolled back.
    pub done: Option<usize>,
    /// How many there are.
    pub of: usize,
    /// Invalid indexes that were not there before.
    pub invalid_indexes: Vec<String>,
    /// Whether it may have committed part of what it does before it failed.
    pub is_in_doubt: bool,
}

/// Who runs files: what can be done about a failure is said in words that exist there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunBy {
    /// A person, by `portcullis migrate apply`.
    Command,
    /// A step of a rollout, or of its rehearsal.
    Rollout,
}

/// How a rollout is told what became of a statement in doubt.
const SAY_IT: &str = "say what became of it by `portcullis migrate apply FOLDER --phase PHASE --url REFERENCE --in-doubt done` \
                      (or `again`), which goes on with the file; a rollout that is held goes on by `portcullis retry`, else \
                      plan again";
/// What a statement leaves that fails after it has committed.
const COMMITTED: &str = "what it committed before it failed stays, and nobody knows how much that is: look at the database";

impl MigrationError {
    pub(super) fn ledger(doing: &'static str) -> impl Fn(sqlx::Error) -> MigrationError {
        move |source| MigrationError::Ledger { doing, source }
    }

    /// What a person can do about it, if there is something to say, for whoever runs the files by `run`.
    #[must_use]
    pub fn hint(&self, run: RunBy) -> Option<String> {
        if run == RunBy::Rollout
            && let Some(hint) = self.hint_in_rollout()
        {
            return Some(hint);
        }
        Some(match self {
            MigrationError::Busy { .. } => {
                "wait for it; `portcullis migrate status` shows how far it is".to_owned()
            }
            MigrationError::OtherDialect { .. } => "give the folder of the files for this database".to_owned(),
            MigrationError::Files(problems) => problems.first()?.kind.instead(),
            MigrationError::Changed { .. } => {
                "put the files back as they were, and write what is to be different into a new one".to_owned()
            }
            MigrationError::DoneChanged { done, .. } => {
                format!("put statements 1 to {done} back as they were; those after them may change")
            }
            MigrationError::OutOfOrder { .. } => {
                "give it a number after the last one; or, when it depends on none of them, `--out-of-order`".to_owned()
            }
            MigrationError::EarlierPhase { phase, .. } => {
                format!("apply it first: `portcullis migrate apply --phase {phase}`")
            }
            MigrationError::OwnTransaction { .. } => {
                "take BEGIN and COMMIT out; a file is one transaction unless it says `-- portcullis: no-transaction`"
                    .to_owned()
            }
            MigrationError::InDoubt { .. } => {
                "look at the database; then run again with `--in-doubt done` or `--in-doubt again`".to_owned()
            }
            MigrationError::InvalidIndex { index, .. } => cure(std::slice::from_ref(index)),
            MigrationError::Statement(failed) if failed.is_in_doubt => {
                format!("{COMMITTED}; then run again with `--in-doubt done` or `--in-doubt again`")
            }
            MigrationError::Statement(failed) => match failed.invalid_indexes.as_slice() {
                [] => advice(failed.code.as_deref()?, run)?.to_owned(),
                names => cure(names),
            },
            MigrationError::BatchTooLarge { batch, .. } => {
                format!("choose the rows by a subquery with LIMIT {batch}")
            }
            MigrationError::TooManyRounds { .. } => {
                "its WHERE must leave out what is done; or let it have more rounds: `-- portcullis: batch = ROWS, rounds = \
                 NUMBER`"
                    .to_owned()
            }
            MigrationError::NumberTaken { .. } => {
                "give it the next number, for it was applied nowhere; two branches often take the same".to_owned()
            }
            MigrationError::Ledger { source, .. } => {
                let code = source.as_database_error().and_then(|answer| answer.code());
                advice(code.as_deref().filter(|code| is_lock(code))?, run)?.to_owned()
            }
            MigrationError::NoWayBack { .. } => "write it, or put a backup back".to_owned(),
            MigrationError::Database(_)
            | MigrationError::Unreachable { .. }
            | MigrationError::Suspended { .. } => return None,
        })
    }

    /// The same where a rollout runs them, if that has other ways.
    fn hint_in_rollout(&self) -> Option<String> {
        Some(match self {
            MigrationError::OutOfOrder { .. } => {
                "give it a number after the last one, and plan again; or, when it depends on none of them, apply it yourself \
                 before: `portcullis migrate apply --out-of-order`"
                    .to_owned()
            }
            MigrationError::EarlierPhase { phase, .. } => {
                format!(
                    "a rollout carries out each phase at its time: look why {phase} is not done (`portcullis migrate status`), \
                     and plan again"
                )
            }
            MigrationError::InDoubt { .. } => format!("look at the database; then {SAY_IT}"),
            MigrationError::Statement(failed) if failed.is_in_doubt => {
                format!("{COMMITTED}; then {SAY_IT}")
            }
            _ => return None,
        })
    }
}

/// How invalid indexes are got rid of.
fn cure(names: &[String]) -> String {
    let drops: Vec<String> = names
        .iter()
        .map(|name| format!("DROP INDEX CONCURRENTLY {name};"))
        .collect();
    let drops = drops.join(" ");
    format!(
        "end the transactions that were in the way (pg_stat_activity), then {drops} and apply again"
    )
}

/// Whether a code says that somebody else is in the way: PostgreSQL's "lock not available" and "deadlock detected", SQLite's
/// "busy" and "locked", which have the rest of their code in higher bits.
pub(super) fn is_lock(code: &str) -> bool {
    let of_sqlite = code.len() < 5
        && code
            .parse::<u32>()
            .is_ok_and(|code| [5, 6].contains(&(code & 0xff)));
    of_sqlite || ["55P03", "40P01"].contains(&code)
}

/// What helps against an SQLSTATE, or a code of SQLite.
fn advice(code: &str, run: RunBy) -> Option<&'static str> {
    if run == RunBy::Rollout {
        let by_key = match code {
            "55P03" => Some(
                "a transaction that is still open has the table: find it in pg_stat_activity, and let it end; or give more time \
                 by `lock_timeout` in [release.migrate]",
            ),
            "57014" => Some(
                "give more time by `statement_timeout` in [release.migrate], or do it in batches",
            ),
            code if code.len() < 5 && is_lock(code) => Some(
                "another program has the database locked: let it end; or give more time by `lock_timeout` in [release.migrate]",
            ),
            _ => None,
        };
        if by_key.is_some() {
            return by_key;
        }
    }
    if code.len() < 5 && is_lock(code) {
        return Some(
            "another program has the database locked: let it end, and apply again; or give more time by `--lock-timeout`",
        );
    }
    Some(match code {
        "55P03" => {
            "a transaction that is still open has the table: find it in pg_stat_activity, let it end, and apply again; or give \
             more time by `--lock-timeout`"
        }
        "57014" => "give more time by `--statement-timeout`, or do it in batches",
        "25001" => "put it into a file of its own with `-- portcullis: no-transaction` at its top",
        "22P05" | "22P02" | "22003" | "22001" | "22007" | "22008" => {
            "a value in the data does not fit: find such rows and mend them first; the server's log has the row if it logs \
             details"
        }
        "23502" | "23503" | "23505" | "23514" | "23P01" => {
            "rows that are there break it: find and mend them first, in a backfill"
        }
        "40P01" => "others waited for each other with it; apply again",
        "42501" => "the user of the URL lacks the right; give the URL of the tables' owner",
        _ => return None,
    })
}

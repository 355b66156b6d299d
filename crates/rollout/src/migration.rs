//! How a release changes data.
//!
//! Either by a command of the operator's with a proof that it took effect, or by plain SQL files whose phases Portcullis
//! carries out each at its time: what only adds before the new release starts, what moves rows while both run, what takes
//! away after the old one is retired.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{Command, StoreRef};

/// How a release changes data. In JSON the two kinds are told apart by their fields, so that what was recorded before
/// there were SQL files is read as it was meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Migration {
    /// A command of the operator's.
    Command(CommandMigration),
    /// Plain SQL files.
    Sql(SqlMigration),
}

/// What a step does to data: all of a command, or one phase of the SQL files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum MigrationOrder {
    /// A command of the operator's.
    Command(CommandMigration),
    /// The files of one phase that are not applied.
    Sql(SqlOrder),
}

/// A change of data by a command, and the proof that it happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandMigration {
    /// What is run.
    pub command: Command,
    /// What shows that the data is migrated. The command's exit code is not proof.
    pub proof: Proof,
    /// What undoes it without losing what was written since; it is undone when the proof does not show it any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverse: Option<Command>,
}

/// How a migration is reversed. In JSON the two kinds are told apart by their fields, like those of [`MigrationOrder`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ReverseOrder {
    /// By a command of the operator's.
    Command {
        /// What is run.
        command: Command,
        /// What shows the migration: reversed is what it does not show any more.
        proof: Proof,
    },
    /// By the `.down.sql` beside each file, the last file first.
    Sql {
        /// The migration, aimed at its database; of its files only those that are reversed.
        reverses: Box<SqlMigration>,
    },
}

/// How to see whether a migration took effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Proof {
    /// A command: exit code 0 says migrated, 1 says not migrated, anything else says nothing.
    Command(Command),
    /// A JSON file has a value at a place.
    Json {
        /// The file.
        file: PathBuf,
        /// The place, an RFC 6901 pointer such as `/algorithm`.
        pointer: String,
        /// The value that shows the migration.
        equals: serde_json::Value,
    },
}

/// The plain SQL files of a release: those of a folder, up to a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqlMigration {
    /// The folder that they are in.
    pub folder: PathBuf,
    /// The highest number that belongs to the release; without it all do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<u64>,
    /// The database that they change.
    pub store: StoreRef,
    /// The files as they were when the plan was made, by number. A file that is not what it was is not carried out.
    pub files: Vec<SqlFile>,
    /// How long a statement may wait for a lock, in milliseconds.
    pub lock_timeout_ms: u64,
    /// How long a statement may take, in milliseconds.
    pub statement_timeout_ms: u64,
    /// The pause between two rounds of a batch that says none, in milliseconds.
    pub pause_ms: u64,
    /// The major version of PostgreSQL for which the files are examined before the server can be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_version: Option<u32>,
}

/// One SQL file of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqlFile {
    /// The file's name in its folder.
    pub name: String,
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: String,
    /// When in a rollout it may run.
    pub phase: MigrationPhase,
    /// The file that undoes it, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverse: Option<SqlReverse>,
}

/// The file that undoes another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqlReverse {
    /// The file's name in its folder.
    pub name: String,
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: String,
}

/// One phase of the SQL files, aimed at one database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqlOrder {
    /// The phase.
    pub phase: MigrationPhase,
    /// The files.
    #[serde(flatten)]
    pub migration: SqlMigration,
}

/// What the ledger of a database must say before a rollout touches anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerCheck {
    /// The files of the release that shall serve; none if it says nothing of any.
    pub migration: SqlMigration,
    /// Files of the phase contract that came since the release served last: none of them may be applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taken_away: Vec<String>,
    /// Whether it is brought back, so that its files are not to be applied.
    pub goes_back: bool,
}

/// When in a rollout a migration may run. The order is the order in which phases come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MigrationPhase {
    /// Before the new release starts. The one that serves must go on: only additions.
    Expand,
    /// While both are there and the new one has all traffic: rows are moved.
    Backfill,
    /// After the old release is retired: removals.
    Contract,
}

impl MigrationPhase {
    /// Every phase, in order.
    pub const ALL: [MigrationPhase; 3] = [Self::Expand, Self::Backfill, Self::Contract];

    /// The word of file names, comments and the ledger.
    pub fn word(self) -> &'static str {
        match self {
            Self::Expand => "expand",
            Self::Backfill => "backfill",
            Self::Contract => "contract",
        }
    }
}

impl fmt::Display for MigrationPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl MigrationOrder {
    /// The variables of the command, if it is one.
    pub fn env(&self) -> Option<&BTreeMap<String, String>> {
        match self {
            MigrationOrder::Command(migration) => Some(&migration.command.env),
            MigrationOrder::Sql(_) => None,
        }
    }

    /// Whether it works in batches, so that it can be stopped between two of them and go on later.
    pub fn has_batches(&self) -> bool {
        matches!(self, MigrationOrder::Sql(order) if order.phase == MigrationPhase::Backfill)
    }

    /// Whether it takes away what an earlier release may need.
    pub fn contracts(&self) -> bool {
        matches!(self, MigrationOrder::Sql(order) if order.phase == MigrationPhase::Contract)
    }
}

impl SqlMigration {
    /// The files of a phase that another release, the one that serves, does not have. Which of them are applied, the
    /// ledger knows; this is about what there is to do at most.
    pub fn new_files(&self, phase: MigrationPhase, serving: Option<&Migration>) -> Vec<&SqlFile> {
        let known: &[SqlFile] = match serving {
            Some(Migration::Sql(serving)) if serving.store == self.store => &serving.files,
            _ => &[],
        };
        let is_known = |file: &SqlFile| known.iter().any(|other| other.name == file.name);
        let files = self.files.iter().filter(|file| file.phase == phase);
        files.filter(|file| !is_known(file)).collect()
    }

    /// It with these files alone, aimed at the store as `stores` has it.
    pub(crate) fn with_files(&self, files: Vec<SqlFile>, stores: &[StoreRef]) -> SqlMigration {
        let aimed = stores.iter().find(|store| store.name == self.store.name);
        SqlMigration {
            store: aimed.unwrap_or(&self.store).clone(),
            files,
            ..self.clone()
        }
    }

    /// One phase of it, aimed at the store as `stores` has it.
    pub fn phase(&self, phase: MigrationPhase, stores: &[StoreRef]) -> MigrationOrder {
        let aimed = stores.iter().find(|store| store.name == self.store.name);
        MigrationOrder::Sql(SqlOrder {
            phase,
            migration: SqlMigration {
                store: aimed.unwrap_or(&self.store).clone(),
                ..self.clone()
            },
        })
    }
}

//! A release and its migration.

use serde_json::Value;

use crate::Code;
use crate::report::{At, Spot, Wrong};
use crate::table::{Entries, Table};
use crate::units;

/// A `[[release]]` as written.
#[derive(Debug)]
pub(crate) struct RawRelease {
    pub(crate) version: Option<At<String>>,
    pub(crate) artifact: Option<At<String>>,
    pub(crate) command: Option<At<Vec<At<String>>>>,
    pub(crate) env: Entries<String>,
    pub(crate) migrate: Option<RawMigration>,
}

/// A `[release.migrate]` as written.
#[derive(Debug)]
pub(crate) struct RawMigration {
    pub(crate) command: Option<At<Vec<At<String>>>>,
    pub(crate) proof: Option<RawProof>,
    pub(crate) reverse: Option<At<Vec<At<String>>>>,
    pub(crate) sql: Option<At<String>>,
    pub(crate) store: Option<At<String>>,
    pub(crate) through: Option<At<u64>>,
    pub(crate) lock_timeout_ms: Option<At<u64>>,
    pub(crate) statement_timeout_ms: Option<At<u64>>,
    pub(crate) pause_ms: Option<At<u64>>,
    pub(crate) server_version: Option<At<u64>>,
    /// The table's place.
    pub(crate) spot: Spot,
}

/// A `proof` as written: one of the two forms is complete.
#[derive(Debug)]
pub(crate) enum RawProof {
    /// A command's exit code.
    Command(At<Vec<At<String>>>),
    /// A value in a JSON file.
    Json(Box<RawJsonProof>),
}

/// A value in a JSON file, as written.
#[derive(Debug)]
pub(crate) struct RawJsonProof {
    pub(crate) file: At<String>,
    pub(crate) pointer: At<String>,
    pub(crate) equals: At<Value>,
}

impl RawRelease {
    pub(crate) fn read(table: Table<'_>) -> RawRelease {
        RawRelease {
            version: table.text("version"),
            artifact: table.text("artifact"),
            command: table.command("command"),
            env: super::variables(&table),
            migrate: table.optional_table("migrate", RawMigration::read),
        }
    }
}

impl RawMigration {
    fn read(table: Table<'_>) -> RawMigration {
        let by_sql = table.has("sql");
        let of_command = ["command", "proof"].map(|name| table.has(name));
        if by_sql && table.has("reverse") {
            let message =
                "`reverse` is about a command, and this migration is a folder of SQL files";
            let hint = "write NUMBER_name.down.sql beside each file instead";
            table.wrong(Wrong::new(Code::Contradiction, message).hint(hint));
        }
        let of_sql = [
            "store",
            "through",
            "lock_timeout",
            "statement_timeout",
            "pause",
            "server_version",
        ];
        if by_sql && of_command.contains(&true) {
            let message = "a migration is either a command or a folder of SQL files, not both";
            let hint = "SQL files need no proof: the database has a ledger of them";
            table.wrong(Wrong::new(Code::Contradiction, message).hint(hint));
        } else if !by_sql && of_command != [true; 2] && !table.is_incomplete() {
            let message = "expected `command` and `proof`, or `sql`";
            table.wrong(Wrong::new(Code::MissingKey, message));
        } else if let Some(name) = of_sql.iter().find(|name| !by_sql && table.has(name)) {
            let message = format!("`{name}` is about SQL files, and this migration is a command");
            table.wrong(Wrong::new(Code::Contradiction, message).hint("remove it"));
        }
        RawMigration {
            command: table.command("command"),
            proof: table.optional_table("proof", RawProof::read).flatten(),
            reverse: table.command("reverse"),
            sql: table.text("sql"),
            store: table.text("store"),
            through: table.whole("through"),
            lock_timeout_ms: table.duration_ms("lock_timeout"),
            statement_timeout_ms: table.duration_ms("statement_timeout"),
            pause_ms: table.duration_ms("pause"),
            server_version: table.whole("server_version"),
            spot: table.spot.clone(),
        }
    }
}

impl RawProof {
    fn read(table: Table<'_>) -> Option<RawProof> {
        let command = table.command("command");
        let file = table.text("file");
        let pointer = table.text("pointer");
        let equals = table.read("equals", |_, value| units::json(value));
        let by_command = table.has("command");
        let by_file = ["file", "pointer", "equals"].map(|name| table.has(name));
        if by_command && by_file.contains(&true) {
            let message = "a proof is either a command or a value in a file, not both";
            table.wrong(Wrong::new(Code::Contradiction, message));
            return None;
        }
        if !by_command && by_file != [true; 3] && table.given {
            let message = "expected `command`, or `file`, `pointer` and `equals`";
            table.wrong(Wrong::new(Code::MissingKey, message));
            return None;
        }
        if let Some(command) = command {
            return Some(RawProof::Command(command));
        }
        let json = RawJsonProof {
            file: file?,
            pointer: pointer?,
            equals: equals?,
        };
        Some(RawProof::Json(Box::new(json)))
    }
}

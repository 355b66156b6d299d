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
        RawMigration {
            command: table.command("command"),
            proof: table.table("proof", RawProof::read).flatten(),
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

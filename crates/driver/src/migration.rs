//! The driver of migrations: a command, and a proof that it took effect.

use std::io;
use std::path::Path;
use std::time::Duration;

use portcullis_rollout::{
    Action, Command, CommandMigration, Fact, Failure, MigrationOrder, Op, Presence, Proof,
    ReverseOrder,
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::bounds::{LEFTOVER_PAUSE, PROOF_FILE_BYTES_MAX, PROOF_TIMEOUT};
use crate::check::equal;
use crate::clock::Stopwatch;
use crate::command::{CommandEnd, random_marker, run_command, run_marked};
use crate::driver::{Driver, Probed, not_mine};
use crate::process_table::with_variable;

/// Names a migration in the environment of its processes: a digest of its command. Wherever the same
/// command still runs, whoever started it, it must not be run a second time beside it.
const MIGRATION_VARIABLE: &str = "PORTCULLIS_MIGRATION";

/// Carries out [`Action::Migrate`] of a command: runs it. Whether the data is migrated is decided by the
/// proof, never by the exit code, which is only reported.
///
/// While the same command of an earlier attempt still runs (Portcullis was killed meanwhile), a probe waits
/// for its end as long as the op may take, and then answers [`Presence::Unknown`].
#[derive(Debug, Clone, Copy, Default)]
pub struct CommandDriver;

impl CommandDriver {
    /// A driver.
    pub fn new() -> CommandDriver {
        CommandDriver
    }

    /// Waits up to `patience` until no process of an earlier attempt at this migration is left. It asks
    /// no proof.
    ///
    /// # Errors
    /// When one is left, or the processes cannot be listed: then nothing can be told about the data.
    pub async fn settled(
        &self,
        migration: &CommandMigration,
        patience: Duration,
    ) -> Result<(), Probed> {
        self.ended(&migration.command, patience).await
    }

    async fn ended(&self, command: &Command, patience: Duration) -> Result<(), Probed> {
        let watch = Stopwatch::start();
        loop {
            match still_running(command) {
                Ok(None) => return Ok(()),
                Ok(Some(pid)) if watch.left_of(patience).is_zero() => {
                    let text = format!("process {pid} of an earlier attempt has not ended");
                    return Err(Probed::new(Presence::Unknown).with("still running", text));
                }
                Ok(Some(_)) => tokio::time::sleep(LEFTOVER_PAUSE).await,
                Err(error) => {
                    return Err(Probed::new(Presence::Unknown).with("processes", error));
                }
            }
        }
    }
}

impl Driver for CommandDriver {
    async fn probe(&self, op: &Op) -> Probed {
        let (command, proof) = match &op.action {
            Action::Migrate(MigrationOrder::Command(migration)) => {
                (&migration.command, &migration.proof)
            }
            Action::Reverse(reverse) => match reverse.as_ref() {
                ReverseOrder::Command { command, proof } => (command, proof),
                ReverseOrder::Sql { .. } => return Probed::new(Presence::Unknown),
            },
            _ => return Probed::new(Presence::Unknown),
        };
        let patience = Duration::from_millis(op.deadline_ms);
        if let Err(unknown) = self.ended(command, patience).await {
            return unknown;
        }
        let probed = prove(proof).await;
        match &op.action {
            // Reversed is what the proof does not show any more.
            Action::Reverse(_) => Probed {
                presence: probed.presence.inverted(),
                ..probed
            },
            _ => probed,
        }
    }

    async fn apply(&self, op: &Op) -> Result<Vec<Fact>, Failure> {
        let (command, what) = match &op.action {
            Action::Migrate(MigrationOrder::Command(migration)) => {
                (&migration.command, "the migration")
            }
            Action::Reverse(reverse) => match reverse.as_ref() {
                ReverseOrder::Command { command, .. } => (command, "the reverse"),
                ReverseOrder::Sql { .. } => return Err(not_mine(op, "command driver")),
            },
            _ => return Err(not_mine(op, "command driver")),
        };
        let refuse = |message: String, retryable| Failure {
            message,
            retryable,
            facts: Vec::new(),
        };
        match still_running(command) {
            Ok(None) => {}
            Ok(Some(pid)) => {
                let message = format!(
                    "process {pid} of an earlier attempt at {what} still runs; two must not change the same data"
                );
                return Err(refuse(message, true));
            }
            Err(error) => return Err(refuse(format!("processes cannot be listed: {error}"), true)),
        }
        let marker = random_marker().map_err(|error| refuse(error.to_string(), true))?;
        let deadline = Duration::from_millis(op.deadline_ms);
        let name = name_of(command);
        let named = [(MIGRATION_VARIABLE, name.as_str())];
        let outcome = run_marked(command, deadline, &marker, &named, &[]).await;
        let message = match &outcome.end {
            CommandEnd::Exited(0) => return Ok(outcome.facts()),
            CommandEnd::TimedOut => format!("{what} took longer than {} ms", op.deadline_ms),
            // The proof may still show that it worked; this is what is said when it does not.
            end => format!("{what} {end}"),
        };
        Err(Failure {
            message,
            retryable: false,
            facts: outcome.facts(),
        })
    }
}

/// Whether a proof shows the migration now.
pub async fn prove(proof: &Proof) -> Probed {
    match proof {
        Proof::Command(command) => {
            let outcome = run_command(command, PROOF_TIMEOUT).await;
            let presence = match outcome.end {
                CommandEnd::Exited(0) => Presence::Applied,
                CommandEnd::Exited(1) => Presence::Absent,
                _ => Presence::Unknown,
            };
            let mut facts = vec![Fact::new("proof", format!("the command {}", outcome.end))];
            if !outcome.last_lines.is_empty() {
                facts.push(Fact::new("proof says", outcome.last_lines));
            }
            Probed { presence, facts }
        }
        Proof::Json {
            file,
            pointer,
            equals,
        } => prove_json(file, pointer, equals).await,
    }
}

async fn prove_json(file: &Path, pointer: &str, expected: &Value) -> Probed {
    let name = file.display();
    let unknown = |why: String| Probed::new(Presence::Unknown).with("proof", why);
    match tokio::fs::metadata(file).await {
        Ok(found) if found.len() > PROOF_FILE_BYTES_MAX => {
            return unknown(format!(
                "{name} is larger than {PROOF_FILE_BYTES_MAX} bytes"
            ));
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Probed::new(Presence::Absent).with("proof", format!("{name} does not exist"));
        }
        Err(error) => return unknown(format!("{name} cannot be read: {error}")),
    }
    let bytes = match tokio::fs::read(file).await {
        Ok(bytes) => bytes,
        Err(error) => return unknown(format!("{name} cannot be read: {error}")),
    };
    let document: Value = match serde_json::from_slice(&bytes) {
        Ok(document) => document,
        Err(error) => return unknown(format!("{name} is not JSON: {error}")),
    };
    match document.pointer(pointer) {
        Some(found) if equal(found, expected) => {
            Probed::new(Presence::Applied).with("proof", format!("{pointer} in {name} is {found}"))
        }
        Some(found) => Probed::new(Presence::Absent).with(
            "proof",
            format!("{pointer} in {name} is {found}, expected {expected}"),
        ),
        None => Probed::new(Presence::Absent).with(
            "proof",
            format!("{pointer} is missing in {name}, expected {expected}"),
        ),
    }
}

/// A process of any attempt at the same migration.
fn still_running(command: &Command) -> io::Result<Option<i32>> {
    let name = name_of(command);
    let found = with_variable(MIGRATION_VARIABLE, |value| value == name)?;
    Ok(found.first().map(|process| process.id.pid))
}

fn name_of(command: &Command) -> String {
    // A command has text and a path only; one whose path is not text has the name of the empty one,
    // and at worst waits for another like it.
    let bytes = serde_json::to_vec(command).unwrap_or_default();
    hex::encode(Sha256::digest(bytes))
}

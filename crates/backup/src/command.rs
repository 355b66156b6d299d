//! Stores of any tool: one command writes the data to its standard output, another reads it from its standard input.
//!
//! What the backup command writes lies in the archive as one file, `data`. A restore unpacks and verifies the backup
//! first, so that the restore command never reads a byte of one that is damaged, and it keeps what the backup command
//! says of the state before. It is not done in one step: what a restore command that fails has done by then is the
//! tool's affair, and putting back what was kept is the way back.
//!
//! Whether the store is as in a backup can be told in two ways: by a command that prints a word which is the same when
//! the content is the same (`digest`), or, where the tool prints the same bytes for the same content (`repeats`), by
//! running the backup command again. A tool that offers neither is believed: it is noted that its restore command
//! ended with code 0, see `memory`.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{BackupError, StoreSize};

mod memory;
mod problem;
mod remote;
mod run;

pub use problem::CommandProblem;

use memory::Memory;
use run::{Output, Run};

/// The variable with the folder of a copy: commands that heed it back up and restore what is in there.
pub const COPY_VARIABLE: &str = "PORTCULLIS_COPY";

/// The data, within the store.
pub(crate) const DATA: &str = "data";

/// The commands of a store, with the values of their variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreCommands {
    /// Writes the data to its standard output.
    pub backup: Vec<String>,
    /// Reads the data from its standard input and puts it in place of what there is.
    pub restore: Vec<String>,
    /// Reads the data from its standard input and exits with 0 if it can be restored.
    pub check: Option<Vec<String>>,
    /// Prints how many bytes the store has.
    pub size: Option<Vec<String>>,
    /// Prints one word that is the same when the content is the same.
    pub digest: Option<Vec<String>>,
    /// Whether the backup command writes the same bytes when the content is the same.
    pub repeats: bool,
    /// Variables that are set for them.
    pub env: CommandVariables,
    /// The folder they run in.
    pub folder: PathBuf,
    /// How long each may take.
    pub timeout: Duration,
    /// Where it is noted what was put back; beside it replaced data is kept.
    pub memory: PathBuf,
    /// Where the data is that a release uses, if the commands say nothing of it.
    pub path: Option<PathBuf>,
    /// The folder of a copy, if this is one.
    pub copy: Option<PathBuf>,
}

/// Variables of commands. Secret values are never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CommandVariables(BTreeMap<String, (String, bool)>);

impl CommandVariables {
    /// Adds a variable; a `secret` value is cut out of whatever a command says.
    pub fn set(&mut self, name: &str, value: &str, secret: bool) {
        self.0.insert(name.to_owned(), (value.to_owned(), secret));
    }

    fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let each = self.0.iter();
        each.map(|(name, (value, _))| (name.as_str(), value.as_str()))
    }

    /// A text with the values of secrets cut out.
    fn scrubbed(&self, text: &str) -> String {
        let secrets = self
            .0
            .values()
            .filter(|(value, secret)| *secret && !value.is_empty());
        secrets.fold(text.to_owned(), |text, (value, _)| {
            text.replace(value, "***")
        })
    }
}

impl fmt::Debug for CommandVariables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// What is known of the data of a command's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandContent {
    /// The program that wrote it.
    pub program: String,
    /// The word that the digest command printed, before and after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word: Option<String>,
}

/// The commands of one store, as this module uses them.
#[derive(Clone, Copy)]
pub(crate) struct Commands<'a> {
    /// The name of the store.
    pub(crate) store: &'a str,
    pub(crate) commands: &'a StoreCommands,
}

impl Commands<'_> {
    /// Whether it can be asked whether the store is as in a backup.
    pub(crate) fn tell_content(&self) -> bool {
        self.commands.digest.is_some() || self.commands.repeats
    }

    fn memory(&self) -> Memory<'_> {
        Memory {
            store: self.store,
            path: &self.commands.memory,
        }
    }

    /// Runs one of the commands to its end.
    fn run(
        &self,
        what: &'static str,
        argv: &[String],
        input: Option<File>,
        output: Output<'_>,
    ) -> Result<(), BackupError> {
        let run = Run {
            what,
            argv,
            commands: self.commands,
            turn: None,
        };
        run.to_end(input, output)
            .map_err(|problem| self.failed(problem))
    }

    /// Writes what the backup command says to a new file. Gives its size and SHA-256.
    fn write_to(&self, path: &Path) -> Result<(u64, String), BackupError> {
        let mut options = File::options();
        let made = options.write(true).create_new(true).mode(0o600).open(path);
        let mut file = made.map_err(|source| crate::vault::failed_to("create", path, source))?;
        self.write_into(&mut file, path)
    }

    /// Writes it to an empty file.
    fn write_into(&self, file: &mut File, path: &Path) -> Result<(u64, String), BackupError> {
        let (mut bytes, mut sha) = (0, Sha256::new());
        let mut into = run::Spool::new(path, file, &mut bytes, &mut sha);
        self.run(
            "backup",
            &self.commands.backup,
            None,
            Output::All(&mut into),
        )?;
        self.not_empty(bytes)?;
        Ok((bytes, hex::encode(sha.finalize())))
    }

    /// The SHA-256 of what the backup command says now.
    fn output_digest(&self) -> Result<String, BackupError> {
        let (mut bytes, mut sha) = (0, Sha256::new());
        let mut into = run::Hashed::new(&mut bytes, &mut sha);
        self.run(
            "backup",
            &self.commands.backup,
            None,
            Output::All(&mut into),
        )?;
        self.not_empty(bytes)?;
        Ok(hex::encode(sha.finalize()))
    }

    fn not_empty(&self, bytes: u64) -> Result<(), BackupError> {
        match bytes {
            0 => Err(self.failed(CommandProblem::Empty)),
            _ => Ok(()),
        }
    }

    /// The word that the digest command prints, if there is one.
    fn word(&self) -> Result<Option<String>, BackupError> {
        let Some(digest) = &self.commands.digest else {
            return Ok(None);
        };
        let text = self.words("digest", digest)?;
        let mut words = text.split_whitespace();
        match (words.next(), words.next()) {
            (Some(word), None) => Ok(Some(word.to_owned())),
            _ => Err(self.failed(CommandProblem::NotUnderstood {
                what: "digest",
                expected: "one word",
                found: text,
            })),
        }
    }

    /// How many bytes the store has, or had when it was backed up last; 0 where nobody knows.
    fn bytes(&self) -> Result<StoreSize, BackupError> {
        let bytes = match &self.commands.size {
            None => self.memory().last_bytes()?,
            Some(size) => {
                let text = self.words("size", size)?;
                let number = text.trim().parse();
                number.map_err(|_| {
                    self.failed(CommandProblem::NotUnderstood {
                        what: "size",
                        expected: "a number of bytes",
                        found: text,
                    })
                })?
            }
        };
        Ok(StoreSize { entries: 1, bytes })
    }

    fn words(&self, what: &'static str, argv: &[String]) -> Result<String, BackupError> {
        let mut text = Vec::new();
        self.run(what, argv, None, Output::Beginning(&mut text))?;
        Ok(String::from_utf8_lossy(&text).trim().to_owned())
    }

    /// Whether there is a check command.
    pub(crate) fn can_check(&self) -> bool {
        self.commands.check.is_some()
    }

    /// Has the data read by the check command, if there is one.
    pub(crate) fn check(&self, data: &Path) -> Result<(), BackupError> {
        let Some(check) = &self.commands.check else {
            return Ok(());
        };
        let opened = File::open(data);
        let input = opened.map_err(|source| crate::vault::failed_to("read", data, source))?;
        self.run("check", check, Some(input), Output::Nothing)
    }

    /// Whether every program is there.
    fn programs(&self) -> Result<(), BackupError> {
        let commands = self.commands;
        let optional = [&commands.check, &commands.size, &commands.digest];
        let all = [&commands.backup, &commands.restore].into_iter();
        for argv in all.chain(optional.into_iter().flatten()) {
            run::find(argv, &commands.folder).map_err(|problem| self.failed(problem))?;
        }
        Ok(())
    }

    /// Whether a restore can run its command and be compared afterwards, as far as that can be told while nothing is touched.
    ///
    /// A digest command that fails or prints nothing is no reason: the data that is there now may be what is missing or
    /// broken. One that prints several words does so of any data.
    fn can_restore(&self) -> Result<(), BackupError> {
        let commands = self.commands;
        for argv in [Some(&commands.restore), commands.digest.as_ref()]
            .into_iter()
            .flatten()
        {
            run::find(argv, &commands.folder).map_err(|problem| self.failed(problem))?;
        }
        match self.word() {
            Err(BackupError::Command { problem, store }) if matches!(&*problem, CommandProblem::NotUnderstood { found, .. } if !found.is_empty()) => {
                Err(BackupError::Command { store, problem })
            }
            _ => Ok(()),
        }
    }

    fn failed(&self, problem: CommandProblem) -> BackupError {
        BackupError::Command {
            store: self.store.to_owned(),
            problem: Box::new(problem),
        }
    }
}

/// The digest of a store whose digest command prints this word.
pub(crate) fn digest_of_word(word: &str) -> String {
    hex::encode(Sha256::digest(format!("digest {word}\n")))
}

//! The state folder: what lies where.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;

use crate::bounds::{LOCK_PATIENCE, LOCK_PAUSE};
use crate::command_error::{CommandError, ErrorCode, Exit};

/// The folder that holds everything Portcullis keeps about a service; mode 0700.
#[derive(Debug, Clone)]
pub(crate) struct StateFolder {
    root: PathBuf,
}

/// The right to act on a state folder, held until dropped or until the process dies.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl StateFolder {
    pub(crate) fn new(root: &Path) -> StateFolder {
        StateFolder {
            root: root.to_owned(),
        }
    }

    /// Makes the folder if it is missing. Returns whether it was.
    pub(crate) fn create(&self) -> Result<bool, CommandError> {
        if self.root.is_dir() {
            return Ok(false);
        }
        let made = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.root);
        made.map_err(|error| self.failed("cannot be made", &error))?;
        Ok(true)
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.root.join("journal.db")
    }

    pub(crate) fn routes(&self) -> PathBuf {
        self.root.join("gateway.json")
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    fn token_file(&self) -> PathBuf {
        self.root.join("token")
    }

    /// Makes the API token if there is none. Returns whether it was made.
    pub(crate) fn create_token(&self) -> Result<bool, CommandError> {
        let mut random = [0u8; 32];
        getrandom::fill(&mut random)
            .map_err(|error| CommandError::new(Exit::Internal, error.to_string()))?;
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.token_file());
        match file {
            Ok(mut file) => {
                let text = format!("pc_{}\n", hex::encode(random));
                let written = file
                    .write_all(text.as_bytes())
                    .and_then(|()| file.sync_all());
                written.map_err(|error| self.failed("cannot hold a token", &error))?;
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(self.failed("cannot hold a token", &error)),
        }
    }

    /// The API token.
    pub(crate) fn token(&self) -> Result<SecretString, CommandError> {
        let text = std::fs::read_to_string(self.token_file()).map_err(|error| {
            self.failed("has no readable token", &error)
                .code(ErrorCode::NoToken)
                .hint("`portcullis init` makes the state folder and the token")
        })?;
        let token = text.trim();
        if token.len() < 16 {
            return Err(CommandError::new(
                Exit::NotAuthorised,
                format!(
                    "the token in {} is too short to be one",
                    self.token_file().display()
                ),
            )
            .code(ErrorCode::BadToken)
            .hint("remove the file and run `portcullis init`"));
        }
        Ok(SecretString::from(token))
    }

    /// The name of this folder's engine, which no other folder has; it is made at the first call.
    pub(crate) fn engine_name(&self) -> Result<String, CommandError> {
        if let Some(name) = self.known_engine_name()? {
            return Ok(name);
        }
        let mut random = [0u8; 4];
        getrandom::fill(&mut random)
            .map_err(|error| CommandError::new(Exit::Internal, error.to_string()))?;
        let host = rustix::system::uname();
        let host = host.nodename().to_string_lossy().into_owned();
        let name = format!("{host}-{}", hex::encode(random));
        self.note(&self.root.join("engine"), &name)?;
        Ok(name)
    }

    /// The name of this folder's engine, if it has one by now.
    pub(crate) fn known_engine_name(&self) -> Result<Option<String>, CommandError> {
        self.noted(&self.root.join("engine"))
    }

    /// The epoch under which this folder's engine acted last; `None` if it never did.
    pub(crate) fn last_epoch(&self) -> Result<Option<u64>, CommandError> {
        let noted = self.noted(&self.root.join("epoch"))?;
        Ok(noted.and_then(|text| text.parse().ok()))
    }

    /// Notes the epoch under which this folder's engine acts.
    pub(crate) fn note_epoch(&self, epoch: u64) -> Result<(), CommandError> {
        self.note(&self.root.join("epoch"), &epoch.to_string())
    }

    fn noted(&self, file: &Path) -> Result<Option<String>, CommandError> {
        match std::fs::read_to_string(file) {
            Ok(text) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed("cannot be read", &error)),
        }
    }

    /// Replaces a small file as a whole: a crash leaves the old one or the new one.
    fn note(&self, file: &Path, text: &str) -> Result<(), CommandError> {
        let fresh = file.with_extension("new");
        let written = std::fs::write(&fresh, format!("{text}\n"))
            .and_then(|()| File::open(&fresh)?.sync_all())
            .and_then(|()| std::fs::rename(&fresh, file))
            .and_then(|()| File::open(&self.root)?.sync_all());
        written.map_err(|error| self.failed("cannot be written", &error))
    }

    /// Takes the right to act on this folder. The system gives it back when the process dies.
    pub(crate) fn lock(&self) -> Result<Lock, CommandError> {
        let path = self.root.join("lock");
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path);
        let mut file = opened.map_err(|error| self.failed("cannot be locked", &error))?;
        // A process that was just killed holds its locks until the system has cleared it away.
        match lock_within(&file, LOCK_PATIENCE) {
            Ok(()) => {
                let note = format!("pid {}\n", std::process::id());
                let noted = file
                    .set_len(0)
                    .and_then(|()| file.write_all(note.as_bytes()));
                noted.map_err(|error| self.failed("cannot be locked", &error))?;
                Ok(Lock { _file: file })
            }
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = file.read_to_string(&mut holder);
                let folder = self.root.display();
                Err(CommandError::new(
                    Exit::LeaseHeld,
                    format!("another Portcullis ({}) acts on {folder}", holder.trim()),
                )
                .hint("only one may; stop it first, or use another state folder"))
            }
            Err(TryLockError::Error(error)) => Err(self.failed("cannot be locked", &error)),
        }
    }

    fn failed(&self, what: &str, error: &std::io::Error) -> CommandError {
        CommandError::of(
            Exit::Failed,
            &StateFolderError {
                what: format!("{} {what}", self.root.display()),
                reason: error.to_string(),
            },
        )
        .code(ErrorCode::StateFolder)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the state folder {what}: {reason}")]
struct StateFolderError {
    what: String,
    reason: String,
}

/// Tries to lock a file for a while.
fn lock_within(file: &File, patience: Duration) -> Result<(), TryLockError> {
    let pauses = patience.as_millis() / LOCK_PAUSE.as_millis();
    for _ in 0..pauses {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
            answer => return answer,
        }
    }
    file.try_lock()
}

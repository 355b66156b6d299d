//! The state folder: what lies where.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
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
    /// Why nothing may be done with it.
    refusal: Option<CommandError>,
}

/// A process that holds the right to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Holder {
    /// Its id, as far as it could note it.
    pub(crate) pid: Option<u32>,
}

impl Lock {
    /// Why the holder may not act: nothing can be written to the folder, and there is no action without a
    /// record. Asked once; then it is taken.
    pub(crate) fn take_refusal(&mut self) -> Option<CommandError> {
        self.refusal.take()
    }
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

    /// The API token of another folder, in a file.
    pub(crate) fn token_in(file: &Path) -> Result<SecretString, CommandError> {
        let text = std::fs::read_to_string(file).map_err(|error| {
            let what = format!("the token file {} cannot be read", file.display());
            CommandError::because(Exit::Failed, what, &error)
                .code(ErrorCode::NoToken)
                .hint("copy the file `token` of the engine's state folder, for your user only")
        })?;
        Ok(SecretString::from(text.trim()))
    }

    /// The API token.
    pub(crate) fn token(&self) -> Result<SecretString, CommandError> {
        let text = std::fs::read_to_string(self.token_file()).map_err(|error| {
            if error.kind() == ErrorKind::NotFound {
                let failed = self.said("has no token", &error);
                let hint = "`portcullis init` makes the state folder and the token; a server that runs \
                            must then be started again, because it knows only the token it began with";
                return failed.code(ErrorCode::NoToken).hint(hint);
            }
            self.failed("has no readable token", &error)
                .code(ErrorCode::NoToken)
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

    /// Whether files can be made in the folder now.
    pub(crate) fn is_writable(&self) -> bool {
        self.check_writable().is_ok()
    }

    fn check_writable(&self) -> std::io::Result<()> {
        let how = (rustix::fs::Access::WRITE_OK, rustix::fs::AtFlags::EACCESS);
        rustix::fs::accessat(rustix::fs::CWD, &self.root, how.0, how.1)?;
        Ok(())
    }

    /// Takes the right to act on this folder. The system gives it back when the process dies.
    pub(crate) fn lock(&self) -> Result<Lock, CommandError> {
        match self.lock_or_guard()? {
            Lock {
                refusal: Some(refusal),
                ..
            } => Err(refusal),
            lock => Ok(lock),
        }
    }

    /// Takes the right to act on this folder, or, where nothing can be written to it, the right to serve
    /// from it without acting. Both are one lock on one file, which can be had on a read-only file system
    /// too: no two processes serve from the folder.
    pub(crate) fn lock_or_guard(&self) -> Result<Lock, CommandError> {
        let path = self.root.join("lock");
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path);
        let writable = self.check_writable();
        let (opened, why) = match (opened, writable) {
            (Ok(file), Ok(())) => (Ok(file), None),
            (Ok(file), Err(why)) => (Ok(file), Some(why)),
            (Err(why), _) if cannot_be_written(&why) && path.exists() => {
                (File::open(&path), Some(why))
            }
            (Err(error), _) => (Err(error), None),
        };
        let mut file = opened.map_err(|error| self.failed("cannot be locked", &error))?;
        // A process that was just killed holds its locks until the system has cleared it away.
        match lock_within(&file, LOCK_PATIENCE) {
            Ok(()) => {
                let note = format!("pid {}\n", std::process::id());
                // It only names the holder to others; on a full disk it is not worth failing for.
                let noted = file
                    .set_len(0)
                    .and_then(|()| file.write_all(note.as_bytes()));
                if let (Err(error), None) = (noted, &why) {
                    tracing::warn!("the lock does not name its holder: {error}");
                }
                let refusal = why.map(|why| self.read_only(&why));
                Ok(Lock {
                    _file: file,
                    refusal,
                })
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

    /// Who acts on this folder, by its lock; `None` when nobody does. A shared lock is tried for a moment: it
    /// is had exactly when nobody acts.
    ///
    /// # Errors
    /// When the lock cannot be looked at.
    pub(crate) fn holder(&self) -> std::io::Result<Option<Holder>> {
        let mut file = match File::open(self.root.join("lock")) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => {
                let mut note = String::new();
                file.read_to_string(&mut note)?;
                let pid = note.trim().strip_prefix("pid ");
                let pid = pid.and_then(|pid| pid.parse().ok());
                Ok(Some(Holder { pid }))
            }
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn read_only(&self, error: &std::io::Error) -> CommandError {
        self.said("cannot be written to", error)
            .hint("make it writable, then stop `portcullis serve` and start it again")
    }

    /// An error of the folder, with what to do about it.
    fn failed(&self, what: &str, error: &std::io::Error) -> CommandError {
        let hint = match error.kind() {
            ErrorKind::PermissionDenied => self.permission_hint(),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                "make room on its disk, then try again".to_owned()
            }
            ErrorKind::ReadOnlyFilesystem => "make it writable, then try again".to_owned(),
            _ => "see that it is a folder of its own, mode 0700, on a disk that works; `portcullis doctor` \
                  looks at it"
                .to_owned(),
        };
        self.said(what, error).hint(hint)
    }

    /// What to do when the folder belongs to somebody else.
    pub(crate) fn permission_hint(&self) -> String {
        let owner = std::fs::metadata(&self.root).map(|meta| meta.uid());
        match owner {
            Ok(owner) => format!(
                "run this as the user that owns it (user {owner}); you are user {}",
                rustix::process::geteuid().as_raw()
            ),
            Err(_) => "run this as the user that runs `portcullis serve`".to_owned(),
        }
    }

    fn said(&self, what: &str, error: &std::io::Error) -> CommandError {
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

fn cannot_be_written(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied
    )
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

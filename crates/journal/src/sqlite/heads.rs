//! The heads of all scopes of a journal, and the comparison with the database.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::head::{self, Head, HeadFile};
use crate::bounds::HEADS_UNSYNCED_MAX;
use crate::{JournalError, Scope, Torn};

/// The heads that are kept beside a journal's file.
#[derive(Debug)]
pub(super) struct Heads {
    journal: PathBuf,
    open: Mutex<BTreeMap<Scope, Arc<HeadFile>>>,
}

impl Heads {
    pub(super) fn new(journal: &Path) -> Self {
        Self {
            journal: journal.to_owned(),
            open: Mutex::default(),
        }
    }

    /// Every head that is known for this journal.
    pub(super) fn all(&self) -> Result<Vec<(Scope, Head)>, JournalError> {
        let mut heads = Vec::new();
        for scope in self.scopes().map_err(|source| self.failed(source))? {
            if let Some(head) = self.read(&scope)? {
                heads.push((scope, head));
            }
        }
        Ok(heads)
    }

    /// The head that is known for a scope.
    pub(super) fn read(&self, scope: &Scope) -> Result<Option<Head>, JournalError> {
        head::read(&self.journal, scope).map_err(|source| {
            let path = head::path_of(&self.journal, scope);
            JournalError::HeadUnreadable {
                path: path.display().to_string(),
                source,
            }
        })
    }

    /// Remembers the head of an entry that is durable. The file is synced after every
    /// [`HEADS_UNSYNCED_MAX`] heads, and by [`Heads::sync`].
    pub(super) async fn write(&self, scope: &Scope, head: Head) -> Result<(), JournalError> {
        let file = self.file(scope).map_err(|source| self.failed(source))?;
        let unsynced = file.write(head).map_err(|source| self.failed(source))?;
        if unsynced >= HEADS_UNSYNCED_MAX {
            self.sync_file(file).await?;
        }
        Ok(())
    }

    /// Creates the file of a scope if it is missing, so that appending needs no space for it.
    pub(super) async fn prepare(&self, scope: &Scope) -> Result<(), JournalError> {
        let file = self.file(scope).map_err(|source| self.failed(source))?;
        self.sync_file(file).await
    }

    /// Syncs the head of a scope if one was written since the last time.
    pub(super) async fn sync(&self, scope: &Scope) -> Result<(), JournalError> {
        let file = self.lock().get(scope).cloned();
        match file {
            Some(file) => self.sync_file(file).await,
            None => Ok(()),
        }
    }

    /// The error for a database that does not have a known head. `found` says what it has instead.
    pub(super) fn torn(&self, scope: &Scope, known: Head, found: String) -> JournalError {
        let torn = Torn {
            path: self.journal.display().to_string(),
            scope: scope.clone(),
            known_seq: known.seq,
            known_hash: known.hash,
            found,
            head_path: head::path_of(&self.journal, scope).display().to_string(),
        };
        Box::new(torn).into()
    }

    /// Refuses a database that has nothing at all if any head is known.
    pub(super) fn refuse_all(
        &self,
        known: &[(Scope, Head)],
        found: &str,
    ) -> Result<(), JournalError> {
        match known.first() {
            Some((scope, head)) => Err(self.torn(scope, *head, found.to_owned())),
            None => Ok(()),
        }
    }

    /// Refuses a missing or empty file if any head is known. SQLite takes an empty file for a new
    /// database and deletes the log beside it, so what is left of a torn journal is not even opened.
    pub(super) fn refuse_empty(&self, known: &[(Scope, Head)]) -> Result<(), JournalError> {
        match fs::metadata(&self.journal) {
            Ok(metadata) if metadata.len() > 0 => Ok(()),
            Ok(_) => self.refuse_all(known, "an empty file"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.refuse_all(known, "no file")
            }
            // Opening it will say what is wrong.
            Err(_) => Ok(()),
        }
    }

    async fn sync_file(&self, file: Arc<HeadFile>) -> Result<(), JournalError> {
        let synced = tokio::task::spawn_blocking(move || file.sync()).await;
        let synced = synced.unwrap_or_else(|stopped| Err(io::Error::other(stopped)));
        synced.map_err(|source| self.failed(source))
    }

    fn file(&self, scope: &Scope) -> io::Result<Arc<HeadFile>> {
        let mut open = self.lock();
        if let Some(file) = open.get(scope) {
            return Ok(Arc::clone(file));
        }
        let file = Arc::new(HeadFile::open(&self.journal, scope)?);
        open.insert(scope.clone(), Arc::clone(&file));
        Ok(file)
    }

    // Nothing half-done is left behind under this lock: each change is one insertion.
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Scope, Arc<HeadFile>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The scopes that have a head file.
    fn scopes(&self) -> io::Result<Vec<Scope>> {
        let folder = self.journal.parent().filter(|f| !f.as_os_str().is_empty());
        let Some(journal) = self.journal.file_name().and_then(|name| name.to_str()) else {
            return Ok(Vec::new());
        };
        let mut scopes = Vec::new();
        let entries = match fs::read_dir(folder.unwrap_or(Path::new("."))) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(scopes),
            Err(error) => return Err(error),
        };
        for entry in entries {
            let name = entry?.file_name();
            let rest = name.to_str().and_then(|name| name.strip_prefix(journal));
            let scope = rest
                .and_then(|rest| rest.strip_prefix('.'))
                .and_then(|rest| rest.strip_suffix(".head"));
            scopes.extend(scope.and_then(|scope| Scope::new(scope).ok()));
        }
        scopes.sort();
        Ok(scopes)
    }

    fn failed(&self, source: io::Error) -> JournalError {
        super::file::storage(&self.journal, "keep the head", source)
    }
}

//! Locking what was copied, so that nobody removes or changes it for a time: Object Lock of S3.
//!
//! The client that sends copies cannot ask for it, so these requests are our own. Each file is locked and then asked for its
//! lock: a bucket that takes the request and does nothing is found.

use jiff::SignedDuration;
use object_store::path::Path;

use super::{CopyProblem, Open};
use crate::BackupName;
use crate::bucket::{Retention, RetentionMode, S3};
use crate::clock;

/// How what is copied is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyLock {
    /// For how long, from the moment of the backup.
    pub duration: SignedDuration,
    /// Whether nobody at all may bypass it; otherwise those may who have the right to.
    pub compliance: bool,
}

/// A lock for the files of one backup.
pub(super) struct Locking {
    pub(super) s3: S3,
    pub(super) lock: CopyLock,
}

impl Locking {
    /// What a file of a backup is to have; nothing when the time is over.
    fn wanted(&self, name: &BackupName) -> Option<Retention> {
        let until = name.created_at().checked_add(self.lock.duration).ok()?;
        let mode = match self.lock.compliance {
            true => RetentionMode::Compliance,
            false => RetentionMode::Governance,
        };
        // S3 takes whole seconds and refuses what is over.
        (until > clock::signed_at()).then_some(Retention { mode, until })
    }
}

/// Locks a file of a backup, unless it is locked for so long already.
pub(super) async fn lock(
    open: &Open<'_>,
    name: &BackupName,
    path: &Path,
) -> Result<(), CopyProblem> {
    let Some(locking) = &open.locking else {
        return Ok(());
    };
    let Some(wanted) = locking.wanted(name) else {
        return Ok(());
    };
    open.go_on()?;
    let key = path.as_ref();
    let failed = |doing: &str, why: String| CopyProblem::NotLocked {
        doing: format!("{doing} {path}"),
        why,
    };
    let held =
        |found: &Option<Retention>| found.as_ref().is_some_and(|found| found.covers(&wanted));
    let look = || async {
        let found = locking.s3.retention(key).await;
        found.map_err(|failure| failed("look at the lock of", failure.into_words()))
    };
    if held(&look().await?) {
        return Ok(());
    }
    let asked = locking.s3.retain(key, &wanted).await;
    asked.map_err(|failure| failed("lock", failure.into_words()))?;
    let found = look().await?;
    match held(&found) {
        true => Ok(()),
        false => Err(failed(
            "lock",
            "the server took the lock and does not have it".to_owned(),
        )),
    }
}

//! One copy of each folder in a process, however many masks name it and however often settings are read again.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use std::time::SystemTime;

use crate::model::FILES;
use crate::{Model, ModelError};

/// A model that somebody may still use.
struct Known {
    folder: PathBuf,
    stamp: Vec<Option<(SystemTime, u64)>>,
    model: Weak<Model>,
}

static KNOWN: LazyLock<Mutex<Vec<Known>>> = LazyLock::new(Mutex::default);

/// The model of a folder: the one that somebody in this process has already, unless its files have changed since.
///
/// # Errors
/// As [`Model::load`].
pub fn shared(folder: &Path) -> Result<Arc<Model>, ModelError> {
    let stamp = stamp(folder);
    // Whoever wants the same model at the same time waits, rather than loading it too.
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.retain(|one| one.model.strong_count() > 0);
    let same = |one: &&Known| one.folder == folder && one.stamp == stamp;
    if let Some(model) = known.iter().find(same).and_then(|one| one.model.upgrade()) {
        return Ok(model);
    }
    let model = Arc::new(Model::load(folder)?);
    known.push(Known {
        folder: folder.to_owned(),
        stamp,
        model: Arc::downgrade(&model),
    });
    Ok(model)
}

/// By what a change of its files is known.
fn stamp(folder: &Path) -> Vec<Option<(SystemTime, u64)>> {
    let stamps = FILES.iter().map(|name| {
        let found = std::fs::metadata(folder.join(name)).ok()?;
        Some((found.modified().ok()?, found.len()))
    });
    stamps.collect()
}

//! Taking over a changed library file while serving.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::time::MissedTickBehavior;

use super::service::{Service, Snapshot};
use crate::bounds::RELOAD_INTERVAL;
use crate::library::Library;

/// What tells one state of a file from another without reading it. `None`: the file is not there.
pub(super) type Stamp = Option<(SystemTime, u64, u64)>;

/// The stamp of a file now.
pub(super) fn stamp(path: &Path) -> Stamp {
    let metadata = path.metadata().ok()?;
    Some((
        metadata.modified().ok()?,
        metadata.len(),
        file_number(&metadata),
    ))
}

/// Looks at the file again and again, for as long as the process runs.
pub(super) async fn watch(service: Arc<Service>) {
    let mut ticks = tokio::time::interval(RELOAD_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let service = Arc::clone(&service);
        // Reading a large library takes longer than a request may wait.
        let outcome = tokio::task::spawn_blocking(move || reload(&service)).await;
        if let Err(error) = outcome {
            tracing::error!(%error, "looking at the library failed");
        }
    }
}

fn reload(service: &Service) {
    let path = &service.options.library;
    if !service.notice_change() {
        return;
    }
    match Library::open(path) {
        Ok(library) => {
            tracing::info!(
                digest = library.digest,
                images = library.images.len(),
                "library taken"
            );
            service.take(Snapshot::new(library));
        }
        Err(error) => {
            let source = std::error::Error::source(&error).map(ToString::to_string);
            let reason = [Some(error.to_string()), source];
            let reason = reason.into_iter().flatten().collect::<Vec<_>>().join(": ");
            tracing::error!(reason, "changed library refused, the one in memory stays");
            service.refuse(reason);
        }
    }
}

#[cfg(unix)]
fn file_number(metadata: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn file_number(_metadata: &std::fs::Metadata) -> u64 {
    0
}

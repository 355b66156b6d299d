//! Keeping a started release running.

use std::sync::{Arc, Weak};
use std::time::Duration;

use portcullis_rollout::Failure;
use process_wrap::tokio::ChildWrapper;

use super::start::{spawn, verify_artifact};
use super::{Inner, Supervisor, failure, locked};
use crate::bounds::{RESTART_PAUSE_MAX, RESTART_PAUSE_MIN, RESTART_RESET_AFTER};
use crate::causes::with_causes;
use crate::clock::{Stopwatch, wall_ms};
use crate::command::{CommandEnd, explain};
use crate::instance::InstanceState;
use crate::process_table::{ProcessHandle, boot_id};
use crate::record::{InstanceKey, Record};
use crate::session::stop;

/// A process that is watched.
pub(super) enum Watched {
    /// One that this Portcullis started: its exit status can be known.
    Child(Box<dyn ChildWrapper>),
    /// One that an earlier Portcullis started.
    Adopted(ProcessHandle),
}

/// What becomes of the watch over an instance.
enum Next {
    /// A process lives and is watched.
    Watch(Watched),
    /// It could not be started this time.
    Again,
    /// The instance is somebody else's now, or gone.
    Leave,
}

impl Watched {
    async fn ended(&mut self) -> String {
        match self {
            Watched::Child(child) => match child.wait().await {
                Ok(status) => CommandEnd::of(status).to_string(),
                Err(error) => format!("was lost: {error}"),
            },
            Watched::Adopted(process) => {
                process.ended().await;
                "ended; how is not known, because it was started by an earlier Portcullis"
                    .to_owned()
            }
        }
    }
}

/// Takes up an instance after Portcullis was restarted.
pub(super) async fn adopt(inner: &Arc<Inner>, record: Record) {
    let key = record.key();
    let slot = inner.slot(&key);
    let mut supervisor = slot.lock().await;
    if supervisor.as_ref().is_some_and(Supervisor::is_at_work) {
        return;
    }
    // It may have been changed while the lock was waited for.
    let Ok(Some(mut record)) = inner.records.load(&key) else {
        return;
    };
    if !record.supervised {
        let own = locked(&inner.trials).contains(&record.marker);
        let patience = Duration::from_millis(record.launch.stop_timeout_ms);
        if !own && let Err(failed) = inner.clear_away(record, patience).await {
            tracing::error!("a try-out of {} is left: {}", key.release, failed.message);
        }
        return;
    }
    if !record.state.is_expected() {
        return;
    }
    match record.any_process() {
        Ok(None) if !was_crashing(&record) => {
            *supervisor = Some(inner.bring_back(&mut record).await);
            return;
        }
        Ok(process) if process.is_some() && process != record.process => {
            record.process = process;
            save(inner, &record);
        }
        Ok(_) => {}
        Err(error) => {
            tracing::error!(
                "release {} of {} was not adopted: {error}",
                key.release,
                key.service
            );
            return;
        }
    }
    *supervisor = watch(inner, &record);
}

/// Whether an instance had ended by itself, and waited to be started again, when it was last looked after
/// in this run of the system.
fn was_crashing(record: &Record) -> bool {
    record.state == InstanceState::Restarting
        && boot_id().is_ok_and(|this_run| this_run == record.boot_id)
}

/// Watches the recorded process of an instance, or starts it when it does not live.
pub(super) fn watch(inner: &Arc<Inner>, record: &Record) -> Option<Supervisor> {
    let handle = match record.any_process() {
        Ok(Some(process)) => ProcessHandle::open(process),
        Ok(None) => Ok(None),
        Err(error) => Err(error),
    };
    match handle {
        Ok(handle) => Some(supervise(inner, record, handle.map(Watched::Adopted))),
        Err(error) => {
            let key = record.key();
            tracing::error!(
                "release {} of {} is not watched: {error}",
                key.release,
                key.service
            );
            None
        }
    }
}

/// Starts the task that restarts an instance's process whenever it ends by itself.
pub(super) fn supervise(
    inner: &Arc<Inner>,
    record: &Record,
    watched: Option<Watched>,
) -> Supervisor {
    let (key, marker) = (record.key(), record.marker.clone());
    // The task must not keep the driver alive: whoever drops the driver ends the watch.
    let inner = Arc::downgrade(inner);
    Supervisor(tokio::spawn(keep_running(inner, key, marker, watched)))
}

async fn keep_running(
    inner: Weak<Inner>,
    key: InstanceKey,
    marker: String,
    mut watched: Option<Watched>,
) {
    let mut pause = RESTART_PAUSE_MIN;
    loop {
        let end = match &mut watched {
            Some(process) => {
                let life = Stopwatch::start();
                let end = process.ended().await;
                if life.elapsed() >= RESTART_RESET_AFTER {
                    pause = RESTART_PAUSE_MIN;
                }
                end
            }
            None => "was not running".to_owned(),
        };
        let Some(driver) = inner.upgrade() else {
            return;
        };
        if watched.take().is_some() && !driver.note_end(&key, &marker, &end, pause).await {
            return;
        }
        drop(driver);
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(RESTART_PAUSE_MAX);
        let Some(driver) = inner.upgrade() else {
            return;
        };
        match driver.restart(&key, &marker).await {
            Next::Watch(process) => watched = Some(process),
            Next::Again => {}
            Next::Leave => return,
        }
    }
}

impl Inner {
    /// Writes down that an instance's process has ended by itself; false when it is not ours any more.
    async fn note_end(&self, key: &InstanceKey, marker: &str, end: &str, pause: Duration) -> bool {
        let slot = self.slot(key);
        let _lock = slot.lock().await;
        let Some(mut record) = self.own_record(key, marker) else {
            return false;
        };
        let (service, release) = (&key.service, &key.release);
        let ms = pause.as_millis();
        tracing::warn!("release {release} of {service} {end}; it is started again in {ms} ms");
        record.state = InstanceState::Restarting;
        record.last_end = Some(end.to_owned());
        save(self, &record);
        true
    }

    async fn restart(&self, key: &InstanceKey, marker: &str) -> Next {
        let slot = self.slot(key);
        let _lock = slot.lock().await;
        let Some(mut record) = self.own_record(key, marker) else {
            return Next::Leave;
        };
        match self.try_restart(&mut record).await {
            Ok(watched) => Next::Watch(watched),
            Err(failed) => {
                let (service, release) = (&key.service, &key.release);
                tracing::error!("release {release} of {service}: {}", failed.message);
                record.state = InstanceState::Restarting;
                record.last_end = Some(failed.message);
                save(self, &record);
                Next::Again
            }
        }
    }

    async fn try_restart(&self, record: &mut Record) -> Result<Watched, Failure> {
        // Children of the ended process may still have its address.
        let unknown = |error| failure(format!("/proc cannot be read: {error}"), true);
        let leader = record.living_process().map_err(unknown)?;
        let stopped = stop(&record.marker, leader, Duration::ZERO).await;
        stopped.map_err(|error| failure(with_causes(&error), true))?;
        let launch = &record.launch;
        verify_artifact(&launch.artifact, &launch.command.folder).await?;
        let log = self.open_log(&record.key());
        let log =
            log.map_err(|error| failure(format!("its log cannot be written: {error}"), true))?;
        let boot_id = boot_id().map_err(unknown)?;
        let session = spawn(record, &log).await;
        let session =
            session.map_err(|error| failure(explain(&record.launch.command, &error), true))?;
        // No wait from here on: a process is never started without being written down.
        record.process = Some(session.id());
        record.boot_id = boot_id;
        record.started_at_ms = wall_ms();
        record.restarts = record.restarts.saturating_add(1);
        record.state = InstanceState::Running;
        self.records
            .save(record)
            .map_err(|error| failure(with_causes(&error), true))?;
        match session.release() {
            Some(child) => Ok(Watched::Child(child)),
            None => Err(failure("the started process was let go", true)),
        }
    }

    /// The record of an instance, as long as it is the one that is watched and should run.
    fn own_record(&self, key: &InstanceKey, marker: &str) -> Option<Record> {
        let record = match self.records.load(key) {
            Ok(record) => record?,
            Err(error) => {
                tracing::error!("{}", with_causes(&error));
                return None;
            }
        };
        (record.marker == marker && record.state.is_expected()).then_some(record)
    }
}

/// Saves a record whose loss can be made good: it is found again by its marker.
pub(super) fn save(inner: &Inner, record: &Record) {
    if let Err(error) = inner.records.save(record) {
        tracing::error!("{}", with_causes(&error));
    }
}

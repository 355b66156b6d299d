//! Stopping instances that are to be started again, and starting them again.

use std::sync::Arc;
use std::time::Duration;

use portcullis_rollout::Failure;

use super::start::verify_artifact;
use super::supervise::{self, Watched, save};
use super::{Inner, Supervisor, failure, record_failure};
use crate::causes::with_causes;
use crate::instance::InstanceState;
use crate::process_table::boot_id;
use crate::record::{InstanceKey, Record};
use crate::session::stop;

impl Inner {
    /// Stops an instance until it is adopted again; one that is not expected to run is cleared away.
    pub(super) async fn rest(&self, key: &InstanceKey, patience: Duration) -> Result<(), Failure> {
        let slot = self.slot(key);
        let mut supervisor = slot.lock().await;
        *supervisor = None;
        let loaded = self.records.load(key);
        let Some(mut record) = loaded.map_err(|error| record_failure(&error))? else {
            return Ok(());
        };
        if !record.supervised || !record.state.is_expected() {
            return self.clear_away(record, patience).await.map(|_| ());
        }
        // A record that cannot be written says that it runs, and it is started again all the same.
        record.state = InstanceState::Resting;
        save(self, &record);
        let leader = record.living_process();
        let leader = leader.map_err(|error| failure(format!("/proc: {error}"), true))?;
        let stopped = stop(&record.marker, leader, patience).await;
        stopped.map_err(|error| failure(with_causes(&error), true))?;
        record.process = None;
        record.last_end = Some("was stopped together with Portcullis".to_owned());
        save(self, &record);
        Ok(())
    }

    /// Starts an instance again that has no process, and waits until it is ready. When it does not become
    /// ready, it is tried again from then on, without being waited for.
    pub(super) async fn bring_back(self: &Arc<Self>, record: &mut Record) -> Supervisor {
        let (service, release) = (
            record.launch.service.clone(),
            &record.launch.release.clone(),
        );
        let watched = match self.try_bring_back(record).await {
            Ok(watched) => {
                tracing::info!("release {release} of {service} is started again and ready");
                Some(watched)
            }
            Err(failed) => {
                tracing::error!("release {release} of {service}: {}", failed.message);
                record.process = None;
                record.state = InstanceState::Restarting;
                record.last_end = Some(failed.message);
                save(self, record);
                None
            }
        };
        supervise::supervise(self, record, watched)
    }

    async fn try_bring_back(&self, record: &mut Record) -> Result<Watched, Failure> {
        let launch = &record.launch;
        verify_artifact(&launch.artifact, &launch.command.folder).await?;
        // Children of the ended process may still have its address.
        let stopped = stop(&record.marker, None, Duration::ZERO).await;
        stopped.map_err(|error| failure(with_causes(&error), true))?;
        self.check_address(launch)?;
        let this_run = boot_id();
        let this_run = this_run.map_err(|error| failure(format!("/proc: {error}"), true))?;
        let ended_by_itself = record.state != InstanceState::Resting && record.boot_id == this_run;
        record.restarts = record.restarts.saturating_add(u32::from(ended_by_itself));
        record.boot_id = this_run;
        record.state = InstanceState::Running;
        let (session, _) = self
            .bring_up(record)
            .await
            .map_err(|not_started| failure(not_started.message, true))?;
        session
            .release()
            .map(Watched::Child)
            .ok_or_else(|| failure("the started process was let go", true))
    }
}

//! Stopping a release.

use std::time::Duration;

use portcullis_analysis::counted;
use portcullis_rollout::{CutOff, Fact, Failure};

use super::{Inner, failure, record_failure};
use crate::causes::with_causes;
use crate::clock::Stopwatch;
use crate::record::InstanceKey;

impl Inner {
    /// Stops a release that has been drained, with all that it started. Nothing to stop is fine.
    pub(super) async fn retire(&self, order: &CutOff) -> Result<Vec<Fact>, Failure> {
        self.claim()
            .await
            .map_err(|error| failure(with_causes(&error), false))?;
        let key = InstanceKey::of_cut_off(order);
        let slot = self.slot(&key);
        let mut supervisor = slot.lock().await;
        *supervisor = None;
        let Some(record) = self
            .records
            .load(&key)
            .map_err(|error| record_failure(&error))?
        else {
            return Ok(vec![Fact::new("stopped", "nothing was running")]);
        };
        let mut facts = Vec::new();
        facts.extend(record.process.map(|process| Fact::new("pid", process.pid)));
        if record.restarts > 0 {
            facts.push(Fact::new("restarts", record.restarts));
        }
        let watch = Stopwatch::start();
        let patience = Duration::from_millis(order.stop_timeout_ms);
        let stopped = self.clear_away(record, patience).await?;
        let ms = watch.elapsed_ms();
        let text = match (stopped.asked, stopped.killed) {
            (0, 0) => "nothing was running any more".to_owned(),
            (_, 0) => format!("by itself after {ms} ms"),
            (_, killed) => {
                let killed = counted(killed as u64, "process", "processes");
                format!("{killed} had to be killed after {ms} ms")
            }
        };
        facts.push(Fact::new("stopped", text));
        Ok(facts)
    }
}

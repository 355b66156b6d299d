//! A release that runs, as others see it.

use portcullis_rollout::{ReleaseId, ServiceName};
use serde::{Deserialize, Serialize};

/// A release running at an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// The service.
    pub service: ServiceName,
    /// The release.
    pub release: ReleaseId,
    /// Where it listens, `host:port`.
    pub address: String,
    /// The process's number; `None` while there is none.
    pub pid: Option<u32>,
    /// When its process was started last, milliseconds since the Unix epoch.
    pub started_at_ms: u64,
    /// How often it was restarted after it had exited by itself.
    pub restarts: u32,
    /// How its process ended last, for example `exited with code 3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_end: Option<String>,
    /// What it is doing.
    pub state: InstanceState,
}

/// What an instance is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstanceState {
    /// It was told to start and has not passed its readiness check. If nobody is starting it any more,
    /// this is what an interrupted start left behind; the next start or retirement clears it away.
    Starting,
    /// It passed its readiness check and is supposed to run.
    Running,
    /// It exited by itself and is started again after a pause.
    Restarting,
    /// It was stopped together with Portcullis, and is started again when that is.
    Resting,
    /// It was told to stop.
    Stopping,
}

impl InstanceState {
    /// Whether a process is expected to run, and is started again when there is none.
    pub fn is_expected(self) -> bool {
        matches!(
            self,
            InstanceState::Running | InstanceState::Restarting | InstanceState::Resting
        )
    }
}

//! The service as a whole.

use portcullis_rollout::{Check, KeepWarm, MetricsSource, ServiceName, Strategy};

use crate::{PortRange, UpstreamProtocol};

/// What is being guarded, and how its releases are brought out.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceConfig {
    /// The service's name: 1 to 63 characters of `a-z`, `0-9` and `-`.
    pub name: ServiceName,
    /// The environment, with the same characters; part of each backup's name.
    pub environment: String,
    /// How traffic moves to a new release.
    pub strategy: Strategy,
    /// What a person is asked before live data or traffic is touched; `None` asks nobody.
    pub approval: Option<String>,
    /// The ports that releases are given.
    pub ports: PortRange,
    /// Which protocol the releases speak.
    pub protocol: UpstreamProtocol,
    /// How long the old release is kept running after the new one was promoted, and how often the new one
    /// is measured meanwhile.
    pub keep_warm: KeepWarm,
    /// The check that tells that a release is up.
    pub ready: Check,
    /// Known questions and answers, asked of each release directly. Body files have absolute paths.
    pub smoke: Vec<Check>,
    /// Figures that the service reports of itself.
    pub metrics: Option<MetricsSource>,
}

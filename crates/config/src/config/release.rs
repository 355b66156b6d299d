//! A release as the file declares it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use portcullis_rollout::{Artifact, Migration, Release, ReleaseId, ServiceName};

/// One `[[release]]`: everything of a release but its artifact's hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseConfig {
    /// The version.
    pub id: ReleaseId,
    /// The program file, absolute.
    pub artifact_path: PathBuf,
    /// The command line, with its places still to be filled in. Not empty.
    pub command: Vec<String>,
    /// Environment variables, with their places still to be filled in. A value may be a reference to a
    /// secret, see [`portcullis_rollout::ValueSource`]; paths in it are absolute.
    pub env: BTreeMap<String, String>,
    /// How it changes the service's data; its commands run in the configuration file's folder.
    pub migration: Option<Migration>,
}

impl ReleaseConfig {
    /// The release with its artifact's hash, which whoever read the file's bytes brings along:
    /// SHA-256, hexadecimal.
    pub fn release(&self, service: &ServiceName, sha256: String) -> Release {
        Release {
            id: self.id.clone(),
            service: service.clone(),
            artifact: Artifact {
                path: self.artifact_path.clone(),
                sha256,
            },
            command: self.command.clone(),
            env: self.env.clone(),
            migration: self.migration.clone(),
        }
    }
}

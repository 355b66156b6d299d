//! What is to run, and where.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Migration, ReleaseId, ServiceName};

/// An immutable version of a service: its artifact, its settings and what it does to data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// The version.
    pub id: ReleaseId,
    /// The service it is a version of.
    pub service: ServiceName,
    /// The program in it.
    pub artifact: Artifact,
    /// The command line, with `{port}` and `{store.NAME}` still to be filled in.
    pub command: Vec<String>,
    /// Environment variables that are set for it.
    pub env: BTreeMap<String, String>,
    /// How it changes the service's data, with the same places to fill in; `None` when it does not.
    pub migration: Option<Migration>,
}

/// The program that a release runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artifact {
    /// Where the program is.
    pub path: PathBuf,
    /// SHA-256 of its bytes, hexadecimal, as it was when the plan was made.
    pub sha256: String,
}

/// Where a release runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The target's name, for example `local`.
    pub name: String,
    /// Which driver talks to it, for example `process`.
    pub driver: String,
    /// The address at which the release is reached there, `host:port`.
    pub address: String,
}

impl Release {
    /// The release's content hash: SHA-256 over its JSON form, hexadecimal. Equal digests mean the same
    /// program, command, environment and migration.
    pub fn digest(&self) -> String {
        digest_of(self)
    }
}

/// SHA-256 over a value's JSON form, hexadecimal. Field order is the declaration order and maps are
/// sorted, so equal values have equal digests.
pub(crate) fn digest_of(value: &impl Serialize) -> String {
    // The plan's types have string keys and finite numbers only, which always serialise.
    let bytes = serde_json::to_vec(value).unwrap_or_default();
    hex::encode(Sha256::digest(bytes))
}

//! Which Dify a server is, from what the server says.
//!
//! Dify names its version in `X-Version` of every answer, and in the body of `GET /v1/`. What a client sends says
//! nothing about the server and is never looked at; `/console/api/version` names the latest version that was published,
//! not the one that runs.

use super::dify::DifyVersion;
use crate::json::{Document, JsonLimits};

/// A version that a server named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detected {
    /// What it said, such as `1.7.0`.
    pub version: String,
    /// The table to use.
    pub table: DifyVersion,
    /// Whether the table was written for this version; otherwise it is the nearest one.
    pub exact: bool,
}

/// The version in the value of an answer's `X-Version` header; none when it is no version.
#[must_use]
pub fn version_of_header(value: &str) -> Option<Detected> {
    let version = value.trim();
    let version = version.strip_prefix('v').unwrap_or(version);
    let core = version.split(['-', '+']).next()?;
    let numbers: Option<Vec<u32>> = core
        .split('.')
        .map(|number| {
            let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| number.parse().ok()).flatten()
        })
        .collect();
    let numbers = numbers.filter(|numbers| (2..=4).contains(&numbers.len()))?;
    let (table, exact) = match (numbers[0], numbers[1]) {
        (0, 15) => (DifyVersion::V0_15, true),
        (0, _) => (DifyVersion::V0_15, false),
        (1, _) => (DifyVersion::V1, true),
        _ => (DifyVersion::V1, false),
    };
    Some(Detected {
        version: version.to_owned(),
        table,
        exact,
    })
}

/// The version in the body of `GET /v1/`; none when it is not what Dify answers there.
#[must_use]
pub fn version_of_welcome(body: &[u8]) -> Option<Detected> {
    let document = Document::read(body, JsonLimits::default()).ok()?;
    let root = document.root();
    root.get("api_version")?;
    version_of_header(&root.get("server_version")?.as_str()?)
}

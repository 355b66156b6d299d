//! Which version the servers behind a mask say they are.
//!
//! Only what a server says counts (`X-Version` of its answers), never what a client sends. Where servers of both kinds
//! answer, the newer one's table is used: it has all paths of the older one's.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use arc_swap::ArcSwap;
use http::HeaderMap;
use portcullis_mask::wire::{DifyVersion, version_of_header};

use crate::clock;

/// What Dify names its version in.
const VERSION_FIELD: &str = "x-version";
/// The longest version that is kept, in bytes.
const VERSION_BYTES_MAX: usize = 64;

/// What the servers said so far.
#[derive(Debug, Default)]
pub(crate) struct ServerVersions {
    /// By route; a handful at most, and seldom changed.
    seen: ArcSwap<Vec<SeenVersion>>,
    /// Whether one of them said that it is an older one.
    has_older: AtomicBool,
    /// Whether one of them said that it is not.
    has_newer: AtomicBool,
}

/// What the server behind a route said last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SeenVersion {
    /// The route.
    pub(crate) route: Arc<str>,
    /// Where the route leads: an upstream's name, or `service`.
    pub(crate) upstream: Box<str>,
    /// What it said, such as `1.7.0`.
    pub(crate) version: Box<str>,
    /// The table that fits it.
    pub(crate) table: DifyVersion,
    /// Whether the table was written for this version.
    pub(crate) is_exact: bool,
    /// When it began to say this, in milliseconds since the Unix epoch.
    pub(crate) since_ms: u64,
}

impl ServerVersions {
    /// Takes note of what the head of an answer says of the server behind a route.
    pub(crate) fn note(&self, (route, upstream): (&Arc<str>, &str), headers: &HeaderMap) {
        let said = headers
            .get(VERSION_FIELD)
            .and_then(|value| value.to_str().ok())
            .filter(|said| said.len() <= VERSION_BYTES_MAX);
        let Some(said) = said else {
            return;
        };
        let known = |seen: &SeenVersion| *seen.route == **route && *seen.version == *said;
        if self.seen.load().iter().any(known) {
            return;
        }
        let Some(detected) = version_of_header(said) else {
            return;
        };
        match detected.table {
            DifyVersion::V1 => self.has_newer.store(true, Relaxed),
            DifyVersion::V0_15 => self.has_older.store(true, Relaxed),
        }
        let next = SeenVersion {
            route: Arc::clone(route),
            upstream: upstream.into(),
            version: said.into(),
            table: detected.table,
            is_exact: detected.exact,
            since_ms: clock::wall_ms(),
        };
        self.seen.rcu(|seen| {
            let others = seen.iter().filter(|one| one.route != *route);
            let mut all: Vec<SeenVersion> = others.cloned().collect();
            all.push(next.clone());
            all.sort_by(|one, other| one.route.cmp(&other.route));
            all
        });
    }

    /// The table that fits all that was heard; `None` as long as no server has said what it is.
    pub(crate) fn table(&self) -> Option<DifyVersion> {
        if self.has_newer.load(Relaxed) {
            return Some(DifyVersion::V1);
        }
        self.has_older.load(Relaxed).then_some(DifyVersion::V0_15)
    }

    /// What the server behind each route said last.
    pub(crate) fn seen(&self) -> Arc<Vec<SeenVersion>> {
        self.seen.load_full()
    }
}

#[cfg(test)]
mod tests;

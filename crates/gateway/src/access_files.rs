//! The files and URLs with API keys and signing keys, read again when they change.
//!
//! A file that cannot be used changes nothing: the keys from before stay in force, and it is told once. Without any
//! from before nobody is let in.

use std::collections::HashSet;
use std::sync::Arc;

use crate::clock;
use crate::error::with_causes;
use crate::protect::{JwksRefresh, KeyRefresh, fetch_jwks};
use crate::routing::{NamedAccess, Routing};

/// What was told about them so far.
#[derive(Debug, Default)]
pub(crate) struct AccessFiles {
    /// Policies whose keys could not be used when they were looked at last, with what was wrong.
    failing: HashSet<(Arc<str>, String)>,
}

impl AccessFiles {
    /// Looks at all of them. Blocks while it reads files; URLs are asked by tasks of their own.
    pub(crate) fn look(&mut self, routing: &Routing) {
        let mut failing = HashSet::new();
        for policy in &routing.access {
            let name = &policy.config.name;
            let mut failed = |cause: String| {
                let told = (Arc::clone(name), cause);
                if !self.failing.contains(&told) {
                    let cause = &told.1;
                    tracing::warn!(
                        access = &**name,
                        cause,
                        "keys cannot be used; those from before stay"
                    );
                }
                failing.insert(told);
            };
            if let Some(keys) = policy.access.keys() {
                match keys.refresh() {
                    KeyRefresh::Unchanged => {}
                    KeyRefresh::Loaded { keys } => {
                        tracing::info!(access = &**name, keys, "API keys were read");
                    }
                    KeyRefresh::Kept(error) => failed(with_causes(&error)),
                }
            }
            let Some(tokens) = policy.access.tokens() else {
                continue;
            };
            if let JwksRefresh::Kept(error) = tokens.refresh_from_file() {
                failed(with_causes(&error));
            }
            if let Some(url) = tokens.wants_fetch(clock::monotonic_ms()) {
                tokio::spawn(fetch(Arc::clone(policy), url.to_owned()));
            }
        }
        self.failing = failing;
    }
}

/// Fetches a key set and hands it to its policy.
async fn fetch(policy: Arc<NamedAccess>, url: String) {
    let fetched = fetch_jwks(&url).await;
    let name = &policy.config.name;
    let Some(tokens) = policy.access.tokens() else {
        return;
    };
    match tokens.fetched(fetched) {
        JwksRefresh::Kept(error) => {
            let cause = with_causes(&error);
            tracing::warn!(
                access = &**name,
                cause,
                "the key set cannot be used; that from before stays"
            );
        }
        JwksRefresh::Loaded { keys } => {
            tracing::info!(access = &**name, keys, "a key set was fetched");
        }
        JwksRefresh::Unchanged => {}
    }
}

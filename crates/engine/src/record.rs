//! What the engine writes into the journal. The journal itself sees text only.

use std::sync::Arc;

use portcullis_journal::Entry;
use portcullis_rollout::{Actor, Event, EventKind, Plan, RolloutId};
use serde::{Deserialize, Serialize};

/// The body of one journal entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
// It is written and read, and kept nowhere.
#[allow(clippy::large_enum_variant)]
pub enum Body {
    /// A plan was accepted; its rollout exists from here on.
    Planned {
        /// The plan's content hash, so that a reader can see that it is unchanged.
        plan_hash: String,
        /// The plan.
        plan: Arc<Plan>,
    },
    /// An event happened to a rollout. Time and actor are the entry's.
    Happened {
        /// Which rollout.
        rollout: RolloutId,
        /// What happened.
        #[serde(flatten)]
        kind: EventKind,
    },
}

/// An entry that this version does not understand.
#[derive(Debug, thiserror::Error)]
#[error("journal entry {seq} is not a record that this version of Portcullis understands")]
pub struct BodyUnreadable {
    /// The entry's number.
    pub seq: u64,
    /// What the parser said.
    #[source]
    pub source: serde_json::Error,
}

impl Body {
    /// The body as it is written.
    ///
    /// # Errors
    /// When it cannot be written as JSON, which only non-finite numbers could cause.
    pub fn encode(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// The body of an entry.
    ///
    /// # Errors
    /// When the text is not a record of this version.
    pub fn decode(entry: &Entry) -> Result<Body, BodyUnreadable> {
        let unreadable = |source| BodyUnreadable {
            seq: entry.seq,
            source,
        };
        if let Some(body) = Body::quickly(&entry.body) {
            return Ok(body);
        }
        serde_json::from_str(&entry.body).map_err(unreadable)
    }

    /// The body of a text that begins as [`Body::encode`] begins it. A start reads every entry there is,
    /// and to find the kind of a record in any place the parser would have to copy the whole of it first.
    /// `None` when the text is anything else, right or wrong.
    fn quickly(text: &str) -> Option<Body> {
        if text.starts_with(PLANNED) {
            let Planned { plan_hash, plan } = serde_json::from_str(text).ok()?;
            return Some(Body::Planned { plan_hash, plan });
        }
        if text.starts_with(HAPPENED) {
            let About { rollout } = serde_json::from_str(text).ok()?;
            let kind = serde_json::from_str(text).ok()?;
            return Some(Body::Happened { rollout, kind });
        }
        None
    }
}

/// How a plan's text begins.
const PLANNED: &str = r#"{"record":"planned","#;
/// How an event's text begins.
const HAPPENED: &str = r#"{"record":"happened","#;

#[derive(Deserialize)]
struct Planned {
    plan_hash: String,
    plan: Arc<Plan>,
}

#[derive(Deserialize)]
struct About {
    rollout: RolloutId,
}

/// The event that an entry records, with the entry's time and actor.
pub(crate) fn event_of(entry: &Entry, kind: EventKind) -> Event {
    Event {
        at_ms: entry.at_ms,
        by: Actor::from(entry.by.clone()),
        kind,
    }
}

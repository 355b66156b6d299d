//! What is kept under an id: a mapping, or where the mapping is.

use portcullis_mask::{Limits, Mapping, Snapshot};
use serde::{Deserialize, Serialize};

use crate::conversations::{Conversations, Scope, ScopeKind, StoreError};

/// What a record names, and its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    kind: PlaceKind,
    id: String,
}

/// What kind of thing has the id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PlaceKind {
    /// A conversation.
    Conversation,
    /// A message.
    Message,
    /// A run of a workflow.
    Run,
    /// All of a tenant's, where there is nothing smaller.
    Tenant,
    /// A response that others go on from.
    Response,
}

/// The content of a record.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Content {
    /// A mapping.
    Mapping(Snapshot),
    /// Where the mapping is.
    At(Place),
}

/// Whose records they are.
#[derive(Clone, Copy)]
pub(super) struct Owner<'a> {
    /// The tenant's hash.
    pub(super) tenant: &'a [u8],
    /// The name of the masking.
    pub(super) application: &'a str,
}

/// A mapping that was found.
pub(super) struct Found {
    /// Where it is.
    pub(super) place: Place,
    /// The mapping.
    pub(super) mapping: Mapping,
    /// The version of its record.
    pub(super) version: u64,
}

/// Why a mapping is not there although it should be.
#[derive(Debug, thiserror::Error)]
pub(super) enum RecordError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The record says nothing that is understood.
    #[error("a conversation was kept in a form that this version does not read")]
    Form,
}

impl RecordError {
    /// What a person can do about it; `None` where the message says all.
    pub(super) fn hint(&self) -> Option<String> {
        match self {
            RecordError::Store(error) => error.hint(),
            RecordError::Form => None,
        }
    }
}

impl Place {
    /// The place of an id.
    pub(super) fn new(kind: PlaceKind, id: &str) -> Place {
        Place {
            kind,
            id: id.to_owned(),
        }
    }

    /// What kind of thing it is.
    pub(super) fn kind(&self) -> PlaceKind {
        self.kind
    }

    /// The scope of its record.
    pub(super) fn scope<'a>(&'a self, owner: Owner<'a>) -> Scope<'a> {
        Scope {
            tenant: owner.tenant,
            application: owner.application,
            kind: match self.kind {
                PlaceKind::Conversation => ScopeKind::Conversation,
                PlaceKind::Message => ScopeKind::Message,
                PlaceKind::Run => ScopeKind::Run,
                PlaceKind::Tenant => ScopeKind::Tenant,
                PlaceKind::Response => ScopeKind::Response,
            },
            id: &self.id,
        }
    }
}

/// A mapping as it is kept.
pub(super) fn written(mapping: &Mapping) -> Result<Vec<u8>, RecordError> {
    serde_json::to_vec(&Content::Mapping(mapping.snapshot())).map_err(|_| RecordError::Form)
}

/// A pointer as it is kept.
pub(super) fn pointer(place: &Place) -> Result<Vec<u8>, RecordError> {
    serde_json::to_vec(&Content::At(place.clone())).map_err(|_| RecordError::Form)
}

/// Limits that a mapping of earlier times is within: lower limits of today only keep it from growing.
fn roomy(snapshot: &Snapshot, limits: Limits) -> Limits {
    let bytes = snapshot.entries.iter().map(|entry| entry.value.len()).sum();
    Limits {
        entries_max: limits.entries_max.max(snapshot.entries.len()),
        bytes_max: limits.bytes_max.max(bytes),
    }
}

/// The mapping that an id leads to; `None` if nothing is known of it.
pub(super) async fn find(
    kept: &Conversations,
    owner: Owner<'_>,
    place: &Place,
    limits: Limits,
) -> Result<Option<Found>, RecordError> {
    let mut place = place.clone();
    // A pointer never leads to another one.
    for _ in 0..2 {
        let Some((content, version)) = kept.load(&place.scope(owner)).await? else {
            return Ok(None);
        };
        match serde_json::from_slice(&content).map_err(|_| RecordError::Form)? {
            Content::At(next) => place = next,
            Content::Mapping(snapshot) => {
                let limits = roomy(&snapshot, limits);
                let mapping = Mapping::from_snapshot(snapshot, limits);
                let mapping = mapping.map_err(|_| RecordError::Form)?;
                return Ok(Some(Found {
                    place,
                    mapping,
                    version,
                }));
            }
        }
    }
    Err(RecordError::Form)
}

//! What is written, and what is then in the journal.

use serde::{Deserialize, Serialize};

use crate::bounds::{BODY_BYTES_MAX, NAME_BYTES_MAX, NUMBER_MAX};
use crate::{Epoch, Hash, JournalError};

/// What a caller asks to have recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// When it happened, in milliseconds since 1970-01-01 UTC, by the caller's clock.
    pub at_ms: u64,
    /// Who caused it: a person, a holder or a part of the program; 1 to 256 bytes.
    pub by: String,
    /// The record itself, JSON text by convention. Opaque here; at most [`BODY_BYTES_MAX`] bytes.
    pub body: String,
}

/// One record in its place in the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The place in the scope's chain: 1, 2, 3 and so on without gaps.
    pub seq: u64,
    /// The epoch of the lease under which it was written; never lower than that of the entry before.
    pub epoch: Epoch,
    /// As in [`Record::at_ms`].
    pub at_ms: u64,
    /// As in [`Record::by`].
    pub by: String,
    /// As in [`Record::body`].
    pub body: String,
    /// The hash of the entry before, or [`crate::genesis_hash`] for the first.
    pub prev_hash: Hash,
    /// The hash over all of the above and the scope; see [`crate::entry_hash`].
    pub hash: Hash,
}

/// The outcome of a verification that found nothing wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// How many entries the chain has.
    pub entries: u64,
    /// The hash of the last entry, or the genesis hash of an empty chain. Keep it somewhere else
    /// to find out later, with [`crate::Journal::verify_against`], whether the tail was cut off.
    pub head: Hash,
}

impl Record {
    /// Refuses what not every database could hold unchanged.
    pub(crate) fn check(&self) -> Result<(), JournalError> {
        check_name("by", &self.by)?;
        check_number("at_ms", self.at_ms)?;
        if self.body.len() > BODY_BYTES_MAX {
            return Err(refused(
                "body",
                format!(
                    "it has {} bytes and at most {BODY_BYTES_MAX} are allowed; \
                     record a digest and keep the data in a file",
                    self.body.len()
                ),
            ));
        }
        check_no_nul("body", &self.body)
    }
}

/// Names of holders and authors: not empty, not huge, no NUL.
pub(crate) fn check_name(field: &'static str, name: &str) -> Result<(), JournalError> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return Err(refused(
            field,
            format!("expected 1 to {NAME_BYTES_MAX} bytes, found {}", name.len()),
        ));
    }
    check_no_nul(field, name)
}

/// Numbers are stored in signed 64-bit columns.
pub(crate) fn check_number(field: &'static str, number: u64) -> Result<(), JournalError> {
    if number <= NUMBER_MAX {
        Ok(())
    } else {
        Err(refused(
            field,
            format!("{number} is above the largest allowed number {NUMBER_MAX}"),
        ))
    }
}

/// PostgreSQL cannot store a NUL character in text, so no journal takes one.
fn check_no_nul(field: &'static str, text: &str) -> Result<(), JournalError> {
    if text.contains('\0') {
        Err(refused(
            field,
            "it contains a NUL character; JSON writes it as \\u0000".to_owned(),
        ))
    } else {
        Ok(())
    }
}

fn refused(field: &'static str, why: String) -> JournalError {
    JournalError::RecordRefused { field, why }
}

//! Mappings as they are kept: in a store that encrypts them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::placeholder::Style;

/// An entry of a mapping's log. It holds a value in the clear: keep it encrypted.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The label, such as `EMAIL`.
    pub label: String,
    /// The number that the value got within the label, from 1 on.
    pub number: u32,
    /// The value.
    pub value: String,
}

/// Shows the placeholder, and not the value.
impl fmt::Debug for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Change")
            .field("label", &self.label)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

/// A whole mapping. It holds values in the clear: keep it encrypted. The limits are not part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// The version of this form.
    pub version: u32,
    /// How placeholders are written.
    pub style: Style,
    /// All entries in their order.
    pub entries: Vec<Change>,
}

impl Snapshot {
    /// The version that this program writes and reads.
    pub const VERSION: u32 = 1;
}

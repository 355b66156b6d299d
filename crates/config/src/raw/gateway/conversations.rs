//! Where it is kept which placeholder stands for which value.

use portcullis_rollout::ValueSource;
use toml::de::DeValue;

use crate::Code;
use crate::keys::Kind;
use crate::raw::{reference, value_or_default};
use crate::report::{At, Spot, Wrong};
use crate::table::Table;
use crate::units;

/// `[gateway.conversations]` as written.
#[derive(Debug, Default)]
pub(crate) struct RawConversations {
    pub(crate) keep: Option<At<String>>,
    pub(crate) keys: Option<At<String>>,
    pub(crate) ttl_ms: u64,
    pub(crate) conversations_max: Option<At<u32>>,
    pub(crate) memory_bytes_max: Option<At<u64>>,
    pub(crate) values_max: u32,
    /// Whether the file gives keys, rightly or not.
    pub(crate) keys_given: bool,
    /// The table's place, if it stands in the file.
    pub(crate) spot: Option<Spot>,
}

impl RawConversations {
    pub(super) fn read(table: Table<'_>) -> RawConversations {
        RawConversations {
            keep: table.text("keep"),
            keys: table.read("keys", keys),
            ttl_ms: value_or_default(table.duration_ms("ttl")),
            conversations_max: table.count("conversations_max"),
            memory_bytes_max: table.read("memory_max", units::bytes),
            values_max: value_or_default(table.count("values_max")),
            keys_given: table.has("keys"),
            spot: table.given.then(|| table.spot.clone()),
        }
    }
}

/// Keys, by reference. No message quotes what was found.
fn keys(kind: Kind, value: &DeValue<'_>) -> Result<String, Wrong> {
    let DeValue::String(text) = value else {
        let message = format!("expected {}", kind.expected());
        return Err(Wrong::new(Code::WrongType, message));
    };
    reference(text)?;
    let is_literal = matches!(ValueSource::of(text), ValueSource::Literal(_));
    if is_literal && !text.starts_with("text:") {
        let message = format!(
            "keys do not belong into a file that is read by many; expected {}",
            kind.expected()
        );
        let hint = "give them by reference: \"env:NAME\", \"file:PATH\" or \"cmd:PROGRAM ARG...\"; to insist, \
                    put text: in front of them";
        return Err(Wrong::new(Code::PlainSecret, message).hint(hint));
    }
    Ok(text.clone().into_owned())
}

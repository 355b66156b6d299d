//! A request and its answer.

use serde_json::Value;

use crate::Code;
use crate::raw::value_or_default;
use crate::report::{At, Wrong};
use crate::table::{Entries, Table};
use crate::units;

/// A request and its answer, as written.
#[derive(Debug, Default)]
pub(crate) struct RawCheck {
    pub(crate) method: String,
    pub(crate) path: Option<At<String>>,
    pub(crate) body_file: Option<At<String>>,
    pub(crate) status: u16,
    pub(crate) json: Entries<Value>,
    pub(crate) contains: Option<At<String>>,
    pub(crate) timeout_ms: u64,
}

impl RawCheck {
    pub(crate) fn read(table: Table<'_>) -> RawCheck {
        RawCheck {
            method: value_or_default(table.text("method")),
            path: table.text("path"),
            body_file: table.text("body_file"),
            status: u16::try_from(value_or_default(table.whole("status"))).unwrap_or_default(),
            json: value_or_default(table.entries("json", pointer, units::json)),
            contains: table.text("contains"),
            timeout_ms: value_or_default(table.duration_ms("timeout")),
        }
    }
}

fn pointer(text: &str) -> Result<(), Wrong> {
    if units::is_pointer(text) {
        return Ok(());
    }
    let message = format!(
        "expected a JSON pointer as the key, found {}",
        units::quoted(text)
    );
    Err(Wrong::new(Code::BadValue, message).maybe(units::pointer_hint(text)))
}

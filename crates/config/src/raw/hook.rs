//! Hooks.

use toml::de::DeValue;

use crate::Code;
use crate::config::HookPoint;
use crate::keys::Kind;
use crate::raw::value_or_default;
use crate::report::{At, Wrong};
use crate::similar::nearest;
use crate::table::{Entries, Table};
use crate::units;

/// A `[[hook]]` as written.
#[derive(Debug)]
pub(crate) struct RawHook {
    pub(crate) name: Option<At<String>>,
    pub(crate) on: Option<At<Vec<At<HookPoint>>>>,
    pub(crate) command: Option<At<Vec<At<String>>>>,
    pub(crate) env: Entries<String>,
    pub(crate) timeout_ms: u64,
    pub(crate) on_failure: Option<At<String>>,
    pub(crate) on_failure_back: Option<At<String>>,
}

impl RawHook {
    pub(crate) fn read(table: Table<'_>) -> RawHook {
        RawHook {
            name: table.text("name"),
            on: table.list("on", point),
            command: table.command("command"),
            env: super::variables(&table),
            timeout_ms: value_or_default(table.duration_ms("timeout")),
            on_failure: table.text("on_failure"),
            on_failure_back: table.text("on_failure_back"),
        }
    }
}

fn point(value: &DeValue<'_>) -> Result<HookPoint, Wrong> {
    let text = units::text(Kind::Text, value)?;
    HookPoint::of(text).ok_or_else(|| {
        let message = format!(
            "expected before-KIND, after-KIND or notice, found {}",
            units::quoted(text)
        );
        let known: Vec<String> = HookPoint::all().map(|point| point.to_string()).collect();
        let near = nearest(text, known.iter().map(String::as_str));
        let hint = near.map_or_else(
            || "for example \"before-migrate\"; the reference lists the kinds".to_owned(),
            |near| format!("did you mean \"{near}\"?"),
        );
        Wrong::new(Code::BadValue, message).hint(hint)
    })
}

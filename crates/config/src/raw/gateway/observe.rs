//! What is told about requests, and shared with other gateways.

use toml::de::DeValue;

use crate::config::TracesConfig;
use crate::keys::Kind;
use crate::raw::{secret_url, value_or_default};
use crate::report::{At, Wrong};
use crate::table::Table;

/// `[gateway.log]` as written.
#[derive(Debug, Default)]
pub(crate) struct RawLog {
    pub(crate) to: Option<At<String>>,
    pub(crate) sample: u32,
    pub(crate) paths: Option<At<String>>,
}

/// `[gateway.shared]` as written.
#[derive(Debug)]
pub(crate) struct RawShared {
    pub(crate) redis: Option<At<String>>,
    pub(crate) prefix: String,
    pub(crate) timeout_ms: u64,
}

impl RawLog {
    pub(super) fn read(table: Table<'_>) -> RawLog {
        RawLog {
            to: table.text("to"),
            sample: value_or_default(table.count("sample")),
            paths: table.text("paths"),
        }
    }
}

impl RawShared {
    pub(super) fn read(table: Table<'_>) -> RawShared {
        RawShared {
            redis: table.read("redis", redis),
            prefix: value_or_default(table.text("prefix")),
            timeout_ms: value_or_default(table.duration_ms("timeout")),
        }
    }
}

/// `[gateway.traces]`, in which nothing depends on anything else.
pub(super) fn traces(table: Table<'_>) -> TracesConfig {
    TracesConfig {
        endpoint: value_or_default(table.text("endpoint")),
        sample: value_or_default(table.count("sample")),
    }
}

/// Where the Redis server is. No message quotes what was found: it may have a password.
fn redis(kind: Kind, value: &DeValue<'_>) -> Result<String, Wrong> {
    secret_url(kind, value, &["redis://", "rediss://", "redis+unix://"])
}

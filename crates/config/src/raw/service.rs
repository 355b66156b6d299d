//! The service and its data.

use std::collections::BTreeMap;

use portcullis_rollout::ValueSource;
use toml::de::DeValue;

use crate::Code;
use crate::config::PortRange;
use crate::keys::Kind;
use crate::raw::{RawBucket, RawCadence, RawCheck, has_password, secret_url, value_or_default};
use crate::report::{At, Spot, Wrong};
use crate::table::{Entries, Table};
use crate::units;

/// `[service]` as written.
#[derive(Debug, Default)]
pub(crate) struct RawService {
    pub(crate) name: String,
    pub(crate) environment: String,
    pub(crate) strategy: Option<At<String>>,
    pub(crate) weights: Option<At<Vec<At<u8>>>>,
    pub(crate) approval: Option<String>,
    pub(crate) ports: Option<At<PortRange>>,
    pub(crate) protocol: Option<At<String>>,
    pub(crate) keep_warm_ms: u64,
    pub(crate) keep_warm_cadence: Vec<RawCadence>,
    pub(crate) ready: RawCheck,
    pub(crate) smoke: Vec<RawCheck>,
    pub(crate) metrics: Option<RawMetrics>,
}

/// `[service.metrics]` as written.
#[derive(Debug)]
pub(crate) struct RawMetrics {
    pub(crate) path: Option<At<String>>,
    pub(crate) figures: Entries<String>,
}

/// A `[[store]]` as written.
#[derive(Debug)]
pub(crate) struct RawStore {
    pub(crate) name: Option<At<String>>,
    pub(crate) kind: Option<At<String>>,
    pub(crate) path: Option<At<String>>,
    pub(crate) url: Option<At<String>>,
    pub(crate) jobs: Option<At<u32>>,
    pub(crate) commands: RawCommands,
    pub(crate) continuous: Option<RawContinuous>,
    pub(crate) bucket: Option<RawBucket>,
    /// Keys with values that were refused.
    pub(crate) refused: Vec<&'static str>,
    /// The table's place.
    pub(crate) spot: Spot,
}

/// What a `[[store]]` of commands has, as written.
#[derive(Debug)]
pub(crate) struct RawCommands {
    /// Each command by its key.
    pub(crate) argv: BTreeMap<&'static str, At<Vec<At<String>>>>,
    pub(crate) repeats: Option<At<bool>>,
    pub(crate) copies: Option<At<bool>>,
    pub(crate) env: Entries<String>,
    pub(crate) timeout_ms: Option<At<u64>>,
    /// Keys of commands that are given, and whose values were refused.
    pub(crate) refused: Vec<&'static str>,
}

/// `[store.continuous]` as written.
#[derive(Debug)]
pub(crate) struct RawContinuous {
    pub(crate) url: Option<At<String>>,
    pub(crate) slot: Option<At<String>>,
    pub(crate) base_every_ms: Option<At<u64>>,
    pub(crate) keep: u32,
    pub(crate) rpo_ms: Option<At<u64>>,
    pub(crate) verify_every_ms: u64,
    pub(crate) slot_bytes_max: u64,
    pub(crate) synchronous: bool,
    pub(crate) in_clear: bool,
    /// The table's place.
    pub(crate) spot: Spot,
}

/// `[data]` as written.
#[derive(Debug, Default)]
pub(crate) struct RawData {
    pub(crate) compatible: Option<At<bool>>,
    pub(crate) rollback: Option<At<String>>,
    pub(crate) written_by: String,
    pub(crate) accept_loss: bool,
    pub(crate) read_only: Option<At<bool>>,
    pub(crate) longest_lock_ms: Option<u64>,
    pub(crate) hold_ms: u64,
    pub(crate) retry_after_ms: u64,
    pub(crate) reads: Vec<At<String>>,
}

impl RawService {
    pub(crate) fn read(table: Table<'_>) -> RawService {
        RawService {
            name: value_or_default(table.text("name")),
            environment: value_or_default(table.text("environment")),
            strategy: table.text("strategy"),
            weights: table.list("weights", units::weight),
            approval: table.text("approval").map(|at| at.value),
            ports: table.read("ports", |_, value| units::ports(value)),
            protocol: table.text("protocol"),
            keep_warm_ms: value_or_default(table.duration_ms("keep_warm")),
            keep_warm_cadence: table.tables("keep_warm_cadence", RawCadence::read),
            ready: table.table("ready", RawCheck::read).unwrap_or_default(),
            smoke: table.tables("smoke", RawCheck::read),
            metrics: table.optional_table("metrics", RawMetrics::read),
        }
    }
}

impl RawMetrics {
    fn read(table: Table<'_>) -> RawMetrics {
        let named = |name: &str| match name.trim() {
            "" => Err(Wrong::new(Code::BadValue, "a figure needs a name")),
            _ => Ok(()),
        };
        let pointer = |value: &DeValue<'_>| units::plain(Kind::Pointer, value);
        RawMetrics {
            path: table.text("path"),
            figures: value_or_default(table.entries("figures", named, pointer)),
        }
    }
}

impl RawCommands {
    fn read(table: &Table<'_>) -> RawCommands {
        const KEYS: [&str; 5] = ["backup", "restore", "check", "size", "digest"];
        let read = |key| Some((key, table.command(key)?));
        let argv: BTreeMap<_, _> = KEYS.into_iter().filter_map(read).collect();
        let refused = KEYS.into_iter();
        let refused = refused.filter(|key| table.has(key) && !argv.contains_key(key));
        RawCommands {
            refused: refused.collect(),
            argv,
            repeats: table.boolean("repeats"),
            copies: table.boolean("copies"),
            env: super::variables(table),
            timeout_ms: table.duration_ms("timeout"),
        }
    }
}

impl RawStore {
    pub(crate) fn read(table: Table<'_>) -> RawStore {
        let path = table.text("path");
        let kind = table.text("kind");
        let is_redis = kind.as_ref().is_some_and(|kind| kind.value == "redis");
        let url = table.read("url", if is_redis { redis_url } else { postgres_url });
        let read = [("path", path.is_some()), ("url", url.is_some())];
        let refused = read
            .into_iter()
            .filter(|(key, read)| !read && table.has(key));
        RawStore {
            name: table.text("name"),
            kind,
            refused: refused.map(|(key, _)| key).collect(),
            path,
            url,
            jobs: table.count("jobs"),
            commands: RawCommands::read(&table),
            continuous: table.optional_table("continuous", RawContinuous::read),
            bucket: table.optional_table("bucket", RawBucket::read),
            spot: table.spot.clone(),
        }
    }
}

impl RawContinuous {
    fn read(table: Table<'_>) -> RawContinuous {
        RawContinuous {
            url: table.read("url", postgres_url),
            slot: table.text("slot"),
            base_every_ms: table.duration_ms("base_every"),
            keep: value_or_default(table.count("keep")),
            rpo_ms: table.duration_ms("rpo"),
            verify_every_ms: value_or_default(table.duration_ms("verify_every")),
            slot_bytes_max: value_or_default(table.read("slot_keep_max", units::bytes)),
            synchronous: value_or_default(table.boolean("synchronous")),
            in_clear: value_or_default(table.boolean("in_clear")),
            spot: table.spot.clone(),
        }
    }
}

/// A reference to the URL of a PostgreSQL database, or a URL without a password: plans and the journal hold it.
fn postgres_url(kind: Kind, value: &DeValue<'_>) -> Result<String, Wrong> {
    without_password(secret_url(kind, value, &["postgres://", "postgresql://"])?)
}

/// The same for a database of a Redis or Valkey server.
fn redis_url(kind: Kind, value: &DeValue<'_>) -> Result<String, Wrong> {
    let schemes = [
        "redis://",
        "rediss://",
        "redis+unix://",
        "valkey://",
        "valkeys://",
    ];
    without_password(secret_url(kind, value, &schemes)?)
}

fn without_password(url: String) -> Result<String, Wrong> {
    if let ValueSource::Literal(literal) = ValueSource::of(&url)
        && literal
            .split_once("://")
            .is_some_and(|(_, rest)| has_password(rest))
    {
        let message = "this URL has a password, and plans and the journal would have it too";
        let hint = "give the whole URL by reference: \"env:NAME\", \"file:PATH\" or \"cmd:PROGRAM ARG...\"";
        return Err(Wrong::new(Code::PlainSecret, message).hint(hint));
    }
    Ok(url)
}

impl RawData {
    pub(crate) fn read(table: Table<'_>) -> RawData {
        RawData {
            compatible: table.boolean("compatible"),
            rollback: table.text("rollback"),
            written_by: value_or_default(table.text("written_by")),
            accept_loss: value_or_default(table.boolean("accept_loss")),
            read_only: table.boolean("read_only"),
            longest_lock_ms: table.duration_ms("longest_lock").map(|at| at.value),
            hold_ms: value_or_default(table.duration_ms("hold")),
            retry_after_ms: value_or_default(table.duration_ms("retry_after")),
            reads: value_or_default(table.items("reads", units::plain)),
        }
    }
}

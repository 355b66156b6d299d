//! Portcullis itself.

use std::net::SocketAddr;

use toml::de::DeValue;

use crate::SecretText;
use crate::config::JournalConfig;
use crate::keys::Kind;
use crate::raw::{RawCopy, RawEncryption, secret_url, value_or_default};
use crate::report::{At, Spot, Wrong};
use crate::table::Table;
use crate::units;

/// `[server]` as written.
#[derive(Debug, Default)]
pub(crate) struct RawServer {
    /// `None` within is `"unix"`.
    pub(crate) listen: Option<At<Option<SocketAddr>>>,
    pub(crate) allow_remote: bool,
}

/// `[state]` as written.
#[derive(Debug, Default)]
pub(crate) struct RawState {
    pub(crate) folder: Option<At<String>>,
    pub(crate) vault: Option<At<String>>,
    pub(crate) journal: Option<At<JournalConfig>>,
    pub(crate) lease_ttl_ms: u64,
}

/// `[backup]` as written.
#[derive(Debug, Default)]
pub(crate) struct RawBackup {
    pub(crate) keep_last: u32,
    /// `None` leaves it to the environment.
    pub(crate) keep_days: Option<u32>,
    pub(crate) keep_hourly: u32,
    pub(crate) keep_daily: u32,
    pub(crate) keep_weekly: u32,
    pub(crate) keep_monthly: u32,
    pub(crate) keep_yearly: u32,
    pub(crate) schedule: RawSchedule,
    pub(crate) prune: bool,
    pub(crate) age_max_ms: Option<At<u64>>,
    pub(crate) pause: Option<At<String>>,
    pub(crate) pause_max_ms: u64,
    pub(crate) too_old: Option<At<String>>,
    pub(crate) encryption: RawEncryption,
    pub(crate) copies: Vec<RawCopy>,
}

/// `[drill]` as written.
#[derive(Debug, Default)]
pub(crate) struct RawDrill {
    pub(crate) spot: Option<Spot>,
    pub(crate) given: bool,
    pub(crate) schedule: RawSchedule,
    pub(crate) from: Option<At<String>>,
    pub(crate) backup: Option<At<String>>,
    pub(crate) rto_ms: Option<u64>,
    pub(crate) rpo_ms: Option<At<u64>>,
}

/// The keys of a schedule as written.
#[derive(Debug, Default)]
pub(crate) struct RawSchedule {
    pub(crate) cron: Option<At<String>>,
    pub(crate) time_zone: Option<At<String>>,
    pub(crate) jitter_ms: Option<At<u64>>,
    pub(crate) catch_up_ms: Option<At<u64>>,
}

impl RawServer {
    pub(crate) fn read(table: Table<'_>) -> RawServer {
        RawServer {
            listen: table.read("listen", |_, value| units::listen(value)),
            allow_remote: value_or_default(table.boolean("allow_remote")),
        }
    }
}

impl RawState {
    pub(crate) fn read(table: Table<'_>) -> RawState {
        RawState {
            folder: table.text("folder"),
            vault: table.text("vault"),
            journal: table.read("journal", journal),
            lease_ttl_ms: value_or_default(table.duration_ms("lease")),
        }
    }
}

impl RawBackup {
    pub(crate) fn read(table: Table<'_>) -> RawBackup {
        RawBackup {
            keep_last: value_or_default(table.count("keep_last")),
            keep_days: table.count("keep_days").map(|at| at.value),
            keep_hourly: value_or_default(table.count("keep_hourly")),
            keep_daily: value_or_default(table.count("keep_daily")),
            keep_weekly: value_or_default(table.count("keep_weekly")),
            keep_monthly: value_or_default(table.count("keep_monthly")),
            keep_yearly: value_or_default(table.count("keep_yearly")),
            schedule: RawSchedule::read(&table),
            prune: value_or_default(table.boolean("prune")),
            age_max_ms: table.duration_ms("age_max"),
            too_old: table.text("too_old"),
            pause: table.text("pause"),
            pause_max_ms: value_or_default(table.duration_ms("pause_max")),
            encryption: table
                .optional_table("encryption", RawEncryption::read)
                .unwrap_or_default(),
            copies: table.tables("copy", RawCopy::read),
        }
    }
}

impl RawDrill {
    pub(crate) fn read(table: Table<'_>) -> RawDrill {
        RawDrill {
            spot: Some(table.spot.clone()),
            given: table.given,
            schedule: RawSchedule::read(&table),
            from: table.text("from"),
            backup: table.text("backup"),
            rto_ms: table.duration_ms("rto").map(|at| at.value),
            rpo_ms: table.duration_ms("rpo"),
        }
    }
}

impl RawSchedule {
    fn read(table: &Table<'_>) -> RawSchedule {
        RawSchedule {
            cron: table.text("schedule"),
            time_zone: table.text("time_zone"),
            jitter_ms: table.duration_ms("jitter"),
            catch_up_ms: table.duration_ms("catch_up"),
        }
    }
}

/// Where the journal is. No message quotes what was found: it may have a password.
fn journal(kind: Kind, value: &DeValue<'_>) -> Result<JournalConfig, Wrong> {
    match value {
        DeValue::String(text) if text == "sqlite" => Ok(JournalConfig::Sqlite),
        _ => secret_url(kind, value, &["postgres://", "postgresql://"])
            .map(|url| JournalConfig::Postgres(SecretText::new(url))),
    }
}

//! The stores, and what a rollback means for them.

use portcullis_rollout::StoreLocation;
use toml::{Table, Value};

use super::{duration, path, table};
use crate::units::bytes_text;
use crate::{Config, ContinuousConfig};

pub(super) fn stores(config: &Config) -> Value {
    let stores = config.stores.iter().map(|store| {
        let name = store.name.as_str().into();
        let kind = store.kind().word().into();
        let mut out = table([("name", name), ("kind", kind)]);
        match &store.location {
            StoreLocation::File { path: at }
            | StoreLocation::Directory { path: at }
            | StoreLocation::Sqlite { path: at } => drop(out.insert("path".into(), path(at))),
            StoreLocation::Postgres { url, jobs, .. } => {
                out.insert("url".into(), url.as_str().into());
                out.insert("jobs".into(), i64::from(*jobs).into());
            }
            StoreLocation::Redis { url, .. } => {
                drop(out.insert("url".into(), url.as_str().into()));
            }
        }
        let mut archives = config.continuous.iter();
        if let Some(archive) = archives.find(|archive| archive.store == store.name) {
            out.insert("continuous".into(), continuous(archive).into());
        }
        Value::Table(out)
    });
    Value::Array(stores.collect())
}

fn continuous(archive: &ContinuousConfig) -> Table {
    let mut out = table([
        ("slot", archive.slot.as_str().into()),
        ("base_every", duration(archive.base_every_ms)),
        ("keep", i64::from(archive.keep).into()),
        ("rpo", duration(archive.rpo_ms)),
        ("slot_keep_max", bytes_text(archive.slot_bytes_max).into()),
        ("synchronous", archive.synchronous.into()),
    ]);
    if let Some(url) = &archive.url {
        out.insert("url".into(), url.as_str().into());
    }
    out
}

pub(super) fn policy(config: &Config) -> Table {
    let policy = &config.policy;
    let reads = config.closing.reads.iter();
    let reads = reads.map(|read| Value::String(read.to_string()));
    let mut out = table([
        ("compatible", policy.compatible.into()),
        (
            "rollback",
            if policy.restore { "restore" } else { "keep" }.into(),
        ),
        (
            "written_by",
            if policy.service_writes {
                "service"
            } else {
                "migrations"
            }
            .into(),
        ),
        ("accept_loss", policy.accept_loss.into()),
        ("read_only", policy.read_only.into()),
        ("hold", duration(config.closing.hold_ms)),
        (
            "retry_after",
            duration(config.closing.retry_after_s.saturating_mul(1_000)),
        ),
        ("reads", Value::Array(reads.collect())),
    ]);
    if let Some(longest_ms) = policy.longest_lock_ms {
        out.insert("longest_lock".into(), duration(longest_ms));
    }
    out
}

//! The stores, and what a rollback means for them.

use portcullis_rollout::{BucketRef, StoreCommands, StoreLocation};
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
            | StoreLocation::Sqlite { path: at }
            | StoreLocation::Chroma { path: at } => drop(out.insert("path".into(), path(at))),
            StoreLocation::Postgres { url, jobs, .. } => {
                out.insert("url".into(), url.as_str().into());
                out.insert("jobs".into(), i64::from(*jobs).into());
            }
            StoreLocation::Bucket(bucket) => {
                out.insert("bucket".into(), bucket_table(bucket).into());
            }
            StoreLocation::Redis { url, .. } => {
                drop(out.insert("url".into(), url.as_str().into()));
            }
            StoreLocation::Command(commands) => self::commands(commands, &mut out),
        }
        let mut archives = config.continuous.iter();
        if let Some(archive) = archives.find(|archive| archive.store == store.name) {
            out.insert("continuous".into(), continuous(archive).into());
        }
        Value::Table(out)
    });
    Value::Array(stores.collect())
}

/// Secrets are shown by reference only.
fn bucket_table(bucket: &BucketRef) -> Table {
    let mut out = table([("url", bucket.url.as_str().into())]);
    let texts = [
        ("endpoint", &bucket.endpoint),
        ("region", &bucket.region),
        ("access_key", &bucket.access_key),
        ("secret", &bucket.secret),
    ];
    for (name, value) in texts {
        if let Some(value) = value {
            out.insert(name.into(), value.as_str().into());
        }
    }
    if let Some(ca) = &bucket.ca {
        out.insert("ca".into(), path(ca));
    }
    out
}

fn commands(commands: &StoreCommands, out: &mut Table) {
    let argv = [
        ("backup", Some(&commands.backup)),
        ("restore", Some(&commands.restore)),
        ("check", commands.check.as_ref()),
        ("size", commands.size.as_ref()),
        ("digest", commands.digest.as_ref()),
    ];
    for (key, words) in argv {
        if let Some(words) = words {
            let words = words.iter().map(|word| word.as_str().into()).collect();
            out.insert(key.into(), Value::Array(words));
        }
    }
    // The two cannot both be meant, and a path belongs to copies.
    if commands.digest.is_none() {
        out.insert("repeats".into(), commands.repeats.into());
    }
    out.insert("copies".into(), commands.copies.into());
    if let Some(at) = &commands.path {
        out.insert("path".into(), path(at));
    }
    if !commands.env.is_empty() {
        out.insert("env".into(), super::variables(&commands.env));
    }
    out.insert("timeout".into(), duration(commands.timeout_ms));
}

fn continuous(archive: &ContinuousConfig) -> Table {
    let mut out = table([
        ("slot", archive.slot.as_str().into()),
        ("base_every", duration(archive.base_every_ms)),
        ("keep", i64::from(archive.keep).into()),
        ("rpo", duration(archive.rpo_ms)),
        ("verify_every", duration(archive.verify_every_ms)),
        ("slot_keep_max", bytes_text(archive.slot_bytes_max).into()),
        ("synchronous", archive.synchronous.into()),
        ("in_clear", archive.in_clear.into()),
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
            match (policy.reverse, policy.restore) {
                (true, _) => "reverse",
                (false, true) => "restore",
                (false, false) => "keep",
            }
            .into(),
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

//! The archives of PostgreSQL stores from which any moment can be recovered to.

use portcullis_rollout::{StoreKind, ValueSource};

use super::{Context, text};
use crate::Code;
use crate::config::ContinuousConfig;
use crate::origin::Wanted;
use crate::raw::{RawBackup, RawContinuous, RawService, RawStore};
use crate::report::Wrong;
use crate::units::duration_text;

/// How long the name of a replication slot may be (NAMEDATALEN - 1).
const SLOT_BYTES_MAX: usize = 63;

/// `[store.continuous]` of each store that has it.
pub(super) fn archives(
    stores: &[RawStore],
    service: &RawService,
    backup: &RawBackup,
    context: &mut Context<'_>,
) -> Vec<ContinuousConfig> {
    let mut archives: Vec<ContinuousConfig> = Vec::new();
    for store in stores {
        let (Some(raw), Some(name)) = (&store.continuous, &store.name) else {
            continue;
        };
        let kind = text(store.kind.as_ref()).and_then(StoreKind::of_word);
        if let Some(kind) = kind.filter(|kind| *kind != StoreKind::Postgres) {
            let message = format!("a store of kind \"{kind}\" has no continuous archive");
            let hint = "only PostgreSQL writes a log from which moments can be recovered to; remove the table";
            let wrong = Wrong::new(Code::Contradiction, message).hint(hint);
            context.report.add(&raw.spot, wrong);
            continue;
        }
        if !backup.encryption.recipients.is_empty() && !raw.in_clear {
            let message = "backups are encrypted, and a continuous archive cannot be: it would lie in the clear in the vault";
            let hint =
                "write in_clear = true if the vault's disk is encrypted, or remove the table";
            let wrong = Wrong::new(Code::Contradiction, message).hint(hint);
            context.report.add(&raw.spot, wrong);
        }
        let archive = archive(raw, (&name.value, service), context);
        if let (Some(other), Some(at)) = (
            archives.iter().find(|other| other.slot == archive.slot),
            &raw.slot,
        ) {
            let message = format!("the store `{}` has a slot of this name", other.store);
            let hint = "each archive needs a slot of its own";
            let wrong = Wrong::new(Code::Duplicate, message).hint(hint);
            context.report.add(&at.spot, wrong);
        }
        archives.push(archive);
    }
    archives
}

fn archive(
    raw: &RawContinuous,
    (store, service): (&str, &RawService),
    context: &mut Context<'_>,
) -> ContinuousConfig {
    let url = raw.url.as_ref().map(|at| {
        if let ValueSource::File(path) = ValueSource::of(&at.value) {
            let path = context.absolute(path);
            context.needs(&path, Wanted::Secret, &at.spot);
        }
        context.referenced(at.value.clone())
    });
    let slot = match &raw.slot {
        Some(at) => {
            if !is_slot(&at.value) {
                let message = "expected 1 to 63 characters of a-z, 0-9 and _";
                let hint = format!("did you mean \"{}\"?", slot_of(&[&at.value]));
                let wrong = Wrong::new(Code::BadValue, message).hint(hint);
                context.report.add(&at.spot, wrong);
            }
            at.value.clone()
        }
        None => slot_of(&["portcullis", &service.name, &service.environment, store]),
    };
    let base_every_ms = raw.base_every_ms.as_ref().map_or(0, |at| at.value);
    let rpo_ms = raw.rpo_ms.as_ref().map_or(0, |at| at.value);
    if let Some(at) = raw.rpo_ms.as_ref().filter(|at| at.given)
        && base_every_ms > 0
        && rpo_ms > base_every_ms
    {
        let message = format!(
            "the archive may be behind for longer than the time after which the cluster is copied ({})",
            duration_text(base_every_ms)
        );
        let hint = "an archive is usually behind by seconds: write rpo = \"5m\"";
        let wrong = Wrong::new(Code::Contradiction, message).hint(hint);
        context.report.add(&at.spot, wrong);
    }
    ContinuousConfig {
        store: store.to_owned(),
        url,
        slot,
        base_every_ms,
        keep: raw.keep,
        rpo_ms,
        verify_every_ms: raw.verify_every_ms,
        slot_bytes_max: raw.slot_bytes_max,
        synchronous: raw.synchronous,
        in_clear: raw.in_clear,
    }
}

fn is_slot(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (1..=SLOT_BYTES_MAX).contains(&name.len()) && name.bytes().all(plain)
}

/// A name of a slot from others.
fn slot_of(parts: &[&str]) -> String {
    let joined = parts.join("_").to_lowercase();
    let plain = |letter: char| match letter {
        'a'..='z' | '0'..='9' | '_' => letter,
        _ => '_',
    };
    joined.chars().map(plain).take(SLOT_BYTES_MAX).collect()
}

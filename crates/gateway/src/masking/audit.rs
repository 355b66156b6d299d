//! For whom what was masked, by kind and number, never by value: `masking-audit.jsonl` beside the state file.
//!
//! One line of JSON for each client, route, mask and conversation of a minute in which something was found, put back or
//! refused. So a busy conversation makes one line a minute, and a request in which nothing was found makes none. It is not
//! the record of emergencies (`audit.jsonl`), which must be on the disk before something takes effect: a process that is
//! killed loses the lines of the last minute here.
//!
//! Clients that this gateway did not identify itself are named by a hash with a key of the state folder, which says that
//! two lines are about the same client and no more. A conversation is named by the beginning of its id's SHA-256, so that
//! whoever has an id can find its lines.

mod note;
mod trail;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ring::hmac::{self, HMAC_SHA256};
use secrecy::{ExposeSecret, SecretString};

use super::counters::Found;
use super::tenant::CallerKind;
use super::{MaskProfile, Tenant};
use crate::bounds::MASKING_AUDIT_LINES_MAX;

pub(crate) use note::AuditNote;
pub use trail::{MaskingAuditEntry, MaskingAuditTrail};

/// Who is meant where more clients came than are told apart.
const OTHERS: &str = "others";
/// How much of a hash is written, in bytes.
const HASH_BYTES: usize = 8;

/// What is to be written, collected by the workers.
pub(crate) struct MaskingAudit {
    trail: MaskingAuditTrail,
    /// The key of clients' names; from when on there is something to mask.
    key: OnceLock<hmac::Key>,
    /// The locks are each worker's own but for the moment of writing.
    workers: Box<[Mutex<HashMap<Subject, Sums>>]>,
    lost: std::sync::atomic::AtomicU64,
}

/// What a line is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Subject {
    client: String,
    route: Arc<str>,
    mask: Arc<str>,
    is_shadow: bool,
    conversation: Option<String>,
}

/// What a line says.
#[derive(Debug, Clone, Default)]
struct Sums {
    from_ms: u64,
    until_ms: u64,
    requests: u64,
    values: Found,
    restored: u64,
    leaks: Found,
    refusals: BTreeMap<&'static str, u64>,
}

impl MaskingAudit {
    /// The audit beside a state file.
    pub(super) fn new(state_file: &Path, workers: usize) -> MaskingAudit {
        MaskingAudit {
            trail: MaskingAuditTrail::beside(state_file),
            key: OnceLock::new(),
            workers: (0..workers).map(|_| Mutex::default()).collect(),
            lost: Default::default(),
        }
    }

    /// Gives it its key.
    pub(super) fn open(&self, key: SecretString) {
        let key = hmac::Key::new(HMAC_SHA256, key.expose_secret().trim().as_bytes());
        let _ = self.key.set(key);
    }

    /// What is to be told of one request on a route. It is told when the note is dropped.
    pub(crate) fn note(
        self: &Arc<Self>,
        worker: usize,
        (tenant, route): (Option<&Tenant>, &Arc<str>),
        profile: &MaskProfile,
    ) -> AuditNote {
        let subject = (tenant.cloned(), Arc::clone(route));
        AuditNote::new(Arc::clone(self), worker, subject, profile)
    }

    /// Lines that could not be written.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Writes what was collected. It waits for the disk.
    pub(crate) fn write(&self) {
        let entries = self.take();
        if entries.is_empty() {
            return;
        }
        if let Err(error) = self.trail.append(&entries) {
            let lines = entries.len();
            self.lost
                .fetch_add(lines as u64, std::sync::atomic::Ordering::Relaxed);
            let path = self.trail.path().display();
            tracing::error!(%error, lines, %path, "lines of the masking audit are lost");
        }
    }

    /// Takes what was collected, in the order of its subjects.
    fn take(&self) -> Vec<MaskingAuditEntry> {
        let mut all: BTreeMap<Subject, Sums> = BTreeMap::new();
        for worker in &self.workers {
            let taken = std::mem::take(&mut *worker.lock().unwrap_or_else(PoisonError::into_inner));
            for (subject, sums) in taken {
                all.entry(subject).or_default().add(sums);
            }
        }
        all.into_iter().map(entry).collect()
    }

    fn add(&self, worker: usize, mut subject: Subject, sums: Sums) {
        let Some(worker) = self.workers.get(worker) else {
            return;
        };
        let mut collected = worker.lock().unwrap_or_else(PoisonError::into_inner);
        if collected.len() >= MASKING_AUDIT_LINES_MAX && !collected.contains_key(&subject) {
            subject.client = OTHERS.to_owned();
            subject.conversation = None;
        }
        collected.entry(subject).or_default().add(sums);
    }

    /// How a client is named.
    fn client(&self, tenant: Option<&Tenant>) -> String {
        let Some(tenant) = tenant else {
            return "unknown".to_owned();
        };
        let hashed = |kind: &str| {
            let hash = self.key.get().map(|key| hmac::sign(key, tenant.bytes()));
            let hash = hash.map(|hash| hex::encode(&hash.as_ref()[..HASH_BYTES]));
            format!("{kind}:{}", hash.unwrap_or_default())
        };
        match tenant.caller() {
            CallerKind::Key(id) => format!("key:{id}"),
            CallerKind::Subject => hashed("subject"),
            CallerKind::Credential => hashed("credential"),
            CallerKind::Nobody => "anybody".to_owned(),
        }
    }
}

impl Sums {
    fn add(&mut self, other: Sums) {
        self.from_ms = match self.requests {
            0 => other.from_ms,
            _ => self.from_ms.min(other.from_ms),
        };
        self.until_ms = self.until_ms.max(other.until_ms);
        self.requests += other.requests;
        self.restored += other.restored;
        for (mine, others) in [
            (&mut self.values, other.values),
            (&mut self.leaks, other.leaks),
        ] {
            for (label, actions) in others {
                let sums = mine.entry(label).or_default();
                for (action, count) in actions {
                    *sums.entry(action).or_default() += count;
                }
            }
        }
        for (cause, count) in other.refusals {
            *self.refusals.entry(cause).or_default() += count;
        }
    }
}

/// How a conversation is named: whoever has its id can make the same name.
fn conversation_name(id: &str) -> String {
    let hash = ring::digest::digest(&ring::digest::SHA256, id.as_bytes());
    hex::encode(&hash.as_ref()[..HASH_BYTES])
}

fn entry((subject, sums): (Subject, Sums)) -> MaskingAuditEntry {
    MaskingAuditEntry {
        from_ms: sums.from_ms,
        until_ms: sums.until_ms,
        client: subject.client,
        route: subject.route.to_string(),
        mask: subject.mask.to_string(),
        mode: match subject.is_shadow {
            true => "shadow".to_owned(),
            false => "enforce".to_owned(),
        },
        conversation: subject.conversation,
        requests: sums.requests,
        values: told(sums.values),
        restored: sums.restored,
        leaks: told(sums.leaks),
        refusals: sums
            .refusals
            .into_iter()
            .map(|(cause, count)| (cause.to_owned(), count))
            .collect(),
    }
}

/// Counts by the names of entities and actions.
pub(super) fn told(found: Found) -> BTreeMap<String, BTreeMap<String, u64>> {
    let actions = |actions: BTreeMap<portcullis_mask::Action, u64>| {
        let named = actions.into_iter();
        named
            .map(|(action, count)| (action.name().to_owned(), count))
            .collect()
    };
    let labels = found.into_iter();
    labels
        .map(|(label, counts)| (label.into_string(), actions(counts)))
        .collect()
}

#[cfg(test)]
mod tests;

//! What is in a database of a Redis server, and how it is compared with another.

use std::collections::BTreeMap;
use std::io::Read;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::numbers::MARK;
use super::rdb::{self, Part, RdbWrong, Record, ValueKind};
use crate::TableEntry;
use crate::row_set::RowSet;

/// What a backup has of a database of a Redis or Valkey server.
///
/// Keys that expire come apart from those that stay: in a minute some of them will be gone, here and wherever the
/// backup was restored to. They are gathered by when they expire, in spans that begin at `taken_ms` and are a sixteenth of their
/// distance from it, or a second. A comparison later leaves out the spans that have begun by then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedisContent {
    /// The number of the database.
    pub number: u64,
    /// The server and its version, for example `Redis 7.0.15`.
    pub server: String,
    /// The version of the RDB: a server that is to take it back knows at least this one.
    pub rdb_version: u16,
    /// The moment of the backup by the server's clock, in milliseconds since 1970, to the second.
    pub taken_ms: i64,
    /// How much memory the database took in the server, estimated by its part of the RDB, in bytes.
    pub memory_bytes: u64,
    /// How many libraries of functions the server had. They are in the RDB, and of no database.
    pub functions: u64,
    /// The keys without an expiry, by what they hold, in order of name.
    pub lasting: Vec<TableEntry>,
    /// The keys with an expiry, in order of time.
    pub expiring: Vec<ExpiringEntry>,
}

/// The keys that expire within a span of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpiringEntry {
    /// Where the span begins, in milliseconds since 1970.
    pub from_ms: i64,
    /// How many keys there are.
    pub keys: u64,
    /// The digest of the keys with their moments and values, in whatever order they are read.
    pub digest: String,
}

/// The finest span, in milliseconds: the moment of an RDB is known to the second.
const SPAN_MS: i64 = 1000;
/// Into how many spans each doubling of the distance is cut.
const SPANS: i64 = 16;

impl RedisContent {
    /// The digest of the content: SHA-256 over one line for each kind of value and each span.
    pub(crate) fn digest(&self) -> String {
        let mut all = Sha256::new();
        for entry in &self.lasting {
            all.update(entry.line());
        }
        for entry in &self.expiring {
            let ExpiringEntry {
                from_ms,
                keys,
                digest,
            } = entry;
            all.update(format!("expiring {from_ms} {keys} {digest}\n"));
        }
        hex::encode(all.finalize())
    }

    /// How many keys it has, those that expire with them.
    #[must_use]
    pub fn keys(&self) -> u64 {
        let lasting: u64 = self.lasting.iter().map(|entry| entry.rows).sum();
        lasting + self.expiring.iter().map(|entry| entry.keys).sum::<u64>()
    }

    /// How many of its keys have no expiry, or one after a moment.
    pub(super) fn keys_at(&self, now_ms: i64) -> u64 {
        let lasting: u64 = self.lasting.iter().map(|entry| entry.rows).sum();
        let later = self.after(now_ms).map(|entry| entry.keys).sum::<u64>();
        lasting + later
    }

    /// The spans that have not begun at a moment.
    fn after(&self, now_ms: i64) -> impl Iterator<Item = &ExpiringEntry> {
        self.expiring
            .iter()
            .filter(move |entry| entry.from_ms > now_ms)
    }

    /// Where this, which was taken later, differs from what was `wanted`: each as words. What has expired meanwhile, or
    /// may have, is no difference. Both must count their spans from the same moment.
    pub(super) fn differs(&self, wanted: &RedisContent, now_ms: i64) -> Option<[String; 3]> {
        let words = |entry: Option<&TableEntry>| match entry {
            None => "none".to_owned(),
            Some(entry) => format!("{} with the digest {}", entry.rows, entry.digest),
        };
        let names = self.lasting.iter().chain(&wanted.lasting);
        for name in names.map(|entry| &entry.name) {
            let of = |content: &RedisContent| {
                let found = content.lasting.iter().find(|entry| entry.name == *name);
                words(found)
            };
            let (expected, found) = (of(wanted), of(self));
            if expected != found {
                return Some([format!("its {name}"), expected, found]);
            }
        }
        let (mut expected, mut found) = (wanted.after(now_ms), self.after(now_ms));
        loop {
            match (expected.next(), found.next()) {
                (None, None) => return None,
                (one, other) if one == other => {}
                (one, other) => {
                    let words = |entry: Option<&ExpiringEntry>| {
                        entry.map_or_else(
                            || "none".to_owned(),
                            |entry| format!("{} from {} ms on", entry.keys, entry.from_ms),
                        )
                    };
                    let what = "its keys that expire".to_owned();
                    return Some([what, words(one), words(other)]);
                }
            }
        }
    }
}

/// Gathers what an RDB has in one database.
pub(super) struct Gathering {
    number: u64,
    server: String,
    rdb_version: u16,
    /// From where spans are counted, if that is not the moment of the RDB.
    origin_ms: Option<i64>,
    /// The moment of the RDB.
    pub(super) taken_ms: i64,
    functions: u64,
    memory_bytes: u64,
    lasting: BTreeMap<ValueKind, RowSet>,
    expiring: BTreeMap<i64, RowSet>,
}

impl Gathering {
    pub(super) fn new(number: u64, origin_ms: Option<i64>) -> Self {
        Self {
            number,
            server: String::new(),
            rdb_version: 0,
            origin_ms,
            taken_ms: 0,
            functions: 0,
            memory_bytes: 0,
            lasting: BTreeMap::new(),
            expiring: BTreeMap::new(),
        }
    }

    /// Takes a part in. Says whether it belongs to the content: what had expired and a mark of ours do not.
    pub(super) fn part(&mut self, part: &Part) -> bool {
        match part {
            Part::Version(version) => self.rdb_version = *version,
            Part::Fact(name, value) => match name.as_str() {
                "redis-ver" => self.server = format!("Redis {value}"),
                "valkey-ver" => self.server = format!("Valkey {value}"),
                "ctime" => self.taken_ms = value.parse().unwrap_or(0) * SPAN_MS,
                "used-mem" => self.memory_bytes = value.parse().unwrap_or(0),
                _ => {}
            },
            Part::Functions(_) => self.functions += 1,
            Part::Record(record) => return self.record(record),
        }
        true
    }

    fn record(&mut self, record: &Record) -> bool {
        let had_expired = record.expires_ms.is_some_and(|at| at <= self.taken_ms);
        if had_expired || record.name == MARK {
            return false;
        }
        let mut row = Sha256::new();
        row.update((record.name.len() as u64).to_le_bytes());
        row.update(&record.name);
        row.update(record.kind.word());
        row.update(record.digest);
        match record.expires_ms {
            None => self.lasting.entry(record.kind).or_default().add(row),
            Some(at) => {
                row.update(at.to_le_bytes());
                let span = span(self.origin_ms.unwrap_or(self.taken_ms), at);
                self.expiring.entry(span).or_default().add(row);
            }
        }
        true
    }

    /// What was gathered; `part` of `whole` bytes of the RDB are of this database.
    pub(super) fn end(self, part: u64, whole: u64) -> RedisContent {
        let share = u128::from(self.memory_bytes) * u128::from(part) / u128::from(whole.max(1));
        let lasting = self.lasting.into_iter();
        let expiring = self.expiring.into_iter();
        RedisContent {
            number: self.number,
            server: self.server,
            rdb_version: self.rdb_version,
            taken_ms: self.taken_ms,
            memory_bytes: u64::try_from(share).unwrap_or(u64::MAX),
            functions: self.functions,
            lasting: lasting
                .map(|(kind, rows)| rows.entry(kind.word().to_owned()))
                .collect(),
            expiring: expiring
                .map(|(from_ms, rows)| {
                    let entry = rows.entry(String::new());
                    ExpiringEntry {
                        from_ms,
                        keys: entry.rows,
                        digest: entry.digest,
                    }
                })
                .collect(),
        }
    }
}

/// Reads what an RDB has in one database, with spans counted from a moment.
pub(super) fn read(
    from: impl Read,
    number: u64,
    origin_ms: Option<i64>,
) -> Result<RedisContent, RdbWrong> {
    let mut gathering = Gathering::new(number, origin_ms);
    rdb::read(from, number, &mut |part| {
        gathering.part(&part);
        Ok(())
    })?;
    Ok(gathering.end(1, 1))
}

/// Where the span begins in which a moment lies.
fn span(origin_ms: i64, at_ms: i64) -> i64 {
    let distance = at_ms.saturating_sub(origin_ms).max(0);
    let seconds = u64::try_from(distance / SPAN_MS).unwrap_or(0);
    // The width is 1 s up to 16 s, and doubles with each doubling of the distance.
    let doublings = seconds.checked_ilog2().unwrap_or(0);
    let width = SPAN_MS << doublings.saturating_sub(SPANS.ilog2());
    origin_ms.saturating_add(distance / width * width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_sixteenth_of_its_distance_or_a_second() {
        let origin = 1_700_000_000_000;
        assert_eq!(span(origin, origin - 5), origin);
        assert_eq!(span(origin, origin + 15_999), origin + 15_000);
        assert!(span(origin, i64::MAX / 2) > origin);
        let mut last = origin;
        for at in (origin..origin + 100_000_000).step_by(777) {
            let begin = span(origin, at);
            assert!(begin >= last && begin <= at);
            let width = at - begin;
            assert!(
                width <= 1_000.max((at - origin) / 16 + 1_000),
                "{width} at {at}"
            );
            last = begin;
        }
    }
}

//! Databases of Redis and Valkey servers: copying one that is used, knowing what is in it, putting it into the place
//! of another.
//!
//! A backup is of one moment: the server forks and writes down what it held then, as it does for a replica, and sends
//! it. That RDB has all databases of the server; what is not of the wanted one is left out while it comes. It lies in
//! the archive as `dump.rdb`, which a server loads when it starts.
//!
//! What is in it is read from the RDB itself, see [`rdb`]: no server of a fitting version is needed to make a
//! backup, to verify it or to put it back, and what is live is read in the same way and so of one moment.

use std::borrow::Cow;
use std::io::Read;
use std::path::Path;

use crate::manifest::{FileEntry, StoreManifest};
use crate::{BackupError, Damage};

mod address;
mod connection;
mod content;
mod crc64;
mod numbers;
mod problem;
mod rdb;
mod receive;
mod remote;
mod replace;
mod scratch;
mod server;

pub use address::RedisAddress;
pub use content::{ExpiringEntry, RedisContent};
pub use problem::RedisProblem;

use connection::Connection;
use rdb::RdbWrong;
use receive::{Incoming, receive};

/// The RDB, within the store.
const RDB: &str = "dump.rdb";
/// The moment of an RDB is known to the second, in milliseconds.
const MOMENT_MS: i64 = 1000;

/// A database of a store, as this module knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Instance<'a> {
    /// The name of the store.
    pub(crate) store: &'a str,
    /// Where the live database is.
    pub(crate) address: &'a RedisAddress,
    /// A copy in this folder is meant, and not the live database.
    pub(crate) copy: Option<&'a Path>,
}

impl<'a> Instance<'a> {
    /// The address of the database that is meant.
    fn address(&self) -> Result<Cow<'a, RedisAddress>, RedisProblem> {
        match self.copy {
            None => Ok(Cow::Borrowed(self.address)),
            Some(folder) => scratch::address(folder).map(Cow::Owned),
        }
    }

    fn number(&self) -> Result<u64, RedisProblem> {
        self.address().map(|address| address.number())
    }

    fn error(&self, problem: RedisProblem) -> BackupError {
        BackupError::Redis {
            store: self.store.to_owned(),
            problem,
        }
    }

    /// Asks the server something.
    fn asked<T>(
        &self,
        ask: impl FnOnce(&mut Connection) -> Result<T, RedisProblem>,
    ) -> Result<T, BackupError> {
        let asked = self.address().and_then(|address| {
            let mut connection = Connection::open(&address)?;
            ask(&mut connection)
        });
        asked.map_err(|problem| self.error(problem))
    }

    /// What the database holds now.
    fn content(&self, origin_ms: Option<i64>) -> Result<RedisContent, RedisProblem> {
        let address = self.address()?;
        content_of(&address, address.number(), origin_ms)
    }

    /// Whether the database holds what is wanted, but for what has expired; else what it holds.
    fn holds(&self, wanted: &RedisContent) -> Result<Result<(), RedisContent>, RedisProblem> {
        let found = self.content(Some(wanted.taken_ms))?;
        Ok(match found.differs(wanted, after(&found)) {
            None => Ok(()),
            Some(_) => Err(found),
        })
    }

    /// What a manifest says of the database.
    fn wanted<'m>(&self, manifest: &'m StoreManifest) -> Result<&'m RedisContent, BackupError> {
        manifest.redis.as_ref().ok_or_else(|| {
            let why = "its manifest says nothing of the database".to_owned();
            BackupError::StoresRefused { why }
        })
    }
}

/// A moment that surely is not before that of the content.
fn after(content: &RedisContent) -> i64 {
    content.taken_ms.saturating_add(MOMENT_MS)
}

/// What a database of a server holds now.
fn content_of(
    address: &RedisAddress,
    number: u64,
    origin_ms: Option<i64>,
) -> Result<RedisContent, RedisProblem> {
    let (mut incoming, _) = receive(address)?;
    let mut content = None;
    let read = content::read(&mut incoming, number, origin_ms).map(|read| content = Some(read));
    received(read, &incoming, address)?;
    content.ok_or_else(|| {
        rdb_failed(
            &address.to_string(),
            std::io::Error::other("it is empty").into(),
        )
    })
}

/// What it means that an RDB from a server could not be read.
fn received(
    read: Result<(), RdbWrong>,
    incoming: &Incoming,
    address: &RedisAddress,
) -> Result<(), RedisProblem> {
    let place = address.to_string();
    let left = incoming.limit();
    match read {
        Ok(()) if left == 0 => Ok(()),
        Ok(()) => Err(RedisProblem::RdbDamaged {
            from: place,
            why: format!("{left} bytes follow its end"),
        }),
        Err(RdbWrong::Unknown(why)) => Err(RedisProblem::NotBackedUp { place, why }),
        Err(RdbWrong::Io(error)) => Err(RedisProblem::Unreachable {
            place,
            why: format!("the connection was lost while its data came: {error}"),
        }),
        Err(RdbWrong::Damaged { .. }) if left > 0 && lost(incoming) => {
            Err(RedisProblem::Unreachable {
                place,
                why: format!("it ended the connection {left} bytes before the end of its data"),
            })
        }
        Err(wrong) => Err(rdb_failed(&place, wrong)),
    }
}

/// Whether nothing is left to be read though more was announced.
fn lost(incoming: &Incoming) -> bool {
    incoming.get_ref().buffer().is_empty()
}

fn rdb_failed(from: &str, wrong: RdbWrong) -> RedisProblem {
    match wrong {
        RdbWrong::Refused(problem) => *problem,
        wrong => RedisProblem::RdbDamaged {
            from: from.to_owned(),
            why: wrong.to_string(),
        },
    }
}

/// Reads the RDBs of a backup that is being read back: one that was written wrongly has the right checksum.
#[derive(Default)]
pub(crate) struct RdbCheck {
    pub(crate) damages: Vec<Damage>,
}

impl RdbCheck {
    /// Looks at one file of the archive. Whatever is no RDB of ours is left alone.
    pub(crate) fn file(&mut self, store: &StoreManifest, file: &FileEntry, reader: &mut dyn Read) {
        let Some(wanted) = &store.redis else {
            return;
        };
        if file.path.to_string() != RDB {
            return;
        }
        let why = match content::read(&mut *reader, wanted.number, Some(wanted.taken_ms)) {
            // The archive's fault, and told by who reads it.
            Err(RdbWrong::Io(_)) => return,
            Err(wrong) => wrong.to_string(),
            Ok(found) if found.digest() == wanted.digest() => return,
            Ok(found) => match found.differs(wanted, i64::MIN) {
                Some([what, expected, found]) => {
                    format!("the manifest has of {what} {expected}, and it has {found}")
                }
                None => "it holds something else than the manifest says".to_owned(),
            },
        };
        self.damages.push(Damage::Rdb {
            path: format!("stores/{}/{RDB}", store.name),
            why,
        });
    }
}

//! Putting a backup into the place of what a database holds.
//!
//! The keys go into an empty database of the same server, are read back from there and compared, and then the two
//! databases change numbers in one step (`SWAPDB`): clients stay connected and see the restored data from one
//! command to the next. Until then nobody sees anything of it, whenever it is cut off.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use jiff::Timestamp;

use super::connection::Connection;
use super::crc64::crc64;
use super::numbers::{
    Mark, Marked, claim, empty_unfinished, exchange, marks, may_claim, may_exchange, taken_version,
};
use super::rdb::{self, Part, Record};
use super::server::Server;
use super::{Instance, RDB, RedisAddress, RedisContent, RedisProblem, rdb_failed, scratch};
use crate::bounds::{CHUNK_BYTES, REDIS_BATCH_BYTES, REDIS_BATCH_KEYS, REDIS_LOOK_BYTES};
use crate::remote::InBackup;
use crate::{BackupError, Kept, Replaced};

/// Milliseconds are part of it: two restores within one second are told apart.
const TIME_FORMAT: &str = "%Y%m%dT%H%M%S.%3fZ";

impl Instance<'_> {
    pub(super) fn put_back(
        &self,
        backup: &InBackup<'_>,
        now: Timestamp,
    ) -> Result<Replaced, BackupError> {
        let wanted = self.wanted(backup.wanted)?;
        let address = &self.address().map_err(|problem| self.error(problem))?;
        let mark = Mark {
            what: Marked::Unfinished,
            of: address.number(),
            time: now.strftime(TIME_FORMAT).to_string(),
            backup: backup.name.to_string(),
            attempt: scratch::password().map_err(|error| {
                self.error(RedisProblem::Failed {
                    doing: "tell this restore from others".to_owned(),
                    place: address.to_string(),
                    why: error.to_string(),
                })
            })?,
        };
        let replaced = |kept: Option<u64>| Replaced {
            kept: kept.map(|number| Kept::Database(number.to_string())),
            digest: backup.wanted.digest.clone(),
            owners_not_set: 0,
            attributes_not_set: 0,
            folders_made: Vec::new(),
        };
        match self
            .before(address, wanted, &mark)
            .map_err(|problem| self.error(problem))?
        {
            Before::Done(kept) => return Ok(replaced(Some(kept))),
            Before::Taken(number) => {
                return Err(BackupError::KeptNameTaken {
                    path: format!("the database {number}").into(),
                });
            }
            Before::Nothing => {}
        }
        // Nothing of the server was touched if the backup turns out to be no good.
        let staged = backup.unpack_to_compare()?;
        let kept = self.restore(address, wanted, &mark, &staged.data.join(RDB));
        kept.map(replaced).map_err(|problem| self.error(problem))
    }

    /// Whether a restore could begin, as far as that can be told while nothing is changed.
    pub(super) fn can_be_put_back(&self, backup: &InBackup<'_>) -> Result<(), BackupError> {
        let wanted = self.wanted(backup.wanted)?;
        self.asked(|connection| {
            let own = self.number()?;
            let server = Server::read(connection)?;
            server.can_be_written()?;
            may_exchange(connection, own)?;
            let marked = marks(connection, &server)?;
            let is_left = |mark: &Mark| mark.what == Marked::Unfinished && mark.of == own;
            // What an earlier attempt left is cleared away first, and gives back its number and its memory.
            if marked.iter().any(|(_, mark)| is_left(mark)) {
                return Ok(());
            }
            may_claim(connection, &server, own)?;
            server.has_room_for(wanted.memory_bytes)
        })
    }

    /// What earlier calls have left; what they did not finish is cleared away.
    fn before(
        &self,
        address: &RedisAddress,
        wanted: &RedisContent,
        mark: &Mark,
    ) -> Result<Before, RedisProblem> {
        let mut connection = Connection::open(address)?;
        let server = Server::read(&mut connection)?;
        server.can_be_written()?;
        let own = |other: &Mark| other.of == mark.of;
        let marked = marks(&mut connection, &server)?;
        for (number, other) in marked.iter().filter(|(_, other)| own(other)) {
            match other.what {
                Marked::Replaced if other.time == mark.time => {
                    return Ok(match self.holds(wanted)? {
                        Ok(()) => Before::Done(*number),
                        Err(_) => Before::Taken(*number),
                    });
                }
                Marked::Replaced => {}
                // A new attempt is under way, so no other one is.
                Marked::Unfinished => drop(empty_unfinished(&mut connection, *number, None)?),
            }
        }
        server.has_room_for(wanted.memory_bytes)?;
        Ok(Before::Nothing)
    }

    /// Says in which database what was there is kept.
    fn restore(
        &self,
        address: &RedisAddress,
        wanted: &RedisContent,
        mark: &Mark,
        file: &Path,
    ) -> Result<Option<u64>, RedisProblem> {
        let mut connection = Connection::open(address)?;
        let server = Server::read(&mut connection)?;
        let number = claim(&mut connection, &server, mark)?;
        let mut work = || {
            may_exchange(&mut connection, number)?;
            let found = taken_version(&mut connection)?;
            if found < wanted.rdb_version {
                return Err(RedisProblem::ServerTooOld {
                    place: connection.place.clone(),
                    wanted: wanted.rdb_version,
                    server: wanted.server.clone(),
                    found,
                });
            }
            load(&mut connection, wanted, file)?;
            self.compare(address, number, wanted)?;
            exchange(&mut connection, number, mark)
        };
        match work() {
            Ok(had) => Ok(had.then_some(number)),
            Err(problem) => {
                // If even this fails, it stays behind with its mark.
                let cleared = Connection::greeted(address).and_then(|mut connection| {
                    empty_unfinished(&mut connection, number, Some(mark))
                });
                drop(cleared);
                Err(problem)
            }
        }
    }

    /// Reads back what was restored into a database.
    fn compare(
        &self,
        address: &RedisAddress,
        number: u64,
        wanted: &RedisContent,
    ) -> Result<(), RedisProblem> {
        let found = super::content_of(address, number, Some(wanted.taken_ms))?;
        match found.differs(wanted, super::after(&found)) {
            None => Ok(()),
            Some([what, expected, found]) => Err(RedisProblem::Differs {
                what,
                expected,
                found,
            }),
        }
    }
}

/// What earlier calls with the same time have left.
enum Before {
    /// Nothing, or nothing any more.
    Nothing,
    /// Everything is done, and what was replaced is in this database.
    Done(u64),
    /// This database has what another restore of the same time replaced.
    Taken(u64),
}

/// Gives the keys of an RDB to the selected database.
fn load(
    connection: &mut Connection,
    wanted: &RedisContent,
    file: &Path,
) -> Result<(), RedisProblem> {
    let from = file.display().to_string();
    let opened = File::open(file).map_err(|error| rdb_failed(&from, error.into()))?;
    let now_ms = connection.time_ms()?;
    let mut batch = Batch {
        connection,
        wanted,
        commands: redis::pipe(),
        keys: 0,
        bytes: 0,
        since_look: 0,
    };
    let reader = BufReader::with_capacity(CHUNK_BYTES, opened);
    let read = rdb::read(reader, wanted.number, &mut |part| match part {
        // One that has expired since the backup stays away.
        Part::Record(record) if record.expires_ms.is_none_or(|at| at > now_ms) => batch
            .add(&record)
            .map_err(|problem| Box::new(problem).into()),
        _ => Ok(()),
    });
    read.map_err(|wrong| rdb_failed(&from, wrong))?;
    batch.send()
}

/// Keys on their way to a server.
struct Batch<'a> {
    connection: &'a mut Connection,
    wanted: &'a RedisContent,
    commands: redis::Pipeline,
    keys: usize,
    bytes: usize,
    /// How many bytes were sent since the server's memory was looked at.
    since_look: usize,
}

impl Batch<'_> {
    fn add(&mut self, record: &Record) -> Result<(), RedisProblem> {
        let mut dump = Vec::with_capacity(record.value.len() + 10);
        dump.extend_from_slice(&record.value);
        dump.extend_from_slice(&self.wanted.rdb_version.to_le_bytes());
        let crc = crc64(0, &dump);
        dump.extend_from_slice(&crc.to_le_bytes());
        let bytes = record.name.len() + dump.len();
        self.commands
            .cmd("RESTORE")
            .arg(&record.name)
            .arg(record.expires_ms.unwrap_or(0))
            .arg(dump)
            .arg("ABSTTL");
        self.keys += 1;
        self.bytes += bytes;
        if self.keys >= REDIS_BATCH_KEYS || self.bytes >= REDIS_BATCH_BYTES {
            self.send()?;
        }
        Ok(())
    }

    fn send(&mut self) -> Result<(), RedisProblem> {
        let doing = "restore keys";
        let sent = self.connection.ask_all(doing, &self.commands, self.keys);
        if let Err(RedisProblem::Failed { why, .. }) = &sent
            && why.starts_with("OOM")
        {
            return Err(self.full()?);
        }
        sent?;
        self.since_look += self.bytes;
        (self.commands, self.keys, self.bytes) = (redis::pipe(), 0, 0);
        if self.since_look >= REDIS_LOOK_BYTES {
            self.since_look = 0;
            // A server that makes room by itself would throw live keys away next.
            Server::read(self.connection)?.has_room_for(REDIS_LOOK_BYTES as u64)?;
        }
        Ok(())
    }

    fn full(&mut self) -> Result<RedisProblem, RedisProblem> {
        let server = Server::read(self.connection)?;
        Ok(RedisProblem::NoMemory {
            place: self.connection.place.clone(),
            needed: self.wanted.memory_bytes,
            free: 0,
            what: match server.limit {
                0 => "the server said so",
                _ => "maxmemory",
            },
            hint: "raise maxmemory until the restore is done",
        })
    }
}

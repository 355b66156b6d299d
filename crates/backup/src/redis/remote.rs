//! A database of a Redis server as a store.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use jiff::Timestamp;

use super::connection::Connection;
use super::content::Gathering;
use super::numbers::{Marked, marks};
use super::rdb::{self, Part, RdbWriter, RdbWrong};
use super::receive::receive;
use super::server::Server;
use super::{Instance, RDB, RedisContent, RedisProblem, received, scratch};
use crate::archive::ArchiveWriter;
use crate::bounds::CHUNK_BYTES;
use crate::capture::Unsettled;
use crate::durable::{PrivateFolder, TEMPORARY_PREFIX};
use crate::on_disk::{OnDisk, Shape};
use crate::remote::{InBackup, Remote, RemoteExamined};
use crate::since::{Since, TableNow, tables};
use crate::vault::failed_to;
use crate::{BackupError, Replaced, StoreKind, StoreManifest, StoreSize, TableEntry};

impl Remote for Instance<'_> {
    fn turn(&self) -> String {
        self.address.to_string()
    }

    fn size(&self) -> Result<StoreSize, BackupError> {
        let size = self.asked(|connection| {
            let server = Server::read(connection)?;
            Ok(server.bytes_of(self.number()?))
        });
        Ok(StoreSize {
            entries: 1,
            bytes: size?,
        })
    }

    fn examine(&self) -> Result<(), BackupError> {
        self.asked(|connection| {
            Server::read(connection)?.can_be_read()?;
            let doing = "copy all data (SYNC)";
            connection.info("persistence")?;
            may(connection, "REPLCONF")?;
            may(connection, "SYNC").map_err(|problem| match problem {
                RedisProblem::NoRight { place, why, .. } => RedisProblem::NoRight {
                    doing: doing.to_owned(),
                    place,
                    why,
                },
                other => other,
            })
        })
    }

    fn can_be_replaced(&self, backup: &InBackup<'_>) -> Result<(), BackupError> {
        self.can_be_put_back(backup)
    }

    fn live_digest(&self) -> Result<String, BackupError> {
        let content = self.content(None).map_err(|problem| self.error(problem))?;
        Ok(content.digest())
    }

    fn digest_against(&self, wanted: &StoreManifest) -> Result<String, BackupError> {
        let content = self.wanted(wanted)?;
        let held = self.holds(content).map_err(|problem| self.error(problem))?;
        Ok(match held {
            Ok(()) => wanted.digest.clone(),
            Err(found) => found.digest(),
        })
    }

    fn capture(
        &self,
        archive: &mut ArchiveWriter,
        vault: &Path,
    ) -> Result<StoreManifest, Unsettled> {
        let private = PrivateFolder::new(vault, TEMPORARY_PREFIX)
            .map_err(|source| failed_to("create a folder in", vault, source))?;
        let folder = private.path().join(self.store);
        fs::create_dir(&folder).map_err(|source| failed_to("create", &folder, source))?;
        let content = self.take(&folder.join(RDB))?;
        let on_disk = OnDisk {
            name: self.store.to_owned(),
            shape: Shape::Directory,
            path: folder,
        };
        let mut manifest = crate::capture::capture(&on_disk, Some(archive))?;
        manifest.kind = StoreKind::Redis;
        manifest.digest = content.digest();
        manifest.redis = Some(content);
        Ok(manifest)
    }

    fn since(&self, wanted: &StoreManifest) -> Result<Since, BackupError> {
        let wanted = self.wanted(wanted)?;
        let (now_ms, keys) = self.asked(|connection| {
            let keys = connection.number("count the keys", &redis::cmd("DBSIZE"))?;
            Ok((connection.time_ms()?, keys))
        })?;
        let name = || "keys".to_owned();
        let then = TableEntry {
            name: name(),
            rows: wanted.keys_at(now_ms),
            digest: String::new(),
            last_key: None,
        };
        // Reading every key again and again would have the server copy itself each time.
        let now = TableNow::unread(name(), keys);
        Ok(tables(&[then], vec![now]))
    }

    fn leftovers(&self) -> Result<Vec<String>, BackupError> {
        self.asked(|connection| {
            let server = Server::read(connection)?;
            let own = self.number()?;
            let marked = marks(connection, &server)?.into_iter();
            let unfinished =
                marked.filter(|(_, mark)| mark.what == Marked::Unfinished && mark.of == own);
            Ok(unfinished.map(|(number, _)| number.to_string()).collect())
        })
    }

    fn drop_copy(&self) -> Result<(), BackupError> {
        match self.copy {
            Some(folder) => scratch::remove(folder).map_err(|problem| self.error(problem)),
            // Of the live server nothing is ever a copy.
            None => Ok(()),
        }
    }

    fn restore_copy(&self, backup: &InBackup<'_>) -> Result<(), BackupError> {
        let content = self.wanted(backup.wanted)?;
        let Some(folder) = self.copy else {
            return Err(self.error(RedisProblem::NotOurs {
                folder: self.address.to_string(),
                what: "is a live server; a copy goes to a server of its own",
            }));
        };
        scratch::make_folder(folder).map_err(|problem| self.error(problem))?;
        let filled = self.fill(backup, content, folder);
        if filled.is_err() {
            // If even this fails, it goes with the folder around it.
            let _ = scratch::remove(folder);
        }
        filled
    }

    fn replace(&self, backup: &InBackup<'_>, now: Timestamp) -> Result<Replaced, BackupError> {
        self.put_back(backup, now)
    }

    fn examine_copy(&self, wanted: &StoreManifest) -> Result<RemoteExamined, BackupError> {
        Ok(RemoteExamined {
            digest: self.digest_against(wanted)?,
            rows: None,
            checks: vec!["loaded by a server, every key and value read back: SHA-256".to_owned()],
        })
    }
}

impl Instance<'_> {
    /// Writes the RDB of the database to a file.
    fn take(&self, file: &Path) -> Result<RedisContent, BackupError> {
        let address = self.address().map_err(|problem| self.error(problem))?;
        let number = address.number();
        let into = File::create(file).map_err(|source| failed_to("create", file, source))?;
        let mut writer = RdbWriter::new(BufWriter::with_capacity(CHUNK_BYTES, into), number);
        let mut gathering = Gathering::new(number, None);
        let mut not_written = None;
        let (mut own, mut whole) = (0, 0);
        let read = receive(&address).and_then(|(mut incoming, server)| {
            whole = incoming.limit();
            let read = rdb::read(&mut incoming, number, &mut |part| {
                if !gathering.part(&part) {
                    return Ok(());
                }
                if let Part::Record(record) = &part {
                    own += (record.name.len() + record.value.len()) as u64;
                }
                writer.part(&part).map_err(|error| {
                    let kind = error.kind();
                    not_written = Some(error);
                    RdbWrong::Io(kind.into())
                })
            });
            received(read, &incoming, &address).map(|()| server.version)
        });
        if let Some(source) = not_written {
            return Err(failed_to("write", file, source));
        }
        let version = read.map_err(|problem| self.error(problem))?;
        let ended = writer.end().and_then(|mut into| into.flush());
        ended.map_err(|source| failed_to("write", file, source))?;
        Ok(RedisContent {
            server: version,
            ..gathering.end(own, whole)
        })
    }

    fn fill(
        &self,
        backup: &InBackup<'_>,
        content: &RedisContent,
        folder: &Path,
    ) -> Result<(), BackupError> {
        let staged = backup.unpack_to_compare()?;
        let (from, to) = (staged.data.join(RDB), folder.join(RDB));
        // The vault may be on another disk.
        fs::rename(&from, &to)
            .or_else(|_| fs::copy(&from, &to).map(drop))
            .map_err(|source| failed_to("copy the RDB to", &to, source))?;
        scratch::start(folder, content).map_err(|problem| self.error(problem))?;
        match self.holds(content).map_err(|problem| self.error(problem))? {
            Ok(()) => Ok(()),
            Err(found) => {
                let differs = found.differs(content, super::after(&found));
                let [what, expected, found] = differs.unwrap_or_default();
                Err(self.error(RedisProblem::Differs {
                    what,
                    expected,
                    found,
                }))
            }
        }
    }
}

/// Whether the user may give a command, as far as the server tells.
fn may(connection: &mut Connection, command: &str) -> Result<(), RedisProblem> {
    let doing = "ask for its rights";
    let Ok(name) = connection.ask(doing, redis::cmd("ACL").arg("WHOAMI")) else {
        return Ok(());
    };
    let Ok(name) = redis::from_redis_value::<String>(name) else {
        return Ok(());
    };
    let asked = redis::cmd("ACL")
        .arg("DRYRUN")
        .arg(name)
        .arg(command)
        .clone();
    match connection.ask(doing, &asked) {
        Ok(redis::Value::BulkString(words)) => Err(RedisProblem::NoRight {
            doing: format!("give the command {command}"),
            place: connection.place.clone(),
            why: String::from_utf8_lossy(&words).into_owned(),
        }),
        // It may not ask either, or the server is too old to be asked: the backup will tell.
        _ => Ok(()),
    }
}

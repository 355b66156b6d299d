//! What a server is, and whether it is one that can be backed up or restored to.

use super::RedisProblem;
use super::connection::Connection;
use crate::bounds::REDIS_MAJOR_MIN;

/// What a server says of itself.
#[derive(Debug)]
pub(super) struct Server {
    place: String,
    /// Name and version.
    pub(super) version: String,
    major: u32,
    mode: String,
    role: String,
    /// How much memory it uses, and how much it may; 0 for no limit.
    used: u64,
    pub(super) limit: u64,
    /// How much memory its processes have of the machine's, and how much that has.
    resident: u64,
    machine: u64,
    /// How many keys each database has that has some, by number.
    pub(super) keys: Vec<(u64, u64)>,
}

impl Server {
    pub(super) fn read(connection: &mut Connection) -> Result<Self, RedisProblem> {
        let facts = connection.info("server")?;
        let replication = connection.info("replication")?;
        let memory = connection.info("memory")?;
        let keyspace = connection.info("keyspace")?;
        let text = |name: &str| facts.get(name).cloned().unwrap_or_default();
        let bytes = |name: &str| memory.get(name).and_then(|it| it.parse().ok()).unwrap_or(0);
        let (version, name) = match facts.get("valkey_version") {
            Some(version) => (version.clone(), "Valkey"),
            None => (text("redis_version"), "Redis"),
        };
        let keys = keyspace.iter().filter_map(|(name, facts)| {
            let number = name.strip_prefix("db")?.parse().ok()?;
            let keys = facts
                .split(',')
                .find_map(|fact| fact.strip_prefix("keys="))?;
            Some((number, keys.parse().ok()?))
        });
        Ok(Self {
            place: connection.place.clone(),
            major: version
                .split('.')
                .next()
                .and_then(|it| it.parse().ok())
                .unwrap_or(0),
            version: format!("{name} {version}"),
            mode: text("redis_mode"),
            role: replication.get("role").cloned().unwrap_or_default(),
            used: bytes("used_memory"),
            limit: bytes("maxmemory"),
            resident: bytes("used_memory_rss"),
            machine: bytes("total_system_memory"),
            keys: keys.collect(),
        })
    }

    fn unfit(&self, what: impl Into<String>, hint: &'static str) -> RedisProblem {
        RedisProblem::Unfit {
            place: self.place.clone(),
            what: what.into(),
            hint,
        }
    }

    /// Whether it has all of the data.
    pub(super) fn can_be_read(&self) -> Result<(), RedisProblem> {
        if self.major < REDIS_MAJOR_MIN {
            let what = format!(
                "is {}, and {REDIS_MAJOR_MIN}.0 is the oldest that is backed up",
                self.version
            );
            return Err(self.unfit(what, "upgrade it"));
        }
        match self.mode.as_str() {
            "cluster" => Err(self.unfit(
                "is a node of a cluster, which has only a part of the data",
                "a cluster cannot be a store; use kind = \"command\" with a tool of your own",
            )),
            "sentinel" => Err(self.unfit(
                "is a sentinel, which holds no data",
                "give the url of the server that it watches over",
            )),
            _ => Ok(()),
        }
    }

    /// Whether it takes data.
    pub(super) fn can_be_written(&self) -> Result<(), RedisProblem> {
        self.can_be_read()?;
        match self.role.as_str() {
            "slave" | "replica" => Err(self.unfit(
                "is a replica, so nothing can be put back there",
                "give the url of its primary",
            )),
            _ => Ok(()),
        }
    }

    /// Whether so many bytes more have room. A server with a limit would refuse what is over it, or throw away live
    /// keys to make room.
    pub(super) fn has_room_for(&self, bytes: u64) -> Result<(), RedisProblem> {
        // What an estimate may be wrong by.
        let needed = bytes.saturating_add(bytes / 10);
        let (free, what, hint) = match self.limit {
            0 => (
                self.machine.saturating_sub(self.resident),
                "the memory of its machine",
                "give the machine more memory, or restore to another server",
            ),
            limit => (
                limit.saturating_sub(self.used),
                "maxmemory",
                "raise maxmemory until the restore is done",
            ),
        };
        if needed <= free || (self.limit == 0 && self.machine == 0) {
            return Ok(());
        }
        Err(RedisProblem::NoMemory {
            place: self.place.clone(),
            needed,
            free,
            what,
            hint,
        })
    }

    /// About how many bytes of memory a database takes: the part of its keys in all keys.
    pub(super) fn bytes_of(&self, number: u64) -> u64 {
        let all: u64 = self.keys.iter().map(|(_, keys)| keys).sum();
        let own = self.keys.iter().find(|(other, _)| *other == number);
        let own = own.map_or(0, |(_, keys)| *keys);
        let share = u128::from(self.used) * u128::from(own) / u128::from(all.max(1));
        u64::try_from(share).unwrap_or(u64::MAX)
    }
}

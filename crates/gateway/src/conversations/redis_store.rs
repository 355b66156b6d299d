//! Conversations in a Redis or Valkey server.

use redis::aio::MultiplexedConnection;
use redis::{Script, ScriptInvocation};
use tokio::sync::Mutex;

use super::keys::RecordName;
use super::{Record, Saved, StoreError, StoreUsage};
use crate::shared::{Live, SharedError, SharedServer};
use std::sync::Arc;

/// Replaces a record if it has the version that was read; 0 means that there must be none. Answers with the new version, or
/// with 0 when somebody was faster.
const PUT: &str = "
local there = redis.call('HGET', KEYS[1], 'version') or '0'
if there ~= ARGV[1] then
  return 0
end
local version = ARGV[1] + 1
redis.call('HSET', KEYS[1], 'version', string.format('%.0f', version), 'sealed', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return version
";

/// Gives a record another name and seal if it has the version that was read, and nothing has the name. Answers as `PUT`.
const RENAME: &str = "
local there = redis.call('HGET', KEYS[1], 'version')
if there ~= ARGV[1] or redis.call('EXISTS', KEYS[2]) == 1 then
  return 0
end
local version = ARGV[1] + 1
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[2], 'version', string.format('%.0f', version), 'sealed', ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return version
";

/// Reads a record and keeps it for another while.
const GET: &str = "
local found = redis.call('HMGET', KEYS[1], 'version', 'sealed')
if found[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
return found
";

/// Conversations in a server that several gateways share. It belongs to one worker: its connection lives on the runtime
/// on which it was first used.
pub struct RedisStore {
    server: Arc<SharedServer>,
    /// Made when it is needed, and again after it failed.
    live: Mutex<Option<Live>>,
    put: Script,
    rename: Script,
    get: Script,
}

impl RedisStore {
    /// Conversations in this server. Nothing is connected yet.
    #[must_use]
    pub fn new(server: Arc<SharedServer>) -> RedisStore {
        RedisStore {
            server,
            live: Mutex::new(None),
            put: Script::new(PUT),
            rename: Script::new(RENAME),
            get: Script::new(GET),
        }
    }

    pub(super) async fn get(
        &self,
        name: &RecordName,
        ttl_ms: u64,
    ) -> Result<Option<Record>, StoreError> {
        let key = self.key(name);
        let mut connection = self.connection("read").await?;
        let mut call = self.get.key(key);
        call.arg(ttl_ms);
        let found = call.invoke_async::<(Option<u64>, Option<Vec<u8>>)>(&mut connection);
        let found = self.bounded("read", found).await?;
        Ok(match found {
            (Some(version), Some(content)) => Some(Record { content, version }),
            _ => None,
        })
    }

    pub(super) async fn put(
        &self,
        name: &RecordName,
        sealed: &[u8],
        version: u64,
        ttl_ms: u64,
    ) -> Result<Saved, StoreError> {
        let mut call = self.put.key(self.key(name));
        call.arg(version).arg(sealed).arg(ttl_ms);
        self.saved(call).await
    }

    /// Gives a record another name and seal, if it has this version.
    pub(super) async fn rename(
        &self,
        (from, version): (&RecordName, u64),
        (to, sealed): (&RecordName, &[u8]),
        ttl_ms: u64,
    ) -> Result<Saved, StoreError> {
        let mut call = self.rename.key(self.key(from));
        call.key(self.key(to));
        call.arg(version).arg(sealed).arg(ttl_ms);
        self.saved(call).await
    }

    /// What came of a script that saves.
    async fn saved(&self, call: ScriptInvocation<'_>) -> Result<Saved, StoreError> {
        let mut connection = self.connection("kept").await?;
        let saved = call.invoke_async::<u64>(&mut connection);
        Ok(match self.bounded("kept", saved).await? {
            0 => Saved::Outdated,
            version => Saved::As(version),
        })
    }

    pub(super) async fn remove(&self, name: &RecordName) -> Result<(), StoreError> {
        let key = self.key(name);
        let mut connection = self.connection("kept").await?;
        let mut call = redis::cmd("DEL");
        call.arg(key);
        self.bounded("kept", call.query_async::<()>(&mut connection))
            .await
    }

    /// Whether it answers. To count keys there would mean to look at all of them.
    pub(super) async fn usage(&self) -> Result<StoreUsage, StoreError> {
        let mut connection = self.connection("read").await?;
        let call = redis::cmd("PING");
        let asked = self.bounded("read", call.query_async::<()>(&mut connection));
        asked.await.map(|()| StoreUsage::default())
    }

    /// Under which key a record lies there.
    fn key(&self, name: &RecordName) -> String {
        format!(
            "{}{{mask}}:{}",
            self.server.prefix(),
            hex::encode(name.bytes())
        )
    }

    async fn connection(&self, doing: &'static str) -> Result<MultiplexedConnection, StoreError> {
        let mut live = self.live.lock().await;
        if let Some(live) = &*live {
            return Ok(live.connection.clone());
        }
        let made = self
            .server
            .connect()
            .await
            .map_err(|error| self.failed(doing, error.line()))?;
        let connection = made.connection.clone();
        *live = Some(made);
        Ok(connection)
    }

    /// What the server answers, in time. A connection that failed is not used again.
    async fn bounded<T>(
        &self,
        doing: &'static str,
        asked: impl Future<Output = redis::RedisResult<T>>,
    ) -> Result<T, StoreError> {
        let asked = async {
            asked
                .await
                .map_err(|error| SharedError::refused(self.server.address(), &error))
        };
        let answer = self.server.within(self.server.timeout_ms, asked).await;
        if answer.is_err() {
            *self.live.lock().await = None;
        }
        answer.map_err(|error| self.failed(doing, error.line()))
    }

    fn failed(&self, doing: &'static str, why: String) -> StoreError {
        StoreError::Server {
            address: self.server.address().to_owned(),
            doing,
            why,
        }
    }
}

//! What was hidden in which conversation, kept until it is needed again.
//!
//! A conversation's mapping (which placeholder stands for which value) is made by the first request that hides something
//! and is needed by every later one, and by whoever reads the conversation's history. It is personal data, so:
//!
//! - it is kept under a name that tells nothing ([`Scope`] hashed with a secret key), apart for every tenant;
//! - outside of this process it is sealed (AES-256-GCM), each record with a key of its own, bound to its name, so that
//!   nobody who can write to the store can give one conversation's mapping to another ([`ConversationKeys`]);
//! - it ends after a time without use, and the oldest ones end when there are too many.
//!
//! A record is replaced only by somebody who has read the version before it. So two requests of one conversation at the same
//! time, also at two gateways, never give one placeholder to two values: the second one to save reads again, merges, and
//! saves again. Those of one process do so one after the other (`turns`).
//!
//! **A store that does not answer is an error**, never an empty mapping: the request is refused.

mod error;
mod keys;
mod memory;
mod redis_store;
mod scope;
mod sqlite;
mod turns;

pub use error::{KeysError, StoreError};
pub use keys::ConversationKeys;
pub use memory::MemoryStore;
pub use redis_store::RedisStore;
pub use scope::{Scope, ScopeKind};
pub use sqlite::SqliteStore;
pub(crate) use turns::{Turn, Turns};

use std::sync::Arc;

use crate::bounds::CONVERSATION_MOVES_MAX;
use keys::RecordName;

/// What a store has under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// The content; sealed everywhere but in memory.
    pub(crate) content: Vec<u8>,
    /// Counts the changes, from 1 on.
    pub(crate) version: u64,
}

/// How much is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoreUsage {
    /// Records: mappings, and what leads to them. `None` where counting them would cost too much.
    pub records: Option<u64>,
    /// The room that they take, in bytes; of a file the file's size.
    pub bytes: Option<u64>,
}

/// What came of saving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// It is there, with this version now.
    As(u64),
    /// Somebody else has changed it since it was read: read again, merge, and save again.
    Outdated,
}

/// Where conversations are kept.
pub enum Store {
    /// In this process alone; a restart forgets them.
    Memory(MemoryStore),
    /// In a file of this machine.
    Sqlite(SqliteStore),
    /// In a Redis or Valkey server that several gateways share.
    Redis(RedisStore),
}

/// The conversations of a gateway.
pub struct Conversations {
    store: Store,
    keys: ConversationKeys,
    /// How long a conversation is kept after its last use, in milliseconds.
    ttl_ms: u64,
    /// Who changes which conversation, where several do at once.
    turns: Arc<Turns>,
}

impl Conversations {
    /// The conversations in this store, under names and seals of these keys. One that was not used for `ttl_ms`
    /// milliseconds is forgotten.
    #[must_use]
    pub fn new(store: Store, keys: ConversationKeys, ttl_ms: u64) -> Conversations {
        Conversations {
            store,
            keys,
            ttl_ms,
            turns: Arc::default(),
        }
    }

    /// The same, with the turns of others of this process in the same store.
    #[must_use]
    pub(crate) fn taking_turns(mut self, turns: Arc<Turns>) -> Conversations {
        self.turns = turns;
        self
    }

    /// Whether requests of this process wait to change a conversation.
    pub(crate) fn is_queued(&self, scope: &Scope<'_>) -> bool {
        self.turns.is_queued(&self.keys.name(scope))
    }

    /// A turn at a conversation, after everybody else of this process who waits for one.
    pub(crate) async fn turn(&self, scope: &Scope<'_>) -> Turn {
        self.turns.turn(self.keys.name(scope)).await
    }

    /// The content of a conversation with its version; `None` when nothing is known of it. Being read counts as use, and
    /// what was under an older key is under the newest one then: in one place at every time, so that gateways whose keys
    /// are in different orders never change two copies of it.
    ///
    /// # Errors
    ///
    /// The store does not answer, or what it has was not sealed by one of the keys.
    pub async fn load(&self, scope: &Scope<'_>) -> Result<Option<(Vec<u8>, u64)>, StoreError> {
        let mut found = None;
        for _ in 0..CONVERSATION_MOVES_MAX {
            let Some((name, record, is_newest)) = self.find(scope).await? else {
                return Ok(None);
            };
            if is_newest {
                return Ok(Some((record.content, record.version)));
            }
            let to = self.keys.name(scope);
            let sealed = self.keys.seal(&to, &record.content)?;
            let (from, to) = ((&name, record.version), (&to, sealed.as_slice()));
            let moved = match &self.store {
                // Its keys live as long as it does.
                Store::Memory(_) => Saved::As(record.version),
                Store::Sqlite(sqlite) => sqlite.rename(from, to, self.ttl_ms).await?,
                Store::Redis(redis) => redis.rename(from, to, self.ttl_ms).await?,
            };
            if let Saved::As(version) = moved {
                return Ok(Some((record.content, version)));
            }
            // Somebody else has changed or moved it meanwhile.
            found = Some(record);
        }
        // What is said of it is right; whoever saves it is told that it has changed.
        Ok(found.map(|record| (record.content, u64::MAX)))
    }

    /// The record of a scope, opened, with its name, and whether that is the one of the newest key.
    async fn find(
        &self,
        scope: &Scope<'_>,
    ) -> Result<Option<(RecordName, Record, bool)>, StoreError> {
        for (age, name) in self.keys.names(scope).enumerate() {
            let Some(mut record) = self.get(&name).await? else {
                continue;
            };
            if !matches!(self.store, Store::Memory(_)) {
                record.content = self.keys.open(&name, &record.content)?;
            }
            return Ok(Some((name, record, age == 0)));
        }
        Ok(None)
    }

    /// Keeps the content of a conversation. `version` is the one that was read, 0 when nothing was there.
    ///
    /// # Errors
    ///
    /// The store does not answer, or cannot take it.
    pub async fn save(
        &self,
        scope: &Scope<'_>,
        content: &[u8],
        version: u64,
    ) -> Result<Saved, StoreError> {
        let name = self.keys.name(scope);
        match &self.store {
            Store::Memory(memory) => Ok(memory.put(&name, content.to_vec(), version, self.ttl_ms)),
            Store::Sqlite(sqlite) => {
                sqlite
                    .put(
                        &name,
                        &self.keys.seal(&name, content)?,
                        version,
                        self.ttl_ms,
                    )
                    .await
            }
            Store::Redis(redis) => {
                redis
                    .put(
                        &name,
                        &self.keys.seal(&name, content)?,
                        version,
                        self.ttl_ms,
                    )
                    .await
            }
        }
    }

    /// Forgets a conversation, under all keys. One that is not there is no error.
    ///
    /// # Errors
    ///
    /// The store does not answer.
    pub async fn forget(&self, scope: &Scope<'_>) -> Result<(), StoreError> {
        for name in self.keys.names(scope) {
            match &self.store {
                Store::Memory(memory) => memory.remove(&name),
                Store::Sqlite(sqlite) => sqlite.remove(&name).await?,
                Store::Redis(redis) => redis.remove(&name).await?,
            }
        }
        Ok(())
    }

    /// How much is kept, as the store says now: it answers if this succeeds.
    ///
    /// # Errors
    ///
    /// The store does not answer.
    pub async fn usage(&self) -> Result<StoreUsage, StoreError> {
        match &self.store {
            Store::Memory(memory) => Ok(memory.usage()),
            Store::Sqlite(sqlite) => sqlite.usage().await,
            Store::Redis(redis) => redis.usage().await,
        }
    }

    async fn get(&self, name: &RecordName) -> Result<Option<Record>, StoreError> {
        match &self.store {
            Store::Memory(memory) => Ok(memory.get(name, self.ttl_ms)),
            Store::Sqlite(sqlite) => sqlite.get(name, self.ttl_ms).await,
            Store::Redis(redis) => redis.get(name, self.ttl_ms).await,
        }
    }
}

#[cfg(test)]
mod tests;

//! What a store holds, thing by thing: so that two states of it can be compared and the difference be named.

use std::collections::BTreeMap;

use crate::store::Held;
use crate::{BackupError, Location, Store, sqlite, store_digest};

/// Tables of Portcullis's own begin so: what they say about a migration is no part of what it does.
pub(crate) const LEDGER: &str = "portcullis_migrations";

/// Whether a table, or what is named after it, is Portcullis's own.
pub(crate) fn is_ours(name: &str) -> bool {
    name.contains(LEDGER)
}

/// What a store holds: the name of each thing, in words, with what can be compared of it. Of a database that is each
/// definition and the rows of each table, without what Portcullis notes there itself, without sequences and statistics. Of
/// anything else it is the content as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreOutline {
    things: BTreeMap<String, String>,
}

impl StoreOutline {
    /// Reads it, of one moment.
    ///
    /// # Errors
    /// Those of [`store_digest`].
    pub fn read(store: &Store) -> Result<StoreOutline, BackupError> {
        let things = match (&store.location, store.held()) {
            (Location::Sqlite { .. }, Held::Disk(on_disk)) => sqlite::things(&on_disk)?,
            (_, Held::Server(remote)) => remote.things()?,
            _ => BTreeMap::from([("the content".to_owned(), store_digest(store)?)]),
        };
        let things = things.into_iter().filter(|(name, _)| !is_ours(name));
        Ok(StoreOutline {
            things: things.collect(),
        })
    }

    /// How many things there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.things.len()
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.things.is_empty()
    }

    /// In what another state differs from this one, in words; empty if it does not.
    #[must_use]
    pub fn differences(&self, after: &StoreOutline) -> Vec<String> {
        let mut told = Vec::new();
        for (name, before) in &self.things {
            match after.things.get(name) {
                None => told.push(format!("{name} is gone")),
                Some(now) if now != before => told.push(format!("{name} is another")),
                Some(_) => {}
            }
        }
        let new = after
            .things
            .keys()
            .filter(|name| !self.things.contains_key(*name));
        told.extend(new.map(|name| format!("{name} is left")));
        told
    }
}

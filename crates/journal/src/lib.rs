//! The durable log of opaque records, with a lease and a fencing epoch for each scope.
//!
//! What holds here:
//!
//! * **Durable when acknowledged.** [`Journal::append`] returns only when the entry survives a
//!   crash of the process and of the machine (as far as the disk keeps its promises).
//! * **One chain a scope.** Entries are numbered from 1 without gaps and each carries the hash of
//!   the one before it, so a changed, removed or inserted entry is found by
//!   [`Journal::verify`]; a cut-off tail is found by [`Journal::verify_against`], and in an SQLite
//!   file by every opening and verification, because its head is kept beside it too.
//! * **The fence guarantees, not the expiry.** Every acquired lease has a higher [`Epoch`] than
//!   all before it, and an append with an older epoch is refused inside the same transaction that
//!   would have written it. The expiry only decides when somebody else may try; clocks may be
//!   wrong without two writers ever mixing.
//! * **Records are opaque.** The journal stores text and never looks into it.
//!
//! Three implementations behave the same and pass one conformance suite: [`SqliteJournal`] for one
//! engine on one machine, [`PostgresJournal`] for several engines on one database, and
//! [`MemoryJournal`] for simulations. [`StoredJournal`] is either of the first two, chosen by a
//! [`JournalLocation`].

mod bounds;
mod broken;
mod chain;
mod entry;
mod epoch;
mod error;
mod hash;
mod journal;
mod lease;
mod location;
mod memory;
mod paging;
mod postgres;
mod rows;
mod scope;
mod sqlite;
mod stored;
mod torn;

pub use bounds::{BODY_BYTES_MAX, NAME_BYTES_MAX, SCOPE_BYTES_MAX};
pub use broken::{Breakage, Broken};
pub use chain::{entry_hash, genesis_hash};
pub use entry::{Entry, Record, Verified};
pub use epoch::Epoch;
pub use error::JournalError;
pub use hash::{Hash, HashUnreadable};
pub use journal::Journal;
pub use lease::Lease;
pub use location::JournalLocation;
pub use memory::{InjectedFault, MemoryJournal};
pub use postgres::{PostgresJournal, PostgresUrl, UrlRefused};
pub use scope::{Scope, ScopeRefused};
pub use sqlite::SqliteJournal;
pub use stored::StoredJournal;
pub use torn::Torn;

//! Masking: what clients send is looked into before an application gets it, and what stands for it is put back into the
//! answer.
//!
//! - `profile`: one `[[gateway.mask]]`, compiled; shared by all workers and kept over reloads.
//! - `models`: what finds names, if the settings want it; handed in by whoever makes the settings.
//! - `vault`: where conversations are kept, opened once for the process.
//! - `tenant`: whose mapping it is. Nobody else gets to it.
//! - `session`: the mapping of one request: found by the ids that it names, saved, and bound to the ids that its answer
//!   names.
//! - `record`: what the vault has under an id.
//! - `coding`: compressed bodies, decoded.
//! - `work`: a request's texts, masked.
//! - `restored`: an answer's body on its way to the client, with its values.
//! - `listed`: answers that list several conversations.
//! - `leaks`: data in answers that this conversation did not hide.
//! - `refusal`: why a request is not sent on. Nothing is ever sent on that could not be looked into.
//! - `counters`: how often what was done; never a value.
//! - `audit`: for whom what was done, by kind and number; never a value.
//! - `detect`: asks a server for its version, for the command line.
//! - `versions`: what servers said of their version.
//! - `status`: how masking stands, for the admin API.
//!
//! How a request gets here, and its answer, is in `forward::masked`.
//!
//! A conversation that a client names and that the vault does not know is one whose mapping was lost or never made here:
//! its history may hold placeholders of which nobody knows the values. So its new mapping writes placeholders with a tag of
//! its own (`EMAIL_1_k7q2x3ab`), whatever the settings say, and no old placeholder can ever become another value.

mod audit;
mod coding;
pub(crate) mod counters;
pub(crate) mod detect;
mod leaks;
mod listed;
mod models;
pub(crate) mod profile;
mod record;
mod refusal;
mod restored;
mod session;
pub(crate) mod status;
mod tenant;
pub(crate) mod vault;
mod versions;
mod work;

pub(crate) use audit::{AuditNote, MaskingAudit};
pub use audit::{MaskingAuditEntry, MaskingAuditTrail};
pub(crate) use coding::{CodingError, Codings};
pub(crate) use counters::MaskingCounters;
pub(crate) use leaks::LeakRestorers;
pub(crate) use listed::restore_list;
pub use models::MaskModels;
pub(crate) use profile::MaskProfile;
pub(crate) use refusal::MaskingRefusal;
pub(crate) use restored::{Events, RestoredBody};
pub(crate) use session::{NamedIds, Session};
pub(crate) use tenant::Tenant;
pub(crate) use vault::Vault;
pub(crate) use work::{Work, Worked};

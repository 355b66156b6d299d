//! Those who keep objects for others: where they are, what is shown there, and how requests get there.
//!
//! Copies of backups and stores that are buckets go there by the same addresses, keys and connections.

mod address;
mod transport;
mod words;

pub use address::{CloudAddress, CloudCredentials};

pub(crate) use address::{S3Access, Store};
pub(crate) use transport::Answer;
pub(crate) use words::{said, said_of};

//! Certificates from an authority, by ACME (RFC 8555).
//!
//! - `keeper`, `keeping`: the task on the control thread that decides when to order, and orders.
//! - `due`: pure; when a certificate is to be renewed, and how long to wait after a failure.
//! - `order`: one order, from the account to the certificate.
//! - `authority_client`: how the authority is asked, with the authorities that are to be believed.
//! - `certificate`, `store`: what is kept in the folder `acme` beside the gateway's state file.
//! - `answers`: what the data path needs: the certificate in force and the answers to open challenges.
//!
//! The authority is never hammered: before each attempt the next one is put off, on the disk, so that
//! not even a gateway that starts over and over asks more often. See [`crate::bounds`] for the figures.

mod answers;
mod authority_client;
mod certificate;
mod due;
mod error;
mod keeper;
mod keeping;
mod order;
mod store;

pub use error::AcmeError;

pub(crate) use answers::{Answers, answer_challenge};
pub(crate) use keeping::Keeping;

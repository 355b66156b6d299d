//! The two bodies that pass through: the client's to the arm and the arm's to the client. Neither
//! is buffered; each frame is passed on as it comes, trailers included.

mod answer;
mod client;
mod kept;
mod rate;
mod request;

pub(crate) use answer::{AnswerBody, ArmBody};
pub(crate) use client::{BodyRules, ClientBody};
pub(crate) use kept::KeptBody;
pub(crate) use request::RequestBody;

use crate::upstream::UpstreamError;

/// Why a body ended before its time.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// The side that sends it broke off.
    #[error("the body was broken off")]
    Broken(#[source] hyper::Error),
    /// The arm broke off, or sent what is no answer.
    #[error("the answer was broken off")]
    Upstream(#[source] UpstreamError),
    /// The arm was silent for too long.
    #[error("the body paused for longer than the route allows")]
    Overdue,
    /// The client sends slower than it may.
    #[error("the body comes slower than is allowed")]
    TooSlow,
    /// Another attempt took a part of it that is not kept.
    #[error("a part of the body was sent elsewhere and is not kept")]
    Gone,
    /// The request is over, and the rest of its body is not wanted.
    #[error("the request is over")]
    Over(#[source] h2::Error),
    /// Nothing can be put back into what the arm sends, or it must not be passed on.
    #[error("the answer cannot be looked into")]
    Unrestorable,
    /// The client sends what it may not.
    #[error("the body is not let through")]
    Refused,
}

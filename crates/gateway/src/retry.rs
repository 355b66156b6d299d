//! Whether a request is sent again: a pure rule, and the budget that bounds it.
//!
//! Sending twice is safe in two cases. If nothing of a request reached a server, it has had no effect,
//! whatever its method. If it was sent, only the methods that RFC 9110, 9.2.2 calls idempotent may be sent
//! again, and only while the client has seen nothing of an answer and the body is still there.
//! A POST on a reused connection that died is therefore answered with 502: it may have had an effect.
//!
//! One failure is nobody's: a server may close a kept connection, because it was idle for long, in the very moment in
//! which a request is sent on it. Then the request is sent once more over a new connection to the same server, and
//! both count as one attempt. What looks like that, and only that, is in [`Broke::is_nobodys_fault`].

use http::{Method, StatusCode};
use portcullis_config::RetryConfig;

use crate::bounds::RESEND_WITHIN_MS;

pub(crate) mod budget;

/// What is left of a request's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyLeft {
    /// There is none.
    Empty,
    /// All of it: it was kept, or nothing of it was read yet.
    Whole,
    /// Part of it was sent and not kept.
    Gone,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Nothing of the request was sent: no connection, or one that was already closed.
    NotSent,
    /// The connection broke before the answer's head was there.
    Broken,
    /// No answer's head in time.
    TimedOut,
    /// An answer's head that was not passed on.
    Answered(StatusCode),
}

/// A request after a failed attempt.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tried<'a> {
    /// Its method.
    pub(crate) method: &'a Method,
    /// What is left of its body.
    pub(crate) body: BodyLeft,
    /// Whether anything of an answer went to the client.
    pub(crate) answer_begun: bool,
    /// Attempts so far, the failed one included; free ones are not counted.
    pub(crate) attempts: u32,
    /// Whether the one free attempt of requests that were not sent has been used.
    pub(crate) free_used: bool,
    /// How the last attempt ended.
    pub(crate) failure: Failure,
}

/// What to do after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Send it again, to another server if there is one: the attempt that a request which was not sent always
    /// has. It counts neither as an attempt nor against the budget.
    AgainForFree,
    /// Send it again, to another server if there is one, if the budget has one left ([`budget::RetryBudget::take`]).
    AgainWithinBudget,
    /// Answer with what there is.
    Stop(Stop),
}

/// Why a request is not sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The client has seen part of an answer.
    AnswerBegun,
    /// The body is gone.
    BodyGone,
    /// It was sent, and the method may not be repeated.
    NotIdempotent,
    /// All attempts are used.
    Attempts,
    /// The settings do not name this failure.
    NotConfigured,
}

/// How a request broke that was sent and got no answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Broke<'a> {
    /// Its method.
    pub(crate) method: &'a Method,
    /// Whether the connection had been kept from before.
    pub(crate) was_kept: bool,
    /// Whether the connection ended, by a close or a reset, before any byte of an answer came.
    pub(crate) closed_unanswered: bool,
    /// How long after the request began to be sent.
    pub(crate) after_us: u64,
}

impl Broke<'_> {
    /// Whether the server closed a connection that it took for idle, and repeating the request does no harm if it
    /// did not.
    pub(crate) fn is_nobodys_fault(&self) -> bool {
        self.was_kept
            && self.closed_unanswered
            && self.after_us <= RESEND_WITHIN_MS * 1_000
            && is_idempotent(self.method)
    }
}

/// Whether repeating a request of this method does no more than making it once (RFC 9110, 9.2.2).
pub(crate) fn is_idempotent(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE | Method::TRACE
    )
}

/// Decides what to do after a failed attempt.
///
/// A broken connection is retried whenever it may be. An answer is retried if the settings name its status, and a
/// time-out if they name 504: a slow server is not made faster by asking twice.
pub(crate) fn decide(config: &RetryConfig, tried: &Tried<'_>) -> Verdict {
    if tried.answer_begun {
        return Verdict::Stop(Stop::AnswerBegun);
    }
    if tried.body == BodyLeft::Gone {
        return Verdict::Stop(Stop::BodyGone);
    }
    let named = |status: StatusCode| config.statuses.contains(&status.as_u16());
    let wanted = match tried.failure {
        Failure::NotSent if !tried.free_used => return Verdict::AgainForFree,
        Failure::NotSent => true,
        _ if !is_idempotent(tried.method) => return Verdict::Stop(Stop::NotIdempotent),
        Failure::Broken => true,
        Failure::TimedOut => named(StatusCode::GATEWAY_TIMEOUT),
        Failure::Answered(status) => named(status),
    };
    if !wanted {
        return Verdict::Stop(Stop::NotConfigured);
    }
    match tried.attempts < config.attempts_max {
        true => Verdict::AgainWithinBudget,
        false => Verdict::Stop(Stop::Attempts),
    }
}

/// After how many milliseconds without an answer a request may also be sent to another server; `None`
/// never. It counts as an attempt and needs the budget, as a retry does.
pub(crate) fn hedge_after_ms(
    config: &RetryConfig,
    method: &Method,
    body: BodyLeft,
    attempts: u32,
) -> Option<u64> {
    let allowed = is_idempotent(method) && body != BodyLeft::Gone && attempts < config.attempts_max;
    config.hedge_after_ms.filter(|_| allowed)
}

#[cfg(test)]
mod tests;

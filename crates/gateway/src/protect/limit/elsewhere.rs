//! Limits whose tokens are counted elsewhere, together with other gateways (`crate::shared`), and how
//! the buckets here follow.
//!
//! What is counted elsewhere is *mirrored*: a bucket here is never fuller than the common one was when it
//! last answered for that key. So when the common count is away, counting goes on here from where it was.
//! What was counted here meanwhile is *claimed* when it is back: the common bucket becomes at least as
//! empty as the one here. Both take the greater of two fill times and never add them, so an answer that
//! is lost, late or seen twice changes nothing.

use super::bucket::{self, Taken};
use super::{Limit, LimitDecision, LimitKey, LimitSubject, RouteLimits, Store, headers, network};
use crate::protect::Caller;

/// What one limit of a route asks of a count elsewhere.
#[derive(Debug)]
pub(crate) struct Claim<'a> {
    limit: &'a Limit,
    key: u64,
}

impl RouteLimits {
    /// What every limit asks, in the order in which they are checked.
    pub(crate) fn claims(&self, subject: &LimitSubject<'_>) -> Vec<Claim<'_>> {
        let limits = self.limits.iter();
        let claim = limits.map(|limit| Claim {
            limit,
            key: limit.key(subject),
        });
        claim.collect()
    }

    /// Every limit had a token, counted elsewhere. `missing_ns` says of each in how long its bucket is
    /// full.
    pub(crate) fn allowed_elsewhere(
        &self,
        claims: &[Claim<'_>],
        missing_ns: &[u64],
        now_ms: u64,
    ) -> LimitDecision {
        let states = claims.iter().zip(missing_ns).map(|(claim, missing_ns)| {
            claim.mirror(*missing_ns, now_ms);
            let taken = claim.limit.rate.taken(*missing_ns, ns(now_ms));
            (claim.limit, taken)
        });
        LimitDecision::Allowed(headers::fields(states, self.policy.as_ref()))
    }

    /// The limit of `claim` had no token, counted elsewhere; it has one in `wait_ns`.
    pub(crate) fn refused_elsewhere(
        &self,
        claim: &Claim<'_>,
        wait_ns: u64,
        now_ms: u64,
    ) -> LimitDecision {
        let rate = claim.limit.rate;
        let missing_ns = (rate.whole_ns() - rate.token_ns()).saturating_add(wait_ns);
        claim.mirror(missing_ns, now_ms);
        self.refusal(claim.limit, Taken::missing(wait_ns))
    }
}

impl Claim<'_> {
    /// The limit's settings.
    pub(crate) fn limit(&self) -> &Limit {
        self.limit
    }

    /// The time between two tokens, in nanoseconds.
    pub(crate) fn token_ns(&self) -> u64 {
        self.limit.rate.token_ns()
    }

    /// The time in which an empty bucket fills, in nanoseconds.
    pub(crate) fn whole_ns(&self) -> u64 {
        self.limit.rate.whole_ns()
    }

    /// In how long the bucket here is full.
    pub(crate) fn missing_here_ns(&self, now_ms: u64) -> u64 {
        let full_at_ns = match &self.limit.store {
            Store::One(full_at) => full_at.load(super::Relaxed),
            Store::Many(table) => table.full_at_ns(self.key),
        };
        full_at_ns.saturating_sub(ns(now_ms))
    }

    /// Adds to `bytes` what the request is counted under, in a form that is the same on every gateway.
    /// Lengths stand in front of texts, so no two subjects have the same form; kinds are told apart as
    /// in the buckets here.
    pub(crate) fn write_subject(&self, subject: &LimitSubject<'_>, bytes: &mut Vec<u8>) {
        match (&self.limit.config.key, subject.caller) {
            (LimitKey::Route, _) => return bytes.push(b'r'),
            (LimitKey::Caller, Some(Caller::Key(id))) => {
                bytes.push(b'k');
                return text(id.as_bytes(), bytes);
            }
            (LimitKey::Caller, Some(Caller::Subject { issuer, subject })) => {
                bytes.push(b's');
                text(issuer.as_bytes(), bytes);
                return text(subject.as_bytes(), bytes);
            }
            (LimitKey::Header(name), _) => {
                let header = self.limit.header.as_ref();
                if let Some(value) = header.and_then(|header| subject.headers.get(header)) {
                    bytes.push(b'h');
                    text(name.as_bytes(), bytes);
                    return text(value.as_bytes(), bytes);
                }
            }
            _ => {}
        }
        bytes.push(b'a');
        bytes.extend_from_slice(&network(subject.client).to_be_bytes());
    }

    /// Sees to it that the bucket here is not fuller than the common one.
    fn mirror(&self, missing_ns: u64, now_ms: u64) {
        let full_at_ns = ns(now_ms).saturating_add(missing_ns);
        match &self.limit.store {
            Store::One(full_at) => {
                full_at.fetch_max(full_at_ns, super::Relaxed);
            }
            Store::Many(table) => table.raise(self.key, full_at_ns, ns(now_ms)),
        }
    }
}

fn ns(now_ms: u64) -> u64 {
    now_ms.saturating_mul(bucket::NS_PER_MS)
}

fn text(text: &[u8], bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
    bytes.extend_from_slice(text);
}

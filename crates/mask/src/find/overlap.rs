//! Candidates that overlap become one span each.
//!
//! What is hidden is the union of a cluster of overlapping candidates: hiding only the best one would leave the rest of a
//! longer one in the text. What it is called is decided by score, then by length, then by the order of the recognizers,
//! so that the answer never depends on the order in which the rooms look. A URL, a domain and an e-mail address stay what they
//! are whatever stands in them but a secret: `api.github.com` is no organisation, and whoever lets URLs pass does not
//! mean their tokens.

use std::cmp::Reverse;

use crate::{Entity, Span};

/// Kinds that hold words and numbers which are parts of them.
const ADDRESSES: &[Entity] = &[Entity::URL, Entity::DOMAIN, Entity::EMAIL];
/// Kinds that are called by their own name within an address.
const SECRETS: &[Entity] = &[
    Entity::API_KEY,
    Entity::JWT,
    Entity::PRIVATE_KEY,
    Entity::PASSWORD,
    Entity::SECRET,
];

/// The spans from left to right, without overlaps.
pub(crate) fn settled(mut spans: Vec<Span>) -> Vec<Span> {
    if spans.len() < 2 {
        return spans;
    }
    spans.sort_unstable_by_key(|span| {
        (
            span.start,
            Reverse(span.end),
            Reverse(span.score),
            span.recognizer,
        )
    });
    let mut settled: Vec<Span> = Vec::with_capacity(spans.len());
    // The best of the cluster under way, as it was offered: its own length counts, not the union's.
    let mut best: Option<Span> = None;
    for span in spans {
        match (settled.last_mut(), best) {
            (Some(cluster), Some(leader)) if span.start < cluster.end => {
                cluster.end = cluster.end.max(span.end);
                if rank(&span) > rank(&leader) && !is_within_address(&span, &leader) {
                    cluster.entity = span.entity;
                    cluster.score = span.score;
                    cluster.recognizer = span.recognizer;
                    best = Some(span);
                }
            }
            _ => {
                settled.push(span);
                best = Some(span);
            }
        }
    }
    settled
}

/// Whether a candidate is a part of an address.
fn is_within_address(span: &Span, address: &Span) -> bool {
    ADDRESSES.contains(&address.entity)
        && span.end <= address.end
        && span.len() < address.len()
        && !SECRETS.contains(&span.entity)
}

/// What decides between two candidates; the greater one wins.
fn rank(span: &Span) -> (crate::Score, usize, Reverse<crate::recognize::RecognizerId>) {
    (span.score, span.len(), Reverse(span.recognizer))
}

//! What clients are told about their limits.
//!
//! Two forms, because clients know either: `RateLimit-Policy` and `RateLimit` with every limit of the
//! route (draft-ietf-httpapi-ratelimit-headers-11, structured fields of RFC 9651), and
//! `RateLimit-Limit`, `-Remaining` and `-Reset` of draft 06 with the limit that has least left. The
//! draft has no word for the size of a bucket, so that is said in a parameter of our own,
//! `portcullis-burst`. Its `t`, `RateLimit-Reset` and `Retry-After` all say when there is one token
//! more, in whole seconds, rounded up: the draft asks that `Retry-After` be no earlier than `t`.

use http::header::{HeaderName, HeaderValue, RETRY_AFTER};
use portcullis_config::LimitConfig;

use super::Limit;
use super::bucket::{NS_PER_MS, Taken};

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const RATE_LIMIT_LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const RATE_LIMIT_REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RATE_LIMIT_RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// A limit as a member of `RateLimit-Policy`. The draft's window is in whole seconds: a quota of half
/// a second is told as one of a second.
pub(super) fn policy(config: &LimitConfig) -> String {
    let window_s = config.per_ms.max(1).div_ceil(1000);
    let window_ms = u128::from(window_s) * 1000;
    let requests = u128::from(config.requests) * window_ms / u128::from(config.per_ms.max(1));
    let name = quoted(&config.name);
    let burst = config.burst;
    format!("{name};q={requests};w={window_s};portcullis-burst={burst}")
}

/// The header fields of an answer.
pub(super) fn fields<'a>(
    states: impl Iterator<Item = (&'a Limit, Taken)>,
    policy: Option<&HeaderValue>,
) -> Vec<(HeaderName, HeaderValue)> {
    let mut least: Option<(&Limit, Taken)> = None;
    let mut items = String::new();
    for (limit, taken) in states {
        let rank = |taken: Taken| (taken.remaining, u64::MAX - taken.wait_ns);
        if least.is_none_or(|(_, other)| rank(taken) < rank(other)) {
            least = Some((limit, taken));
        }
        if !items.is_empty() {
            items.push_str(", ");
        }
        items.push_str(&quoted(&limit.config.name));
        items.push_str(";r=");
        items.push_str(&taken.remaining.to_string());
        items.push_str(";t=");
        items.push_str(&seconds(taken.wait_ns).to_string());
    }
    let Some((limit, taken)) = least else {
        return Vec::new();
    };
    let mut fields = Vec::with_capacity(6);
    if let Ok(items) = HeaderValue::try_from(items) {
        fields.push((RATE_LIMIT, items));
    }
    if let Some(policy) = policy {
        fields.push((RATE_LIMIT_POLICY, policy.clone()));
    }
    fields.push((RATE_LIMIT_LIMIT, HeaderValue::from(limit.config.burst)));
    fields.push((RATE_LIMIT_REMAINING, HeaderValue::from(taken.remaining)));
    fields.push((RATE_LIMIT_RESET, HeaderValue::from(seconds(taken.wait_ns))));
    fields
}

/// `Retry-After`.
pub(super) fn retry_after(wait_ns: u64) -> (HeaderName, HeaderValue) {
    (RETRY_AFTER, HeaderValue::from(seconds(wait_ns)))
}

/// Whole seconds, rounded up.
fn seconds(wait_ns: u64) -> u64 {
    wait_ns.div_ceil(1000 * NS_PER_MS)
}

/// A string of a structured field (RFC 9651, 3.3.3): printable ASCII, `"` and `\` escaped. Others are
/// left out.
fn quoted(name: &str) -> String {
    let mut quoted = String::with_capacity(name.len() + 2);
    quoted.push('"');
    for character in name.chars().filter(|c| matches!(c, ' '..='~')) {
        if matches!(character, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push('"');
    quoted
}

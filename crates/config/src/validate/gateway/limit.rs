//! Rate limits.

use super::{header_names, text};
use crate::Code;
use crate::config::{LimitConfig, LimitKey};
use crate::raw::{RawLimit, value_or_default};
use crate::report::{Report, Wrong};

/// The limits, in the order of the file.
pub(super) fn limits(raw: &[RawLimit], report: &Report<'_>) -> Vec<LimitConfig> {
    raw.iter().map(|limit| self::limit(limit, report)).collect()
}

fn limit(raw: &RawLimit, report: &Report<'_>) -> LimitConfig {
    let by_header = text(raw.key.as_ref()) == Some("header");
    if let (true, false, Some(key)) = (by_header, raw.header_given, &raw.key) {
        let message = "key = \"header\" needs the header's name";
        let hint = "add header = \"x-tenant\", or whichever header tells who asks";
        report.add(&key.spot, Wrong::new(Code::MissingKey, message).hint(hint));
    }
    if let (false, Some(header), Some(_)) = (by_header, &raw.header, &raw.key) {
        let message = "this limit does not count by a header";
        let hint = "set key = \"header\", or remove `header`";
        report.add(
            &header.spot,
            Wrong::new(Code::Contradiction, message).hint(hint),
        );
    }
    header_names::check(raw.header.as_ref().filter(|_| by_header), report);
    let (requests, per_ms) = value_or_default(raw.rate.clone());
    LimitConfig {
        name: value_or_default(raw.name.clone()).into(),
        requests,
        per_ms,
        burst: raw.burst.unwrap_or(requests),
        key: match text(raw.key.as_ref()) {
            Some("caller") => LimitKey::Caller,
            Some("route") => LimitKey::Route,
            Some("header") => LimitKey::Header(value_or_default(raw.header.clone())),
            _ => LimitKey::ClientAddress,
        },
    }
}

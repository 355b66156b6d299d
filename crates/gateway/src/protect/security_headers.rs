//! Header fields that protect browsers, in presets.
//!
//! Sources: Fetch (`X-Content-Type-Options`), RFC 7034 and CSP level 3 (`frame-ancestors`), Referrer
//! Policy, RFC 6797 (HSTS, which must not be sent in plain text: 7.2), Permissions Policy and HTML
//! (`Cross-Origin-Opener-Policy`).

use http::HeaderMap;
use http::header::{
    CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use portcullis_config::SecurityHeaders;

use super::Scheme;

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const BASIC: [(HeaderName, &str); 3] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "SAMEORIGIN"),
    (REFERRER_POLICY, "strict-origin-when-cross-origin"),
];
const STRICT: [(HeaderName, &str); 6] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
    (
        PERMISSIONS_POLICY,
        "camera=(), microphone=(), geolocation=()",
    ),
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'self'; frame-ancestors 'none'",
    ),
    (OPENER_POLICY, "same-origin"),
];

/// Adds the fields of `preset` that the answer has not. `scheme` is how the client spoke to the
/// outermost trusted proxy ([`super::ClientTrust::scheme`]): HSTS is sent under TLS only.
pub fn add_security_headers(preset: SecurityHeaders, scheme: Scheme, headers: &mut HeaderMap) {
    let (fields, hsts): (&[(HeaderName, &'static str)], _) = match preset {
        SecurityHeaders::Off => return,
        SecurityHeaders::Basic => (&BASIC, "max-age=31536000"),
        SecurityHeaders::Strict => (&STRICT, "max-age=63072000; includeSubDomains"),
    };
    let hsts = (scheme == Scheme::Https).then_some((STRICT_TRANSPORT_SECURITY, hsts));
    for (name, value) in fields.iter().cloned().chain(hsts) {
        let set = headers.entry(name);
        set.or_insert_with(|| HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests;

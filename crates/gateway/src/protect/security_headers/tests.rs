use super::*;

fn added(preset: SecurityHeaders, scheme: Scheme) -> Vec<String> {
    let mut headers = HeaderMap::new();
    add_security_headers(preset, scheme, &mut headers);
    let lines = headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
    let mut lines: Vec<_> = lines.collect();
    lines.sort();
    lines
}

#[test]
fn each_preset_adds_what_its_description_says() {
    assert!(added(SecurityHeaders::Off, Scheme::Https).is_empty());
    let basic = [
        "referrer-policy: strict-origin-when-cross-origin",
        "strict-transport-security: max-age=31536000",
        "x-content-type-options: nosniff",
        "x-frame-options: SAMEORIGIN",
    ];
    assert_eq!(added(SecurityHeaders::Basic, Scheme::Https), basic);
    let strict = [
        "content-security-policy: default-src 'self'; frame-ancestors 'none'",
        "cross-origin-opener-policy: same-origin",
        "permissions-policy: camera=(), microphone=(), geolocation=()",
        "referrer-policy: no-referrer",
        "strict-transport-security: max-age=63072000; includeSubDomains",
        "x-content-type-options: nosniff",
        "x-frame-options: DENY",
    ];
    assert_eq!(added(SecurityHeaders::Strict, Scheme::Https), strict);
}

#[test]
fn hsts_is_sent_under_tls_only() {
    for preset in [SecurityHeaders::Basic, SecurityHeaders::Strict] {
        let lines = added(preset, Scheme::Http);
        assert!(
            !lines
                .iter()
                .any(|line| line.starts_with("strict-transport"))
        );
        assert_eq!(lines.len() + 1, added(preset, Scheme::Https).len());
    }
}

#[test]
fn what_the_release_set_stays_also_when_it_is_there_several_times() {
    let mut headers = HeaderMap::new();
    headers.append(
        "content-security-policy",
        HeaderValue::from_static("default-src 'none'"),
    );
    headers.append(
        "content-security-policy",
        HeaderValue::from_static("img-src *"),
    );
    headers.insert("x-frame-options", HeaderValue::from_static(""));
    let before = headers.clone();
    add_security_headers(SecurityHeaders::Strict, Scheme::Https, &mut headers);
    for (name, _) in &before {
        let now: Vec<_> = headers.get_all(name).iter().collect();
        assert_eq!(now, before.get_all(name).iter().collect::<Vec<_>>());
    }
    assert_eq!(headers.keys_len(), 7);
}

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;
use http::header::AUTHORIZATION;
use portcullis_config::{AccessConfig, JwksSource, JwtAlgorithm, JwtConfig, LimitConfig, LimitKey};

use super::*;
use crate::protect::{JWKS_REFRESH_PAUSE_MS, Limit};

const KEYS: &str = r#"{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "known",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

fn policy() -> Access {
    let config = AccessConfig {
        name: "tokens".into(),
        allow: Vec::new(),
        deny: Vec::new(),
        keys: None,
        jwt: Some(JwtConfig {
            keys: JwksSource::Url("https://issuer.example/".to_owned()),
            algorithms: vec![JwtAlgorithm::EdDsa],
            issuer: None,
            audiences: vec!["api".to_owned()],
            skew_s: 0,
        }),
        scopes: Vec::new(),
    };
    Access::new(&config).unwrap()
}

fn limits(keys: &[LimitKey]) -> RouteLimits {
    let limits = keys.iter().map(|key| {
        Arc::new(Limit::new(LimitConfig {
            name: "two".into(),
            requests: 2,
            per_ms: 3_600_000,
            burst: 2,
            key: key.clone(),
        }))
    });
    RouteLimits::new(limits.collect())
}

/// What becomes of a request with a token that names an unknown key, and whether the token was looked at: then the
/// keys are wanted sooner.
fn garbage(access: &Access, limits: &RouteLimits, client: &str, at_ms: u64) -> (u16, bool) {
    let tokens = access.tokens().unwrap();
    let _ = tokens.wants_fetch(at_ms);
    tokens.fetched(Ok(KEYS.as_bytes().to_vec()));
    let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA","kid":"unknown"}"#);
    let value = format!("Bearer {head}.e30.AAAA");
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::from_str(&value).unwrap());
    let client = client.parse().unwrap();
    let sent = (client, &headers);
    let identified = identify(Some(access), limits, sent, (at_ms, at_ms));
    let subject = LimitSubject {
        client,
        caller: None,
        headers: &headers,
    };
    let decision = match identified {
        Err(decision) => decision,
        Ok(_) => limits.check(&subject, at_ms),
    };
    let status = match decision {
        LimitDecision::Refused { denial, .. } => denial.status.as_u16(),
        LimitDecision::Allowed(_) => 401,
    };
    let soon_ms = at_ms + JWKS_REFRESH_PAUSE_MS;
    (status, tokens.wants_fetch(soon_ms).is_some())
}

#[test]
fn no_token_is_looked_at_from_an_address_that_has_used_up_its_limit() {
    let (access, limits) = (policy(), limits(&[LimitKey::ClientAddress]));
    // Far apart, so that keys are never wanted for their age alone, and less than a token's time together.
    for (at_ms, wanted) in [
        (1_000, (401, true)),
        (100_000, (401, true)),
        (200_000, (429, false)),
        (300_000, (429, false)),
    ] {
        assert_eq!(garbage(&access, &limits, "192.0.2.1", at_ms), wanted);
    }
    let other = garbage(&access, &limits, "192.0.2.2", 400_000);
    assert_eq!(other, (401, true), "another address has its own");
}

#[test]
fn limits_by_caller_are_asked_when_it_is_known_who_calls() {
    let (access, limits) = (policy(), limits(&[LimitKey::Caller]));
    for (at_ms, wanted) in [
        (1_000, (401, true)),
        (100_000, (401, true)),
        (200_000, (429, true)),
    ] {
        assert_eq!(garbage(&access, &limits, "192.0.2.1", at_ms), wanted);
    }
}

#[test]
fn to_look_takes_nothing() {
    let (access, limits) = (policy(), limits(&[LimitKey::ClientAddress]));
    let headers = HeaderMap::new();
    let sent = ("192.0.2.1".parse().unwrap(), &headers);
    for _ in 0..5 {
        assert!(identify(Some(&access), &limits, sent, (1_000, 1_000)).is_ok());
        assert!(identify(None, &limits, sent, (1_000, 1_000)).is_ok());
    }
}

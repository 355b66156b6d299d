use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use http::HeaderValue;
use jiff::Timestamp;
use portcullis_config::{ApiKeysConfig, JwksSource, JwtAlgorithm, JwtConfig};
use ring::signature::{Ed25519KeyPair, KeyPair};
use secrecy::ExposeSecret;

use super::*;
use crate::protect::ApiKeysFile;

/// A policy with a key and a token, and what each is let in with.
struct Fixture {
    access: Access,
    key: String,
    other_key: String,
    token: String,
    _folder: tempfile::TempDir,
}

fn fixture(with_keys: Option<&str>, with_tokens: bool, scopes: &[&str]) -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let mut file = ApiKeysFile::default();
    let read = vec!["read".to_owned()];
    let key = file
        .create("ci", read, Timestamp::UNIX_EPOCH, None)
        .unwrap();
    let other = file
        .create("x", Vec::new(), Timestamp::UNIX_EPOCH, None)
        .unwrap();
    file.revoke("x").unwrap();
    file.write(&path).unwrap();
    let access = Access::new(&AccessConfig {
        name: "test".into(),
        allow: vec!["192.0.2.0/24".parse().unwrap()],
        deny: Vec::new(),
        keys: with_keys.map(|header| ApiKeysConfig {
            file: path,
            header: header.to_owned(),
            hide: true,
        }),
        jwt: with_tokens.then(|| JwtConfig {
            keys: JwksSource::Url("https://issuer.example/".to_owned()),
            algorithms: vec![JwtAlgorithm::EdDsa],
            issuer: None,
            audiences: vec!["api".to_owned()],
            skew_s: 0,
        }),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
    });
    let access = access.unwrap();
    access.keys().map(ApiKeys::refresh);
    let pair = Ed25519KeyPair::generate_pkcs8(&ring::rand::SystemRandom::new()).unwrap();
    let pair = Ed25519KeyPair::from_pkcs8(pair.as_ref()).unwrap();
    let jwk = serde_json::json!({"keys": [
        {"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": B64.encode(pair.public_key())}
    ]});
    if let Some(tokens) = access.tokens() {
        tokens.fetched(Ok(jwk.to_string().into_bytes()));
    }
    let head = B64.encode(r#"{"alg":"EdDSA","kid":"k"}"#);
    let body = B64.encode(r#"{"aud":"api","iss":"i","sub":"alice","exp":9,"scope":"read"}"#);
    let message = format!("{head}.{body}");
    let signature = B64.encode(pair.sign(message.as_bytes()));
    Fixture {
        access,
        key: key.key.expose_secret().to_owned(),
        other_key: other.key.expose_secret().to_owned(),
        token: format!("Bearer {message}.{signature}"),
        _folder: folder,
    }
}

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

impl Fixture {
    fn ask(&self, lines: &[(&'static str, &str)]) -> Result<Admitted, &'static str> {
        let client = "192.0.2.7".parse().unwrap();
        let answer = self.access.check(client, &headers(lines), 1_000);
        answer.map_err(|denial| denial.cause)
    }
}

#[test]
fn the_address_must_be_admitted_whatever_else_is_shown() {
    let fixture = fixture(Some("x-api-key"), false, &[]);
    let key = headers(&[("x-api-key", &fixture.key)]);
    let denied = fixture
        .access
        .check("198.51.100.1".parse().unwrap(), &key, 0);
    assert_eq!(denied.unwrap_err().code(), "address-not-admitted");
    fixture.ask(&[("x-api-key", &fixture.key)]).unwrap();
}

#[test]
fn one_of_key_and_token_is_enough() {
    let fixture = fixture(Some("x-api-key"), true, &["read"]);
    let (key, token) = (fixture.key.as_str(), fixture.token.as_str());
    let by_key = fixture.ask(&[("x-api-key", key)]).unwrap();
    assert_eq!(by_key.caller(), Some(Caller::Key("ci")));
    let by_token = fixture.ask(&[("authorization", token)]).unwrap();
    let caller = Caller::Subject {
        issuer: "i",
        subject: "alice",
    };
    assert_eq!(by_token.caller(), Some(caller));
    fixture
        .ask(&[("authorization", token), ("x-api-key", "bad")])
        .unwrap();
    let mut sent = headers(&[("authorization", token), ("x-api-key", "bad")]);
    fixture.access.hide(&by_token, &mut sent);
    assert_eq!(sent, headers(&[("authorization", token)]));
    assert_eq!(fixture.ask(&[]), Err("key-missing"));
    assert_eq!(fixture.ask(&[("x-api-key", "bad")]), Err("key-malformed"));
    assert_eq!(
        fixture.ask(&[("x-api-key", &fixture.other_key)]),
        Err("key-unknown")
    );
    let forged = format!("{token}x");
    assert_ne!(
        fixture.ask(&[("authorization", &forged)]),
        Err("key-missing")
    );
}

#[test]
fn key_and_token_may_share_the_authorization_header() {
    let fixture = fixture(Some("authorization"), true, &[]);
    let bearer = format!("Bearer {}", fixture.key);
    let by_key = fixture.ask(&[("authorization", &bearer)]).unwrap();
    assert!(matches!(by_key, Admitted::Key(_)));
    let by_token = fixture.ask(&[("authorization", &fixture.token)]).unwrap();
    assert!(matches!(by_token, Admitted::Token(_)));
    assert_eq!(
        fixture.ask(&[("authorization", "Bearer a.b.c")]),
        Err("token-malformed")
    );
    let unknown = format!("Bearer {}", fixture.other_key);
    assert_eq!(
        fixture.ask(&[("authorization", &unknown)]),
        Err("key-unknown")
    );
    // Only what let the request in is taken out.
    let mut sent = headers(&[("authorization", &fixture.token)]);
    fixture.access.hide(&by_token, &mut sent);
    assert!(sent.contains_key("authorization"));
    fixture.access.hide(&by_key, &mut sent);
    assert!(!sent.contains_key("authorization"));
}

#[test]
fn scopes_without_anything_that_has_scopes_let_nobody_in() {
    assert_eq!(
        fixture(None, false, &["read"]).ask(&[]),
        Err("scope-impossible")
    );
    assert_eq!(fixture(None, false, &[]).ask(&[]), Ok(Admitted::Address));
    assert_eq!(
        fixture(Some("x-api-key"), true, &[]).ask(&[]),
        Err("key-missing")
    );
    assert_eq!(fixture(None, true, &[]).ask(&[]), Err("token-missing"));
    let narrow = fixture(Some("x-api-key"), false, &["write"]);
    assert_eq!(narrow.ask(&[("x-api-key", &narrow.key)]), Err("key-scope"));
}

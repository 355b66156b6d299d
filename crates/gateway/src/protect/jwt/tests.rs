//! ECDSA and Ed25519 keys are made in the tests. ring makes no RSA keys, so the one in
//! `tests/rsa_test_key.pkcs8.b64` was made for these tests; it protects nothing.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;
use ring::rand::SystemRandom;
use ring::rsa::KeyPair as RsaKeyPair;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
};
use serde_json::{Value, json};

use super::*;

const NOW_S: u64 = 1_800_000_000;
const NOW_MS: u64 = NOW_S * 1000;
const RSA_KEY: &str = include_str!("tests/rsa_test_key.pkcs8.b64");

enum Key {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl Key {
    fn rsa() -> Key {
        let text: String = RSA_KEY.split_whitespace().collect();
        Key::Rsa(RsaKeyPair::from_pkcs8(&STANDARD.decode(text).unwrap()).unwrap())
    }

    fn ec() -> Key {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let key = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        Key::Ec(EcdsaKeyPair::from_pkcs8(algorithm, key.as_ref(), &random).unwrap())
    }

    fn ed() -> Key {
        let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Key::Ed(Ed25519KeyPair::from_pkcs8(key.as_ref()).unwrap())
    }

    fn alg(&self) -> &'static str {
        match self {
            Key::Rsa(_) => "RS256",
            Key::Ec(_) => "ES256",
            Key::Ed(_) => "EdDSA",
        }
    }

    fn jwk(&self, id: &str) -> Value {
        let b64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Key::Rsa(key) => {
                let public = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(key.public());
                let (n, e) = (b64(&public.n), b64(&public.e));
                json!({"kty": "RSA", "kid": id, "use": "sig", "alg": "RS256", "n": n, "e": e})
            }
            Key::Ec(key) => {
                let point = key.public_key().as_ref();
                let (x, y) = (b64(&point[1..33]), b64(&point[33..]));
                json!({"kty": "EC", "crv": "P-256", "kid": id, "x": x, "y": y})
            }
            Key::Ed(key) => {
                let x = b64(key.public_key().as_ref());
                json!({"kty": "OKP", "crv": "Ed25519", "kid": id, "key_ops": ["verify"], "x": x})
            }
        }
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let random = SystemRandom::new();
        let signature = match self {
            Key::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                let bytes = message.as_bytes();
                key.sign(&RSA_PKCS1_SHA256, &random, bytes, &mut signature)
                    .unwrap();
                signature
            }
            Key::Ec(key) => key
                .sign(&random, message.as_bytes())
                .unwrap()
                .as_ref()
                .to_vec(),
            Key::Ed(key) => key.sign(message.as_bytes()).as_ref().to_vec(),
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn config(keys: JwksSource) -> JwtConfig {
    JwtConfig {
        keys,
        algorithms: vec![
            JwtAlgorithm::Rs256,
            JwtAlgorithm::Es256,
            JwtAlgorithm::EdDsa,
        ],
        issuer: Some("https://issuer.example".to_owned()),
        audiences: vec!["api".to_owned(), "other".to_owned()],
        skew_s: 60,
    }
}

fn url() -> JwksSource {
    JwksSource::Url("https://issuer.example/keys".to_owned())
}

fn set(keys: &[(&Key, &str)]) -> Vec<u8> {
    let keys: Vec<_> = keys.iter().map(|(key, id)| key.jwk(id)).collect();
    json!({"keys": keys}).to_string().into_bytes()
}

/// A check that knows these keys.
fn check_with(keys: &[(&Key, &str)]) -> TokenCheck {
    let check = TokenCheck::new(&config(url()));
    assert!(matches!(
        check.fetched(Ok(set(keys))),
        JwksRefresh::Loaded { .. }
    ));
    check
}

fn claims() -> Value {
    json!({
        "iss": "https://issuer.example",
        "aud": ["api", "x"],
        "sub": "alice",
        "exp": NOW_S + 300,
        "nbf": NOW_S - 10,
        "scope": "read write",
    })
}

/// The claims with one changed; `null` takes it out.
fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    let map = claims.as_object_mut().unwrap();
    match value {
        Value::Null => map.remove(name),
        value => map.insert(name.to_owned(), value),
    };
    claims
}

fn header(key: &Key, id: &str) -> Value {
    json!({"alg": key.alg(), "kid": id, "typ": "JWT"})
}

fn ask(check: &TokenCheck, token: &str) -> Result<Token, TokenDenied> {
    let mut headers = HeaderMap::new();
    let value = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
    headers.insert("authorization", value);
    check.check(&headers, &[], NOW_MS)
}

#[test]
fn tokens_of_all_three_algorithms_are_let_in() {
    let keys = [Key::rsa(), Key::ec(), Key::ed()];
    let check = check_with(&[(&keys[0], "r"), (&keys[1], "e"), (&keys[2], "d")]);
    for (key, id) in keys.iter().zip(["r", "e", "d"]) {
        let token = ask(&check, &key.sign(&header(key, id), &claims())).unwrap();
        assert_eq!(token.subject.as_deref(), Some("alice"));
        assert_eq!(token.issuer, "https://issuer.example");
        assert_eq!(token.scopes, ["read", "write"]);
    }
}

#[test]
fn a_token_is_checked_with_the_key_that_it_names_only() {
    let (one, two) = (Key::ec(), Key::ec());
    let check = check_with(&[(&one, "1"), (&two, "2")]);
    let wrong = one.sign(&header(&one, "2"), &claims());
    assert_eq!(ask(&check, &wrong), Err(TokenDenied::Signature));
    let unknown = one.sign(&header(&one, "3"), &claims());
    assert_eq!(ask(&check, &unknown), Err(TokenDenied::UnknownKey));
    let none = one.sign(&json!({"alg": "ES256"}), &claims());
    assert_eq!(ask(&check, &none), Err(TokenDenied::UnknownKey));
    let only = check_with(&[(&one, "1"), (&Key::ed(), "2")]);
    ask(&only, &none).unwrap();
}

#[test]
fn a_changed_token_is_not_let_in() {
    for key in [Key::rsa(), Key::ec(), Key::ed()] {
        let check = check_with(&[(&key, "k")]);
        let good = key.sign(&header(&key, "k"), &claims());
        let parts: Vec<&str> = good.split('.').collect();
        let other = URL_SAFE_NO_PAD.encode(with("sub", json!("root")).to_string());
        let changed = format!("{}.{other}.{}", parts[0], parts[2]);
        assert_eq!(ask(&check, &changed), Err(TokenDenied::Signature));
        let unsigned = format!("{}.{}.", parts[0], parts[1]);
        assert_eq!(ask(&check, &unsigned), Err(TokenDenied::Signature));
        for bad in [
            "",
            "a",
            "a.b",
            "a.b.c",
            &good[1..],
            &format!("{good}.x"),
            &format!("{good}="),
        ] {
            assert!(ask(&check, bad).is_err(), "{bad}");
        }
    }
}

#[test]
fn the_token_does_not_choose_the_algorithm() {
    let (rsa, ec) = (Key::rsa(), Key::ec());
    let check = check_with(&[(&rsa, "r"), (&ec, "e")]);
    for alg in ["none", "None", "NONE", "", "rs256"] {
        let head = json!({"alg": alg, "kid": "r"});
        assert!(ask(&check, &rsa.sign(&head, &claims())).is_err(), "{alg}");
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let unsigned = format!("{}.{}.", part(&head), part(&claims()));
        assert_eq!(ask(&check, &unsigned), Err(TokenDenied::Malformed), "{alg}");
    }
    // The public key as the secret of HS256, and other algorithms of the same family.
    for alg in ["HS256", "HS384", "RS384", "RS512", "PS256", "ES384"] {
        let head = json!({"alg": alg, "kid": "r"});
        assert_eq!(
            ask(&check, &rsa.sign(&head, &claims())),
            Err(TokenDenied::Algorithm),
            "{alg}"
        );
    }
    // A key of another algorithm under the id that is named.
    let crossed = ec.sign(&json!({"alg": "ES256", "kid": "r"}), &claims());
    assert_eq!(ask(&check, &crossed), Err(TokenDenied::UnknownKey));
    let mut narrow = config(url());
    narrow.algorithms = vec![JwtAlgorithm::Es256];
    let narrow = TokenCheck::new(&narrow);
    narrow.fetched(Ok(set(&[(&rsa, "r"), (&ec, "e")])));
    let token = rsa.sign(&header(&rsa, "r"), &claims());
    assert_eq!(ask(&narrow, &token), Err(TokenDenied::Algorithm));
}

#[test]
fn extensions_that_must_be_understood_are_refused() {
    let key = Key::ed();
    let check = check_with(&[(&key, "k")]);
    for (name, value) in [
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("crit", json!("b64")),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("enc", json!("A128GCM")),
    ] {
        let mut head = header(&key, "k");
        head[name] = value;
        let answer = ask(&check, &key.sign(&head, &claims()));
        assert_eq!(answer, Err(TokenDenied::Malformed), "{name}");
    }
    // A key that the token brings along is not used.
    let own = Key::ed();
    let head = json!({"alg": "EdDSA", "kid": "k", "jwk": own.jwk("k")});
    assert_eq!(
        ask(&check, &own.sign(&head, &claims())),
        Err(TokenDenied::Signature)
    );
}

#[test]
fn claims_are_checked_with_the_skew_that_is_set() {
    let key = Key::ed();
    let check = check_with(&[(&key, "k")]);
    let answer = |claims: Value| ask(&check, &key.sign(&header(&key, "k"), &claims)).err();
    use TokenDenied::{Audience, Expired, Malformed, NotYet};
    for (name, value, expected) in [
        ("exp", json!(NOW_S - 59), None),
        ("exp", json!(NOW_S - 60), Some(Expired)),
        ("exp", json!(NOW_S as f64 - 59.5), None),
        ("exp", json!(0), Some(Expired)),
        ("exp", json!(-1), Some(Expired)),
        ("exp", json!(1e300), None),
        ("exp", Value::Null, Some(Malformed)),
        ("exp", json!((NOW_S + 300).to_string()), Some(Malformed)),
        ("nbf", json!(NOW_S + 60), None),
        ("nbf", json!(NOW_S + 61), Some(NotYet)),
        ("nbf", json!("now"), Some(Malformed)),
        ("nbf", Value::Null, None),
        ("aud", json!("api"), None),
        ("aud", json!(["other"]), None),
        ("aud", json!("API"), Some(Audience)),
        ("aud", json!([]), Some(Audience)),
        ("aud", json!(["x"]), Some(Audience)),
        ("aud", json!(7), Some(Audience)),
        ("aud", Value::Null, Some(Audience)),
        ("iss", json!("https://issuer.example/"), Some(Audience)),
        ("iss", Value::Null, Some(Audience)),
        (
            "iss",
            json!(["https://issuer.example", "x"]),
            Some(Malformed),
        ),
        ("sub", json!(7), Some(Malformed)),
    ] {
        assert_eq!(
            answer(with(name, value.clone())),
            expected,
            "{name} {value}"
        );
    }
}

#[test]
fn scopes_are_read_from_both_claims_and_in_both_forms() {
    let key = Key::ed();
    let check = check_with(&[(&key, "k")]);
    let mut claims = with("scope", json!("read  write "));
    claims["scp"] = json!(["admin"]);
    let token = key.sign(&header(&key, "k"), &claims);
    let mut headers = HeaderMap::new();
    headers.insert("authorization", format!("bearer {token}").parse().unwrap());
    let ask = |scopes: &[&str]| {
        let scopes: Vec<_> = scopes.iter().map(|s| (*s).to_owned()).collect();
        check
            .check(&headers, &scopes, NOW_MS)
            .map(|token| token.scopes)
    };
    assert_eq!(ask(&["admin", "read"]).unwrap(), ["read", "write", "admin"]);
    assert_eq!(ask(&["read", "root"]), Err(TokenDenied::Scope));
    assert_eq!(ask(&[""]), Err(TokenDenied::Scope));
}

#[test]
fn a_request_has_one_token() {
    let check = check_with(&[(&Key::ed(), "k")]);
    let mut headers = HeaderMap::new();
    assert_eq!(
        check.check(&headers, &[], NOW_MS),
        Err(TokenDenied::Missing)
    );
    headers.append("authorization", HeaderValue::from_static("Basic Zm9v"));
    assert_eq!(
        check.check(&headers, &[], NOW_MS),
        Err(TokenDenied::Missing)
    );
    headers.append("authorization", HeaderValue::from_static("Bearer a.b.c"));
    assert_eq!(
        check.check(&headers, &[], NOW_MS),
        Err(TokenDenied::Malformed)
    );
    assert_eq!(
        ask(&check, &"a".repeat(TOKEN_BYTES_MAX + 1)),
        Err(TokenDenied::Malformed)
    );
    let expired = TokenDenied::Expired.denial();
    assert_eq!(
        (expired.status, expired.code()),
        (StatusCode::UNAUTHORIZED, "token-expired")
    );
    assert_eq!(TokenDenied::Scope.denial().status, StatusCode::FORBIDDEN);
    let (wrong, unknown) = (
        TokenDenied::Signature.denial(),
        TokenDenied::UnknownKey.denial(),
    );
    assert_eq!((wrong.kind, wrong.detail), (unknown.kind, unknown.detail));
}

#[test]
fn of_a_key_set_only_what_can_check_a_signature_is_kept() {
    let (ec, ed) = (Key::ec(), Key::ed());
    let mut enc = ec.jwk("enc");
    enc["use"] = json!("enc");
    let mut other = ec.jwk("other");
    other["alg"] = json!("ES384");
    let mut sign_only = ed.jwk("sign");
    sign_only["key_ops"] = json!(["sign"]);
    let secret = json!({"kty": "oct", "kid": "s", "k": "c2VjcmV0", "alg": "HS256"});
    let future = json!({"kty": "AKP", "kid": "f", "alg": "ML-DSA-65", "pub": "xx"});
    let mut keys = vec![enc, other, sign_only, secret, future, json!("nonsense")];
    let parse = |keys: &[Value]| KeySet::parse(json!({"keys": keys}).to_string().as_bytes());
    assert!(matches!(parse(&keys), Err(JwksError::NoKeys)));
    keys.push(ec.jwk("good"));
    let kept = parse(&keys).unwrap();
    assert_eq!(kept.len(), 1);
    assert!(kept.find(Some("good"), JwtAlgorithm::Es256).is_some());
    assert!(matches!(KeySet::parse(b"[]"), Err(JwksError::Format(_))));
    assert!(matches!(KeySet::parse(b""), Err(JwksError::Format(_))));
    assert!(matches!(
        parse(&vec![ec.jwk("x"); 257]),
        Err(JwksError::TooMany)
    ));
    let long = vec![b' '; JWKS_BYTES_MAX + 1];
    assert!(matches!(KeySet::parse(&long), Err(JwksError::TooLarge)));
}

#[test]
fn a_file_of_keys_is_read_when_it_changes_and_a_bad_one_keeps_the_old() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let check = TokenCheck::new(&config(JwksSource::File(path.clone())));
    assert!(matches!(
        check.refresh_from_file(),
        JwksRefresh::Kept(JwksError::Read { .. })
    ));
    let key = Key::ed();
    let token = key.sign(&header(&key, "k"), &claims());
    assert_eq!(ask(&check, &token), Err(TokenDenied::UnknownKey));
    assert_eq!(check.wants_fetch(0), None);
    std::fs::write(&path, set(&[(&key, "k")])).unwrap();
    assert!(matches!(
        check.refresh_from_file(),
        JwksRefresh::Loaded { keys: 1 }
    ));
    assert!(matches!(check.refresh_from_file(), JwksRefresh::Unchanged));
    ask(&check, &token).unwrap();
    std::fs::write(&path, "{\"keys\": []}").unwrap();
    assert!(matches!(
        check.refresh_from_file(),
        JwksRefresh::Kept(JwksError::NoKeys)
    ));
    ask(&check, &token).unwrap();
    let next = Key::ed();
    std::fs::write(&path, set(&[(&next, "next")])).unwrap();
    assert!(matches!(
        check.refresh_from_file(),
        JwksRefresh::Loaded { keys: 1 }
    ));
    assert_eq!(ask(&check, &token), Err(TokenDenied::UnknownKey));
}

#[test]
fn an_unknown_key_asks_for_a_fetch_but_not_too_often() {
    let key = Key::ed();
    let check = TokenCheck::new(&config(url()));
    assert!(check.wants_fetch(1_000).is_some());
    assert_eq!(check.wants_fetch(1_000), None, "one fetch at a time");
    let failed = check.fetched(Err(JwksError::NoKeys));
    assert!(matches!(failed, JwksRefresh::Kept(_)));
    assert_eq!(check.wants_fetch(1_000 + JWKS_REFRESH_PAUSE_MS - 1), None);
    let second_ms = 1_000 + JWKS_REFRESH_PAUSE_MS;
    assert!(check.wants_fetch(second_ms).is_some());
    check.fetched(Ok(set(&[(&key, "k")])));
    assert_eq!(check.wants_fetch(second_ms + JWKS_REFRESH_PAUSE_MS), None);
    let unknown = key.sign(&header(&key, "new"), &claims());
    for _ in 0..100 {
        assert_eq!(ask(&check, &unknown), Err(TokenDenied::UnknownKey));
    }
    assert_eq!(
        check.wants_fetch(second_ms + JWKS_REFRESH_PAUSE_MS - 1),
        None
    );
    let third_ms = second_ms + JWKS_REFRESH_PAUSE_MS;
    assert!(check.wants_fetch(third_ms).is_some());
    check.fetched(Err(JwksError::TooLarge));
    let known = key.sign(&header(&key, "k"), &claims());
    ask(&check, &known).expect("a failed fetch keeps the old keys");
    let fourth_ms = third_ms + JWKS_REFRESH_PAUSE_MS;
    assert!(check.wants_fetch(fourth_ms).is_some());
    check.fetched(Ok(set(&[(&key, "k")])));
    assert_eq!(check.wants_fetch(fourth_ms + JWKS_FRESH_MS - 1), None);
    assert!(check.wants_fetch(fourth_ms + JWKS_FRESH_MS).is_some());
}

/// Answers one request with `answer` and gives the request.
async fn serve_once(answer: Vec<u8>) -> (String, tokio::task::JoinHandle<String>) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys?x=1", listener.local_addr().unwrap());
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await.unwrap());
        }
        let _ = stream.write_all(&answer).await;
        String::from_utf8(request).unwrap()
    });
    (url, served)
}

#[tokio::test]
async fn a_key_set_is_fetched_over_http() {
    let keys = set(&[(&Key::ed(), "k")]);
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", keys.len());
    let (url, served) = serve_once([head.as_bytes(), &keys].concat()).await;
    assert_eq!(fetch_jwks(&url).await.unwrap(), keys);
    let request = served.await.unwrap();
    assert!(
        request.starts_with("GET /keys?x=1 HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(request.contains("host: 127.0.0.1:"), "{request}");
}

/// Answers every request with the keys that are in the list at the moment; counts them.
async fn serve_keys(keys: Arc<Mutex<Vec<u8>>>) -> (String, Arc<AtomicUsize>) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let asked = Arc::clone(&count);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(stream.read_u8().await.unwrap());
            }
            asked.fetch_add(1, Relaxed);
            let keys = keys.lock().unwrap().clone();
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", keys.len());
            let _ = stream.write_all(&[head.as_bytes(), &keys].concat()).await;
        }
    });
    (url, count)
}

#[tokio::test]
async fn rotated_keys_are_fetched_once_however_many_tokens_name_the_new_one() {
    let (old, new) = (Key::rsa(), Key::ec());
    let served = Arc::new(Mutex::new(set(&[(&old, "2025")])));
    let (url, asked) = serve_keys(Arc::clone(&served)).await;
    let check = TokenCheck::new(&config(JwksSource::Url(url)));
    // As the gateway does it, a few times a second.
    let look = async |now_ms: u64| {
        if let Some(url) = check.wants_fetch(now_ms) {
            let fetched = check.fetched(fetch_jwks(url).await);
            assert!(matches!(fetched, JwksRefresh::Loaded { .. }), "{fetched:?}");
        }
    };
    let by_old = old.sign(&header(&old, "2025"), &claims());
    let by_new = new.sign(&header(&new, "2026"), &claims());
    look(1_000).await;
    ask(&check, &by_old).expect("the first key is known");
    // Both are good for a while; then the old one is taken back.
    *served.lock().unwrap() = set(&[(&old, "2025"), (&new, "2026")]);
    for now_ms in (1_100..1_000 + JWKS_REFRESH_PAUSE_MS).step_by(100) {
        assert_eq!(ask(&check, &by_new), Err(TokenDenied::UnknownKey));
        look(now_ms).await;
    }
    assert_eq!(asked.load(Relaxed), 1, "not once for each token");
    look(1_000 + JWKS_REFRESH_PAUSE_MS).await;
    assert_eq!(asked.load(Relaxed), 2);
    ask(&check, &by_new).expect("the new key is known");
    ask(&check, &by_old).expect("and so is the old one");
    *served.lock().unwrap() = set(&[(&new, "2026")]);
    let fresh_ms = 1_000 + JWKS_REFRESH_PAUSE_MS + JWKS_FRESH_MS;
    look(fresh_ms - 1).await;
    ask(&check, &by_old).expect("the keys are fresh");
    look(fresh_ms).await;
    assert_eq!(ask(&check, &by_old), Err(TokenDenied::UnknownKey));
    ask(&check, &by_new).expect("the new key stays");
    // Keys that are nowhere are looked for at the same pace, however many tokens name them.
    let nowhere = new.sign(&header(&new, "never"), &claims());
    for now_ms in (fresh_ms + 100..fresh_ms + 10 * JWKS_REFRESH_PAUSE_MS).step_by(500) {
        assert_eq!(ask(&check, &nowhere), Err(TokenDenied::UnknownKey));
        look(now_ms).await;
    }
    assert_eq!(asked.load(Relaxed), 3 + 9);
}

#[tokio::test]
async fn a_fetch_that_goes_wrong_says_how() {
    let fetch = |answer: Vec<u8>| async move {
        let (url, _served) = serve_once(answer).await;
        fetch_jwks(&url).await.unwrap_err()
    };
    let moved = b"HTTP/1.1 302 Found\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n";
    assert!(matches!(
        fetch(moved.to_vec()).await,
        JwksError::Status { status: 302, .. }
    ));
    let mut long = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    long.resize(long.len() + JWKS_BYTES_MAX + 1, b' ');
    assert!(matches!(fetch(long).await, JwksError::TooLarge));
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc";
    assert!(matches!(
        fetch(cut.to_vec()).await,
        JwksError::Connection { .. }
    ));
    assert!(matches!(
        fetch(b"nonsense\r\n".to_vec()).await,
        JwksError::Connection { .. }
    ));
    for bad in ["", "keys", "ftp://127.0.0.1/x", "http://", "https:///x"] {
        assert!(
            matches!(fetch_jwks(bad).await, Err(JwksError::Url { .. })),
            "{bad}"
        );
    }
    let gone = fetch_jwks("http://127.0.0.1:1/x").await;
    assert!(matches!(gone, Err(JwksError::Connection { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_is_given_up() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    assert!(matches!(
        fetch_jwks(&url).await,
        Err(JwksError::Timeout { .. })
    ));
}

proptest! {
    #[test]
    fn no_bytes_break_it(
        value in proptest::collection::vec(any::<u8>(), 0..200),
        head in "[a-zA-Z0-9_{}:\",-]{0,60}",
        body in "[a-zA-Z0-9_{}:\",-]{0,60}",
    ) {
        let check = check_with(&[(&Key::ed(), "k")]);
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let built = format!("{}.{}.{}", part(&head), part(&body), part("x"));
        for value in [&value, built.as_bytes(), &[b"Bearer ", value.as_slice()].concat(), format!("Bearer {built}").as_bytes()] {
            if let Ok(value) = HeaderValue::from_bytes(value) {
                let mut headers = HeaderMap::new();
                headers.insert("authorization", value);
                prop_assert!(check.check(&headers, &[], NOW_MS).is_err());
            }
        }
        let _ = KeySet::parse(&value);
    }
}

//! Tokens and API keys.

use std::sync::OnceLock;

use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderValue};
use jiff::Timestamp;
use portcullis_config::{ApiKeysConfig, JwksSource, JwtAlgorithm, JwtConfig};
use secrecy::ExposeSecret;

use crate::protect::{ApiKeys, ApiKeysFile, JwksRefresh, KeyRefresh, TokenCheck};

/// 2026 in milliseconds since the Unix epoch.
const NOW_MS: u64 = 1_780_000_000_000;
/// The private key of the first was thrown away after it had signed [`TOKEN`].
const KEY_SET: &str = r#"{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": "d1_8vJZI18j8Ulh1M1aD199ATzfxDcl2b7Pva6R-iGE"}, {"kty": "EC", "crv": "P-256", "kid": "ec", "x": "PQvpD_HTfm8knANDaTvFZGFnehcWuteJRikgxWjdwPk", "y": "2PiLO_wUbPlZzWRphOAJvycRfAx0s5MOcFAmNbV-xZ8"}]}"#;
/// Good until the year 2096.
const TOKEN: &str = "eyJhbGciOiAiRWREU0EiLCAia2lkIjogImVkIiwgInR5cCI6ICJKV1QifQ.eyJpc3MiOiAiaHR0cHM6Ly9pc3N1ZXIuZXhhbXBsZSIsICJhdWQiOiAiYXBpIiwgInN1YiI6ICJmdXp6IiwgImV4cCI6IDQwMDAwMDAwMDAsICJzY29wZSI6ICJyZWFkIn0.8WubHCiIVlVQtYFFsVqqIrB3k9Bl0NE0qoD7jNxzrj8DxCekZf5QLvzKDu3jP6L4Dkvux5HdEirtMfq2Ko_LDQ";

/// Nobody without the private key makes a token that is let in, and no bytes that come as a key set spoil
/// the good one. The first byte chooses: a header, whose `{TOKEN}` is replaced by the good token, or a key
/// set.
pub fn jwt(bytes: &[u8]) {
    let Some((kind, bytes)) = bytes.split_first() else {
        return;
    };
    let check = check();
    let good = HeaderMap::from_iter([(AUTHORIZATION, value(&format!("Bearer {TOKEN}")))]);
    if kind % 2 == 1 {
        let refreshed = check.fetched(Ok(bytes.to_vec()));
        if let JwksRefresh::Loaded { keys } = refreshed {
            assert!((1..=256).contains(&keys));
        } else {
            assert!(check.check(&good, &[], NOW_MS).is_ok(), "the old keys stay");
        }
        return;
    }
    let text = String::from_utf8_lossy(bytes).replace("{TOKEN}", TOKEN);
    let mut headers = HeaderMap::new();
    for line in super::values(text.as_bytes()) {
        headers.append(AUTHORIZATION, line);
    }
    if let Ok(token) = check.check(&headers, &["read".to_owned()], NOW_MS) {
        let sent = headers[AUTHORIZATION].to_str().unwrap();
        let sent = sent[7..].trim();
        assert_eq!(sent, TOKEN, "a token that nobody signed was let in");
        assert_eq!(token.subject.as_deref(), Some("fuzz"));
        assert_eq!(headers.len(), 1);
    }
    let expired = check.check(&headers, &[], 5_000_000_000_000);
    assert!(expired.is_err(), "no token is good for ever");
}

/// Only the key itself lets a request in. The first byte chooses the header's name, its lines follow, with
/// the key for `{KEY}` and its public part for `{PREFIX}`; or what follows is a file of keys.
pub fn api_key(bytes: &[u8]) {
    let Some((kind, bytes)) = bytes.split_first() else {
        return;
    };
    let (in_own, in_authorization, key) = keys();
    let (keys, name) = match kind % 3 {
        0 => (in_own, "x-api-key"),
        1 => (in_authorization, "authorization"),
        _ => {
            let path = std::path::Path::new("keys.json");
            let _ = ApiKeysFile::parse(path, bytes).map_err(|error| error.to_string());
            return;
        }
    };
    let text = String::from_utf8_lossy(bytes);
    let text = text.replace("{KEY}", key).replace("{PREFIX}", &key[..11]);
    let mut headers = HeaderMap::new();
    for line in super::values(text.as_bytes()) {
        headers.append(name, line);
    }
    match keys.check(&headers, &["read".to_owned()], NOW_MS) {
        Ok(found) => {
            assert_eq!(headers.len(), 1, "one key only");
            let sent = headers[name].to_str().unwrap();
            let sent = if kind % 3 == 1 { &sent[7..] } else { sent };
            assert_eq!(sent.trim(), key, "a key that nobody made was let in");
            assert_eq!(
                (found.id.as_str(), found.prefix.as_str()),
                ("ci", &key[..11])
            );
        }
        Err(denied) => {
            let denial = keys.denial(denied);
            assert!(denial.status == 401 || denial.status == 403);
        }
    }
    keys.hide(&mut headers);
    assert!(
        !headers.contains_key(name),
        "the release does not see the key"
    );
}

fn check() -> TokenCheck {
    let check = TokenCheck::new(&JwtConfig {
        keys: JwksSource::Url("https://issuer.example/keys".to_owned()),
        algorithms: vec![
            JwtAlgorithm::EdDsa,
            JwtAlgorithm::Es256,
            JwtAlgorithm::Rs256,
        ],
        issuer: Some("https://issuer.example".to_owned()),
        audiences: vec!["api".to_owned()],
        skew_s: 60,
    });
    let loaded = check.fetched(Ok(KEY_SET.into()));
    assert!(matches!(loaded, JwksRefresh::Loaded { keys: 2 }));
    check
}

/// Keys with one of them known, by header, and its text. They are made once.
fn keys() -> &'static (ApiKeys, ApiKeys, String) {
    static KEYS: OnceLock<(ApiKeys, ApiKeys, String)> = OnceLock::new();
    KEYS.get_or_init(|| {
        let mut file = ApiKeysFile::default();
        let scopes = vec!["read".to_owned()];
        let made = file
            .create("ci", scopes, Timestamp::UNIX_EPOCH, None)
            .unwrap();
        let name = format!("portcullis-fuzz-keys-{}.json", std::process::id());
        let path = std::env::temp_dir().join(name);
        file.write(&path).unwrap();
        let keys = ["x-api-key", "authorization"].map(|header| {
            let keys = ApiKeys::new(&ApiKeysConfig {
                file: path.clone(),
                header: header.to_owned(),
                hide: true,
            });
            let keys = keys.unwrap();
            assert!(matches!(keys.refresh(), KeyRefresh::Loaded { keys: 1 }));
            keys
        });
        let _ = std::fs::remove_file(&path);
        let [own, authorization] = keys;
        (own, authorization, made.key.expose_secret().to_owned())
    })
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap()
}

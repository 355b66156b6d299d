//! Who may use a route: addresses, API keys from a file that changes, and tokens.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use portcullis_config::{
    AccessConfig, ApiKeysConfig, CorsConfig, JwksSource, JwtAlgorithm, JwtConfig, LimitKey,
    PathPattern,
};
use portcullis_gateway::GatewaySettings;
use portcullis_gateway::protect::ApiKeysFile;
use reqwest::StatusCode;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::raw::{RawServer, ok};
use crate::rig::{Rig, arm};
use crate::service::Service;
use crate::ways::{limit, named, way};

/// A policy that asks for nothing.
pub(crate) fn policy(name: &str) -> AccessConfig {
    AccessConfig {
        name: name.into(),
        allow: Vec::new(),
        deny: Vec::new(),
        keys: None,
        jwt: None,
        scopes: Vec::new(),
    }
}

/// Writes a file with a key for each id, all with the scope `read`; gives the keys.
pub(crate) fn write_keys(path: &Path, ids: &[&str]) -> Vec<String> {
    let mut file = ApiKeysFile { keys: Vec::new() };
    let scopes = || vec!["read".to_owned()];
    let made = ids.iter().map(|id| {
        let made = file.create(id, scopes(), Timestamp::now(), None).unwrap();
        made.key.expose_secret().to_owned()
    });
    let made = made.collect();
    file.write(path).unwrap();
    made
}

fn guarded(policy: AccessConfig) -> impl FnOnce(&mut GatewaySettings) {
    move |settings| {
        let mut way = way("all");
        way.access = Some(std::sync::Arc::clone(&policy.name));
        settings.routing.routes = vec![way];
        settings.routing.access = vec![policy];
    }
}

fn by_keys(file: PathBuf, header: &str) -> AccessConfig {
    let mut policy = policy("keys");
    policy.keys = Some(ApiKeysConfig {
        file,
        header: header.to_owned(),
        hide: true,
    });
    policy
}

async fn served(adjust: impl FnOnce(&mut GatewaySettings), service: &Service) -> Rig {
    let rig = Rig::start_with(adjust);
    rig.split(&arm("1.0", service), None, 0).await;
    rig
}

async fn with(rig: &Rig, name: &str, value: &str) -> (u16, String) {
    let request = rig.client.get(rig.url("/headers")).header(name, value);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// Waits until a request with this header is answered as wanted.
async fn comes(rig: &Rig, name: &str, value: &str, wanted: u16) {
    let began = Instant::now();
    while with(rig, name, value).await.0 != wanted {
        assert!(began.elapsed() < Duration::from_secs(5), "never {wanted}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn addresses_are_let_in_and_turned_away_behind_a_trusted_proxy_too() {
    let service = Service::start("old");
    let mut rules = policy("inside");
    rules.allow = vec!["10.0.0.0/8".parse().unwrap()];
    rules.deny = vec!["10.6.6.0/24".parse().unwrap()];
    let adjust = |settings: &mut GatewaySettings| {
        guarded(rules)(settings);
        settings.clients.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    };
    let rig = served(adjust, &service).await;
    for (client, wanted) in [
        ("10.1.2.3", 200),
        ("10.6.6.6", 403),
        ("192.0.2.1", 403),
        ("10.1.2.3, 192.0.2.1", 403),
        ("::ffff:10.1.2.3", 200),
        ("10.1.2.3.4", 400),
    ] {
        let (status, _) = with(&rig, "x-forwarded-for", client).await;
        assert_eq!(status, wanted, "{client}");
    }
    assert_eq!(rig.get("/headers").await.status(), StatusCode::FORBIDDEN);
    assert_eq!(service.requests(), 2);
}

#[tokio::test]
async fn preflights_are_asked_for_their_address_and_count_for_it_but_need_no_key() {
    let service = Service::start("old");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    write_keys(&path, &["first"]);
    let mut rules = by_keys(path, "x-api-key");
    rules.deny = vec!["10.6.6.0/24".parse().unwrap()];
    let adjust = |settings: &mut GatewaySettings| {
        guarded(rules)(settings);
        let all = &mut settings.routing.routes[0];
        all.limits = named("each");
        all.cors = Some(CorsConfig {
            origins: vec!["https://app.example".to_owned()],
            methods: vec!["PUT".to_owned()],
            headers: Vec::new(),
            expose: Vec::new(),
            credentials: false,
            max_age_s: 60,
        });
        settings.routing.limits = vec![limit("each", 2, 3_600_000, LimitKey::ClientAddress)];
        settings.clients.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    };
    let rig = served(adjust, &service).await;
    let preflight = async |client: &str, origin: &str| {
        let request = rig
            .client
            .request(reqwest::Method::OPTIONS, rig.url("/headers"))
            .header("origin", origin)
            .header("access-control-request-method", "PUT")
            .header("x-forwarded-for", client);
        request.send().await.unwrap()
    };
    let denied = preflight("10.6.6.6", "https://app.example").await;
    assert_eq!(denied.status(), StatusCode::FORBIDDEN);
    let problem = denied.text().await.unwrap();
    assert!(problem.contains("address_not_admitted"), "{problem}");
    for (origin, wanted) in [
        ("https://app.example", 204),
        ("https://evil.example", 403),
        ("https://app.example", 429),
        ("https://evil.example", 429),
    ] {
        let answer = preflight("10.1.2.3", origin).await;
        assert_eq!(answer.status().as_u16(), wanted, "{origin}");
        assert_eq!(answer.headers().contains_key("retry-after"), wanted == 429);
    }
    let other = preflight("10.1.2.4", "https://app.example").await;
    assert_eq!(other.status(), StatusCode::NO_CONTENT);
    assert_eq!(other.headers()["access-control-allow-methods"], "PUT");
    assert_eq!(service.requests(), 0);
}

#[tokio::test]
async fn keys_are_known_from_the_first_request_on_and_changes_of_the_file_are_followed() {
    let service = Service::start("old");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let keys = write_keys(&path, &["first"]);
    let rig = served(guarded(by_keys(path.clone(), "x-api-key")), &service).await;
    let (status, seen) = with(&rig, "x-api-key", &keys[0]).await;
    assert_eq!(status, 200);
    assert!(!seen.contains("x-api-key"), "it is hidden: {seen}");
    let refused = rig.get("/headers").await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert!(refused.headers().contains_key("www-authenticate"));

    let bytes = std::fs::read(&path).unwrap();
    let mut file = ApiKeysFile::parse(&path, &bytes).unwrap();
    let overlap = SignedDuration::from_hours(1);
    let second = file
        .rotate("first", "second", Timestamp::now(), overlap, None)
        .unwrap();
    let second = second.key.expose_secret().to_owned();
    file.write(&path).unwrap();
    comes(&rig, "x-api-key", &second, 200).await;
    assert_eq!(
        with(&rig, "x-api-key", &keys[0]).await.0,
        200,
        "both are good for a while"
    );
    // A file that is none changes nothing.
    std::fs::write(&path, "{").unwrap();
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(with(&rig, "x-api-key", &second).await.0, 200);
    file.revoke("first").unwrap();
    file.write(&path).unwrap();
    comes(&rig, "x-api-key", &keys[0], 401).await;
    assert_eq!(with(&rig, "x-api-key", &second).await.0, 200);
}

#[tokio::test]
async fn scopes_and_the_end_of_a_keys_time_are_looked_at() {
    let service = Service::start("old");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let mut file = ApiKeysFile { keys: Vec::new() };
    let now = Timestamp::now();
    let soon = now + SignedDuration::from_millis(700);
    let scopes = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let mut make = |id, names: &[&str], until| {
        let made = file.create(id, scopes(names), now, until).unwrap();
        made.key.expose_secret().to_owned()
    };
    let reader = make("reader", &["read"], None);
    let writer = make("writer", &["read", "write"], None);
    let guest = make("guest", &["write"], Some(soon));
    file.write(&path).unwrap();
    let mut rules = by_keys(path, "authorization");
    rules.scopes = vec!["write".to_owned()];
    let rig = served(guarded(rules), &service).await;
    let bearer = |key: &str| format!("Bearer {key}");
    for (key, wanted) in [(&reader, 403), (&writer, 200), (&guest, 200)] {
        let (status, text) = with(&rig, "authorization", &bearer(key)).await;
        assert_eq!(status, wanted);
        assert!(!text.contains("authorization"), "{text}");
    }
    comes(&rig, "authorization", &bearer(&guest), 401).await;
}

#[tokio::test]
async fn a_reload_that_changes_a_policy_turns_nobody_away_who_has_a_good_key() {
    let service = Service::start("old");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let keys = write_keys(&path, &["first"]);
    let mut settings = None;
    let adjust = |given: &mut GatewaySettings| {
        guarded(by_keys(path.clone(), "x-api-key"))(given);
        settings = Some(given.clone());
    };
    let rig = served(adjust, &service).await;
    let mut settings = settings.unwrap();
    let gateway = rig.gateway.as_ref().unwrap();
    assert_eq!(with(&rig, "x-api-key", &keys[0]).await.0, 200);
    // Other rules for the same keys, while the file is being written.
    std::fs::write(&path, "{").unwrap();
    settings.routing.access[0].scopes = vec!["read".to_owned()];
    gateway.reload(settings.clone()).await.unwrap();
    assert_eq!(with(&rig, "x-api-key", &keys[0]).await.0, 200);
    // Another file.
    let other = folder.path().join("other.json");
    let others = write_keys(&other, &["other"]);
    settings.routing.access[0].keys.as_mut().unwrap().file = other;
    gateway.reload(settings.clone()).await.unwrap();
    assert_eq!(with(&rig, "x-api-key", &others[0]).await.0, 200);
    assert_eq!(with(&rig, "x-api-key", &keys[0]).await.0, 401);
    // A policy that was not there before.
    let mut second = settings.routing.access[0].clone();
    second.name = "second".into();
    let mut more = way("more");
    more.path = PathPattern::Prefix("/headers".to_owned());
    more.access = Some("second".into());
    settings.routing.access.push(second);
    settings.routing.routes.push(more);
    gateway.reload(settings).await.unwrap();
    assert_eq!(with(&rig, "x-api-key", &others[0]).await.0, 200);
}

/// A key that signs tokens.
enum Signer {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

const RSA_KEY: &str = include_str!("../../src/protect/jwt/tests/rsa_test_key.pkcs8.b64");

impl Signer {
    fn all() -> [Signer; 3] {
        let random = SystemRandom::new();
        let text: String = RSA_KEY.split_whitespace().collect();
        let rsa = RsaKeyPair::from_pkcs8(&STANDARD.decode(text).unwrap()).unwrap();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let made = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let ec = EcdsaKeyPair::from_pkcs8(algorithm, made.as_ref(), &random).unwrap();
        [Signer::Rsa(rsa), Signer::Ec(ec), Signer::ed()]
    }

    fn ed() -> Signer {
        let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Signer::Ed(Ed25519KeyPair::from_pkcs8(made.as_ref()).unwrap())
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Signer::Rsa(_) => "RS256",
            Signer::Ec(_) => "ES256",
            Signer::Ed(_) => "EdDSA",
        }
    }

    /// The public key as a key set has it; its id is the algorithm's name.
    fn jwk(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let kid = self.algorithm();
        match self {
            Signer::Rsa(key) => {
                let public = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(key.public());
                json!({"kty": "RSA", "kid": kid, "n": text(&public.n), "e": text(&public.e)})
            }
            Signer::Ec(key) => {
                let point = key.public_key().as_ref();
                let (x, y) = (text(&point[1..33]), text(&point[33..]));
                json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": x, "y": y})
            }
            Signer::Ed(key) => {
                json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": text(key.public_key().as_ref())})
            }
        }
    }

    /// A token for `audience` that ends in so many seconds.
    fn token(&self, audience: &str, seconds: i64) -> String {
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let head = json!({"alg": self.algorithm(), "kid": self.algorithm()});
        let until = Timestamp::now().as_second() + seconds;
        let claims = json!({"aud": audience, "sub": "someone", "scope": "read", "exp": until});
        let message = format!("{}.{}", part(head), part(claims));
        let random = SystemRandom::new();
        let signature = match self {
            Signer::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(
                    &RSA_PKCS1_SHA256,
                    &random,
                    message.as_bytes(),
                    &mut signature,
                )
                .unwrap();
                signature
            }
            Signer::Ec(key) => {
                let signed = key.sign(&random, message.as_bytes()).unwrap();
                signed.as_ref().to_vec()
            }
            Signer::Ed(key) => key.sign(message.as_bytes()).as_ref().to_vec(),
        };
        format!("Bearer {message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn key_set(signers: &[&Signer]) -> String {
    let keys: Vec<_> = signers.iter().map(|signer| signer.jwk()).collect();
    json!({ "keys": keys }).to_string()
}

fn by_tokens(keys: JwksSource) -> AccessConfig {
    let mut policy = policy("tokens");
    policy.jwt = Some(JwtConfig {
        keys,
        algorithms: vec![
            JwtAlgorithm::Rs256,
            JwtAlgorithm::Es256,
            JwtAlgorithm::EdDsa,
        ],
        issuer: None,
        audiences: vec!["shop".to_owned()],
        skew_s: 0,
    });
    policy.scopes = vec!["read".to_owned()];
    policy
}

#[tokio::test]
async fn tokens_of_three_algorithms_are_checked_with_keys_from_a_file_that_changes() {
    let service = Service::start("old");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let signers = Signer::all();
    let [rsa, ec, ed] = &signers;
    std::fs::write(&path, key_set(&[rsa, ec, ed])).unwrap();
    let rig = served(guarded(by_tokens(JwksSource::File(path.clone()))), &service).await;
    for signer in &signers {
        for (audience, seconds, wanted) in
            [("shop", 60, 200), ("other", 60, 401), ("shop", -5, 401)]
        {
            let token = signer.token(audience, seconds);
            let (status, _) = with(&rig, "authorization", &token).await;
            assert_eq!(
                status,
                wanted,
                "{} {audience} {seconds}",
                signer.algorithm()
            );
        }
    }
    let mut changed = ed.token("shop", 60);
    changed.replace_range(changed.len() - 4..changed.len() - 2, "AA");
    assert_eq!(with(&rig, "authorization", &changed).await.0, 401);
    // The keys are replaced: a new one under an id that was known, and the others are gone.
    let next = Signer::ed();
    std::fs::write(&path, key_set(&[&next])).unwrap();
    comes(&rig, "authorization", &next.token("shop", 60), 200).await;
    for signer in &signers {
        assert_eq!(
            with(&rig, "authorization", &signer.token("shop", 60))
                .await
                .0,
            401
        );
    }
}

#[tokio::test]
async fn keys_are_fetched_from_a_url_and_a_reload_keeps_them() {
    let service = Service::start("old");
    let signer = Signer::ed();
    let set = key_set(&[&signer]);
    let issuer = RawServer::start(move |_, mut connection| {
        let answer = ok(&set);
        async move {
            loop {
                connection.head().await?;
                connection.send(&answer).await?;
            }
        }
    })
    .await;
    let url = format!("http://{}/keys", issuer.address);
    let mut settings = None;
    let adjust = |given: &mut GatewaySettings| {
        guarded(by_tokens(JwksSource::Url(url)))(given);
        settings = Some(given.clone());
    };
    let rig = served(adjust, &service).await;
    comes(&rig, "authorization", &signer.token("shop", 60), 200).await;
    let mut settings = settings.unwrap();
    settings.routing.access[0].jwt.as_mut().unwrap().skew_s = 5;
    rig.gateway
        .as_ref()
        .unwrap()
        .reload(settings)
        .await
        .unwrap();
    let late = signer.token("shop", -2);
    assert_eq!(
        with(&rig, "authorization", &late).await.0,
        200,
        "with the new skew"
    );
    assert_eq!(issuer.heads(), 1);
}

//! Prints what the decisions of the gateway's policies cost, in nanoseconds each.
//!
//! `cargo run --release -p portcullis-gateway --example protect_bench`

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods)] // a measurement

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, HeaderValue, Method};
use portcullis_config::{
    ApiKeysConfig, ClientsConfig, CorsConfig, JwksSource, JwtAlgorithm, JwtConfig, LimitConfig,
    LimitKey, UploadConfig,
};
use portcullis_gateway::protect::{
    ApiKeys, ApiKeysFile, ClientTrust, Cors, Limit, LimitSubject, RouteLimits, TokenCheck, Trace,
    UploadCheck,
};
use secrecy::ExposeSecret;

fn main() {
    limits();
    api_keys();
    tokens();
    cors();
    others();
}

/// Repeats `decide` for two milliseconds, many times; prints the fastest time, which other work on the
/// machine disturbs least.
fn measure(name: &str, mut decide: impl FnMut(u64)) {
    let (mut repeats, mut next, mut best) = (16_u64, 0_u64, f64::INFINITY);
    let mut rounds = 0;
    while rounds < 60 {
        let start = Instant::now();
        (next..next + repeats).for_each(&mut decide);
        let took = start.elapsed();
        next += repeats;
        if took.as_millis() < 2 {
            repeats *= 2;
            continue;
        }
        best = best.min(took.as_nanos() as f64 / repeats as f64);
        rounds += 1;
    }
    println!("{name:<58} {best:>10.0} ns");
}

/// A limit of a million at once, filled within `per_ms`.
fn limit(key: LimitKey, per_ms: u64) -> Arc<Limit> {
    Arc::new(Limit::new(LimitConfig {
        name: "bench".into(),
        requests: 1_000_000,
        per_ms,
        burst: 1_000_000,
        key,
    }))
}

fn address(index: u64) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from(index as u32))
}

fn limits() {
    let headers = HeaderMap::new();
    let ask = |limits: &RouteLimits, index: u64, spread: u64| {
        let subject = LimitSubject {
            client: address(index % spread),
            caller: None,
            headers: &headers,
        };
        black_box(limits.check(&subject, index / 1_000))
    };
    let one = RouteLimits::new(vec![limit(LimitKey::ClientAddress, 1_000)]);
    measure("limit: one key", |i| drop(ask(&one, i, 1)));
    let many = RouteLimits::new(vec![limit(LimitKey::ClientAddress, 1_000)]);
    measure("limit: 100,000 keys", |i| drop(ask(&many, i, 100_000)));
    let full = RouteLimits::new(vec![limit(LimitKey::ClientAddress, u64::MAX / 1_000_000)]);
    for index in 0..1_000_000 {
        drop(ask(&full, index, 10_000_000));
    }
    measure("limit: 10,000,000 keys, more than are kept", |i| {
        drop(ask(&full, i, 10_000_000));
    });
    let route = RouteLimits::new(vec![limit(LimitKey::Route, 1_000)]);
    measure("limit: whole route", |i| drop(ask(&route, i, 1)));
    let three = RouteLimits::new(vec![
        limit(LimitKey::ClientAddress, 1_000),
        limit(LimitKey::ClientAddress, 1_000),
        limit(LimitKey::Route, 1_000),
    ]);
    measure("limit: three limits", |i| drop(ask(&three, i, 1_000)));
    for (name, limits, spread) in [
        ("10,000 keys", &many, 10_000),
        ("one key", &one, 1),
        ("whole route", &route, 1),
    ] {
        for threads in [1, 2, 4] {
            let each = 20_000;
            let mut best = f64::INFINITY;
            for _ in 0..30 {
                let start = Instant::now();
                std::thread::scope(|scope| {
                    for thread in 0..threads {
                        let (ask, limits) = (&ask, &limits);
                        scope.spawn(move || {
                            for index in 0..each {
                                drop(ask(limits, index * 7 + thread * 31, spread));
                            }
                        });
                    }
                });
                let total_ns = start.elapsed().as_nanos() as f64;
                best = best.min(total_ns / (threads * each) as f64);
            }
            let name = format!("limit: {name}, {threads} threads, wall time a decision");
            println!("{name:<58} {best:>10.0} ns");
        }
    }
}

fn api_keys() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let mut file = ApiKeysFile::default();
    let now = jiff::Timestamp::UNIX_EPOCH;
    let mut last = file.create("0", vec!["a".to_owned()], now, None).unwrap();
    for id in 1..1_000 {
        last = file
            .create(&id.to_string(), vec!["a".to_owned()], now, None)
            .unwrap();
    }
    file.write(&path).unwrap();
    let config = ApiKeysConfig {
        file: path,
        header: "x-api-key".to_owned(),
        hide: true,
    };
    let keys = ApiKeys::new(&config).unwrap();
    keys.refresh();
    let mut headers = HeaderMap::new();
    headers.insert("x-api-key", last.key.expose_secret().parse().unwrap());
    keys.check(&headers, &["a".to_owned()], 0).unwrap();
    measure("api key: good, of 1,000", |_| {
        black_box(keys.check(&headers, &[], 0)).unwrap();
    });
    headers.insert("x-api-key", HeaderValue::from_static("nonsense"));
    measure("api key: malformed", |_| {
        black_box(keys.check(&headers, &[], 0)).unwrap_err();
    });
}

fn tokens() {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
    use ring::rand::SystemRandom;
    use ring::signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING as P256, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    };
    let random = SystemRandom::new();
    let ed = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
    let ed = Ed25519KeyPair::from_pkcs8(ed.as_ref()).unwrap();
    let ec = EcdsaKeyPair::generate_pkcs8(&P256, &random).unwrap();
    let ec = EcdsaKeyPair::from_pkcs8(&P256, ec.as_ref(), &random).unwrap();
    let point = ec.public_key().as_ref();
    let set = serde_json::json!({"keys": [
        {"kty": "OKP", "crv": "Ed25519", "kid": "d", "x": B64.encode(ed.public_key())},
        {"kty": "EC", "crv": "P-256", "kid": "e", "x": B64.encode(&point[1..33]),
         "y": B64.encode(&point[33..])},
    ]});
    let check = TokenCheck::new(&JwtConfig {
        keys: JwksSource::Url("https://issuer.example/keys".to_owned()),
        algorithms: vec![JwtAlgorithm::EdDsa, JwtAlgorithm::Es256],
        issuer: None,
        audiences: vec!["api".to_owned()],
        skew_s: 60,
    });
    check.fetched(Ok(set.to_string().into_bytes()));
    let message = |alg: &str, kid: &str| {
        let head = serde_json::json!({"alg": alg, "kid": kid}).to_string();
        let body = r#"{"aud":"api","sub":"alice","exp":2000000000,"scope":"read write"}"#;
        format!("{}.{}", B64.encode(head), B64.encode(body))
    };
    let (d, e) = (message("EdDSA", "d"), message("ES256", "e"));
    let ec_signature = ec.sign(&random, e.as_bytes()).unwrap();
    for (name, token) in [
        (
            "token: EdDSA",
            format!("{d}.{}", B64.encode(ed.sign(d.as_bytes()))),
        ),
        ("token: ES256", format!("{e}.{}", B64.encode(ec_signature))),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
        measure(name, |_| {
            black_box(check.check(&headers, &[], 1_000)).unwrap();
        });
    }
}

fn cors() {
    let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    let cors = Cors::new(&CorsConfig {
        origins: texts(&["https://a.example", "https://app.example"]),
        methods: texts(&["GET", "PUT"]),
        headers: texts(&["content-type"]),
        expose: texts(&["ratelimit"]),
        credentials: true,
        max_age_s: 600,
    });
    let mut headers = HeaderMap::new();
    headers.insert("origin", HeaderValue::from_static("https://app.example"));
    measure("cors: actual request and its answer", |_| {
        let mut answer = HeaderMap::new();
        black_box(cors.decide(&Method::GET, &headers));
        cors.set_answer(headers.get("origin"), &mut answer);
        black_box(answer);
    });
    headers.insert(
        "access-control-request-method",
        HeaderValue::from_static("PUT"),
    );
    measure("cors: preflight", |_| {
        black_box(cors.decide(&Method::OPTIONS, &headers));
    });
}

fn others() {
    let trust = ClientTrust::new(&ClientsConfig {
        trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
        ..ClientsConfig::default()
    });
    let mut headers = HeaderMap::new();
    headers.insert(
        "x-forwarded-for",
        HeaderValue::from_static("192.0.2.1, 10.0.0.7"),
    );
    let peer = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
    measure("client: behind two trusted proxies", |_| {
        black_box(trust.client(peer, &headers)).unwrap();
    });
    let none = HeaderMap::new();
    measure("trace: begun here, with its header fields", |_| {
        let mut request = HeaderMap::new();
        Trace::begin(&none, || true).set_request(&mut request);
        black_box(request);
    });
    let config = UploadConfig {
        types: vec!["image/png".to_owned()],
        bytes_max: u64::MAX,
    };
    let mut form = HeaderMap::new();
    let media_type = HeaderValue::from_static("multipart/form-data; boundary=XX");
    form.insert("content-type", media_type);
    let piece = vec![b'x'; 64 * 1024];
    let mut check = UploadCheck::begin(&config, &form).unwrap();
    let head =
        b"--XX\r\nContent-Disposition: form-data; name=f; filename=f\r\n\r\n\x89PNG\r\n\x1a\n";
    check.push(head).unwrap();
    measure("upload: 64 KiB of a file in a form", |_| {
        black_box(check.push(&piece)).unwrap();
    });
}

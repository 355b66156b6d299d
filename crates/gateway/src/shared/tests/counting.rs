//! Several gateways that count together.

use http::HeaderValue;

use super::*;
use crate::protect::Caller;

#[tokio::test]
async fn two_gateways_let_in_what_one_would() {
    let redis = RedisServer::start();
    let limits = [burst("api", 25, LimitKey::ClientAddress)];
    let one = Gateway::up(&redis.url(), &limits).await;
    let other = Gateway::up(&redis.url(), &limits).await;
    let (a, b) = futures::join!(
        one.admitted("192.0.2.1", 40),
        other.admitted("192.0.2.1", 40)
    );
    assert_eq!(a + b, 25);
    assert!(a > 0 && b > 0, "{a} and {b}");
    assert_eq!(other.admitted("192.0.2.2", 40).await, 25);
    assert_eq!(one.server.standing().counted_here, 0);
    assert_eq!(one.server.standing().answered, 40);
}

#[tokio::test]
async fn two_gateways_together_let_in_the_burst_and_then_the_rate() {
    let redis = RedisServer::start();
    let limit = LimitConfig {
        requests: 50,
        per_ms: 1_000,
        ..burst("api", 10, LimitKey::Route)
    };
    let one = Gateway::up(&redis.url(), std::slice::from_ref(&limit)).await;
    let other = Gateway::up(&redis.url(), &[limit]).await;
    let began_ms = monotonic_ms();
    let mut admitted = 0_u64;
    let mut inner_ms = 0;
    let mut first_ms = None;
    while monotonic_ms() < began_ms + 1_000 {
        inner_ms = monotonic_ms() - *first_ms.get_or_insert_with(monotonic_ms);
        let (a, b) = futures::join!(one.admits("192.0.2.1"), other.admits("192.0.2.9"));
        admitted += u64::from(a) + u64::from(b);
    }
    let outer_ms = monotonic_ms() + 1 - began_ms;
    // A token every 20 ms, as long as they took it in time: one that waits in a full bucket is lost, but
    // the bucket is not full between two rounds.
    let (least, most) = (10 + inner_ms / 20 - 1, 10 + outer_ms / 20 + 1);
    assert!(
        (least..=most).contains(&admitted),
        "{admitted} of {least} to {most}"
    );
}

#[tokio::test]
async fn a_refused_request_takes_no_token_from_any_limit() {
    let redis = RedisServer::start();
    let wide = burst("wide", 100, LimitKey::Route);
    let narrow = burst("narrow", 1, LimitKey::ClientAddress);
    let both = Gateway::up(&redis.url(), &[wide.clone(), narrow]).await;
    assert_eq!(both.admitted("192.0.2.1", 50).await, 1);
    let wide = Gateway::up(&redis.url(), &[wide]).await;
    assert_eq!(wide.admitted("192.0.2.1", 200).await, 99);
}

#[tokio::test]
async fn a_limit_with_another_rate_is_another_limit() {
    let redis = RedisServer::start();
    let before = burst("api", 5, LimitKey::Route);
    let old = Gateway::up(&redis.url(), std::slice::from_ref(&before)).await;
    assert_eq!(old.admitted("192.0.2.1", 9).await, 5);
    let after = LimitConfig { burst: 7, ..before };
    let new = Gateway::up(&redis.url(), &[after]).await;
    assert_eq!(new.admitted("192.0.2.1", 9).await, 7);
}

#[tokio::test]
async fn nobody_stands_in_clear_in_the_server_and_full_buckets_are_forgotten() {
    let redis = RedisServer::start_with(|_, _| {
        ["--requirepass", "a-long-secret"]
            .map(str::to_owned)
            .to_vec()
    });
    let url = format!("redis://:a-long-secret@127.0.0.1:{}", redis.port);
    let rate = |name: &str, key| LimitConfig {
        requests: 1,
        per_ms: 300,
        ..burst(name, 1, key)
    };
    let gateway = Gateway::up(
        &url,
        &[
            rate("address", LimitKey::ClientAddress),
            rate("caller", LimitKey::Caller),
            rate("tenant", LimitKey::Header("x-tenant".to_owned())),
            rate("all", LimitKey::Route),
        ],
    )
    .await;
    let mut headers = HeaderMap::new();
    headers.insert("x-tenant", HeaderValue::from_static("acme-tenant"));
    let subject = LimitSubject {
        caller: Some(Caller::Key("key-of-bob")),
        ..subject("192.0.2.77", &headers)
    };
    let decided = gateway
        .store
        .check(&gateway.limits, &subject, monotonic_ms());
    assert!(matches!(decided.await, LimitDecision::Allowed(fields) if fields.len() == 5));
    let mut connection = plain(&url).await;
    let keys: Vec<String> = redis::cmd("KEYS")
        .arg("*")
        .query_async(&mut connection)
        .await
        .unwrap();
    assert!(keys.len() >= 4, "{keys:?}");
    for key in &keys {
        assert!(key.starts_with("test:{limit}:"), "{key}");
        for clear in ["192.0.2", "bob", "acme", "c000024d"] {
            assert!(!key.contains(clear), "{key}");
        }
    }
    let mut left = keys.len();
    for _ in 0..1_000 {
        left = redis::cmd("DBSIZE")
            .query_async(&mut connection)
            .await
            .unwrap();
        if left == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(left, 0);
}

#[test]
fn gateways_agree_on_keys_and_subjects_differ_in_theirs() {
    use crate::shared::subject_key::SubjectKey;
    let limits = RouteLimits::new(vec![
        Arc::new(Limit::new(burst("caller", 1, LimitKey::Caller))),
        Arc::new(Limit::new(burst(
            "tenant",
            1,
            LimitKey::Header("x-tenant".to_owned()),
        ))),
    ]);
    let keys = |maker: &SubjectKey, subject: &LimitSubject<'_>| -> Vec<String> {
        let claims = limits.claims(subject);
        let mut scratch = Vec::new();
        claims
            .iter()
            .map(|claim| maker.of(claim, subject, &mut scratch))
            .collect()
    };
    let none = HeaderMap::new();
    let mut tenant = HeaderMap::new();
    tenant.insert("x-tenant", HeaderValue::from_static("1"));
    let bare = subject("192.0.2.1", &none);
    let by = |caller| LimitSubject {
        caller: Some(caller),
        ..bare
    };
    let subjects = [
        bare,
        subject("192.0.2.2", &none),
        subject("2001:db8::1", &none),
        subject("192.0.2.1", &tenant),
        by(Caller::Key("1")),
        by(Caller::Subject {
            issuer: "",
            subject: "1",
        }),
        by(Caller::Subject {
            issuer: "1",
            subject: "",
        }),
    ];
    let maker = SubjectKey::new("p:", "secret");
    let mut all: Vec<String> = subjects
        .iter()
        .map(|subject| keys(&maker, subject)[0].clone())
        .collect();
    all.push(keys(&maker, &subjects[3])[1].clone());
    all.sort();
    all.dedup();
    // A header decides nothing for the limit by caller.
    assert_eq!(all.len(), 7, "{all:#?}");
    assert_eq!(
        keys(&maker, &bare),
        keys(&SubjectKey::new("p:", "secret"), &bare)
    );
    assert_ne!(
        keys(&maker, &bare),
        keys(&SubjectKey::new("p:", "other"), &bare)
    );
    let mapped = subject("::ffff:192.0.2.1", &none);
    assert_eq!(keys(&maker, &bare), keys(&maker, &mapped));
    // Fixed, because another version of Portcullis must find the same buckets; computed with Python's
    // hashlib and hmac.
    assert_eq!(
        keys(&maker, &bare)[0],
        "p:{limit}:caller:1/10000000/1:0c21ce31114fe5e6749b5e42701167b9"
    );
}

//! The server decides as a gateway alone does.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;
use crate::shared::script::{Decided, Decision};

/// A time since 1970 that has as many digits as today's.
const BEGIN_MS: u64 = 1_800_000_000_000;

/// Times between tokens are so long that no bucket is forgotten by the server's own clock in the middle of
/// a test: its keys expire in real time, also when the script is given another.
fn limit() -> impl Strategy<Value = (u32, u64, u32)> {
    (1_u32..20, 60_000_u64..3_000_000, 1_u32..20)
}

/// Pauses of about a token, and some of no time or of very long.
fn step() -> impl Strategy<Value = (u64, u8)> {
    let pause = prop_oneof![Just(0), 1_u64..100, 1_u64..3_000_000, 1_u64..100_000_000];
    (pause, 0_u8..3)
}

/// Exactly, not nearly: the script is given the same clock as the gateway.
#[test]
fn its_decisions_and_header_fields_are_those_of_a_gateway_alone() {
    let redis = RedisServer::start();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let server = server(&redis.url(), 10_000).unwrap();
    let live = runtime.block_on(server.connect()).unwrap();
    let decision = Decision::with_given_clock();
    let limits = proptest::collection::vec(limit(), 1..4);
    let steps = proptest::collection::vec(step(), 1..80);
    let mut runner = TestRunner::new(Config {
        cases: 48,
        failure_persistence: None,
        ..Config::default()
    });
    let run = runner.run(&(limits, steps), |(rates, steps)| {
        let keys = [LimitKey::ClientAddress, LimitKey::Route, LimitKey::Caller];
        let configs: Vec<LimitConfig> = rates
            .iter()
            .zip(keys)
            .zip(["a", "b", "c"])
            .map(|((rate, key), name)| LimitConfig {
                requests: rate.0,
                per_ms: rate.1 * u64::from(rate.0) + 1,
                ..burst(name, rate.2, key)
            })
            .collect();
        let names: Vec<Arc<str>> = configs.iter().map(|config| config.name.clone()).collect();
        let alone = LimitTable::new(&configs, None).route(&names).unwrap();
        let together = LimitTable::new(&configs, None).route(&names).unwrap();
        runtime.block_on(async {
            let mut connection = live.connection.clone();
            let flushed: String = redis::cmd("FLUSHALL")
                .query_async(&mut connection)
                .await
                .unwrap();
            assert_eq!(flushed, "OK");
            let headers = HeaderMap::new();
            let mut now_ms = BEGIN_MS;
            for (pause, client) in steps {
                now_ms += pause;
                let subject = subject(&format!("192.0.2.{client}"), &headers);
                let claims = together.claims(&subject);
                let question = (None, Some(now_ms * 1_000));
                let decided =
                    decision.ask(&mut connection, &server.keys, &claims, &subject, question);
                let decided = match decided.await.unwrap() {
                    Decided::Allowed(missing_ns) => {
                        together.allowed_elsewhere(&claims, &missing_ns, now_ms)
                    }
                    Decided::Refused(index, wait_ns) => {
                        together.refused_elsewhere(&claims[index], wait_ns, now_ms)
                    }
                    Decided::Unclear => panic!("an answer of another form"),
                };
                let expected = alone.check(&subject, now_ms);
                prop_assert_eq!(format!("{:?}", decided), format!("{:?}", expected));
            }
            Ok(())
        })
    });
    run.unwrap();
}

#[tokio::test]
async fn a_clock_that_is_set_back_costs_nobody_his_tokens() {
    let redis = RedisServer::start();
    let server = server(&redis.url(), 10_000).unwrap();
    let live = server.connect().await.unwrap();
    let mut connection = live.connection.clone();
    let decision = Decision::with_given_clock();
    // A token every 100 seconds.
    let limit = LimitConfig {
        per_ms: 100_000,
        ..burst("api", 2, LimitKey::Route)
    };
    let limits = RouteLimits::new(vec![Arc::new(Limit::new(limit))]);
    let headers = HeaderMap::new();
    let subject = subject("192.0.2.1", &headers);
    let claims = limits.claims(&subject);
    let mut ask = async |now_s: u64| {
        let question = (None, Some(now_s * 1_000_000));
        let asked = decision.ask(&mut connection, &server.keys, &claims, &subject, question);
        asked.await.unwrap()
    };
    let s = |s: u64| s * 1_000_000_000;
    let later_s = 1_800_000_000;
    assert_eq!(ask(later_s).await, Decided::Allowed(vec![s(100)]));
    assert_eq!(ask(later_s).await, Decided::Allowed(vec![s(200)]));
    assert_eq!(ask(later_s - 86_400).await, Decided::Refused(0, s(100)));
    assert_eq!(ask(later_s - 86_370).await, Decided::Refused(0, s(70)));
    assert_eq!(ask(later_s - 86_300).await, Decided::Allowed(vec![s(200)]));
}

#[tokio::test]
async fn limits_of_any_size_are_decided() {
    let redis = RedisServer::start();
    let extreme = |name: &str, requests, per_ms, most| LimitConfig {
        requests,
        per_ms,
        ..burst(name, most, LimitKey::Route)
    };
    for (limit, admitted) in [
        (extreme("slow", 1, u64::MAX, 1), 1),
        (extreme("endless", 1, u64::MAX / 2, u32::MAX), 1),
        (extreme("deep", 1, 86_400_000, u32::MAX), 20),
        (extreme("fast", u32::MAX, 1, u32::MAX), 20),
        (extreme("year", 1, 365 * 86_400_000, 7), 7),
    ] {
        let name = limit.name.clone();
        let gateway = Gateway::up(&redis.url(), &[limit]).await;
        assert_eq!(gateway.admitted("192.0.2.1", 20).await, admitted, "{name}");
        assert_eq!(gateway.server.standing().counted_here, 0, "{name}");
    }
}

//! Rate limits over real sockets, alone and with a server that gateways share.

use std::time::Duration;

use tokio::time::Instant;

use portcullis_config::{ApiKeysConfig, LimitConfig, LimitKey};
use portcullis_gateway::{GatewaySettings, SharedSettings};
use reqwest::{Response, StatusCode};
use serde_json::Value;

use crate::access;
use crate::redis_server::RedisServer;
use crate::rig::{Rig, arm};
use crate::service::Service;
use crate::ways::{limit, named, way};

fn limited(limit: LimitConfig) -> impl FnOnce(&mut GatewaySettings) {
    move |settings| {
        let mut way = way("all");
        way.limits = named(&limit.name);
        settings.routing.routes = vec![way];
        settings.routing.limits = vec![limit];
    }
}

async fn served(adjust: impl FnOnce(&mut GatewaySettings), service: &Service) -> Rig {
    let rig = Rig::start_with(adjust);
    rig.split(&arm("1.0", service), None, 0).await;
    rig
}

async fn as_client(rig: &Rig, client: &str) -> Response {
    let request = rig
        .client
        .get(rig.url("/who"))
        .header("x-forwarded-for", client);
    request.send().await.unwrap()
}

fn text<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers()[name].to_str().unwrap()
}

fn trusting(settings: &mut GatewaySettings) {
    settings.clients.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
}

#[tokio::test]
async fn ten_requests_a_second_with_a_burst_of_twenty() {
    let service = Service::start("old");
    let mut rule = limit("api", 10, 1_000, LimitKey::ClientAddress);
    rule.burst = 20;
    let rig = served(limited(rule), &service).await;
    let began = Instant::now();
    let mut passed = 0;
    let refused = loop {
        let answer = rig.get("/who").await;
        match answer.status() {
            StatusCode::OK => passed += 1,
            _ => break answer,
        }
    };
    // What came back while it was measured is let in as well.
    let at_most = 21 + began.elapsed().as_millis() / 100;
    assert!((20..=at_most).contains(&passed), "{passed}");
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(text(&refused, "retry-after"), "1");
    assert_eq!(text(&refused, "ratelimit-limit"), "20");
    assert_eq!(text(&refused, "ratelimit-remaining"), "0");
    let policy = "\"api\";q=10;w=1;portcullis-burst=20";
    assert_eq!(text(&refused, "ratelimit-policy"), policy);
    assert_eq!(text(&refused, "content-type"), "application/problem+json");
    assert!(refused.headers().contains_key("x-request-id"));
    let problem: Value = refused.json().await.unwrap();
    assert_eq!(problem["status"], 429);
    // In a second there are ten more, and not more than that.
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    let (began, mut passed) = (Instant::now(), 0);
    for _ in 0..30 {
        passed += u128::from(rig.get("/who").await.status() == StatusCode::OK);
    }
    let at_most = 11 + began.elapsed().as_millis() / 100;
    assert!((10..=at_most).contains(&passed), "{passed}");
}

#[tokio::test]
async fn sixty_a_minute_with_a_burst_of_ten_are_counted_down_in_the_answers() {
    let service = Service::start("old");
    let mut rule = limit("login", 60, 60_000, LimitKey::ClientAddress);
    rule.burst = 10;
    let rig = served(limited(rule), &service).await;
    for left in (0..10).rev() {
        let answer = rig.get("/who").await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(text(&answer, "ratelimit-remaining"), left.to_string());
        assert_eq!(text(&answer, "ratelimit-limit"), "10");
    }
    assert_eq!(
        rig.get("/who").await.status(),
        StatusCode::TOO_MANY_REQUESTS
    );
    assert_eq!(service.requests(), 10);
}

#[tokio::test]
async fn a_hundred_a_minute_for_each_address_that_a_trusted_proxy_names() {
    let service = Service::start("old");
    let rule = limit("each", 100, 60_000, LimitKey::ClientAddress);
    let adjust = |settings: &mut GatewaySettings| {
        limited(rule)(settings);
        trusting(settings);
    };
    let rig = served(adjust, &service).await;
    // A token comes back every 600 ms, so a slow machine gets a few more.
    for client in ["203.0.113.1", "203.0.113.2"] {
        let taken = until_refused(&rig, |_| client.to_owned()).await;
        assert!((100..110).contains(&taken), "{taken}");
    }
    // What a client says about itself before its proxy is not believed.
    let taken = until_refused(&rig, |_| "198.51.100.7, 203.0.113.1".to_owned()).await;
    assert!(taken < 10, "{taken}");
    // The last 64 bits of IPv6 are the client's to choose.
    let taken = until_refused(&rig, |number| format!("2001:db8::{number:x}")).await;
    assert!((100..110).contains(&taken), "{taken}");
}

/// How many requests of clients with these numbers pass before one is refused.
async fn until_refused(rig: &Rig, client: impl Fn(usize) -> String) -> usize {
    for number in 0..200 {
        match as_client(rig, &client(number)).await.status() {
            StatusCode::OK => {}
            status => {
                assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
                return number;
            }
        }
    }
    200
}

#[tokio::test]
async fn limits_count_by_header_and_by_route() {
    let service = Service::start("old");
    let adjust = |settings: &mut GatewaySettings| {
        let mut tenants = way("tenants");
        tenants.path = portcullis_config::PathPattern::Prefix("/who".to_owned());
        tenants.limits = named("tenant");
        let mut rest = way("rest");
        rest.limits = vec!["all".into(), "tenant".into()];
        settings.routing.routes = vec![tenants, rest];
        settings.routing.limits = vec![
            limit("tenant", 3, 60_000, LimitKey::Header("x-tenant".to_owned())),
            limit("all", 4, 60_000, LimitKey::Route),
        ];
    };
    let rig = served(adjust, &service).await;
    let ask = |path: &str, tenant: &str| {
        let request = rig.client.get(rig.url(path)).header("x-tenant", tenant);
        async { request.send().await.unwrap().status().as_u16() }
    };
    for tenant in ["a", "b"] {
        for wanted in [200, 200, 200, 429] {
            assert_eq!(ask("/who", tenant).await, wanted);
        }
    }
    // A limit is one, whichever routes name it, and what one refuses costs the other nothing.
    for _ in 0..5 {
        assert_eq!(ask("/else", "a").await, 429);
    }
    for wanted in [200, 200, 200, 429] {
        assert_eq!(ask("/else", "c").await, wanted);
    }
    assert_eq!(ask("/else", "d").await, 200);
    assert_eq!(ask("/else", "e").await, 429);
}

#[tokio::test]
async fn callers_have_buckets_of_their_own_and_guesses_count_for_the_address() {
    let service = Service::start("old");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    let keys = access::write_keys(&file, &["one", "two"]);
    let adjust = |settings: &mut GatewaySettings| {
        limited(limit("each", 3, 60_000, LimitKey::Caller))(settings);
        settings.routing.routes[0].access = Some("keys".into());
        let mut policy = access::policy("keys");
        policy.keys = Some(ApiKeysConfig {
            file,
            header: "x-api-key".to_owned(),
            hide: true,
        });
        settings.routing.access = vec![policy];
    };
    let rig = served(adjust, &service).await;
    let ask = |key: &str| {
        let request = rig.client.get(rig.url("/who")).header("x-api-key", key);
        async { request.send().await.unwrap().status().as_u16() }
    };
    for key in &keys {
        for wanted in [200, 200, 200, 429] {
            assert_eq!(ask(key).await, wanted);
        }
    }
    for wanted in [401, 401, 401, 429, 429] {
        assert_eq!(ask("pc_guessed").await, wanted);
    }
    assert_eq!(service.requests(), 6);
}

fn shared(url: String) -> impl FnOnce(&mut GatewaySettings) {
    move |settings| {
        limited(limit("api", 10, 60_000, LimitKey::ClientAddress))(settings);
        settings.shared = Some(SharedSettings {
            url: url.into(),
            prefix: "gateway".to_owned(),
            timeout_ms: 500,
        });
    }
}

/// Until the server is reached a gateway counts alone; then what it counted is told.
async fn passed(rigs: &[&Rig], tries: usize) -> usize {
    let mut passed = 0;
    for number in 0..tries {
        let answer = rigs[number % rigs.len()].get("/who").await;
        passed += usize::from(answer.status() == StatusCode::OK);
    }
    passed
}

#[tokio::test]
async fn two_gateways_count_together_and_go_on_alone_when_the_server_is_killed() {
    let mut redis = RedisServer::start();
    let service = Service::start("old");
    let one = served(shared(redis.url()), &service).await;
    let two = served(shared(redis.url()), &service).await;
    // Half of the burst, by both.
    assert_eq!(passed(&[&one, &two], 6).await, 6);
    redis.kill();
    // Each goes on from what it knows, and none is without a limit.
    let began = Instant::now();
    for rig in [&one, &two] {
        let more = passed(&[rig], 30).await;
        assert!((4..=10).contains(&more), "{more}");
    }
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "nobody waits for it"
    );
}

#[tokio::test]
async fn together_two_gateways_let_in_no_more_than_one_would() {
    let redis = RedisServer::start();
    let service = Service::start("old");
    let one = served(shared(redis.url()), &service).await;
    let two = served(shared(redis.url()), &service).await;
    assert_eq!(passed(&[&one, &two], 40).await, 10);
    assert_eq!(service.requests(), 10);
}

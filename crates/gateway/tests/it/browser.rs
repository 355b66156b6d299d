//! What browsers are told: other origins, and headers for their protection.

use portcullis_config::{CorsConfig, PathPattern, SecurityHeaders, UnknownRequest};
use portcullis_gateway::GatewaySettings;
use reqwest::{Method, Response, StatusCode};

use crate::rig::{Rig, arm};
use crate::service::Service;
use crate::tls::Authority;
use crate::ways::{limit, named, way, with_ways};

fn cors() -> CorsConfig {
    CorsConfig {
        origins: vec!["https://app.example".to_owned()],
        methods: vec!["GET".to_owned(), "PUT".to_owned()],
        headers: vec!["x-own".to_owned()],
        expose: vec!["x-public".to_owned()],
        credentials: true,
        max_age_s: 600,
    }
}

async fn served(adjust: impl FnOnce(&mut GatewaySettings), service: &Service) -> Rig {
    let rig = Rig::start_with(adjust);
    rig.split(&arm("1.0", service), None, 0).await;
    rig
}

async fn preflight(rig: &Rig, origin: &str) -> Response {
    let request = rig.client.request(Method::OPTIONS, rig.url("/headers"));
    let request = request.header("origin", origin);
    let request = request.header("access-control-request-method", "PUT");
    request.send().await.unwrap()
}

fn text<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn preflights_are_answered_here_and_answers_say_who_may_read_them() {
    let service = Service::start("old");
    let mut all = way("all");
    all.cors = Some(cors());
    let adjust = |settings: &mut GatewaySettings| {
        all.limits = named("few");
        with_ways(vec![all])(settings);
        settings.routing.limits = vec![limit("few", 2, 60_000, portcullis_config::LimitKey::Route)];
    };
    let rig = served(adjust, &service).await;
    let asked = preflight(&rig, "https://app.example").await;
    assert_eq!(asked.status(), StatusCode::NO_CONTENT);
    for (name, value) in [
        ("access-control-allow-origin", "https://app.example"),
        ("access-control-allow-methods", "GET, PUT"),
        ("access-control-allow-headers", "x-own"),
        ("access-control-allow-credentials", "true"),
        ("access-control-max-age", "600"),
    ] {
        assert_eq!(text(&asked, name), value);
    }
    assert!(text(&asked, "vary").contains("origin"));
    let asked = preflight(&rig, "https://evil.example").await;
    assert_eq!(asked.status(), StatusCode::FORBIDDEN);
    assert_eq!(text(&asked, "access-control-allow-origin"), "");
    assert_eq!(service.requests(), 0);
    // Preflights have counted against nothing; a page can also read that it is refused.
    for wanted in [200, 200, 429] {
        let request = rig
            .client
            .get(rig.url("/who"))
            .header("origin", "https://app.example");
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), wanted);
        assert_eq!(
            text(&answer, "access-control-allow-origin"),
            "https://app.example"
        );
        assert_eq!(text(&answer, "access-control-expose-headers"), "x-public");
    }
    let request = rig
        .client
        .get(rig.url("/who"))
        .header("origin", "https://evil.example");
    let answer = request.send().await.unwrap();
    assert_eq!(text(&answer, "access-control-allow-origin"), "");
    assert_eq!(text(&answer, "vary"), "origin");
}

#[tokio::test]
async fn protective_headers_are_on_every_answer_and_hsts_only_under_tls() {
    let service = Service::start("old");
    for (preset, frame, hsts) in [
        (SecurityHeaders::Basic, "SAMEORIGIN", "max-age=31536000"),
        (
            SecurityHeaders::Strict,
            "DENY",
            "max-age=63072000; includeSubDomains",
        ),
        (SecurityHeaders::Off, "", ""),
    ] {
        let mut all = way("all");
        all.security_headers = preset;
        all.body_bytes_max = 10;
        let authority = Authority::new();
        let tls = authority.settings(vec![authority.sign("shop", "shop.example")]);
        let adjust = |settings: &mut GatewaySettings| {
            with_ways(vec![all])(settings);
            settings.tls = Some(tls);
        };
        let rig = served(adjust, &service).await;
        let refused = rig
            .client
            .post(rig.url("/"))
            .body("longer than ten")
            .send()
            .await;
        for answer in [
            rig.get("/who").await,
            refused.unwrap(),
            rig.get("/fail").await,
        ] {
            assert_eq!(text(&answer, "x-frame-options"), frame);
            let nosniff = if frame.is_empty() { "" } else { "nosniff" };
            assert_eq!(text(&answer, "x-content-type-options"), nosniff);
            assert_eq!(text(&answer, "strict-transport-security"), "");
        }
        let output = authority.curl(&rig, "shop.example", "/who", &["-i"]).await;
        let seen = String::from_utf8_lossy(&output.stdout).to_lowercase();
        let line = format!("strict-transport-security: {}\r\n", hsts.to_lowercase());
        assert!(seen.contains(" 200"), "{seen}");
        assert_eq!(seen.contains(&line), !hsts.is_empty(), "{seen}");
    }
}

/// A preflight is about the method that it asks for, so it belongs to the route that takes that method, also if that
/// route takes no `OPTIONS`.
#[tokio::test]
async fn a_preflight_goes_to_the_route_of_the_method_that_it_asks_about() {
    let service = Service::start("old");
    let mut api = way("api");
    api.path = PathPattern::Prefix("/headers".to_owned());
    api.methods = vec!["GET".to_owned(), "PUT".to_owned()];
    api.cors = Some(cors());
    let mut rest = way("rest");
    rest.path = PathPattern::Prefix("/headers".to_owned());
    rest.methods = vec!["OPTIONS".to_owned(), "PATCH".to_owned()];
    let adjust = |settings: &mut GatewaySettings| {
        with_ways(vec![api, rest])(settings);
        settings.routing.unknown = UnknownRequest::Refuse;
    };
    let rig = served(adjust, &service).await;
    let asked = preflight(&rig, "https://app.example").await;
    assert_eq!(asked.status(), StatusCode::NO_CONTENT);
    assert_eq!(text(&asked, "access-control-allow-methods"), "GET, PUT");
    let asked = preflight(&rig, "https://evil.example").await;
    assert_eq!(asked.status(), StatusCode::FORBIDDEN);
    assert_eq!(service.requests(), 0, "no preflight was passed on");
    // What is no preflight of that route goes on as before: to the one that takes OPTIONS.
    let app = ("origin", "https://app.example");
    let about = |method| ("access-control-request-method", method);
    let others: [&[(&str, &str)]; 6] = [
        &[],
        &[app],
        &[about("PUT")],
        &[app, about("PATCH")],
        &[app, about("DELETE")],
        &[app, ("origin", "https://evil.example"), about("PUT")],
    ];
    for (number, fields) in others.iter().enumerate() {
        let request = rig.client.request(Method::OPTIONS, rig.url("/headers"));
        let request = fields.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{fields:?}");
        assert_eq!(service.requests(), number as u64 + 1, "{fields:?}");
    }
}

/// Nobody is let round a route's addresses and limits by asking as a page would.
#[tokio::test]
async fn a_preflight_of_a_route_without_options_obeys_its_addresses_and_limits() {
    let service = Service::start("old");
    let mut api = way("api");
    api.methods = vec!["PUT".to_owned()];
    api.cors = Some(cors());
    api.limits = named("few");
    let adjust = |settings: &mut GatewaySettings| {
        with_ways(vec![api])(settings);
        let by_address = portcullis_config::LimitKey::ClientAddress;
        settings.routing.limits = vec![limit("few", 1, 60_000, by_address)];
    };
    let rig = served(adjust, &service).await;
    for wanted in [204, 429] {
        let asked = preflight(&rig, "https://app.example").await;
        assert_eq!(asked.status().as_u16(), wanted);
    }
    assert_eq!(service.requests(), 0);
}

//! Which route takes a request, and what it makes of it.

use portcullis_config::{
    HeaderCondition, HostPattern, PathPattern, RedirectConfig, RewriteConfig, RouteConfig,
    RouteTarget, UnknownRequest,
};
use portcullis_gateway::GatewaySettings;
use reqwest::StatusCode;
use serde_json::Value;

use crate::raw;
use crate::rig::{Rig, arm, release};
use crate::service::Service;
use crate::ways::{upstream, way, way_to};

/// A route to the upstream of its name, for a host and a path.
fn to(upstream: &str, host: Option<HostPattern>, path: PathPattern) -> RouteConfig {
    let mut way = way_to(upstream);
    way.hosts = host.into_iter().collect();
    way.path = path;
    way
}

fn exact(host: &str) -> Option<HostPattern> {
    Some(HostPattern::Exact(host.to_owned()))
}

fn prefix(path: &str) -> PathPattern {
    PathPattern::Prefix(path.to_owned())
}

async fn ask(rig: &Rig, host: &str, path: &str) -> (StatusCode, String) {
    let request = rig.client.get(rig.url(path)).header("host", host);
    let answer = request.send().await.unwrap();
    (answer.status(), answer.text().await.unwrap())
}

#[tokio::test]
async fn the_most_specific_route_takes_a_request_and_the_rest_goes_to_the_service() {
    let names = ["exact", "host", "below", "prefix", "posts", "beta"];
    let servers: Vec<_> = names.iter().map(|name| Service::start(name)).collect();
    let stable = Service::start("service");
    let mut posts = to("posts", None, prefix("/v1"));
    posts.methods = vec!["POST".to_owned()];
    let mut beta = to("beta", None, prefix("/v1"));
    beta.headers = vec![HeaderCondition {
        name: "x-ring".to_owned(),
        value: Some("beta".to_owned()),
    }];
    let below = Some(HostPattern::Below(".example.org".to_owned()));
    let routes = vec![
        to("prefix", None, prefix("/v1")),
        to("exact", None, PathPattern::Exact("/v1/who".to_owned())),
        posts,
        beta,
        to("host", exact("api.example.org"), PathPattern::Any),
        to("below", below, PathPattern::Any),
    ];
    let rig = Rig::start_with(|settings| {
        settings.routing.routes = routes;
        settings.routing.upstreams = names
            .iter()
            .zip(&servers)
            .map(|(name, server)| upstream(name, &[server.address]))
            .collect();
    });
    rig.split(&arm("1.0", &stable), None, 0).await;
    for (host, path, wanted) in [
        ("shop", "/v1/x", "prefix"),
        ("shop", "/v1", "prefix"),
        ("shop", "/v10", "service"),
        ("shop", "/v1/who", "exact"),
        ("shop", "/v1/who/x", "prefix"),
        ("API.example.org:8080", "/v1/who", "host"),
        ("a.b.example.org", "/", "below"),
        ("example.org", "/", "service"),
        ("shop", "/other", "service"),
    ] {
        let (status, name) = ask(&rig, host, path).await;
        assert_eq!((status, &*name), (StatusCode::OK, wanted), "{host}{path}");
    }
    let posted = rig.client.post(rig.url("/v1/x")).send().await.unwrap();
    assert_eq!(posted.text().await.unwrap(), "posts");
    let ringed = rig.client.get(rig.url("/v1/x")).header("x-ring", "beta");
    assert_eq!(ringed.send().await.unwrap().text().await.unwrap(), "beta");
    // Only what went to the service names a release.
    assert_eq!(release(&rig.get("/v1/x").await), "");
    assert_eq!(release(&rig.get("/other").await), "1.0");
}

#[tokio::test]
async fn a_route_rewrites_path_and_host_and_keeps_the_query() {
    let server = Service::start("api");
    let mut way = to("api", None, prefix("/shop"));
    way.rewrite = RewriteConfig {
        prefix: Some("/".to_owned()),
        host: Some("inside.example".to_owned()),
    };
    let rig = Rig::start_with(|settings| {
        settings.routing.routes = vec![way];
        settings.routing.upstreams = vec![upstream("api", &[server.address])];
    });
    let (status, seen) = ask(&rig, "outside.example", "/shop/headers?a=1&b=%2F").await;
    assert_eq!(status, StatusCode::OK);
    assert!(seen.starts_with("GET /headers?a=1&b=%2F\n"), "{seen}");
    assert!(seen.contains("host: inside.example\n"), "{seen}");
    assert!(
        seen.contains("x-forwarded-host: outside.example\n"),
        "{seen}"
    );
}

fn redirecting(settings: &mut GatewaySettings) {
    let mut way = way("moved");
    way.path = prefix("/old");
    way.to = RouteTarget::Redirect(RedirectConfig {
        location: "https://{host}/new{path}{query}".to_owned(),
        status: 308,
    });
    // There is no service behind it, so it must not wait for a place or a release.
    way.capacity.in_flight_max = Some(1);
    settings.routing.routes = vec![way];
}

#[tokio::test]
async fn a_redirect_needs_no_release_and_the_connection_goes_on() {
    let rig = Rig::start_with(redirecting);
    let request =
        |path: &str, more: &str| format!("GET {path} HTTP/1.1\r\nHost: shop.example\r\n{more}\r\n");
    let both = request("/old/x?y=1", "") + &request("/old", "Connection: close\r\n");
    let answers = raw::send(&rig, &both).await;
    assert_eq!(answers.matches("HTTP/1.1 308 ").count(), 2, "{answers}");
    assert!(answers.contains("location: https://shop.example/new/old/x?y=1\r\n"));
    assert!(answers.contains("location: https://shop.example/new/old\r\n"));
    assert_eq!(
        rig.get("/else").await.status(),
        StatusCode::SERVICE_UNAVAILABLE
    );
}

#[tokio::test]
async fn what_no_route_takes_is_refused_where_the_settings_say_so() {
    let server = Service::start("api");
    let rig = Rig::start_with(|settings| {
        settings.routing.unknown = UnknownRequest::Refuse;
        settings.routing.routes = vec![to("api", exact("api.example"), prefix("/v1"))];
        settings.routing.upstreams = vec![upstream("api", &[server.address])];
    });
    rig.split(&arm("1.0", &server), None, 0).await;
    assert_eq!(ask(&rig, "api.example", "/v1").await.0, StatusCode::OK);
    for (host, path, status, code) in [
        ("api.example", "/v2", 404, "unknown-path"),
        ("shop", "/v1", 421, "unknown-host"),
    ] {
        let (answered, problem) = ask(&rig, host, path).await;
        assert_eq!(answered.as_u16(), status);
        let problem: Value = serde_json::from_str(&problem).unwrap();
        assert_eq!(problem["type"], format!("urn:portcullis:problem:{code}"));
    }
    assert_eq!(server.requests(), 1, "nothing else was sent on");
}

#[tokio::test]
async fn paths_that_may_be_read_in_two_ways_are_refused_where_there_are_routes() {
    let server = Service::start("api");
    let rig = Rig::start_with(|settings| {
        settings.routing.routes = vec![to("api", None, prefix("/v1"))];
        settings.routing.upstreams = vec![upstream("api", &[server.address])];
    });
    for path in ["/v1/../admin", "/v1/%2e%2e/admin", "/v1/./x"] {
        let bytes = format!("GET {path} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n");
        let answer = raw::send(&rig, &bytes).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{path}: {answer}");
    }
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn no_spelling_of_a_path_passes_the_rules_of_its_route() {
    let server = Service::start("api");
    let rig = Rig::start_with(|settings| {
        let mut inside = crate::access::policy("inside");
        inside.allow = vec!["192.0.2.0/24".parse().unwrap()];
        let mut api = to("api", None, prefix("/api"));
        api.access = Some("inside".into());
        settings.routing.access = vec![inside];
        settings.routing.routes = vec![api, to("api", None, prefix("/headers"))];
        settings.routing.upstreams = vec![upstream("api", &[server.address])];
    });
    rig.split(&arm("1.0", &server), None, 0).await;
    for path in [
        "/api%2Fusers",
        "/api;x=1/users",
        "/api;/users",
        "/%2Fapi/users",
        "/;/api/users",
        "/api%5Cusers",
        "/api%C0%AFusers",
        "/x/..;/api/users",
        "//api/users",
    ] {
        let bytes = format!("GET {path} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n");
        let answer = raw::send(&rig, &bytes).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{path}: {answer}");
        assert!(answer.contains("\"detail\":\"the path has"), "{answer}");
    }
    let (status, _) = ask(&rig, "shop", "/api/users").await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(server.requests(), 0);
    // Where only one route can be meant, the spelling is the server's business.
    for path in ["/headers/a%2Fb", "/headers/a;b=c", "/else/a%2fb"] {
        let bytes = format!("GET {path} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n");
        let answer = raw::send(&rig, &bytes).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
    }
    assert_eq!(server.requests(), 3);
}

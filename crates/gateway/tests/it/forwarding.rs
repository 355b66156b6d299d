//! What arrives at an arm, and what comes back.

use reqwest::StatusCode;

use crate::rig::{Rig, arm, release};
use crate::service::Service;

#[tokio::test]
async fn header_fields_are_those_of_a_proxy() {
    let service = Service::start("old");
    let rig = Rig::start();
    rig.split(&arm("1.0", &service), None, 0).await;
    let request = rig
        .client
        .get(rig.url("/headers?a=b%20c"))
        .header("host", "shop.example.org");
    let request = request
        .header("x-forwarded-for", "203.0.113.9")
        .header("x-forwarded-proto", "https")
        .header("connection", "keep-alive, x-hop, host")
        .header("x-hop", "for the gateway")
        .header("keep-alive", "timeout=5")
        .header("te", "trailers, deflate")
        .header("x-user", "seven");
    let answer = request.send().await.unwrap();
    let fields = answer.headers().clone();
    assert_eq!(fields["x-portcullis-release"], "1.0");
    assert_eq!(fields["x-public"], "for the client");
    assert!(!fields.contains_key("x-private") && !fields.contains_key("connection"));
    let text = answer.text().await.unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.remove(0), "GET /headers?a=b%20c");
    lines.sort_unstable();
    let is_made = |line: &&str| {
        ["traceparent: 00-", "x-request-id: ", "x-trace-id: "]
            .iter()
            .any(|name| line.starts_with(name))
    };
    assert_eq!(lines.iter().filter(|line| is_made(line)).count(), 3);
    lines.retain(|line| !is_made(line));
    assert_eq!(
        lines,
        [
            "accept: */*",
            "host: shop.example.org",
            "te: trailers",
            // Nobody vouches for what the client says about itself.
            "x-forwarded-for: 127.0.0.1",
            "x-forwarded-host: shop.example.org",
            "x-forwarded-proto: http",
            "x-user: seven",
        ]
    );
}

#[tokio::test]
async fn answers_of_every_kind_pass() {
    let service = Service::start("old");
    let rig = Rig::start();
    rig.split(&arm("1.0", &service), None, 0).await;
    let head = rig.client.head(rig.url("/who")).send().await.unwrap();
    assert_eq!(head.headers()["content-length"], "3");
    let fail = rig.get("/fail").await;
    assert_eq!(fail.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(release(&fail), "1.0");
    assert_eq!(
        fail.text().await.unwrap(),
        "failed",
        "an arm's own error page is passed on"
    );
    let empty = rig
        .client
        .post(rig.url("/echo"))
        .body("")
        .send()
        .await
        .unwrap();
    assert_eq!(empty.text().await.unwrap(), "");
    let status = rig.arm_when("1.0", |arm| arm.requests == 3).await;
    assert_eq!((status.errors, status.in_flight), (1, 0));
    assert_eq!(status.by_class, [0, 2, 0, 0, 1]);
    assert_eq!(status.latency.count(), 3);
}

#[tokio::test]
async fn connections_to_an_arm_are_reused() {
    let service = Service::start("old");
    let rig = Rig::start_with(|s| s.workers = 1);
    rig.split(&arm("1.0", &service), None, 0).await;
    let checks = || {
        service
            .seen
            .checks
            .load(std::sync::atomic::Ordering::SeqCst)
    };
    let connections = || {
        service
            .seen
            .connections
            .load(std::sync::atomic::Ordering::SeqCst)
    };
    for _ in 0..50 {
        assert_eq!(rig.get("/who").await.text().await.unwrap(), "old");
        let body = rig
            .client
            .post(rig.url("/echo"))
            .body("hello")
            .send()
            .await
            .unwrap();
        assert_eq!(body.text().await.unwrap(), "hello");
    }
    // Every health check has a connection of its own, and may be under way.
    let (checks, connections) = (checks(), connections());
    assert!(
        connections <= checks + 2,
        "{connections} connections with {checks} checks"
    );
}

#[tokio::test]
async fn a_connection_that_the_arm_closed_is_replaced() {
    let mut service = Service::start("old");
    let rig = Rig::start_with(|s| s.workers = 1);
    rig.split(&arm("1.0", &service), None, 0).await;
    for _ in 0..5 {
        assert_eq!(rig.get("/who").await.status(), StatusCode::OK);
        let address = service.address;
        drop(service);
        // The port is free once the killed service's runtime has let go of it.
        crate::rig::until("the port is free", || {
            std::net::TcpListener::bind(address).is_ok()
        })
        .await;
        service = Service::start_at("old", address);
        // A POST, because nothing of it may have been sent when it is sent again.
        let answer = rig
            .client
            .post(rig.url("/echo"))
            .body("once")
            .send()
            .await
            .unwrap();
        assert_eq!(answer.text().await.unwrap(), "once");
    }
    assert_eq!(rig.arm("1.0").await.errors, 0);
}

/// An answer to TRACE would show a page's script the cookies and keys of its request (RFC 9110, 9.3.8).
#[tokio::test]
async fn trace_is_refused_and_the_connection_goes_on() {
    let service = Service::start("old");
    let rig = Rig::start();
    rig.split(&arm("1.0", &service), None, 0).await;
    let request =
        |method: &str, more: &str| format!("{method} /who HTTP/1.1\r\nHost: shop\r\n{more}\r\n");
    let both = request("TRACE", "Cookie: a=secret\r\n") + &request("GET", "Connection: close\r\n");
    let answers = crate::raw::send(&rig, &both).await;
    assert!(
        answers.starts_with("HTTP/1.1 405 Method Not Allowed\r\n"),
        "{answers}"
    );
    assert!(
        answers.contains("allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n"),
        "{answers}"
    );
    assert!(
        answers.contains("\"code\":\"method_not_allowed\""),
        "{answers}"
    );
    assert!(answers.contains("HTTP/1.1 200 OK\r\n"), "{answers}");
    assert!(!answers.contains("secret"), "{answers}");
    assert_eq!(service.requests(), 1);
}

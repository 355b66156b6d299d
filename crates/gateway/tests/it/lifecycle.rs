//! Starting, failing to start, and starting again.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use portcullis_api::gateway::SplitChange;
use portcullis_gateway::{AdminListen, Gateway, GatewayError};
use reqwest::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::rig::{Rig, TOKEN, admin_at, arm, settings, split};
use crate::service::Service;

fn refusal(result: Result<Gateway, GatewayError>) -> String {
    let mut text = String::new();
    let error = result.expect_err("the start must fail");
    let mut next: Option<&dyn std::error::Error> = Some(&error);
    while let Some(error) = next {
        text.push_str(&format!("{error}\n"));
        next = error.source();
    }
    text
}

/// Invariant 10: the gateway serves without the engine, from its last saved splits.
#[tokio::test]
async fn a_restart_restores_split_and_epoch() {
    let (old, new) = (Service::start("old"), Service::start("new"));
    let (stable, canary) = (arm("1.0", &old), arm("1.1", &new));
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path().join("splits.json"));
    let mut rig = Rig::start_settings(settings.clone());
    let change = |weight, epoch| SplitChange {
        split: split(&stable, Some(&canary), weight),
        epoch,
        if_changes: None,
    };
    assert!(rig.put(&change(30, 5)).await.status().is_success());
    let mut arms = Vec::new();
    for user in 0..100 {
        arms.push(rig.get_as(&user.to_string()).await);
    }
    let before = (rig.route().await, rig.status().await.instance);
    rig.stop(Duration::ZERO).await;

    let again = Rig::start_settings(settings);
    again.arm_when("1.1", |arm| arm.health.healthy).await;
    let route = again.route().await;
    assert_eq!(
        (route.split, route.epoch, route.changes, route.changed_at_ms),
        (before.0.split, 5, before.0.changes, before.0.changed_at_ms)
    );
    assert_ne!(again.status().await.instance, before.1);
    for (user, arm) in arms.iter().enumerate() {
        assert_eq!(
            again.get_as(&user.to_string()).await,
            *arm,
            "users stay where they were"
        );
    }
    assert_eq!(
        again.put(&change(50, 4)).await.status(),
        StatusCode::CONFLICT
    );
}

#[tokio::test]
async fn an_epoch_is_remembered_even_if_its_change_was_refused() {
    let (old, new) = (Service::start("old"), Service::start("new"));
    let (stable, canary) = (arm("1.0", &old), arm("1.1", &new));
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path().join("splits.json"));
    let mut rig = Rig::start_settings(settings.clone());
    let change = |canary, epoch| SplitChange {
        split: split(&stable, canary, 0),
        epoch,
        if_changes: None,
    };
    assert!(rig.put(&change(None, 1)).await.status().is_success());
    drop(new);
    let refused = SplitChange {
        split: split(&stable, Some(&canary), 10),
        epoch: 8,
        if_changes: None,
    };
    assert_eq!(rig.put(&refused).await.status(), StatusCode::CONFLICT);
    rig.stop(Duration::ZERO).await;
    let again = Rig::start_settings(settings);
    assert_eq!(again.route().await.epoch, 8);
    assert_eq!(
        again.put(&change(Some(&canary), 7)).await.status(),
        StatusCode::CONFLICT
    );
}

#[tokio::test]
async fn a_change_that_cannot_be_saved_does_not_take_effect() {
    let (old, new) = (Service::start("old"), Service::start("new"));
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    let rig = Rig::start_settings(settings(inner.join("splits.json")));
    rig.split(&arm("1.0", &old), None, 0).await;
    std::fs::remove_dir_all(&inner).unwrap();
    let (status, problem) = rig
        .try_split(split(&arm("1.1", &new), None, 0))
        .await
        .unwrap_err();
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(problem["type"], "urn:portcullis:problem:not-saved");
    assert!(
        problem["detail"].as_str().unwrap().contains("splits.json"),
        "{problem}"
    );
    assert_eq!(rig.get("/who").await.text().await.unwrap(), "old");
    assert_eq!(rig.route().await.split.unwrap().stable.release, "1.0");
}

#[test]
fn a_state_file_that_cannot_be_used_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("splits.json");
    let bad_split = r#"{"schema_version":1,"services":{"shop":{"epoch":1,"changes":1,
        "changed_at_ms":1,"split":{"stable":{"release":"1.0","address":"x"},"weight_percent":0}}}}"#;
    for (text, reason) in [
        ("{\"schema_version\":1,\"serv", "is damaged"),
        ("", "is damaged"),
        ("{\"schema_version\":9,\"services\":{}}", "schema version 9"),
        (
            bad_split,
            "service `shop` is not valid: stable: address `x`",
        ),
    ] {
        std::fs::write(&path, text).unwrap();
        let text = refusal(Gateway::start(settings(path.clone())));
        assert!(
            text.contains(reason) && text.contains(path.to_str().unwrap()),
            "{text}"
        );
    }
}

#[tokio::test]
async fn addresses_that_cannot_be_had_are_named() {
    let rig = Rig::start();
    let folder = tempfile::tempdir().unwrap();
    let fresh = || settings(folder.path().join("splits.json"));
    let mut same = fresh();
    same.listen = rig.listen;
    let text = refusal(Gateway::start(same));
    assert!(
        text.contains(&format!("cannot listen for clients on {}", rig.listen)),
        "{text}"
    );
    let mut same = fresh();
    same.admin = admin_at(rig.admin);
    let text = refusal(Gateway::start(same));
    assert!(
        text.contains(&format!("for the admin API on {}", rig.admin)),
        "{text}"
    );
    let mut open = fresh();
    open.admin = admin_at("0.0.0.0:0".parse().unwrap());
    assert!(refusal(Gateway::start(open)).contains("give a loopback address"));
    let mut open = fresh();
    open.admin = AdminListen::Tcp {
        address: "127.0.0.1:0".parse().unwrap(),
        token: "".into(),
    };
    assert!(refusal(Gateway::start(open)).contains("needs a token"));
    let mut none = fresh();
    none.services.clear();
    assert!(refusal(Gateway::start(none)).contains("name at least one service"));
    let mut twice = fresh();
    twice.services.push(twice.services[0].clone());
    assert!(refusal(Gateway::start(twice)).contains("`shop` is empty or named twice"));
}

#[tokio::test]
async fn the_admin_api_on_an_address_is_for_those_who_have_the_token() {
    let service = Service::start("old");
    let rig = Rig::start();
    let stable = arm("1.0", &service);
    let url = |path: &str| format!("http://{}{path}", rig.admin);
    let change = SplitChange {
        split: split(&stable, None, 0),
        epoch: 1,
        if_changes: None,
    };
    let split_url = url("/v1/routes/shop/split");
    let short = &TOKEN[..TOKEN.len() - 1];
    let long = format!("{TOKEN}x");
    for token in [None, Some(""), Some("wrong"), Some(short), Some(&long)] {
        let ask = |request: reqwest::RequestBuilder| match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let requests = [
            ask(rig.client.get(url("/v1/gateway"))),
            ask(rig.client.get(url("/v1/routes/shop"))),
            ask(rig.client.get(url("/v2"))),
            ask(rig.client.put(&split_url).json(&change)),
        ];
        for request in requests {
            let refused = request.send().await.unwrap();
            assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{token:?}");
            assert_eq!(refused.headers()["www-authenticate"], "Bearer");
            let problem: serde_json::Value = refused.json().await.unwrap();
            assert_eq!(problem["code"], "not_authorised");
        }
    }
    assert_eq!(rig.route().await.split, None, "nobody moved anything");
    assert_eq!(rig.put(&change).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn what_the_admin_api_does_not_read_is_a_problem_with_a_code() {
    let rig = Rig::start();
    let url = |path: &str| format!("http://{}{path}", rig.admin);
    let huge = " ".repeat(64 * 1024 + 1);
    let client = &rig.client;
    let requests = [
        (client.delete(url("/v1/gateway")), 405, "method_not_allowed"),
        (
            client.post(url("/v1/routes/shop/split")).body("{}"),
            405,
            "method_not_allowed",
        ),
        (
            client.put(url("/v1/routes/shop/split")).body(huge),
            413,
            "body_too_large",
        ),
        (
            client.put(url("/v1/routes/shop/split")).body("{"),
            400,
            "not_a_split_change",
        ),
        (client.get(url("/v1/routes/%FF")), 400, "request_unreadable"),
        (client.get(url("/v2")), 404, "not_found"),
    ];
    for (request, status, code) in requests {
        let refused = request.bearer_auth(TOKEN).send().await.unwrap();
        assert_eq!(refused.status().as_u16(), status, "{code}");
        let kind = &refused.headers()["content-type"];
        assert_eq!(kind, "application/problem+json", "{code}");
        let allow = refused.headers().get("allow").cloned();
        assert_eq!(allow.is_some(), status == 405, "{code}: {allow:?}");
        let problem: serde_json::Value = refused.json().await.unwrap();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        let kind = format!("urn:portcullis:problem:{}", code.replace('_', "-"));
        assert_eq!(problem["type"], kind, "{problem}");
        assert!(!problem["detail"].as_str().unwrap().is_empty(), "{problem}");
    }
}

#[tokio::test]
async fn the_admin_api_can_be_a_private_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.sock");
    let mut settings = settings(folder.path().join("splits.json"));
    settings.admin = AdminListen::Unix(path.clone());
    let gateway = Gateway::start(settings.clone()).unwrap();
    assert_eq!(gateway.admin_address(), None);
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut stream = tokio::net::UnixStream::connect(&path).await.unwrap();
    let request = b"GET /v1/gateway HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains("\"service\":\"shop\""));
    assert!(refusal(Gateway::start(settings.clone())).contains("gateway.sock"));
    gateway.stop(Duration::ZERO).await;
    // The socket that is left behind does not stop the next start.
    let again = Gateway::start(settings).unwrap();
    again.stop(Duration::ZERO).await;
}

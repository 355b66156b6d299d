//! An emergency bypass: everybody meets the stable release until it ends.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use portcullis_api::gateway::{BypassEnd, BypassWish, RouteStatus};
use portcullis_gateway::{AuditEvent, AuditTrail, Gateway, GatewaySettings, Sticky};
use reqwest::{Response, StatusCode};
use serde_json::Value;

use crate::rig::{Rig, TOKEN, arm, release, settings, split};
use crate::service::Service;

const REASON: &str = "the canary loses orders";

async fn begin(rig: &Rig, for_ms: u64) -> Response {
    let wish = BypassWish {
        by: "ana".to_owned(),
        reason: REASON.to_owned(),
        for_ms,
    };
    let url = format!("http://{}/v1/routes/shop/bypass", rig.admin);
    let request = rig.client.put(url).bearer_auth(TOKEN).json(&wish);
    request.send().await.unwrap()
}

async fn end(rig: &Rig) -> Response {
    let end = BypassEnd {
        by: "ben".to_owned(),
    };
    let url = format!("http://{}/v1/routes/shop/bypass/end", rig.admin);
    let request = rig.client.post(url).bearer_auth(TOKEN).json(&end);
    request.send().await.unwrap()
}

async fn forced(rig: &Rig) -> Response {
    let request = rig.client.get(rig.url("/who")).header("canary", "true");
    request.send().await.unwrap()
}

/// Waits until no bypass is in force.
async fn over(rig: &Rig) -> RouteStatus {
    for _ in 0..1000 {
        let route = rig.route().await;
        if route.bypass.is_none() {
            return route;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the bypass did not end");
}

/// What was recorded: event and who, in order.
fn recorded(state_file: &Path) -> Vec<(AuditEvent, String)> {
    let read = AuditTrail::beside(state_file).read().unwrap();
    assert!(read.unreadable.is_empty());
    for entry in &read.entries {
        assert_eq!(
            (entry.service.as_str(), entry.reason.as_str()),
            ("shop", REASON)
        );
        assert!(entry.until_ms > 0 && entry.at_ms > 0);
    }
    let entries = read.entries.into_iter();
    entries.map(|entry| (entry.event, entry.by)).collect()
}

struct Shop {
    folder: tempfile::TempDir,
    settings: GatewaySettings,
    _services: [Service; 2],
}

impl Shop {
    /// A service with a stable release `1.0` and a canary `1.1`, and its gateway.
    async fn start(weight: u8) -> (Shop, Rig) {
        let services = [Service::start("old"), Service::start("new")];
        let [old, new] = &services;
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(folder.path().join("splits.json"));
        let rig = Rig::start_settings(settings.clone());
        rig.split(&arm("1.0", old), Some(&arm("1.1", new)), weight)
            .await;
        rig.arm_when("1.1", |arm| arm.health.healthy).await;
        let shop = Shop {
            folder,
            settings,
            _services: services,
        };
        (shop, rig)
    }

    fn state_file(&self) -> &Path {
        &self.settings.state_file
    }
}

#[tokio::test]
async fn under_a_bypass_every_request_meets_the_stable_release_and_afterwards_the_split_holds() {
    let (shop, rig) = Shop::start(50).await;
    let mut before = Vec::new();
    for user in 0..60 {
        before.push(rig.get_as(&format!("user-{user}")).await);
    }
    assert!(before.contains(&"1.0".to_owned()) && before.contains(&"1.1".to_owned()));
    let changes = rig.route().await.changes;

    let answer = begin(&rig, 3_600_000).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let bypass = answer.json::<RouteStatus>().await.unwrap().bypass.unwrap();
    assert_eq!(
        (bypass.by.as_str(), bypass.reason.as_str()),
        ("ana", REASON)
    );
    assert_eq!(bypass.until_ms - bypass.begun_at_ms, 3_600_000);
    let seen = rig.arm("1.1").await.requests;
    for user in 0..60 {
        assert_eq!(rig.get_as(&format!("user-{user}")).await, "1.0");
    }
    assert_eq!(
        release(&forced(&rig).await),
        "1.0",
        "nobody can ask for the canary"
    );
    assert_eq!(rig.arm("1.1").await.requests, seen);
    let route = rig.route().await;
    assert_eq!(route.bypass, Some(bypass));
    assert_eq!(route.split.unwrap().weight_percent, 50, "the split is kept");
    assert_eq!(route.changes, changes);

    assert_eq!(end(&rig).await.status(), StatusCode::OK);
    for (user, before) in before.iter().enumerate() {
        assert_eq!(rig.get_as(&format!("user-{user}")).await, *before);
    }
    assert_eq!(release(&forced(&rig).await), "1.1");
    assert_eq!(
        recorded(shop.state_file()),
        [
            (AuditEvent::BypassBegun, "ana".to_owned()),
            (AuditEvent::BypassEnded, "ben".to_owned())
        ]
    );
    let file = shop.folder.path().join("audit.jsonl");
    let mode = std::fs::metadata(file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_bypass_ends_by_itself_and_that_is_recorded() {
    let (shop, rig) = Shop::start(100).await;
    assert_eq!(rig.get_as("ana").await, "1.1");
    assert!(begin(&rig, 400).await.status().is_success());
    assert_eq!(rig.get_as("ana").await, "1.0");
    let route = over(&rig).await;
    assert_eq!(route.split.unwrap().weight_percent, 100);
    // The workers' table follows within a look.
    for _ in 0..1000 {
        if rig.get_as("ana").await == "1.1" {
            break;
        }
    }
    assert_eq!(rig.get_as("ana").await, "1.1");
    let begun = (AuditEvent::BypassBegun, "ana".to_owned());
    let expired = (AuditEvent::BypassExpired, "gateway".to_owned());
    for _ in 0..1000 {
        if recorded(shop.state_file()).len() == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(recorded(shop.state_file()), [begun, expired]);
    let refused = end(&rig).await;
    assert_eq!(refused.status(), StatusCode::CONFLICT);
    let problem: Value = refused.json().await.unwrap();
    assert_eq!(problem["code"], portcullis_api::gateway::NO_BYPASS);
}

#[tokio::test]
async fn a_bypass_survives_a_restart_and_ends_also_while_no_gateway_runs() {
    let (shop, mut rig) = Shop::start(100).await;
    assert!(begin(&rig, 3_600_000).await.status().is_success());
    rig.stop(Duration::ZERO).await;

    let mut rig = Rig::start_settings(shop.settings.clone());
    rig.arm_when("1.1", |arm| arm.health.healthy).await;
    assert_eq!(rig.get_as("ana").await, "1.0");
    assert_eq!(rig.route().await.bypass.unwrap().reason, REASON);
    // A new bypass takes the place of the one in force.
    let answer = begin(&rig, 300).await;
    let bypass = answer.json::<RouteStatus>().await.unwrap().bypass.unwrap();
    rig.stop(Duration::ZERO).await;
    let left = bypass.until_ms.saturating_sub(bypass.begun_at_ms);
    tokio::time::sleep(Duration::from_millis(left)).await;

    let rig = Rig::start_settings(shop.settings.clone());
    rig.arm_when("1.1", |arm| arm.health.healthy).await;
    assert_eq!(rig.get_as("ana").await, "1.1", "from the first request on");
    assert_eq!(rig.route().await.bypass, None);
    for _ in 0..1000 {
        if recorded(shop.state_file()).len() == 3 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let events: Vec<_> = recorded(shop.state_file())
        .into_iter()
        .map(|e| e.0)
        .collect();
    let begun = AuditEvent::BypassBegun;
    assert_eq!(events, [begun, begun, AuditEvent::BypassExpired]);
}

#[tokio::test]
async fn a_split_that_is_set_meanwhile_is_kept_for_afterwards() {
    let (_shop, rig) = Shop::start(0).await;
    assert!(begin(&rig, 3_600_000).await.status().is_success());
    let now = rig.route().await.split.unwrap();
    let canary = now.canary.clone().unwrap();
    rig.split(&now.stable, Some(&canary), 100).await;
    assert_eq!(rig.get_as("ana").await, "1.0");
    // What is promoted meanwhile is the stable release from then on.
    rig.try_split(split(&canary, None, 0)).await.unwrap();
    assert_eq!(rig.get_as("ana").await, "1.1");
    assert!(end(&rig).await.status().is_success());
    assert_eq!(rig.get_as("ana").await, "1.1");
}

#[tokio::test]
async fn a_bypass_gives_no_cookie_for_a_choice_that_is_not_made() {
    let services = [Service::start("old"), Service::start("new")];
    let rig = Rig::start_with(|settings| {
        settings.services[0].sticky = Sticky::Cookie {
            name: "seat".to_owned(),
        };
    });
    let [old, new] = &services;
    rig.split(&arm("1.0", old), Some(&arm("1.1", new)), 50)
        .await;
    assert!(rig.get("/who").await.headers().contains_key("set-cookie"));
    assert!(begin(&rig, 3_600_000).await.status().is_success());
    assert!(!rig.get("/who").await.headers().contains_key("set-cookie"));
}

#[tokio::test]
async fn what_cannot_be_recorded_does_not_take_effect() {
    let (shop, rig) = Shop::start(100).await;
    let trail = AuditTrail::beside(shop.state_file());
    std::fs::create_dir(trail.path()).unwrap();
    let refused = begin(&rig, 3_600_000).await;
    assert_eq!(refused.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let problem: Value = refused.json().await.unwrap();
    assert_eq!(problem["code"], "not_recorded");
    assert_eq!(rig.route().await.bypass, None);
    assert_eq!(rig.get_as("ana").await, "1.1");
    std::fs::remove_dir(trail.path()).unwrap();

    // Nor does what can be recorded and not saved; that is recorded too.
    let saved = shop.state_file().with_extension("bypass.json");
    std::fs::create_dir(&saved).unwrap();
    let refused = begin(&rig, 3_600_000).await;
    let problem: Value = refused.json().await.unwrap();
    assert_eq!(problem["code"], "not_saved");
    assert_eq!(rig.get_as("ana").await, "1.1");
    let events: Vec<_> = recorded(shop.state_file())
        .into_iter()
        .map(|e| e.0)
        .collect();
    assert_eq!(
        events,
        [AuditEvent::BypassBegun, AuditEvent::BypassNotBegun]
    );
    std::fs::remove_dir(&saved).unwrap();

    // But the way back to what is configured is always open.
    assert!(begin(&rig, 3_600_000).await.status().is_success());
    std::fs::remove_file(trail.path()).unwrap();
    std::fs::create_dir(trail.path()).unwrap();
    assert!(end(&rig).await.status().is_success());
    assert_eq!(rig.get_as("ana").await, "1.1");
}

#[tokio::test]
async fn a_wish_that_is_not_one_is_refused_with_the_reason() {
    let (_shop, rig) = Shop::start(100).await;
    for (path, body, status, code) in [
        ("shop", "{}", 400, "not_a_bypass"),
        (
            "shop",
            r#"{"by":"a","reason":"","for_ms":1}"#,
            422,
            "invalid_bypass",
        ),
        (
            "shop",
            r#"{"by":"a","reason":"b","for_ms":86400001}"#,
            422,
            "invalid_bypass",
        ),
        (
            "none",
            r#"{"by":"a","reason":"b","for_ms":1}"#,
            404,
            "not_found",
        ),
    ] {
        let url = format!("http://{}/v1/routes/{path}/bypass", rig.admin);
        let request = rig.client.put(url).bearer_auth(TOKEN).body(body);
        let refused = request.send().await.unwrap();
        assert_eq!(refused.status().as_u16(), status, "{body}");
        let problem: Value = refused.json().await.unwrap();
        assert_eq!(problem["code"], code, "{body}");
    }
    let url = format!("http://{}/v1/routes/shop/bypass", rig.admin);
    let nobody = rig.client.put(url).send().await.unwrap();
    assert_eq!(nobody.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(rig.get_as("ana").await, "1.1");
}

/// While a successor acts, the gateway that it succeeds follows its bypasses as it follows its splits.
#[tokio::test]
async fn a_gateway_that_is_succeeded_follows_the_bypass_of_its_successor() {
    let (shop, rig) = Shop::start(100).await;
    assert!(begin(&rig, 3_600_000).await.status().is_success());
    let gateway = rig.gateway.as_ref().unwrap();
    gateway.release_control().await;
    let successor = Gateway::start(shop.settings.clone()).unwrap();
    let admin = successor.admin_address().unwrap();
    let url = format!("http://{admin}/v1/routes/shop");
    let route = rig
        .client
        .get(&url)
        .bearer_auth(TOKEN)
        .send()
        .await
        .unwrap();
    let route: RouteStatus = route.json().await.unwrap();
    assert_eq!(route.bypass.unwrap().reason, REASON);
    assert_eq!(rig.get_as("ana").await, "1.0");
    let body = BypassEnd {
        by: "ben".to_owned(),
    };
    let request = rig.client.post(format!("{url}/bypass/end")).json(&body);
    let ended = request.bearer_auth(TOKEN).send().await.unwrap();
    assert!(ended.status().is_success());
    for _ in 0..1000 {
        if rig.get_as("ana").await == "1.1" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(rig.get_as("ana").await, "1.1");
    successor.stop(Duration::ZERO).await;
}

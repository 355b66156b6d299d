//! What the admin API tells of masking, and the audit: numbers and names, never a value.

use std::path::Path;
use std::time::Duration;

use portcullis_api::gateway::BypassWish;
use portcullis_api::masking::{
    MaskingConfig, MaskingHealth, MaskingStanding, MaskingStats, MaskingVersion,
};
use portcullis_config::{DifyApi, HostPattern, LeakAction, MaskApplication, MetricsConfig};
use portcullis_gateway::{
    ConversationPlace, GatewaySettings, MaskingAuditEntry, MaskingAuditTrail, SharedSettings,
};
use portcullis_mask::Action;
use reqwest::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::settings::{dify, openai};
use super::{EMAIL, OTHER, get, in_a_file, masked, post, start, turn};
use crate::rig::{Rig, TOKEN, closed_address};

const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// Asks the admin API; nothing that it answers may hold a value or a secret.
async fn ask<T: DeserializeOwned>(rig: &Rig, path: &str) -> (StatusCode, T) {
    let url = format!("http://{}/masking/{path}", rig.admin);
    let answer = rig.client.get(url).bearer_auth(TOKEN).send().await.unwrap();
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let status = answer.status();
    let text = answer.text().await.unwrap();
    for secret in [EMAIL, OTHER, "nguyen", KEY, TOKEN] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    (status, serde_json::from_str(&text).unwrap())
}

async fn health(rig: &Rig) -> (StatusCode, MaskingHealth) {
    ask(rig, "health").await
}

async fn stats(rig: &Rig) -> MaskingStats {
    ask(rig, "stats").await.1
}

/// The words of why it is not healthy.
fn codes(health: &MaskingHealth) -> Vec<&str> {
    let reasons = health.reasons.iter();
    reasons.map(|reason| reason.code.as_str()).collect()
}

/// Says something; gives the id of its conversation.
async fn say(rig: &Rig, query: &str, conversation: &str) -> String {
    let turn = turn(query, conversation, "blocking");
    let answer = post(rig, "/v1/chat-messages", &turn).await;
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["answer"], format!("You said: {query}"));
    answer["conversation_id"].as_str().unwrap().to_owned()
}

/// Stops the gateway, which writes what it still has to, and reads it.
async fn audited(mut rig: Rig, state_file: &Path) -> Vec<MaskingAuditEntry> {
    rig.stop(Duration::from_secs(5)).await;
    let trail = MaskingAuditTrail::beside(state_file);
    let text = std::fs::read_to_string(trail.path()).unwrap();
    for value in [EMAIL, OTHER, "nguyen", "app-1"] {
        assert!(!text.contains(value), "{value} in {text}");
    }
    trail.read().unwrap()
}

fn in_folder(folder: &Path) -> impl FnOnce(&mut GatewaySettings) {
    let state_file = folder.join("splits.json");
    move |settings| settings.state_file = state_file
}

#[tokio::test]
async fn health_names_the_version_that_a_server_says_and_the_table_in_use() {
    let (_application, rig) = start(dify(), |_| {}).await;
    let (status, before) = health(&rig).await;
    assert_eq!(
        (status, before.status),
        (StatusCode::OK, MaskingStanding::Healthy)
    );
    let mask = &before.masks[0];
    assert_eq!(
        (mask.adapter.as_str(), mask.adapter_source.as_str()),
        ("dify-1", "default")
    );
    assert!(mask.servers.is_empty());
    // What a client says counts nothing.
    let request = rig.client.get(rig.url("/v1/parameters"));
    let request = request.header("x-version", "0.15.8").bearer_auth("app-1");
    request.send().await.unwrap();
    let (_, after) = health(&rig).await;
    let mask = &after.masks[0];
    assert_eq!(
        (mask.adapter.as_str(), mask.adapter_source.as_str()),
        ("dify-1", "detected")
    );
    let server = &mask.servers[0];
    assert_eq!(
        (server.version.as_str(), server.source.as_str()),
        ("1.7.0", "header")
    );
    assert_eq!(server.upstream, "application");
    assert!(server.is_exact && server.since.ends_with('Z'));
    assert_eq!(
        (mask.routes.as_slice(), mask.mode.as_str()),
        (["application".to_owned()].as_slice(), "enforce")
    );
    assert!(after.patterns_loaded > 50 && after.timestamp.ends_with('Z'));
    assert!(after.store.unwrap().is_up);
}

#[tokio::test]
async fn a_version_that_is_not_the_configured_one_is_told_also_in_shadow_mode() {
    let mut config = dify();
    let MaskApplication::Dify { version, .. } = &mut config.application else {
        panic!("not Dify");
    };
    *version = DifyApi::V0_15;
    config.mode = portcullis_mask::Mode::Shadow;
    let (_application, rig) = start(config, |_| {}).await;
    say(&rig, &format!("I am {EMAIL}"), "").await;
    let (status, found) = health(&rig).await;
    assert_eq!(
        (status, found.status),
        (StatusCode::OK, MaskingStanding::Degraded)
    );
    let mut found_codes = codes(&found);
    found_codes.sort_unstable();
    assert_eq!(found_codes, ["shadow-mode", "version-mismatch"]);
    assert_eq!(found.masks[0].adapter, "dify-0.15");
    assert_eq!(found.masks[0].adapter_source, "configured");
}

#[tokio::test]
async fn stats_count_by_entity_by_conversation_and_by_reason() {
    let mut config = dify();
    config.actions = vec![("IBAN_CODE".to_owned(), Action::Block)];
    let (application, rig) = start(config, in_a_file).await;
    let id = say(&rig, &format!("I am {EMAIL}"), "").await;
    say(&rig, &format!("{EMAIL} and {OTHER}, or EMAIL_9"), &id).await;
    say(&rig, "Hello", "never-heard-of").await;
    let blocked = turn("pay DE89 3704 0044 0532 0130 00", "", "blocking");
    let answer = post(&rig, "/v1/chat-messages", &blocked).await;
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        get(&rig, "/v1/unheard-of").await.status(),
        StatusCode::FORBIDDEN
    );
    let stats = stats(&rig).await;
    let mask = &stats.masks[0];
    assert_eq!(mask.values["EMAIL"]["mask"], 3);
    assert_eq!(mask.values["LITERAL"]["mask"], 1);
    assert_eq!(mask.values["IBAN"]["block"], 1);
    assert_eq!(mask.refusals["masking-blocked"], 1);
    assert_eq!(mask.refusals["masking-unknown-path"], 1);
    assert_eq!((mask.total_requests, mask.looked_into), (5, 3));
    // What the settings want refused is no failure.
    assert_eq!((stats.total_requests, stats.error_count), (5, 0));
    assert_eq!((stats.refused_count, mask.refused_count), (2, 2));
    assert!(stats.error_rate.abs() < 1e-9);
    assert_eq!((mask.cache.hits, mask.cache.misses), (1, 1));
    assert_eq!(mask.restored, 4);
    assert_eq!(mask.latency.count, 3);
    let (p50, p99) = (mask.latency.p50_ms.unwrap(), mask.latency.p99_ms.unwrap());
    assert!(0.0 < p50 && p50 <= p99, "{p50} {p99}");
    let kept = stats.conversations.unwrap();
    assert_eq!(kept.keep, "file");
    // Two conversations, and the messages of the first one that lead to it.
    assert!(kept.records.unwrap() >= 2 && kept.bytes.unwrap() > 4096);
    application.assert_unseen(&[EMAIL, OTHER]);
}

#[tokio::test]
async fn leaks_are_counted_as_reported_or_blocked() {
    for (leaks, reported, blocked) in [(LeakAction::Report, 1, 0), (LeakAction::Block, 0, 1)] {
        let mut config = dify();
        config.leaks = leaks;
        let folder = tempfile::tempdir().unwrap();
        let (application, rig) = start(config, in_folder(folder.path())).await;
        // Said while nothing was masked, so the answer has it in clear.
        let direct = format!("http://{}/v1/chat-messages", application.address);
        let clear = turn(&format!("I am {EMAIL}"), "old", "blocking");
        let said = rig.client.post(direct).json(&clear).send().await.unwrap();
        assert_eq!(said.status(), StatusCode::OK);
        let answer = get(&rig, "/v1/messages?conversation_id=old").await;
        let expected = match blocked {
            0 => StatusCode::OK,
            _ => StatusCode::BAD_GATEWAY,
        };
        assert_eq!(answer.status(), expected);
        let stats = stats(&rig).await;
        let mask = &stats.masks[0];
        assert!(mask.leaks_reported >= reported && mask.leaks_blocked >= blocked);
        assert_eq!(mask.leaks_reported > 0, reported > 0);
        assert_eq!(
            mask.refusals.get("masking-leaked").copied(),
            (blocked > 0).then_some(1)
        );
        assert_eq!(mask.error_count, 0);
        let entries = audited(rig, &folder.path().join("splits.json")).await;
        assert!(entries[0].leaks["EMAIL"].values().sum::<u64>() >= 1);
    }
}

#[tokio::test]
async fn a_leak_at_the_very_end_of_a_stream_is_counted_as_blocked() {
    let mut config = dify();
    config.leaks = LeakAction::Block;
    let (application, rig) = start(config, |_| {}).await;
    application.leak_at_end(OTHER);
    application.go_on();
    let body = turn("Hello", "", "streaming");
    let answer = post(&rig, "/v1/chat-messages", &body).await;
    let text = answer.text().await.unwrap();
    assert!(
        text.contains("masking_leaked") && !text.contains(OTHER),
        "{text}"
    );
    let stats = stats(&rig).await;
    assert_eq!(stats.masks[0].refusals["masking-leaked"], 1);
    assert!(stats.masks[0].leaks_blocked > 0);
}

#[tokio::test]
async fn without_its_store_health_is_an_error_unless_something_still_works() {
    let away = |settings: &mut GatewaySettings| {
        settings.shared = Some(SharedSettings {
            url: format!("redis://{}", closed_address()).into(),
            prefix: "p:".to_owned(),
            timeout_ms: 200,
        });
        settings.conversations.keep = ConversationPlace::Shared { keys: KEY.into() };
    };
    let (_application, rig) = start(dify(), away).await;
    let answer = post(&rig, "/v1/chat-messages", &turn("Hello", "c", "blocking")).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    let (status, found) = health(&rig).await;
    assert_eq!(
        (status, found.status),
        (StatusCode::SERVICE_UNAVAILABLE, MaskingStanding::Error)
    );
    assert_eq!(codes(&found), ["store-down"]);
    assert!(!found.store.unwrap().is_up);
    let stats = stats(&rig).await;
    assert_eq!(stats.masks[0].refusals["masking-store"], 1);
    assert_eq!((stats.error_count, stats.refused_count), (1, 0));
    assert_eq!(stats.conversations.unwrap().records, None);
    // Another mask needs no store, so not everything is refused.
    let (_application, rig) = start(dify(), |settings| {
        away(settings);
        let mut other = settings.routing.routes[0].clone();
        other.name = "other".into();
        other.hosts = vec![HostPattern::Exact("other.example".into())];
        other.mask = Some("openai".into());
        settings.routing.routes.push(other);
        settings.routing.masks.push(openai());
    })
    .await;
    let (status, found) = health(&rig).await;
    assert_eq!(
        (status, found.status),
        (StatusCode::OK, MaskingStanding::Degraded)
    );
}

#[tokio::test]
async fn many_failures_of_late_are_told_and_so_are_lost_keys() {
    let folder = tempfile::tempdir().unwrap();
    let (application, rig) = start(dify(), |settings| {
        in_folder(folder.path())(settings);
        in_a_file(settings);
    })
    .await;
    for _ in 0..5 {
        get(&rig, "/v1/parameters").await;
    }
    // What the settings want refused is no failure, however much it is.
    for _ in 0..7 {
        get(&rig, "/v1/unheard-of").await;
    }
    assert_eq!(health(&rig).await.1.reasons, []);
    application.encode();
    for count in 1..=2 {
        let hello = turn("Hello", "", "blocking");
        let answer = post(&rig, "/v1/chat-messages", &hello).await;
        assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
        let (_, found) = health(&rig).await;
        // One of thirteen is not more than ten percent; two of fourteen are.
        assert_eq!(!found.reasons.is_empty(), count == 2, "{found:?}");
    }
    std::fs::remove_file(folder.path().join("mask.keys")).unwrap();
    let (status, found) = health(&rig).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(codes(&found), ["error-rate", "keys-missing"]);
}

#[tokio::test]
async fn a_bypass_is_told() {
    let (_application, rig) = start(dify(), |_| {}).await;
    let wish = BypassWish {
        by: "ana".to_owned(),
        reason: "test".to_owned(),
        for_ms: 60_000,
    };
    let url = format!("http://{}/v1/routes/shop/bypass", rig.admin);
    let request = rig.client.put(url).bearer_auth(TOKEN).json(&wish);
    assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
    let (_, found) = health(&rig).await;
    assert_eq!(codes(&found), ["bypass"]);
    assert_eq!(found.reasons[0].mask.as_deref(), Some("dify"));
}

#[tokio::test]
async fn the_settings_are_told_without_what_may_be_personal() {
    let mut config = dify();
    config.search.allow = vec!["support@company.example".to_owned()];
    config.search.allow_patterns = vec![".*@company\\.example".to_owned()];
    let (_application, rig) = start(config, |settings| {
        settings.conversations.keep = ConversationPlace::File {
            keys: Some(KEY.into()),
        };
    })
    .await;
    let (_, found): (_, MaskingConfig) = ask(&rig, "config").await;
    let mask = &found.masks[0];
    assert_eq!((mask.allow_count, mask.allow_patterns_count), (1, 1));
    assert_eq!(mask.settings["version"], "detect");
    assert_eq!(mask.settings["mode"], "enforce");
    assert_eq!(mask.settings["body_max"], 1024 * 1024);
    assert!(mask.recognizers_on > 0 && mask.recognizers_on <= mask.recognizers);
    assert_eq!(mask.routes, ["application"]);
    assert_eq!(
        (
            found.conversations.keep.as_str(),
            found.conversations.keys.as_str()
        ),
        ("file", "given")
    );
    assert!(found.counts_only.contains(&"allow".to_owned()));
    let text = serde_json::to_string(&found).unwrap();
    assert!(!text.contains("company"), "{text}");
    let (_, version): (_, MaskingVersion) = ask(&rig, "version").await;
    assert_eq!(version.version, env!("CARGO_PKG_VERSION"));
    assert_eq!(version.adapters[0].versions, ["0.15", "1"]);
}

#[tokio::test]
async fn what_is_told_of_masking_is_for_the_admin_alone() {
    let (application, rig) = start(dify(), |settings| {
        settings.observe.metrics = MetricsConfig {
            listen: Some("127.0.0.1:0".parse().unwrap()),
        };
    })
    .await;
    let metrics = rig.gateway.as_ref().unwrap().metrics_address().unwrap();
    for path in ["health", "stats", "config", "version"] {
        let path = format!("/masking/{path}");
        // Clients get to the route, whose application does not know it.
        let public = get(&rig, &path).await;
        assert_eq!(public.status(), StatusCode::FORBIDDEN);
        assert!(!public.text().await.unwrap().contains("uptime"));
        let url = format!("http://{metrics}{path}");
        let of_metrics = rig.client.get(url).send().await.unwrap();
        assert_eq!(of_metrics.status(), StatusCode::NOT_FOUND);
        let url = format!("http://{}{path}", rig.admin);
        let nobody = rig.client.get(url).send().await.unwrap();
        assert_eq!(nobody.status(), StatusCode::UNAUTHORIZED);
    }
    assert_eq!(application.seen(), "");
}

#[tokio::test]
async fn without_masks_masking_is_disabled() {
    let rig = Rig::start();
    let (status, found) = health(&rig).await;
    assert_eq!(
        (status, found.status),
        (StatusCode::OK, MaskingStanding::Disabled)
    );
    assert!(found.store.is_none() && found.masks.is_empty());
    assert!(stats(&rig).await.conversations.is_none());
}

#[tokio::test]
async fn the_audit_says_for_whom_what_was_masked_and_never_a_value() {
    let folder = tempfile::tempdir().unwrap();
    let (application, rig) = start(dify(), in_folder(folder.path())).await;
    let id = say(&rig, &format!("I am {EMAIL}"), "").await;
    say(&rig, &format!("{EMAIL} and {OTHER}"), &id).await;
    // Nothing is found here, so nothing is told.
    say(&rig, "Hello", "another").await;
    let other = super::post_as(
        &rig,
        "app-2",
        "/v1/chat-messages",
        &turn("Hello", "", "blocking"),
    )
    .await;
    assert_eq!(other.status(), StatusCode::OK);
    get(&rig, "/v1/unheard-of").await;
    let state_file = folder.path().join("splits.json");
    let entries = audited(rig, &state_file).await;
    assert_eq!(entries.len(), 2, "{entries:?}");
    let talk = entries
        .iter()
        .find(|one| one.conversation.is_some())
        .unwrap();
    let refused = entries
        .iter()
        .find(|one| one.conversation.is_none())
        .unwrap();
    // The first request had no conversation yet: its answer told it.
    assert_eq!((talk.requests, talk.restored), (2, 3));
    assert_eq!(talk.values["EMAIL"]["mask"], 3);
    assert_eq!(
        (talk.route.as_str(), talk.mask.as_str(), talk.mode.as_str()),
        ("application", "dify", "enforce")
    );
    assert!(talk.from_ms > 1_700_000_000_000 && talk.until_ms >= talk.from_ms);
    assert!(!talk.conversation.as_ref().unwrap().contains(&id));
    assert!(talk.client.starts_with("credential:") && talk.client.len() > 20);
    assert_eq!(talk.client, refused.client);
    assert_eq!(refused.refusals["masking-unknown-path"], 1);
    application.assert_unseen(&[EMAIL, OTHER]);
    // The same client has the same name after a restart.
    let rig = Rig::start_with(|settings| {
        masked(settings, &application, dify());
        in_folder(folder.path())(settings);
    });
    say(&rig, &format!("I am {EMAIL}"), "").await;
    let entries = audited(rig, &state_file).await;
    assert_eq!(entries.len(), 3);
    assert_eq!(entries[2].client, talk.client);
}

#[tokio::test]
async fn the_audit_has_shadow_mode_and_streams() {
    let folder = tempfile::tempdir().unwrap();
    let state_file = folder.path().join("splits.json");
    for (mode, name) in [
        (portcullis_mask::Mode::Shadow, "shadow"),
        (portcullis_mask::Mode::Enforce, "enforce"),
    ] {
        let mut config = dify();
        config.mode = mode;
        let (application, rig) = start(config, in_folder(folder.path())).await;
        application.go_on();
        let body = turn(&format!("I am {EMAIL}"), "", "streaming");
        let answer = post(&rig, "/v1/chat-messages", &body).await;
        answer.text().await.unwrap();
        let entries = audited(rig, &state_file).await;
        let last = entries.last().unwrap();
        assert_eq!(last.mode, name);
        assert_eq!(last.values["EMAIL"]["mask"], 1);
        // In shadow mode nothing is put back, and nobody looks at answers.
        assert_eq!(last.restored, u64::from(name == "enforce"));
        assert_eq!(last.conversation.is_some(), name == "enforce");
    }
}

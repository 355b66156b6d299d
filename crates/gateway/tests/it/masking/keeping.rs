//! Mappings that outlive requests, reloads and restarts.

use std::os::unix::fs::PermissionsExt;

use portcullis_api::gateway::BypassWish;
use portcullis_gateway::{ConversationPlace, Gateway, SharedSettings};
use reqwest::StatusCode;
use serde_json::Value;

use super::application::Application;
use super::settings::dify;
use super::{EMAIL, OTHER, WITHIN, get, in_a_file, masked, post, start, turn};
use crate::redis_server::RedisServer;
use crate::rig::{Rig, TOKEN, arm, settings};
use crate::service::Service;

pub(super) const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// Begins a conversation about a value; gives its id.
pub(super) async fn begin(rig: &Rig, value: &str) -> String {
    let turn = turn(&format!("I am {value}"), "", "blocking");
    let answer: Value = post(rig, "/v1/chat-messages", &turn)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(answer["answer"], format!("You said: I am {value}"));
    answer["conversation_id"].as_str().unwrap().to_owned()
}

pub(super) async fn history(rig: &Rig, id: &str) -> String {
    let path = format!("/v1/messages?conversation_id={id}");
    get(rig, &path).await.text().await.unwrap()
}

#[tokio::test]
async fn a_reload_keeps_mappings_and_can_change_or_remove_a_mask() {
    let mut given = None;
    let (application, rig) = start(dify(), |settings| given = Some(settings.clone())).await;
    let mut settings = given.unwrap();
    let id = begin(&rig, EMAIL).await;
    settings.routing.masks[0].body_bytes_max = 50_000;
    let gateway = rig.gateway.as_ref().unwrap();
    gateway.reload(settings.clone()).await.unwrap();
    assert!(history(&rig, &id).await.contains(EMAIL));
    settings.routing.routes[0].mask = None;
    gateway.reload(settings.clone()).await.unwrap();
    assert!(history(&rig, &id).await.contains("EMAIL_1"));
    settings.routing.routes[0].mask = Some("nobody".into());
    let error = gateway.reload(settings).await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("names the mask `nobody`"), "{cause}");
    application.assert_unseen(&[EMAIL]);
}

#[tokio::test]
async fn a_file_keeps_mappings_over_a_restart_under_keys_that_only_the_owner_reads() {
    let application = Application::start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings(folder.path().join("splits.json"));
    masked(&mut settings, &application, dify());
    in_a_file(&mut settings);
    let mut rig = Rig::around(Gateway::start(settings.clone()).unwrap());
    let id = begin(&rig, EMAIL).await;
    rig.stop(WITHIN).await;
    for name in ["mask.keys", "conversations.db"] {
        let path = folder.path().join(name);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
        let bytes = std::fs::read(&path).unwrap();
        assert!(
            !bytes
                .windows(EMAIL.len())
                .any(|some| some == EMAIL.as_bytes())
        );
    }
    let rig = Rig::around(Gateway::start(settings).unwrap());
    assert!(history(&rig, &id).await.contains(EMAIL));
    application.assert_unseen(&[EMAIL]);
}

#[tokio::test]
async fn two_gateways_share_mappings_in_a_server() {
    let server = RedisServer::start();
    let application = Application::start().await;
    let gateway = || {
        Rig::start_with(|settings| {
            masked(settings, &application, dify());
            settings.shared = Some(SharedSettings {
                url: server.url().into(),
                prefix: "p:".to_owned(),
                timeout_ms: 5_000,
            });
            settings.conversations.keep = ConversationPlace::Shared { keys: KEY.into() };
        })
    };
    let (one, other) = (gateway(), gateway());
    let id = begin(&one, EMAIL).await;
    let turn = turn(&format!("and {OTHER} or {EMAIL}"), &id, "blocking");
    let answer: Value = post(&other, "/v1/chat-messages", &turn)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(
        answer["answer"],
        format!("You said: and {OTHER} or {EMAIL}")
    );
    assert!(application.seen().contains("and EMAIL_2 or EMAIL_1"));
    assert!(history(&one, &id).await.contains(OTHER));
    application.assert_unseen(&[EMAIL, OTHER]);
}

/// How many clients speak in one conversation at once, each so often.
const CLIENTS: usize = 12;
const TURNS: usize = 3;

/// Twelve clients speak in one conversation at once; each turn is answered at the first try.
async fn crowd(application: &Application, rigs: &[&Rig]) {
    let id = begin(rigs[0], EMAIL).await;
    let clients = (0..CLIENTS).map(|client| {
        let (id, rig) = (&id, rigs[client % rigs.len()]);
        async move {
            let mut values = Vec::new();
            for number in 0..TURNS {
                let value = format!("person.{client}.{number}@example.com");
                let turn = turn(&format!("I am {value}"), id, "blocking");
                let answer = post(rig, "/v1/chat-messages", &turn).await;
                let status = answer.status();
                let answer: Value = answer.json().await.unwrap();
                assert_eq!(status, StatusCode::OK, "{answer}");
                assert_eq!(answer["answer"], format!("You said: I am {value}"));
                values.push(value);
            }
            values
        }
    });
    let values = futures::future::join_all(clients).await.concat();
    assert_eq!(values.len(), CLIENTS * TURNS);
    for rig in rigs {
        let history = history(rig, &id).await;
        for value in &values {
            assert!(history.contains(value.as_str()), "{value} in {history}");
        }
    }
    let mut queries = application.queries(&id);
    queries.sort_unstable();
    queries.dedup();
    assert_eq!(
        queries.len(),
        1 + values.len(),
        "a placeholder stands for two values"
    );
    application.assert_unseen(&["person."]);
}

#[tokio::test]
async fn requests_of_one_conversation_at_once_are_all_answered_and_never_share_a_placeholder() {
    let (application, rig) = start(dify(), |settings| settings.workers = 2).await;
    crowd(&application, &[&rig]).await;
    let (application, rig) = start(dify(), |settings| {
        settings.workers = 2;
        in_a_file(settings);
    })
    .await;
    crowd(&application, &[&rig]).await;
}

#[tokio::test]
async fn requests_of_one_conversation_at_once_at_two_gateways_are_all_answered() {
    let server = RedisServer::start();
    let application = Application::start().await;
    let gateway = || {
        Rig::start_with(|settings| {
            masked(settings, &application, dify());
            settings.workers = 2;
            settings.shared = Some(SharedSettings {
                url: server.url().into(),
                prefix: "p:".to_owned(),
                timeout_ms: 5_000,
            });
            settings.conversations.keep = ConversationPlace::Shared { keys: KEY.into() };
        })
    };
    let (one, other) = (gateway(), gateway());
    crowd(&application, &[&one, &other]).await;
}

#[tokio::test]
async fn a_bypass_takes_masking_out_of_the_way_and_its_end_puts_it_back() {
    let service = Service::start("shop");
    let (application, rig) = start(dify(), |_| {}).await;
    rig.split(&arm("1.0", &service), None, 0).await;
    let wish = BypassWish {
        by: "ana".to_owned(),
        reason: "masking breaks answers".to_owned(),
        for_ms: 3_600_000,
    };
    let url = format!("http://{}/v1/routes/shop/bypass", rig.admin);
    let begun = rig.client.put(&url).bearer_auth(TOKEN).json(&wish);
    assert!(begun.send().await.unwrap().status().is_success());
    begin(&rig, OTHER).await;
    assert!(application.seen().contains(OTHER));
    let end = serde_json::json!({"by": "ana"});
    let ended = rig
        .client
        .post(format!("{url}/end"))
        .bearer_auth(TOKEN)
        .json(&end);
    assert!(ended.send().await.unwrap().status().is_success());
    begin(&rig, EMAIL).await;
    application.assert_unseen(&[EMAIL]);
}

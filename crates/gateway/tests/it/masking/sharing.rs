//! Several gateways that keep the same conversations in one server.

use std::collections::HashMap;

use portcullis_gateway::{ConversationPlace, SharedSettings};
use reqwest::StatusCode;
use serde_json::Value;

use super::application::Application;
use super::keeping::{KEY, begin, history};
use super::settings::dify;
use super::{EMAIL, OTHER, masked, post, post_as, told, turn};
use crate::redis_server::RedisServer;
use crate::rig::Rig;

const OLD_KEY: &str = "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100";

/// A gateway that keeps conversations in a server, under these keys.
fn gateway(server: &RedisServer, application: &Application, keys: &str) -> Rig {
    Rig::start_with(|settings| {
        masked(settings, application, dify());
        settings.shared = Some(SharedSettings {
            url: server.url().into(),
            prefix: "p:".to_owned(),
            timeout_ms: 2_000,
        });
        settings.conversations.keep = ConversationPlace::Shared { keys: keys.into() };
    })
}

/// One turn that must be answered with what was said.
async fn say(rig: &Rig, id: &str, text: &str) {
    let answer = post(rig, "/v1/chat-messages", &turn(text, id, "blocking")).await;
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["answer"], format!("You said: {text}"), "{answer}");
}

/// Which placeholder the application saw for each value. Texts have the form `NUMBER: VALUE and VALUE`.
fn pairs(application: &Application, id: &str, texts: &[String]) -> HashMap<String, String> {
    let by_number = |text: &str| text.split(':').next().unwrap().to_owned();
    let said: HashMap<_, _> = texts.iter().map(|text| (by_number(text), text)).collect();
    let mut placeholders = HashMap::new();
    for query in application.queries(id) {
        let Some(text) = said.get(&by_number(&query)) else {
            continue;
        };
        let words = |text: &str| {
            text.split(' ')
                .skip(1)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        for (value, placeholder) in words(text).into_iter().zip(words(&query)) {
            if value.contains('@') {
                assert!(placeholder.starts_with("EMAIL_"), "{query}");
                let before = placeholders.insert(value.clone(), placeholder.clone());
                assert!(
                    before.is_none_or(|before| before == placeholder),
                    "{value} has two"
                );
            }
        }
    }
    placeholders
}

#[tokio::test]
async fn two_gateways_that_write_at_once_give_each_value_one_placeholder_and_each_placeholder_one_value()
 {
    let (server, application) = (RedisServer::start(), Application::start().await);
    let gateways = [KEY, KEY].map(|keys| gateway(&server, &application, keys));
    let id = begin(&gateways[0], EMAIL).await;
    // Each value is said at both gateways, beside one that nobody else says.
    let value = |kind: &str, number: usize| format!("{kind}.{number}@example.com");
    let texts: Vec<String> = (0..24)
        .map(|turn| {
            format!(
                "{turn}: {} and {}",
                value("shared", turn / 2),
                value("own", turn)
            )
        })
        .collect();
    let turns = texts.iter().enumerate();
    let turns = turns.map(|(turn, text)| say(&gateways[turn % 2], &id, text));
    futures::future::join_all(turns).await;

    let placeholders = pairs(&application, &id, &texts);
    assert_eq!(placeholders.len(), 12 + 24);
    let mut all: Vec<&String> = placeholders.values().collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(
        all.len(),
        placeholders.len(),
        "a placeholder stands for two values"
    );
    for rig in &gateways {
        let history = history(rig, &id).await;
        for value in placeholders.keys() {
            assert!(history.contains(value.as_str()), "{value} in {history}");
        }
    }
    application.assert_unseen(&["shared.", "own."]);
}

#[tokio::test]
async fn a_stream_at_one_gateway_restores_what_the_other_one_hid() {
    let (server, application) = (RedisServer::start(), Application::start().await);
    let (one, other) = (
        gateway(&server, &application, KEY),
        gateway(&server, &application, KEY),
    );
    application.go_on();
    let id = begin(&one, EMAIL).await;
    let text = format!("is {OTHER} or {EMAIL} right?");
    let answer = post(&other, "/v1/chat-messages", &turn(&text, &id, "streaming")).await;
    assert_eq!(
        told(&answer.text().await.unwrap()),
        format!("You said: {text}")
    );
    assert!(application.queries(&id)[1].contains("EMAIL_2 or EMAIL_1"));
    assert!(history(&one, &id).await.contains(OTHER));
    application.assert_unseen(&[EMAIL, OTHER]);
}

#[tokio::test]
async fn without_the_server_nothing_passes_and_when_it_is_back_everything_goes_on() {
    let application = Application::start().await;
    let mut server = RedisServer::start_lasting();
    let (one, other) = (
        gateway(&server, &application, KEY),
        gateway(&server, &application, KEY),
    );
    let id = begin(&one, EMAIL).await;
    say(&other, &id, &format!("1: {OTHER}")).await;
    server.kill();
    let seen = application.seen();
    for rig in [&one, &other] {
        let third = turn("third.person@example.com", &id, "blocking");
        let answer = post(rig, "/v1/chat-messages", &third).await;
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(answer.headers().contains_key("retry-after"));
        // Reading is refused, too: nobody could put anything back.
        let path = format!("/v1/messages?conversation_id={id}");
        let read = rig.client.get(rig.url(&path)).bearer_auth("app-1").send();
        assert_eq!(
            read.await.unwrap().status(),
            StatusCode::SERVICE_UNAVAILABLE
        );
    }
    assert_eq!(application.seen(), seen, "nothing was sent");
    server.revive();
    say(&one, &id, &format!("2: {OTHER} and {EMAIL}")).await;
    assert_eq!(application.queries(&id)[2], "2: EMAIL_2 and EMAIL_1");
    assert!(history(&other, &id).await.contains(EMAIL));
    application.assert_unseen(&[EMAIL, OTHER, "third.person"]);
}

#[tokio::test]
async fn keys_are_changed_gateway_by_gateway_without_a_gap() {
    let (server, application) = (RedisServer::start(), Application::start().await);
    let (old, both, new) = (
        OLD_KEY.to_owned(),
        format!("{OLD_KEY}\n{KEY}"),
        format!("{KEY}\n{OLD_KEY}"),
    );
    let id = begin(&gateway(&server, &application, &old), EMAIL).await;
    // First every gateway learns the new key, then each takes it for writing, then the old one goes.
    let (one, other) = (
        gateway(&server, &application, &both),
        gateway(&server, &application, &new),
    );
    let texts: Vec<String> = (0..8)
        .map(|turn| format!("{turn}: person.{turn}@example.com"))
        .collect();
    for (turn, text) in texts.iter().enumerate() {
        say([&one, &other][turn % 2], &id, text).await;
    }
    let placeholders = pairs(&application, &id, &texts);
    for (turn, _) in texts.iter().enumerate() {
        let value = format!("person.{turn}@example.com");
        assert_eq!(placeholders[&value], format!("EMAIL_{}", turn + 2));
    }
    assert!(history(&other, &id).await.contains(EMAIL));
    let last = gateway(&server, &application, KEY);
    let history = history(&last, &id).await;
    assert!(
        history.contains(EMAIL) && history.contains("person.7@"),
        "{history}"
    );
    application.assert_unseen(&[EMAIL, "person."]);
}

#[tokio::test]
async fn two_api_keys_with_the_same_conversation_id_share_nothing_on_any_gateway() {
    let (server, application) = (RedisServer::start(), Application::start().await);
    let gateways = [KEY, KEY].map(|keys| gateway(&server, &application, keys));
    let mut answers = Vec::new();
    for (key, value) in [("app-1", EMAIL), ("app-2", OTHER)] {
        let first = turn(&format!("I am {value}"), "the-same-id", "blocking");
        for rig in &gateways {
            let answer: Value = post_as(rig, key, "/v1/chat-messages", &first)
                .await
                .json()
                .await
                .unwrap();
            assert_eq!(answer["answer"], format!("You said: I am {value}"));
        }
        // Both see the whole history of the application, each with its own values only.
        let path = "/v1/messages?conversation_id=the-same-id";
        let read = gateways[0]
            .client
            .get(gateways[0].url(path))
            .bearer_auth(key);
        answers.push(read.send().await.unwrap().text().await.unwrap());
    }
    assert!(answers[0].contains(EMAIL) && !answers[0].contains(OTHER));
    assert!(
        answers[1].contains(OTHER) && !answers[1].contains(EMAIL),
        "{}",
        answers[1]
    );
    let queries = application.queries("the-same-id");
    assert_eq!((&queries[0], &queries[2]), (&queries[1], &queries[3]));
    assert_ne!(queries[0], queries[2]);
    application.assert_unseen(&[EMAIL, OTHER]);
}

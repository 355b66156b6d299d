//! Masked requests that are sent more than once.

use portcullis_config::RetryConfig;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::application::Application;
use super::settings::dify;
use super::{EMAIL, OTHER, masked, start};
use crate::raw::RawServer;
use crate::rig::{Rig, until};
use crate::ways::upstream;

/// Puts an annotation, which may be repeated; gives its answer.
async fn annotate(rig: &Rig, question: &str) -> (StatusCode, Value) {
    let body = json!({"question": question, "answer": format!("ask {OTHER}")});
    let request = rig.client.put(rig.url("/v1/apps/annotations/1"));
    let answer = request
        .bearer_auth("app-1")
        .json(&body)
        .send()
        .await
        .unwrap();
    (answer.status(), answer.json().await.unwrap())
}

/// The bodies of the requests that came.
fn bodies(seen: &str) -> Vec<&str> {
    seen.split("\r\n\r\n")
        .skip(1)
        .map(|rest| &rest[..=rest.rfind('}').unwrap()])
        .collect()
}

fn restored(metrics: &str) -> (u64, u64, u64) {
    let value = |name: &str| {
        let start = format!("portcullis_masking_{name}");
        let lines = metrics.lines().filter(|line| line.starts_with(&start));
        lines
            .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
            .sum()
    };
    (
        value("requests_total"),
        value("values_total"),
        value("restored_total"),
    )
}

#[tokio::test]
async fn a_retry_sends_the_same_masked_bytes_and_everything_is_counted_once() {
    let (application, rig) = start(dify(), |settings| {
        settings.routing.routes[0].retries = RetryConfig {
            attempts_max: 3,
            budget_percent: 100,
            statuses: vec![503],
            hedge_after_ms: None,
        };
    })
    .await;
    application.fail_once();
    let question = format!("who is {EMAIL}?");
    let (status, answer) = annotate(&rig, &question).await;
    assert_eq!(
        (status, &answer["question"]),
        (StatusCode::OK, &json!(question))
    );
    assert_eq!(answer["answer"], format!("ask {OTHER}"));
    let seen = application.seen();
    let bodies = bodies(&seen);
    assert_eq!((bodies.len(), bodies[0]), (2, bodies[1]), "{seen}");
    assert_eq!(restored(&rig.metrics().await), (1, 2, 2));
    application.assert_unseen(&[EMAIL, OTHER]);
}

#[tokio::test]
async fn a_hedge_sends_the_same_masked_bytes_and_its_answer_is_restored_once() {
    let (came, mut bodies_of_slow) = tokio::sync::mpsc::unbounded_channel();
    let slow = RawServer::start(move |_, mut connection| {
        let came = came.clone();
        async move {
            connection.head().await?;
            let body = connection.body(|bytes| bytes.ends_with(b"}")).await?;
            came.send(String::from_utf8(body).unwrap()).ok()?;
            // It never answers, and ends when the gateway closes.
            connection.rest().await;
            None
        }
    })
    .await;
    let application = Application::start().await;
    let rig = Rig::start_with(|settings| {
        masked(settings, &application, dify());
        let servers = [slow.address, application.address];
        settings.routing.upstreams = vec![upstream("application", &servers)];
        settings.routing.routes[0].retries = RetryConfig {
            attempts_max: 2,
            budget_percent: 100,
            statuses: Vec::new(),
            hedge_after_ms: Some(20),
        };
    });
    let question = format!("who is {EMAIL}?");
    // Servers are chosen in turn, so one of two requests begins at the slow one.
    for _ in 0..2 {
        let (status, answer) = annotate(&rig, &question).await;
        assert_eq!(
            (status, &answer["question"]),
            (StatusCode::OK, &json!(question))
        );
    }
    let hedged = bodies_of_slow.recv().await.unwrap();
    let seen = application.seen();
    let bodies = bodies(&seen);
    assert_eq!(bodies, [hedged.as_str(), hedged.as_str()], "{seen}");
    assert!(
        !hedged.contains(EMAIL) && !hedged.contains(OTHER),
        "{hedged}"
    );
    assert_eq!(restored(&rig.metrics().await), (2, 4, 4));
    application.assert_unseen(&[EMAIL, OTHER]);
}

#[tokio::test]
async fn a_chat_message_is_never_sent_twice_once_it_was_sent() {
    let dead = RawServer::start(|_, mut connection| async move {
        connection.head().await?;
        connection.body(|bytes| bytes.ends_with(b"}")).await?;
        None
    })
    .await;
    let application = Application::start().await;
    let rig = Rig::start_with(|settings| {
        masked(settings, &application, dify());
        settings.routing.upstreams = vec![upstream("application", &[dead.address])];
        settings.routing.routes[0].retries.attempts_max = 3;
        settings.routing.routes[0].retries.budget_percent = 100;
    });
    let turn = super::turn(&format!("I am {EMAIL}"), "", "blocking");
    let answer = super::post(&rig, "/v1/chat-messages", &turn).await;
    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    assert!(!answer.text().await.unwrap().contains(EMAIL));
    until("it was sent", || dead.heads() == 1).await;
}

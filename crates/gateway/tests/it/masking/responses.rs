//! OpenAI's responses API, which keeps a history of its own: a request names the response that it goes on from, and what
//! was hidden before comes back.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::settings::openai;
use super::{EMAIL, OTHER, get, post, post_as, start};
use crate::rig::Rig;

async fn respond(rig: &Rig, body: &Value) -> Value {
    let answer = post(rig, "/v1/responses", body).await;
    assert_eq!(answer.status(), StatusCode::OK);
    answer.json().await.unwrap()
}

fn said(answer: &Value) -> &str {
    answer["output"][0]["content"][0]["text"].as_str().unwrap()
}

#[tokio::test]
async fn a_response_that_goes_on_from_another_has_its_placeholders_and_values() {
    let (application, rig) = start(openai(), |_| {}).await;
    let first = respond(
        &rig,
        &json!({"model": "m", "input": format!("I am {EMAIL}")}),
    )
    .await;
    assert_eq!(said(&first), format!("I am {EMAIL}"));
    // The application repeats the whole history of the response.
    let mut before = first["id"].clone();
    for (turn, value) in [OTHER, "third.person@example.com", EMAIL]
        .iter()
        .enumerate()
    {
        let body =
            json!({"model": "m", "previous_response_id": before, "input": format!("and {value}")});
        let next = respond(&rig, &body).await;
        let text = said(&next);
        assert!(text.starts_with(&format!("I am {EMAIL}")), "{text}");
        assert!(
            text.ends_with(&format!("and {value}")),
            "turn {turn}: {text}"
        );
        before = next["id"].clone();
    }
    let seen = application.seen();
    assert!(
        seen.contains("and EMAIL_2\"") && seen.contains("and EMAIL_3\""),
        "{seen}"
    );
    assert!(
        seen.contains("and EMAIL_1\""),
        "the same value has the same placeholder: {seen}"
    );
    let path = format!("/v1/responses/{}", first["id"].as_str().unwrap());
    let again: Value = get(&rig, &path).await.json().await.unwrap();
    assert_eq!(said(&again), format!("I am {EMAIL}"));
    application.assert_unseen(&[EMAIL, OTHER, "third.person"]);
}

#[tokio::test]
async fn a_stream_is_gone_on_from_as_well_and_so_is_a_response_that_hid_nothing() {
    let (application, rig) = start(openai(), |_| {}).await;
    let first = json!({"model": "m", "input": "Hello", "stream": true});
    let stream = post(&rig, "/v1/responses", &first)
        .await
        .text()
        .await
        .unwrap();
    let id = stream
        .split("\"id\":\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let next = respond(
        &rig,
        &json!({"model": "m", "previous_response_id": id, "input": "Well"}),
    )
    .await;
    let body = json!({
        "model": "m", "previous_response_id": next["id"], "input": format!("I am {EMAIL}"), "stream": true,
    });
    let stream = post(&rig, "/v1/responses", &body)
        .await
        .text()
        .await
        .unwrap();
    assert!(stream.contains(&format!("I am {EMAIL}")), "{stream}");
    assert!(
        stream.contains("response.completed") && !stream.contains("EMAIL_1"),
        "{stream}"
    );
    let seen = application.seen();
    assert!(seen.contains("I am EMAIL_1\""), "{seen}");
    application.assert_unseen(&[EMAIL]);
}

#[tokio::test]
async fn a_response_that_is_not_known_never_gives_an_old_placeholder_another_value() {
    let (application, rig) = start(openai(), |_| {}).await;
    let first = respond(
        &rig,
        &json!({"model": "m", "input": format!("I am {EMAIL}")}),
    )
    .await;
    let body = json!({"model": "m", "previous_response_id": first["id"], "input": format!("I am {OTHER}")});
    // Another key gets nothing of it.
    let strangers = post_as(&rig, "app-2", "/v1/responses", &body).await;
    let strangers: Value = strangers.json().await.unwrap();
    assert_eq!(said(&strangers), format!("I am EMAIL_1; I am {OTHER}"));
    // What the application does not keep is not kept here either.
    let unkept = respond(
        &rig,
        &json!({"model": "m", "store": false, "input": format!("I am {OTHER}")}),
    )
    .await;
    assert_eq!(said(&unkept), format!("I am {OTHER}"));
    let body = json!({"model": "m", "previous_response_id": unkept["id"], "input": format!("I am {EMAIL}")});
    let next = respond(&rig, &body).await;
    assert_eq!(said(&next), format!("I am EMAIL_1; I am {EMAIL}"));
    application.assert_unseen(&[EMAIL, OTHER]);
}

#[tokio::test]
async fn a_history_that_the_client_sends_is_masked_as_one_text() {
    let (application, rig) = start(openai(), |_| {}).await;
    let input = json!([
        {"role": "user", "content": format!("I am {EMAIL}")},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": format!("Hello {EMAIL}")}]},
        {"type": "function_call", "call_id": "c", "name": "mail", "arguments": format!("{{\"to\":\"{EMAIL}\"}}")},
        {"type": "function_call_output", "call_id": "c", "output": format!("sent to {OTHER}")},
        {"role": "user", "content": format!("and {OTHER}?")},
    ]);
    let answer = respond(&rig, &json!({"model": "m", "input": input, "store": false})).await;
    assert!(
        said(&answer).ends_with(&format!("and {OTHER}?")),
        "{answer}"
    );
    let seen = application.seen();
    for part in [
        "I am EMAIL_1",
        "Hello EMAIL_1",
        "{\\\"to\\\":\\\"EMAIL_1\\\"}",
        "sent to EMAIL_2",
        "and EMAIL_2?",
    ] {
        assert!(seen.contains(part), "{part} in {seen}");
    }
    application.assert_unseen(&[EMAIL, OTHER]);
}

#[tokio::test]
async fn a_request_that_names_two_responses_is_refused() {
    let (application, rig) = start(openai(), |_| {}).await;
    let request = rig.client.post(rig.url("/v1/responses"));
    let request = request.header("content-type", "application/json");
    let body =
        r#"{"input": "Hello", "previous_response_id": "one", "previous_response_id": "other"}"#;
    assert_eq!(
        request.body(body).send().await.unwrap().status(),
        StatusCode::BAD_REQUEST
    );
    assert_eq!(application.seen(), "");
}

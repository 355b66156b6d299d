//! Bodies of which nobody knows where their text is.

use portcullis_config::{MaskApplication, MaskConfig, UnknownMessage};
use reqwest::{Method, Response, StatusCode};
use serde_json::json;

use super::settings::{dify, mask};
use super::{EMAIL, post, start};
use crate::rig::Rig;

const STOP: &str = "/v1/chat-messages/t-1/stop";
const CONVERSATION: &str = "/v1/conversations/c-1";

async fn send(rig: &Rig, method: Method, path: &str, body: &str) -> Response {
    let request = rig
        .client
        .request(method, rig.url(path))
        .bearer_auth("app-1");
    let request = request.header("content-type", "text/plain");
    request.body(body.to_owned()).send().await.unwrap()
}

fn passing(mut config: MaskConfig) -> MaskConfig {
    config.unknown = UnknownMessage::Pass;
    config
}

fn json_service() -> MaskConfig {
    let application = MaskApplication::Json {
        fields: vec!["/prompt".to_owned()],
        answer_fields: Vec::new(),
    };
    mask("json", application)
}

#[tokio::test]
async fn a_body_where_none_is_expected_is_masked_when_it_is_json_and_refused_otherwise() {
    let (application, rig) = start(dify(), |_| {}).await;
    post(&rig, STOP, &json!({"user": "u-1", "why": EMAIL})).await;
    let seen = application.seen();
    assert!(seen.contains(r#""user":"u-1""#), "{seen}");
    assert!(seen.contains(r#""why":"EMAIL_1""#), "{seen}");
    for (method, path) in [
        (Method::POST, STOP),
        (Method::DELETE, CONVERSATION),
        (Method::GET, "/v1/parameters"),
    ] {
        let answer = send(&rig, method, path, EMAIL).await;
        assert_eq!(answer.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    application.assert_unseen(&[EMAIL]);
    let metrics = rig.metrics().await;
    assert!(
        metrics.contains("reason=\"masking-unknown-type\"} 3"),
        "{metrics}"
    );
    // Nothing in it is nothing to look for.
    let answer = send(&rig, Method::DELETE, CONVERSATION, "").await;
    assert_ne!(answer.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert!(application.seen().contains("DELETE /v1/conversations/c-1"));
}

#[tokio::test]
async fn a_body_where_none_is_expected_passes_where_the_settings_say_so() {
    let (application, rig) = start(passing(dify()), |_| {}).await;
    send(&rig, Method::DELETE, CONVERSATION, "as it is").await;
    assert!(application.seen().ends_with("as it is"));
    let metrics = rig.metrics().await;
    let passed = "portcullis_masking_passed_total{mask=\"dify\",mode=\"enforce\"} 1";
    assert!(metrics.contains(passed), "{metrics}");
}

#[tokio::test]
async fn json_without_any_of_the_fields_is_refused_unless_the_settings_say_otherwise() {
    let body = json!({"question": EMAIL});
    let (application, rig) = start(json_service(), |_| {}).await;
    let answer = post(&rig, "/collect", &body).await;
    assert_eq!(answer.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let detail = answer.text().await.unwrap();
    assert!(detail.contains("none of the fields"), "{detail}");
    assert_eq!(application.seen(), "");
    let metrics = rig.metrics().await;
    assert!(
        metrics.contains("reason=\"masking-no-field\"} 1"),
        "{metrics}"
    );

    let (application, rig) = start(passing(json_service()), |_| {}).await;
    post(&rig, "/collect", &body).await;
    assert!(application.seen().ends_with(&body.to_string()));
    let metrics = rig.metrics().await;
    let passed = "portcullis_masking_passed_total{mask=\"json\",mode=\"enforce\"} 1";
    assert!(metrics.contains(passed), "{metrics}");
}

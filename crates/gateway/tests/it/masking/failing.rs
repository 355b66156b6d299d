//! What cannot be looked into is not sent on.

use portcullis_config::UnknownMessage;
use portcullis_gateway::{ConversationPlace, SharedSettings};
use reqwest::StatusCode;
use serde_json::Value;

use super::settings::dify;
use super::{EMAIL, get, post, start, turn};
use crate::rig::{Rig, closed_address};

const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// Posts a body of any kind; gives the status and the problem.
async fn refused(rig: &Rig, path: &str, fields: &[(&str, &str)], body: &str) -> (u16, Value) {
    let mut request = rig.client.post(rig.url(path)).bearer_auth("app-1");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let answer = request.body(body.to_owned()).send().await.unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    assert!(!text.contains(EMAIL), "{text}");
    (status, serde_json::from_str(&text).unwrap())
}

#[tokio::test]
async fn what_cannot_be_looked_into_is_refused_with_what_to_do_and_never_sent() {
    let mut config = dify();
    config.body_bytes_max = 1000;
    let (application, rig) = start(config, |_| {}).await;
    let json = ("content-type", "application/json");
    let query = format!("{{\"query\": \"{EMAIL}\"}}");
    let long = format!("{{\"query\": \"{EMAIL} {}\"}}", "x".repeat(1000));
    let chat = "/v1/chat-messages";
    for (path, fields, body, status, code, word) in [
        (
            chat,
            vec![json],
            &query[1..],
            400,
            "masking_unreadable",
            "JSON",
        ),
        (
            chat,
            vec![json],
            "{\"query\": ",
            400,
            "masking_unreadable",
            "ends too early",
        ),
        (chat, vec![json], &long, 413, "masking_too_long", "body_max"),
        (
            chat,
            vec![("content-type", "text/plain")],
            &query,
            415,
            "masking_unknown_content",
            "unknown = \"pass\"",
        ),
        (
            chat,
            vec![json, ("content-encoding", "gzip")],
            &query,
            415,
            "masking_unknown_content",
            "not valid gzip",
        ),
        (
            "/v1/unheard-of",
            vec![json],
            &query,
            403,
            "masking_unknown",
            "unknown = \"pass\"",
        ),
        (
            "/v1/files/upload",
            vec![("content-type", "multipart/form-data; boundary=b")],
            &query,
            415,
            "masking_unknown_content",
            "of the form",
        ),
    ] {
        let (found, problem) = refused(&rig, path, &fields, body).await;
        assert_eq!(
            (found, problem["code"].as_str().unwrap()),
            (status, code),
            "{path} {fields:?}"
        );
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(word), "{word} in {detail}");
    }
    // In chunks, so that its length is not known before.
    let chunks = futures::stream::iter(
        long.into_bytes()
            .chunks(100)
            .map(|piece| Ok::<_, std::io::Error>(piece.to_vec()))
            .collect::<Vec<_>>(),
    );
    let request = rig
        .client
        .post(rig.url(chat))
        .header("content-type", "application/json");
    let answer = request
        .body(reqwest::Body::wrap_stream(chunks))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let upgrade = rig.client.get(rig.url("/v1/parameters"));
    let upgrade = upgrade
        .header("connection", "upgrade")
        .header("upgrade", "websocket");
    assert_eq!(
        upgrade.send().await.unwrap().status(),
        StatusCode::FORBIDDEN
    );
    assert_eq!(application.seen(), "");
    let metrics = rig.metrics().await;
    let line = "portcullis_masking_refusals_total{mask=\"dify\",mode=\"enforce\",reason=\"masking-too-long\"} 2";
    assert!(metrics.contains(line), "{metrics}");
}

#[tokio::test]
async fn what_is_unknown_passes_where_the_settings_say_so() {
    let mut config = dify();
    config.unknown = UnknownMessage::Pass;
    let (application, rig) = start(config, |_| {}).await;
    assert_eq!(get(&rig, "/v1/unheard-of").await.status(), StatusCode::OK);
    // What is known is looked into all the same.
    let query = format!("I am {EMAIL}");
    post(&rig, "/v1/chat-messages", &turn(&query, "", "blocking")).await;
    application.assert_unseen(&[EMAIL]);
}

#[tokio::test]
async fn without_its_store_a_route_refuses_and_says_when_to_come_again() {
    let (application, rig) = start(dify(), |settings| {
        settings.shared = Some(SharedSettings {
            url: format!("redis://{}", closed_address()).into(),
            prefix: "p:".to_owned(),
            timeout_ms: 200,
        });
        settings.conversations.keep = ConversationPlace::Shared { keys: KEY.into() };
    })
    .await;
    // The second one begins a conversation, which gets its name too late to be refused then.
    for conversation in ["a-conversation", ""] {
        let turn = turn(&format!("I am {EMAIL}"), conversation, "blocking");
        let answer = post(&rig, "/v1/chat-messages", &turn).await;
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(answer.headers().contains_key("retry-after"));
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["code"], "masking_unavailable");
    }
    assert_eq!(application.seen(), "");
}

#[tokio::test]
async fn a_compressed_body_is_looked_into_and_sent_on_plainly() {
    use std::io::Write;
    let mut config = dify();
    config.body_bytes_max = 10_000;
    let (application, rig) = start(config, |_| {}).await;
    let compressed = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let post = |body: Vec<u8>| {
        let request = rig.client.post(rig.url("/v1/chat-messages"));
        let request = request.header("content-type", "application/json");
        request.header("content-encoding", "gzip").body(body).send()
    };
    let said = turn(&format!("I am {EMAIL}"), "", "blocking").to_string();
    let answer = post(compressed(&said)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["answer"], format!("You said: I am {EMAIL}"));
    let seen = application.seen();
    assert!(seen.contains("I am EMAIL_1"), "{seen}");
    assert!(!seen.to_lowercase().contains("content-encoding"), "{seen}");
    application.assert_unseen(&[EMAIL]);
    // What unpacks to more than is looked into.
    let bomb = format!("{{\"query\": \"{}\"}}", "x".repeat(1_000_000));
    let answer = post(compressed(&bomb)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn the_text_of_an_uploaded_file_is_masked_and_a_document_is_refused() {
    let (application, rig) = start(dify(), |_| {}).await;
    let upload = |name: &str, kind: &str, content: &str| {
        let body = format!(
            "--b\r\nContent-Disposition: form-data; name=\"user\"\r\n\r\nend-user-1\r\n--b\r\nContent-Disposition: form-data; \
             name=\"file\"; filename=\"{name}\"\r\nContent-Type: {kind}\r\n\r\n{content}\r\n--b--\r\n"
        );
        let request = rig.client.post(rig.url("/v1/files/upload"));
        let request = request.header("content-type", "multipart/form-data; boundary=b");
        request.body(body).send()
    };
    let text = format!("Invoices go to {EMAIL}.");
    let answer = upload("notes.txt", "text/plain", &text).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let seen = application.seen();
    // With a tag of its own: the file will stand in conversations in which EMAIL_1 is somebody else's.
    assert!(seen.contains("Invoices go to EMAIL_1_"), "{seen}");
    assert!(seen.contains("end-user-1"), "{seen}");
    application.assert_unseen(&[EMAIL]);
    let document = upload("a.pdf", "application/pdf", "%PDF-1.7 and more")
        .await
        .unwrap();
    assert_eq!(document.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let problem: Value = document.json().await.unwrap();
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("cannot be masked"), "{detail}");
}

#[tokio::test]
async fn an_answer_that_is_coded_all_the_same_is_refused() {
    let (application, rig) = start(dify(), |_| {}).await;
    application.encode();
    let query = format!("I am {EMAIL}");
    let answer = post(&rig, "/v1/chat-messages", &turn(&query, "", "blocking")).await;
    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["code"], "masking_answer");
}

#[tokio::test]
async fn an_answer_that_is_refused_counts_for_the_release_that_gave_it() {
    let to_service = |settings: &mut portcullis_gateway::GatewaySettings| {
        settings.routing.routes[0].to = portcullis_config::RouteTarget::Service;
    };
    let (application, rig) = start(dify(), to_service).await;
    let arm = portcullis_api::gateway::Arm {
        release: "1.0".to_owned(),
        address: application.address.to_string(),
    };
    rig.split(&arm, None, 0).await;
    let query = turn(&format!("I am {EMAIL}"), "", "blocking");
    let answer = post(&rig, "/v1/chat-messages", &query).await;
    assert_eq!(answer.status(), StatusCode::OK);
    application.encode();
    let answer = post(&rig, "/v1/chat-messages", &query).await;
    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    let status = rig.arm_when("1.0", |arm| arm.requests == 2).await;
    assert_eq!((status.refused, status.errors), (1, 0));
}

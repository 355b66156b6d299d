//! What passes because the settings say so, and what is looked into all the same.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portcullis_config::{DatasetRequests, DifyApi, MaskApplication, MaskConfig, UnknownMessage};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use super::settings::{dify, openai};
use super::{EMAIL, OTHER, get, post, post_as, start, turn};
use crate::rig::Rig;

const DOCUMENT: &str = "/v1/datasets/1/document/create-by-text";
/// The beginning of a picture, with a NUL in it and an address that nobody looks for there.
const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01 pixel.artist@example.com \xff\xfe";

fn with_datasets(datasets: DatasetRequests) -> MaskConfig {
    let mut config = dify();
    config.application = MaskApplication::Dify {
        version: DifyApi::Detect,
        select_inputs: Vec::new(),
        datasets,
    };
    config
}

/// Leaves a file with the application.
async fn upload(rig: &Rig, path: &str, (name, kind): (&str, &str), content: &[u8]) -> Response {
    let head = format!(
        "--b\r\nContent-Disposition: form-data; name=\"user\"\r\n\r\nend-user-1\r\n--b\r\nContent-Disposition: form-data; \
         name=\"file\"; filename=\"{name}\"\r\nContent-Type: {kind}\r\n\r\n"
    );
    let body = [head.as_bytes(), content, b"\r\n--b--\r\n"].concat();
    let request = rig.client.post(rig.url(path)).bearer_auth("app-1");
    let request = request.header("content-type", "multipart/form-data; boundary=b");
    request.body(body).send().await.unwrap()
}

#[tokio::test]
async fn documents_of_the_knowledge_api_pass_as_they_are_unless_the_settings_say_otherwise() {
    let document = json!({"name": "notes", "text": format!("ask {EMAIL}")});
    let (application, rig) = start(dify(), |_| {}).await;
    let answer: Value = post(&rig, DOCUMENT, &document).await.json().await.unwrap();
    assert_eq!(answer, document);
    assert!(
        application.seen().ends_with(&document.to_string()),
        "byte for byte"
    );
    let metrics = rig.metrics().await;
    let labels = "mask=\"dify\",mode=\"enforce\"";
    assert!(
        metrics.contains(&format!("portcullis_masking_passed_total{{{labels}}} 1")),
        "{metrics}"
    );
    // Messages are masked all the same.
    post(&rig, "/v1/chat-messages", &turn(OTHER, "", "blocking")).await;
    application.assert_unseen(&[OTHER]);
}

#[tokio::test]
async fn documents_of_the_knowledge_api_are_masked_with_placeholders_that_no_conversation_has() {
    let (application, rig) = start(with_datasets(DatasetRequests::Mask), |_| {}).await;
    let document = |value: &str| json!({"name": "notes", "text": format!("ask {value}"), "indexing_technique": "economy"});
    for value in [EMAIL, OTHER, EMAIL] {
        let answer: Value = post(&rig, DOCUMENT, &document(value))
            .await
            .json()
            .await
            .unwrap();
        // Names come back; texts of documents are not in answers of Dify.
        assert_eq!(answer["name"], "notes");
    }
    let seen = application.seen();
    let names: Vec<&str> = seen
        .split("ask ")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .collect();
    // The same value has the same placeholder in all documents.
    assert_eq!((names.len(), names[0]), (3, names[2]), "{seen}");
    let (name, tag) = names[0].split_at("EMAIL_1_".len());
    assert_eq!((name, tag.len()), ("EMAIL_1_", 8));
    assert_eq!(names[1], format!("EMAIL_2_{tag}"));
    // A chat that finds the document among its knowledge has an EMAIL_1 of its own.
    let query = format!("{OTHER} asks about this: ask {}", names[0]);
    let answer: Value = post(&rig, "/v1/chat-messages", &turn(&query, "", "blocking"))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(answer["answer"], format!("You said: {query}"));
    // What another key asks for is another tenant's.
    let before = application.seen().matches(tag).count();
    post_as(&rig, "app-2", DOCUMENT, &document(EMAIL)).await;
    assert_eq!(application.seen().matches(tag).count(), before);
    application.assert_unseen(&[EMAIL, OTHER]);
}

#[tokio::test]
async fn documents_of_the_knowledge_api_are_refused_where_they_may_not_pass() {
    let (application, rig) = start(with_datasets(DatasetRequests::Refuse), |_| {}).await;
    let answer = post(&rig, DOCUMENT, &json!({"name": "n", "text": EMAIL})).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    let problem: Value = answer.json().await.unwrap();
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("datasets = \"mask\""),
        "{problem}"
    );
    assert_eq!(
        get(&rig, "/v1/datasets").await.status(),
        StatusCode::FORBIDDEN
    );
    let file = ("notes.txt", "text/plain");
    let path = "/v1/datasets/1/document/create-by-file";
    assert_eq!(
        upload(&rig, path, file, b"text").await.status(),
        StatusCode::FORBIDDEN
    );
    assert_eq!(application.seen(), "");
    let metrics = rig.metrics().await;
    assert!(
        metrics.contains("reason=\"masking-datasets\"} 3"),
        "{metrics}"
    );
}

#[tokio::test]
async fn an_annotation_has_placeholders_that_no_conversation_has_and_is_read_with_its_values() {
    let (application, rig) = start(dify(), |_| {}).await;
    let annotation = json!({"question": format!("who is {EMAIL}?"), "answer": OTHER});
    for _ in 0..2 {
        let request = rig
            .client
            .put(rig.url("/v1/apps/annotations/1"))
            .bearer_auth("app-1");
        let answer: Value = request
            .json(&annotation)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        assert_eq!(answer, annotation);
    }
    // A conversation in which EMAIL_1 is somebody else gets the answer that was kept.
    let query = format!("I am {OTHER}");
    post(&rig, "/v1/chat-messages", &turn(&query, "", "blocking")).await;
    let seen = application.seen();
    assert!(
        seen.contains("I am EMAIL_1\"") && seen.contains("who is EMAIL_1_"),
        "{seen}"
    );
    let tag = &seen.split("who is EMAIL_1_").nth(1).unwrap()[..8];
    assert_eq!(
        seen.matches(&format!("\"EMAIL_2_{tag}\"")).count(),
        2,
        "{seen}"
    );
    application.assert_unseen(&[EMAIL, OTHER]);
}

#[tokio::test]
async fn what_is_unknown_passes_byte_for_byte_where_the_settings_say_so_and_is_counted() {
    let mut config = dify();
    config.unknown = UnknownMessage::Pass;
    let (application, rig) = start(config, |_| {}).await;
    let odd = format!("{{\"query\" :  \"{EMAIL}\", \"x\":1e3}}");
    let request = |path: &str, kind: &str, body: &str| {
        let request = rig.client.post(rig.url(path)).header("content-type", kind);
        request.body(body.to_owned()).send()
    };
    for (path, kind) in [
        ("/v1/of/our/own", "application/json"),
        ("/v1/chat-messages", "text/plain"),
    ] {
        let before = application.seen().len();
        request(path, kind, &odd).await.unwrap();
        let seen = application.seen().split_off(before);
        assert!(seen.ends_with(&odd), "{seen}");
    }
    let metrics = rig.metrics().await;
    assert!(
        metrics.contains("portcullis_masking_passed_total{mask=\"dify\",mode=\"enforce\"} 2"),
        "{metrics}"
    );
    // A document passes, and text in a file is masked all the same.
    let pdf = b"%PDF-1.7 somebody.else@example.com \xff\0";
    let before = application.seen_bytes().len();
    let answer = upload(&rig, "/v1/files/upload", ("a.pdf", "application/pdf"), pdf).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(application.has_seen(before, pdf));
    upload(
        &rig,
        "/v1/files/upload",
        ("a.txt", "text/plain"),
        OTHER.as_bytes(),
    )
    .await;
    // What is known is refused when it cannot be read.
    let broken = request("/v1/chat-messages", "application/json", "{\"query\": ")
        .await
        .unwrap();
    assert_eq!(broken.status(), StatusCode::BAD_REQUEST);
    application.assert_unseen(&[OTHER]);
}

#[tokio::test]
async fn pictures_pass_byte_for_byte_and_documents_are_refused() {
    let (application, rig) = start(dify(), |_| {}).await;
    let answer = upload(&rig, "/v1/files/upload", ("a.png", "image/png"), PICTURE).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(application.has_seen(0, PICTURE));
    let before = application.seen();
    for (name, kind, content) in [
        ("a.pdf", "application/pdf", &b"%PDF-1.7 text"[..]),
        (
            "a.docx",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            b"PK\x03\x04\0\0",
        ),
        // One that says to be a picture and is none.
        ("a.png", "image/png", b"\0\x01\x02 no picture"),
        ("a.txt", "text/plain", b"caf\xe9 in another character set"),
    ] {
        let answer = upload(&rig, "/v1/files/upload", (name, kind), content).await;
        assert_eq!(
            answer.status(),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "{name}"
        );
    }
    assert_eq!(application.seen(), before);
}

#[tokio::test]
async fn numbers_of_json_pass_and_the_same_in_a_string_does_not() {
    let (application, rig) = start(dify(), |_| {}).await;
    let inputs = json!({"phone": 4_155_550_123_u64, "text": "phone: 415 555 0123"});
    let body =
        json!({"query": "call me", "inputs": inputs, "user": "u", "response_mode": "blocking"});
    assert_eq!(
        post(&rig, "/v1/chat-messages", &body).await.status(),
        StatusCode::OK
    );
    let seen = application.seen();
    assert!(
        seen.contains("\"phone\":4155550123") && seen.contains("phone: PHONE_1"),
        "{seen}"
    );
}

#[tokio::test]
async fn files_within_json_are_masked_and_documents_refused_unless_unknown_ones_pass() {
    let chat = |media: &str, content: &[u8]| {
        let data = format!("data:{media};base64,{}", STANDARD.encode(content));
        let file = json!({"type": "file", "file": {"filename": "a", "file_data": data}});
        json!({"model": "m", "messages": [{"role": "user", "content": [file]}]})
    };
    let path = "/v1/chat/completions";
    let text = format!("Contract of {EMAIL}");
    let coded = |text: &str| STANDARD.encode(text);
    let document = chat("application/pdf", b"%PDF-1.7 of nobody");
    let (application, rig) = start(openai(), |_| {}).await;
    post(&rig, path, &chat("text/plain", text.as_bytes())).await;
    let seen = application.seen();
    assert!(seen.contains(&coded("Contract of EMAIL_1")), "{seen}");
    let answer = post(&rig, path, &document).await;
    assert_eq!(answer.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let answer = answer.text().await.unwrap();
    assert!(
        answer.contains("the file at byte ") && answer.contains("unknown = "),
        "{answer}"
    );
    assert_eq!(application.seen(), seen, "nothing was sent");
    application.assert_unseen(&[EMAIL, &coded(&text)]);

    let mut config = openai();
    config.unknown = UnknownMessage::Pass;
    let (application, rig) = start(config, |_| {}).await;
    post(&rig, path, &document).await;
    assert!(application.seen().contains(&document.to_string()));
    post(&rig, path, &chat("text/plain", text.as_bytes())).await;
    application.assert_unseen(&[EMAIL, &coded(&text)]);
}

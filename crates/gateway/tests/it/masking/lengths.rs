//! Answers that are longer than is kept in memory, and answers that would become so.

use portcullis_config::UnknownMessage;
use reqwest::StatusCode;
use serde_json::Value;

use super::application::Application;
use super::settings::dify;
use super::{EMAIL, WITHIN, masked, post, turn};
use crate::raw::{RawConnection, RawServer};
use crate::rig::Rig;
use crate::ways::upstream;

const MIB: usize = 1024 * 1024;

/// A gateway before a server that answers chats in its own way.
async fn before(server: &RawServer, unknown: UnknownMessage) -> Rig {
    let application = Application::start().await;
    let mut config = dify();
    config.unknown = unknown;
    Rig::start_with(|settings| {
        masked(settings, &application, config);
        settings.routing.upstreams = vec![upstream("application", &[server.address])];
    })
}

/// Sends JSON with so many MiB of text, in chunks or with its length, as far as somebody reads it.
async fn long(mut connection: RawConnection, mibs: usize, is_chunked: bool) -> Option<()> {
    connection.head().await?;
    connection.body(|bytes| bytes.ends_with(b"}")).await?;
    let beginning = "{\"answer\":\"EMAIL_1 ";
    let framing = match is_chunked {
        true => "Transfer-Encoding: chunked".to_owned(),
        false => format!("Content-Length: {}", beginning.len() + mibs * MIB + 2),
    };
    connection
        .send(&format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{framing}\r\n\r\n"
        ))
        .await?;
    let framed = |text: &str| match is_chunked {
        true => format!("{:x}\r\n{text}\r\n", text.len()),
        false => text.to_owned(),
    };
    connection.send(&framed(beginning)).await?;
    let piece = framed(&"x".repeat(MIB));
    for _ in 0..mibs {
        connection.send(&piece).await?;
    }
    connection.send(&framed("\"}")).await?;
    connection
        .send(if is_chunked { "0\r\n\r\n" } else { "" })
        .await
}

#[tokio::test]
async fn an_answer_that_is_too_long_to_be_read_whole_is_refused_with_what_to_do() {
    for is_chunked in [false, true] {
        let server = RawServer::start(move |_, connection| long(connection, 33, is_chunked)).await;
        let rig = before(&server, UnknownMessage::Refuse).await;
        let answer = post(&rig, "/v1/chat-messages", &turn(EMAIL, "", "blocking")).await;
        assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["code"], "masking_answer");
        assert!(
            problem["detail"].as_str().unwrap().contains("32 MiB"),
            "{problem}"
        );
        let metrics = rig.metrics().await;
        assert!(
            metrics.contains("reason=\"masking-answer-too-long\"} 1"),
            "{metrics}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_is_long_is_read_whole_and_restored() {
    let server = RawServer::start(|_, connection| long(connection, 31, true)).await;
    let rig = before(&server, UnknownMessage::Refuse).await;
    let answer = post(&rig, "/v1/chat-messages", &turn(EMAIL, "", "blocking")).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let text = answer.text().await.unwrap();
    assert!(text.starts_with(&format!("{{\"answer\":\"{EMAIL} xx")));
    assert!(text.len() > 31 * MIB && text.ends_with("x\"}"));
}

#[tokio::test]
async fn a_long_answer_passes_with_its_placeholders_where_the_unknown_passes_and_is_counted() {
    let server = RawServer::start(|_, connection| long(connection, 33, true)).await;
    let rig = before(&server, UnknownMessage::Pass).await;
    let answer = post(&rig, "/v1/chat-messages", &turn(EMAIL, "", "blocking")).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let text = answer.text().await.unwrap();
    assert!(text.starts_with("{\"answer\":\"EMAIL_1 xx") && text.ends_with("x\"}"));
    let metrics = rig.metrics().await;
    assert!(
        metrics.contains("portcullis_masking_unread_total{mask=\"dify\",mode=\"enforce\"} 1"),
        "{metrics}"
    );
}

/// An address with so much behind it in the same word that all of it is hidden.
fn long_value() -> String {
    format!("{EMAIL}_{}", "x".repeat(500_000))
}

#[tokio::test]
async fn an_answer_that_repeats_a_long_value_too_often_is_refused_before_it_is_written_out() {
    let server = RawServer::start(|_, mut connection| async move {
        connection.head().await?;
        let asked = connection.body(|bytes| bytes.ends_with(b"}")).await?;
        let name = String::from_utf8_lossy(&asked).contains("\"EMAIL_1\"");
        assert!(name, "the whole word is hidden");
        // 5 GB, if somebody were to write it out.
        let body = format!("{{\"answer\":\"{}\"}}", "EMAIL_1 ".repeat(10_000));
        connection.send(&format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len())).await
    })
    .await;
    let rig = before(&server, UnknownMessage::Pass).await;
    let answer = post(
        &rig,
        "/v1/chat-messages",
        &turn(&long_value(), "", "blocking"),
    )
    .await;
    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    let problem: Value = answer.json().await.unwrap();
    assert!(
        problem["detail"].as_str().unwrap().contains("64 MiB"),
        "{problem}"
    );
}

#[tokio::test]
async fn a_stream_with_an_event_that_repeats_a_long_value_too_often_ends_with_an_error() {
    let server = RawServer::start(|_, mut connection| async move {
        connection.head().await?;
        connection.body(|bytes| bytes.ends_with(b"}")).await?;
        let event = |answer: &str| {
            let event = format!("data: {{\"event\":\"message\",\"message_id\":\"m\",\"conversation_id\":\"c\",\"answer\":\"{answer}\"}}\n\n");
            format!("{:x}\r\n{event}\r\n", event.len())
        };
        connection.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n").await?;
        connection.send(&event("It begins. ")).await?;
        connection.send(&event(&"EMAIL_1 ".repeat(10_000))).await?;
        connection.send("0\r\n\r\n").await
    })
    .await;
    let rig = before(&server, UnknownMessage::Refuse).await;
    let answer = post(
        &rig,
        "/v1/chat-messages",
        &turn(&long_value(), "", "streaming"),
    )
    .await;
    let read = tokio::time::timeout(WITHIN, answer.text()).await;
    let read = read.expect("it hangs").unwrap();
    assert!((1..MIB).contains(&read.len()), "{}", read.len());
    // What came before is told, and why nothing more comes.
    assert!(read.contains("It begins. "), "{read}");
    assert!(
        read.contains("\"event\": \"error\"") && read.contains("masking_answer"),
        "{read}"
    );
    let metrics = rig.metrics().await;
    assert!(
        metrics.contains("reason=\"masking-answer-too-long\"} 1"),
        "{metrics}"
    );
}

//! Answers with data that their request did not bring, in whatever they stand.

use std::sync::Arc;

use futures::StreamExt;
use http_body_util::{BodyExt, Full};
use portcullis_config::{LeakAction, MaskConfig, UnknownMessage};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::settings::{anthropic, dify, mask, openai};
use super::{OTHER, WITHIN, masked, turn};
use crate::http2::{Client, request};
use crate::raw::RawServer;
use crate::rig::Rig;
use crate::ways::upstream;

/// What an application answers, whatever it is asked.
#[derive(Clone)]
pub(super) struct Says {
    status: u16,
    kind: Option<&'static str>,
    /// The body in pieces; each waits for a permit.
    pieces: Vec<Vec<u8>>,
    gate: Arc<Semaphore>,
}

impl Says {
    pub(super) fn new(status: u16, kind: Option<&'static str>, body: &[u8]) -> Says {
        Says::in_pieces(status, kind, vec![body.to_vec()])
    }

    fn in_pieces(status: u16, kind: Option<&'static str>, pieces: Vec<Vec<u8>>) -> Says {
        Says {
            status,
            kind,
            gate: Arc::new(Semaphore::new(1000)),
            pieces,
        }
    }

    pub(super) fn events(pieces: &[&str]) -> Says {
        let pieces = pieces.iter().map(|piece| piece.as_bytes().to_vec());
        Says::in_pieces(200, Some("text/event-stream"), pieces.collect())
    }

    async fn serve(self) -> RawServer {
        RawServer::start(move |_, mut connection| {
            let says = self.clone();
            async move {
                loop {
                    connection.head().await?;
                    connection.body(|bytes| bytes.ends_with(b"}")).await?;
                    let kind = says.kind.map(|kind| format!("Content-Type: {kind}\r\n"));
                    let head = format!(
                        "HTTP/1.1 {} Said\r\n{}Transfer-Encoding: chunked\r\n\r\n",
                        says.status,
                        kind.unwrap_or_default()
                    );
                    connection.send_bytes(head.as_bytes()).await?;
                    for piece in &says.pieces {
                        says.gate.acquire().await.ok()?.forget();
                        let mut chunk = format!("{:x}\r\n", piece.len()).into_bytes();
                        chunk.extend_from_slice(piece);
                        chunk.extend_from_slice(b"\r\n");
                        connection.send_bytes(&chunk).await?;
                    }
                    connection.send_bytes(b"0\r\n\r\n").await?;
                }
            }
        })
        .await
    }
}

fn with(mut config: MaskConfig, leaks: LeakAction) -> MaskConfig {
    config.leaks = leaks;
    config
}

/// A gateway in front of an application that says the same always.
pub(super) async fn behind(config: MaskConfig, says: Says) -> (RawServer, Rig) {
    let server = says.serve().await;
    let application = super::application::Application::start().await;
    let address = server.address;
    let rig = Rig::start_with(|settings| {
        masked(settings, &application, config);
        settings.routing.upstreams = vec![upstream("application", &[address])];
    });
    (server, rig)
}

fn question() -> Value {
    json!({"model": "m", "messages": [{"role": "user", "content": "Hello"}]})
}

pub(super) async fn ask(rig: &Rig, path: &str, question: &Value) -> reqwest::Response {
    super::post(rig, path, question).await
}

pub(super) const CHAT: &str = "/v1/chat/completions";

pub(super) fn delta(text: &str) -> String {
    let choices = json!([{"index": 0, "delta": {"content": text}, "finish_reason": null}]);
    format!("data: {}\n\n", json!({"id": "c", "choices": choices}))
}

/// The answer's text out of a stream of chunks.
pub(super) fn said(stream: &str) -> String {
    let data = stream
        .lines()
        .filter_map(|line| line.strip_prefix("data: "));
    data.filter_map(|data| serde_json::from_str::<Value>(data).ok())
        .filter_map(|event| {
            let text = event["choices"][0]["delta"]["content"].as_str()?;
            Some(text.to_owned())
        })
        .collect()
}

async fn leaks_counted(rig: &Rig) -> u64 {
    let metrics = rig.metrics().await;
    let lines = metrics
        .lines()
        .filter(|line| line.starts_with("portcullis_masking_leaks_total{"));
    lines
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
        .sum()
}

#[tokio::test]
async fn what_is_only_reported_waits_for_nothing_and_what_is_masked_for_a_word() {
    for (leaks, first) in [
        (LeakAction::Report, "Hello there, ask bo@exam"),
        (LeakAction::Mask, "Hello there, ask "),
    ] {
        let says = Says::events(&[
            &delta("Hello there, ask bo@exam"),
            &delta("ple.com now"),
            "data: [DONE]\n\n",
        ]);
        let gate = Arc::clone(&says.gate);
        gate.forget_permits(999);
        let (_server, rig) = behind(with(openai(), leaks), says).await;
        let mut stream = ask(&rig, CHAT, &question()).await.bytes_stream();
        let mut read = String::new();
        while said(&read) != first {
            let piece = tokio::time::timeout(WITHIN, stream.next()).await;
            let piece = piece.expect("it waits").unwrap().unwrap();
            read.push_str(std::str::from_utf8(&piece).unwrap());
        }
        gate.add_permits(10);
        while let Some(piece) = stream.next().await {
            read.push_str(std::str::from_utf8(&piece.unwrap()).unwrap());
        }
        let whole = match leaks {
            LeakAction::Report => "Hello there, ask bo@example.com now",
            _ => "Hello there, ask [EMAIL] now",
        };
        assert_eq!(said(&read), whole);
        assert_eq!(leaks_counted(&rig).await, 1, "{leaks:?}");
    }
}

/// Answers that hold an address in places that no table of fields names.
fn odd_answers() -> Vec<(&'static str, Says)> {
    let json = Some("application/json");
    let events = |text: String| Says::events(&[&text, "data: [DONE]\n\n"]);
    vec![
        (
            "text",
            Says::new(200, Some("text/plain"), format!("ask {OTHER}").as_bytes()),
        ),
        (
            "html",
            Says::new(
                502,
                Some("text/html; charset=utf-8"),
                format!("<p>{OTHER}</p>").as_bytes(),
            ),
        ),
        (
            "untyped",
            Says::new(200, None, format!("ask {OTHER}").as_bytes()),
        ),
        (
            "cut short",
            Says::new(
                200,
                json,
                format!("{{\"choices\": [{{\"text\": \"{OTHER}\"").as_bytes(),
            ),
        ),
        (
            "with a mark",
            Says::new(
                200,
                json,
                format!("\u{feff}{{\"choices\": [{{\"text\": \"{OTHER}\"}}]}}").as_bytes(),
            ),
        ),
        (
            "unknown field",
            Says::new(
                200,
                json,
                format!("{{\"newer\": {{\"a\": [\"{OTHER}\"]}}}}").as_bytes(),
            ),
        ),
        (
            "unknown name",
            Says::new(
                200,
                json,
                format!("{{\"newer\": {{\"{OTHER}\": 1}}}}").as_bytes(),
            ),
        ),
        (
            "an id",
            Says::new(200, json, format!("{{\"id\": \"{OTHER}\"}}").as_bytes()),
        ),
        (
            "error",
            Says::new(
                404,
                json,
                format!("{{\"error\": {{\"hint\": \"{OTHER}\"}}}}").as_bytes(),
            ),
        ),
        (
            "error of a kind",
            Says::new(400, json, format!("{{\"reason\": \"{OTHER}\"}}").as_bytes()),
        ),
        (
            "event",
            events(format!("data: {{\"newer\": \"{OTHER}\"}}\n\n")),
        ),
        (
            "data that is no JSON",
            events(format!("data: ask {OTHER}\n\n")),
        ),
        ("comment", events(format!(": ask {OTHER}\n\n"))),
        (
            "name of an event",
            events(format!("event: {OTHER}\ndata: {{}}\n\n")),
        ),
        (
            "unfinished event",
            Says::events(&[&format!("data: {{\"newer\": \"{OTHER}")]),
        ),
        (
            "events of elsewhere",
            Says::new(
                500,
                Some("text/event-stream"),
                format!("data: {OTHER}\n\n").as_bytes(),
            ),
        ),
    ]
}

#[tokio::test]
async fn all_of_an_answer_is_looked_through() {
    for (name, says) in odd_answers() {
        let status = says.status;
        let is_stream = says.kind == Some("text/event-stream");
        for leaks in [LeakAction::Mask, LeakAction::Block, LeakAction::Report] {
            let (_server, rig) = behind(with(openai(), leaks), says.clone()).await;
            let answer = ask(&rig, CHAT, &question()).await;
            let found = answer.status().as_u16();
            let text = answer.text().await.unwrap();
            let withheld = !text.contains(OTHER);
            assert_eq!(
                withheld,
                leaks != LeakAction::Report,
                "{name} {leaks:?}: {text}"
            );
            let is_refused = leaks == LeakAction::Block && !is_stream;
            assert_eq!(
                found,
                if is_refused { 502 } else { status },
                "{name} {leaks:?}"
            );
            if leaks == LeakAction::Block {
                assert!(text.contains("masking_leaked"), "{name}: {text}");
            } else if leaks == LeakAction::Mask && name != "name of an event" {
                assert!(text.contains("[EMAIL]"), "{name}: {text}");
            }
            assert!(leaks_counted(&rig).await >= 1, "{name} {leaks:?}");
        }
        let (_server, rig) = behind(openai(), says.clone()).await;
        let answer = ask(&rig, CHAT, &question()).await;
        assert_eq!(
            answer.bytes().await.unwrap(),
            says.pieces.concat(),
            "{name}"
        );
    }
}

#[tokio::test]
async fn what_cannot_be_looked_through_is_refused_or_passes_as_the_settings_say() {
    let escaped = b"{\"choices\": [{\"text\": \"bo\\u0040example.com".as_slice();
    for (name, says) in [
        ("sound", Says::new(200, Some("audio/mpeg"), b"ID3 sound")),
        (
            "nothing known",
            Says::new(200, Some("application/octet-stream"), b"bytes"),
        ),
        (
            "wide characters",
            Says::new(200, Some("text/plain; charset=utf-16le"), b"b\0o\0"),
        ),
        (
            "unsaid wide characters",
            Says::new(200, Some("text/plain"), b"b\0o\0"),
        ),
        (
            "no characters",
            Says::new(200, Some("text/plain"), b"\xff\xfe\xfd"),
        ),
        (
            "escapes that were cut",
            Says::new(200, Some("application/json"), escaped),
        ),
    ] {
        for (leaks, unknown, passes) in [
            (LeakAction::Block, UnknownMessage::Refuse, false),
            (LeakAction::Mask, UnknownMessage::Refuse, false),
            (LeakAction::Mask, UnknownMessage::Pass, true),
            (LeakAction::Report, UnknownMessage::Refuse, true),
            (LeakAction::Off, UnknownMessage::Refuse, true),
        ] {
            let mut config = with(openai(), leaks);
            config.unknown = unknown;
            let (_server, rig) = behind(config, says.clone()).await;
            let answer = ask(&rig, CHAT, &question()).await;
            let status = answer.status().as_u16();
            let body = answer.bytes().await.unwrap();
            let case = format!("{name} {leaks:?} {unknown:?}");
            assert_eq!(body == says.pieces.concat(), passes, "{case}: {body:?}");
            assert_eq!(status, if passes { 200 } else { 502 }, "{case}");
            let metrics = rig.metrics().await;
            let counter = match passes {
                true => "portcullis_masking_unread_total{mask=\"openai\",mode=\"enforce\"} 1",
                false => "reason=\"masking-answer-unknown\"} 1",
            };
            assert_eq!(
                metrics.contains(counter),
                leaks != LeakAction::Off,
                "{case}: {metrics}"
            );
        }
    }
}

/// A protocol's events that say a text, and what the last one of a stream that must not go on has in it.
type Protocol = (
    MaskConfig,
    &'static str,
    Value,
    Vec<String>,
    Vec<&'static str>,
);

fn protocols() -> Vec<Protocol> {
    let event = |kind: &str, mut data: Value| {
        data["type"] = kind.into();
        format!("event: {kind}\ndata: {data}\n\n")
    };
    let dify_event = |text: &str| {
        let data = json!({"event": "message", "message_id": "m1", "task_id": "t1", "conversation_id": "c1", "answer": text});
        format!("data: {data}\n\n")
    };
    let response = |number: u64, text: &str| {
        let data = json!({"sequence_number": number, "item_id": "i", "output_index": 0, "content_index": 0, "delta": text});
        event("response.output_text.delta", data)
    };
    let block = |text: &str| {
        let delta = json!({"type": "text_delta", "text": text});
        event("content_block_delta", json!({"index": 0, "delta": delta}))
    };
    let leak = format!("is {OTHER} and");
    vec![
        (
            dify(),
            "/v1/chat-messages",
            turn("Hello", "", "streaming"),
            vec![
                dify_event("One two "),
                dify_event(&leak),
                dify_event(" more"),
            ],
            vec![
                "\"event\": \"error\"",
                "\"status\": 502",
                "\"message_id\": \"m1\"",
                "\"code\": \"masking_leaked\"",
            ],
        ),
        (
            openai(),
            CHAT,
            question(),
            vec![delta("One two "), delta(&leak), delta(" more")],
            vec![
                "data: {\"error\":{\"message\":",
                "\"code\":\"masking_leaked\"",
                "data: [DONE]",
            ],
        ),
        (
            openai(),
            "/v1/responses",
            json!({"model": "m", "input": "Hello", "store": false, "stream": true}),
            vec![
                response(0, "One two "),
                response(1, &leak),
                response(2, " more"),
            ],
            vec![
                "event: error\n",
                "\"type\":\"error\"",
                "\"sequence_number\":1",
            ],
        ),
        (
            anthropic(),
            "/v1/messages",
            json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hello"}]}),
            vec![block("One two "), block(&leak), block(" more")],
            vec!["event: error\n", "\"type\":\"api_error\""],
        ),
        (
            mask(
                "json",
                portcullis_config::MaskApplication::Json {
                    fields: vec!["/q".to_owned()],
                    answer_fields: vec!["/t".to_owned()],
                },
            ),
            "/ask",
            json!({"q": "Hello"}),
            vec![
                "data: {\"t\": \"One two \"}\n\n".to_owned(),
                format!("data: {{\"t\": \"{leak}\"}}\n\n"),
            ],
            vec!["event: error\n", "\"code\":\"masking_leaked\""],
        ),
    ]
}

#[tokio::test]
async fn a_stream_that_must_not_go_on_ends_with_an_error_of_its_protocol() {
    for (config, path, question, events, expected) in protocols() {
        let body = events.concat();
        let mut ends = Vec::new();
        // However the events are cut, and in one piece.
        for size in [1, 50, body.len()] {
            let pieces = body.as_bytes().chunks(size).map(<[u8]>::to_vec);
            let says = Says::in_pieces(200, Some("text/event-stream"), pieces.collect());
            let config = with(config.clone(), LeakAction::Block);
            let (_server, rig) = behind(config, says).await;
            let answer = ask(&rig, path, &question).await;
            assert_eq!(answer.status(), 200);
            let text = answer.text().await.expect("the stream ends in order");
            assert!(
                !text.contains(OTHER) && text.contains("One two "),
                "{path}: {text}"
            );
            for part in &expected {
                assert!(text.contains(part), "{part} in {text}");
            }
            let metrics = rig.metrics().await;
            assert!(
                metrics.contains("reason=\"masking-leaked\"} 1"),
                "{metrics}"
            );
            assert_eq!(leaks_counted(&rig).await, 1);
            ends.push(text);
        }
        assert!(ends.windows(2).all(|two| two[0] == two[1]), "{ends:#?}");
    }
}

#[tokio::test]
async fn over_http2_such_a_stream_ends_in_order_and_the_connection_stays() {
    let events = [delta("One two "), delta(&format!("is {OTHER} and"))];
    let events: Vec<&str> = events.iter().map(String::as_str).collect();
    let config = with(openai(), LeakAction::Block);
    let (_server, rig) = behind(config, Says::events(&events)).await;
    let mut client = Client::connect(&rig).await;
    for _ in 0..2 {
        let body = Full::from(question().to_string()).map_err(|never| match never {});
        let request = request(CHAT)
            .method("POST")
            .header("content-type", "application/json")
            .body(body.boxed())
            .unwrap();
        let answer = client.send(request).await;
        let read = tokio::time::timeout(WITHIN, answer.into_body().collect()).await;
        let bytes = read.expect("it ends").expect("in order").to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        assert!(!text.contains(OTHER), "{text}");
        assert!(
            text.contains("masking_leaked") && text.ends_with("data: [DONE]\n\n"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn what_the_request_held_and_let_pass_is_no_leak_in_its_answer() {
    let answer = format!("You are {OTHER}, and {} is not.", super::EMAIL);
    let body = json!({"choices": [{"message": {"content": answer}}]}).to_string();
    let says = Says::new(200, Some("application/json"), body.as_bytes());
    for action in ["report", "redact"] {
        let mut config = with(openai(), LeakAction::Mask);
        let action = match action {
            "report" => portcullis_mask::Action::Report,
            _ => portcullis_mask::Action::Redact,
        };
        config.actions = vec![("EMAIL_ADDRESS".to_owned(), action)];
        let (_server, rig) = behind(config, says.clone()).await;
        let asked = json!({"model": "m", "messages": [{"role": "user", "content": format!("I am {OTHER}")}]});
        let text = ask(&rig, CHAT, &asked).await.text().await.unwrap();
        assert!(
            text.contains(&format!("You are {OTHER}, and [EMAIL] is not.")),
            "{text}"
        );
        assert_eq!(leaks_counted(&rig).await, 1);
    }
}

//! Masking through the gateway: what a client hides never arrives at the application, and what stands for it comes back
//! as what it was.

use std::time::Duration;

use futures::StreamExt;
use portcullis_config::{MaskApplication, RetryConfig, UpstreamProtocol};
use portcullis_gateway::{ConversationPlace, ConversationSettings, GatewaySettings};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::masking::application::Application;
use crate::masking::settings::{dify, mask, openai};
use crate::rig::Rig;
use crate::service::Service;
use crate::ways::{upstream, way_to};

pub(crate) mod application;
mod failing;
mod http2;
mod keeping;
mod leaks;
mod lengths;
mod model_json;
mod names;
mod operation;
mod passing;
mod resending;
mod responses;
pub(crate) mod settings;
mod sharing;
mod unknown;

const EMAIL: &str = "nguyen.van.an@example.com";
const OTHER: &str = "tran.thi.binh@example.com";

/// A gateway whose only route leads to an application through a mask.
pub(super) async fn start(
    config: portcullis_config::MaskConfig,
    adjust: impl FnOnce(&mut GatewaySettings),
) -> (Application, Rig) {
    let application = Application::start().await;
    let rig = Rig::start_with(|settings| {
        masked(settings, &application, config);
        adjust(settings);
    });
    (application, rig)
}

/// Settings with one masked route.
pub(super) fn masked(
    settings: &mut GatewaySettings,
    application: &Application,
    config: portcullis_config::MaskConfig,
) {
    let mut way = way_to("application");
    way.mask = Some(config.name.clone());
    settings.workers = 1;
    settings.routing.routes = vec![way];
    settings.routing.upstreams = vec![upstream("application", &[application.address])];
    settings.routing.masks = vec![config];
}

pub(super) async fn post(rig: &Rig, path: &str, body: &Value) -> Response {
    post_as(rig, "app-1", path, body).await
}

pub(super) async fn post_as(rig: &Rig, key: &str, path: &str, body: &Value) -> Response {
    let request = rig.client.post(rig.url(path)).bearer_auth(key).json(body);
    request.send().await.unwrap()
}

pub(super) async fn get(rig: &Rig, path: &str) -> Response {
    let request = rig.client.get(rig.url(path)).bearer_auth("app-1");
    request.send().await.unwrap()
}

/// One turn of a conversation; `conversation` is empty for the first.
pub(super) fn turn(query: &str, conversation: &str, mode: &str) -> Value {
    json!({
        "query": query, "inputs": {}, "user": "end-user-1", "response_mode": mode, "conversation_id": conversation,
    })
}

/// The answer's text out of a stream of Dify's.
pub(super) fn told(stream: &str) -> String {
    let data = stream
        .lines()
        .filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str::<Value>(data).unwrap())
        .filter(|event| event["event"] == "message")
        .map(|event| event["answer"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_blocking_answer_has_the_values_and_the_application_sees_placeholders_only() {
    let (application, rig) = start(dify(), |_| {}).await;
    let query = format!("write to {EMAIL} please");
    let answer = post(&rig, "/v1/chat-messages", &turn(&query, "", "blocking")).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let length = answer.headers()["content-length"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(answer.headers().get("etag").is_none());
    let text = answer.text().await.unwrap();
    assert_eq!(text.len().to_string(), length);
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(answer["answer"], format!("You said: {query}"));
    let seen = application.seen();
    assert!(seen.contains("write to EMAIL_1 please"), "{seen}");
    assert!(seen.to_lowercase().contains("accept-encoding: identity"));
    application.assert_unseen(&[EMAIL]);
}

#[tokio::test]
async fn a_stream_restores_placeholders_that_are_cut_and_passes_pings_at_once() {
    let (application, rig) = start(dify(), |_| {}).await;
    let query = format!("write to {EMAIL} and {OTHER}, please");
    let answer = post(&rig, "/v1/chat-messages", &turn(&query, "", "streaming")).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.headers().get("content-length").is_none());
    let mut stream = answer.bytes_stream();
    // The application waits after its ping until somebody lets it go on.
    let mut read = String::new();
    while !read.contains("event: ping") {
        let piece = stream.next().await.unwrap().unwrap();
        read.push_str(std::str::from_utf8(&piece).unwrap());
    }
    application.go_on();
    while let Some(piece) = stream.next().await {
        read.push_str(std::str::from_utf8(&piece.unwrap()).unwrap());
    }
    assert_eq!(told(&read), format!("You said: {query}"));
    assert!(read.contains("message_end"), "{read}");
    application.assert_unseen(&[EMAIL, OTHER]);
}

#[tokio::test]
async fn a_second_turn_uses_the_same_placeholders_and_history_and_suggestions_are_restored() {
    let (application, rig) = start(dify(), |_| {}).await;
    let query = format!("I am {EMAIL}");
    let first = post(&rig, "/v1/chat-messages", &turn(&query, "", "blocking")).await;
    let first: Value = first.json().await.unwrap();
    let id = first["conversation_id"].as_str().unwrap().to_owned();
    let message = first["message_id"].as_str().unwrap().to_owned();

    let query = format!("{OTHER} is a friend of {EMAIL}");
    let second = post(&rig, "/v1/chat-messages", &turn(&query, &id, "blocking")).await;
    let second: Value = second.json().await.unwrap();
    assert_eq!(second["answer"], format!("You said: {query}"));
    assert!(
        application
            .seen()
            .contains("EMAIL_2 is a friend of EMAIL_1")
    );

    let history = get(&rig, &format!("/v1/messages?conversation_id={id}&user=u")).await;
    let history = history.text().await.unwrap();
    assert!(
        history.contains(EMAIL) && history.contains(OTHER),
        "{history}"
    );
    let suggested = get(&rig, &format!("/v1/messages/{message}/suggested?user=u")).await;
    let suggested = suggested.text().await.unwrap();
    assert!(
        suggested.contains(&format!("Who is {EMAIL}?")),
        "{suggested}"
    );
    application.assert_unseen(&[EMAIL, OTHER]);
}

#[tokio::test]
async fn two_conversations_never_mix_and_another_tenant_gets_nothing() {
    let (application, rig) = start(dify(), |_| {}).await;
    let mut ids = Vec::new();
    for value in [EMAIL, OTHER] {
        let turn = turn(&format!("I am {value}"), "", "blocking");
        let answer: Value = post(&rig, "/v1/chat-messages", &turn)
            .await
            .json()
            .await
            .unwrap();
        assert_eq!(answer["answer"], format!("You said: I am {value}"));
        ids.push(answer["conversation_id"].as_str().unwrap().to_owned());
    }
    let list: Value = get(&rig, "/v1/conversations").await.json().await.unwrap();
    for (id, value) in ids.iter().zip([EMAIL, OTHER]) {
        let mut entries = list["data"].as_array().unwrap().iter();
        let entry = entries.find(|entry| entry["id"] == *id).unwrap();
        assert_eq!(entry["name"], format!("I am {value}"));
    }
    for (id, value) in ids.iter().zip([EMAIL, OTHER]) {
        let turn = turn("say EMAIL_1 again", id, "blocking");
        let answer: Value = post(&rig, "/v1/chat-messages", &turn)
            .await
            .json()
            .await
            .unwrap();
        // What the client typed itself is no placeholder.
        assert_eq!(answer["answer"], "You said: say EMAIL_1 again");
        let path = format!("/v1/messages?conversation_id={id}");
        let history = get(&rig, &path).await.text().await.unwrap();
        assert!(history.contains(value), "{history}");
        let strangers = rig.client.get(rig.url(&path)).bearer_auth("app-2");
        let strangers = strangers.send().await.unwrap().text().await.unwrap();
        assert!(
            !strangers.contains(value) && strangers.contains("EMAIL_1"),
            "{strangers}"
        );
    }
    application.assert_unseen(&[EMAIL, OTHER]);
}

#[tokio::test]
async fn a_conversation_that_is_not_known_never_gives_an_old_placeholder_another_value() {
    let (application, rig) = start(dify(), |_| {}).await;
    let query = format!("I am {EMAIL}, not EMAIL_1");
    let turn = turn(&query, "an-old-conversation", "blocking");
    let answer: Value = post(&rig, "/v1/chat-messages", &turn)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(answer["answer"], format!("You said: {query}"));
    assert!(
        application.seen().contains("not EMAIL_1"),
        "{}",
        application.seen()
    );
    let again: Value = post(&rig, "/v1/chat-messages", &turn)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(again["answer"], answer["answer"]);
    application.assert_unseen(&[EMAIL]);
}

#[tokio::test]
async fn a_workflow_and_its_run_are_restored() {
    let (application, rig) = start(dify(), |_| {}).await;
    let body = json!({"inputs": {"text": format!("mail {EMAIL}")}, "response_mode": "blocking", "user": "u"});
    let answer: Value = post(&rig, "/v1/workflows/run", &body)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(answer["data"]["outputs"]["text"], format!("mail {EMAIL}"));
    let id = answer["workflow_run_id"].as_str().unwrap();
    let run = get(&rig, &format!("/v1/workflows/run/{id}"))
        .await
        .text()
        .await
        .unwrap();
    assert!(run.contains(EMAIL), "{run}");
    application.assert_unseen(&[EMAIL]);
}

#[tokio::test]
async fn a_chat_with_tool_calls_streams_through_openai_paths() {
    let (application, rig) = start(openai(), |_| {}).await;
    let body = json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": format!("mail {EMAIL}")}]});
    let answer = post(&rig, "/v1/chat/completions", &body).await;
    let text = answer.text().await.unwrap();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let events = data.filter(|data| *data != "[DONE]");
    let (mut said, mut arguments) = (String::new(), String::new());
    for event in events.map(|data| serde_json::from_str::<Value>(data).unwrap()) {
        let delta = &event["choices"][0]["delta"];
        said.push_str(delta["content"].as_str().unwrap_or_default());
        let call = &delta["tool_calls"][0]["function"]["arguments"];
        arguments.push_str(call.as_str().unwrap_or_default());
    }
    assert_eq!(said, format!("mail {EMAIL}"));
    assert_eq!(arguments, format!("{{\"to\": \"{EMAIL}\"}}"));
    assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
    application.assert_unseen(&[EMAIL]);
}

#[tokio::test]
async fn a_client_of_http2_is_served_as_well() {
    let (application, rig) = start(dify(), |_| {}).await;
    let client = reqwest::Client::builder()
        .no_proxy()
        .http2_prior_knowledge()
        .build()
        .unwrap();
    application.go_on();
    for mode in ["blocking", "streaming"] {
        let query = format!("I am {EMAIL}");
        let request = client
            .post(rig.url("/v1/chat-messages"))
            .bearer_auth("app-1");
        let answer = request.json(&turn(&query, "", mode)).send().await.unwrap();
        assert_eq!(answer.version(), reqwest::Version::HTTP_2);
        let text = answer.text().await.unwrap();
        match mode {
            "blocking" => assert!(text.contains(&query), "{text}"),
            _ => assert_eq!(told(&text), format!("You said: {query}")),
        }
    }
    application.assert_unseen(&[EMAIL]);
}

#[tokio::test]
async fn a_masked_body_is_sent_again_to_another_server() {
    let application = Application::start().await;
    let dead = crate::rig::closed_address();
    let rig = Rig::start_with(|settings| {
        masked(settings, &application, dify());
        let servers = [dead, application.address.to_string()];
        settings.routing.upstreams = vec![upstream("application", &servers)];
        settings.routing.routes[0].retries.attempts_max = 2;
        settings.routing.routes[0].retries.budget_percent = 100;
    });
    for _ in 0..4 {
        let query = format!("I am {EMAIL}");
        let answer = post(&rig, "/v1/chat-messages", &turn(&query, "", "blocking")).await;
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["answer"], format!("You said: {query}"));
    }
    application.assert_unseen(&[EMAIL]);
}

#[tokio::test]
async fn a_masked_request_that_may_be_repeated_is_sent_again_the_same() {
    let (application, rig) = start(dify(), |settings| {
        settings.routing.routes[0].retries = RetryConfig {
            attempts_max: 2,
            budget_percent: 100,
            statuses: vec![503],
            hedge_after_ms: None,
        };
    })
    .await;
    application.fail_once();
    let body = json!({"question": format!("who is {EMAIL}?"), "answer": "nobody"});
    let request = rig
        .client
        .put(rig.url("/v1/apps/annotations/1"))
        .bearer_auth("app-1");
    let answer = request.json(&body).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let seen = application.seen();
    assert_eq!(seen.matches("who is EMAIL_1_").count(), 2, "{seen}");
    application.assert_unseen(&[EMAIL]);
}

#[tokio::test]
async fn a_client_that_stops_in_its_body_is_told_so_and_nothing_is_sent() {
    let (application, rig) = start(dify(), |settings| {
        settings.clients.stall_timeout_ms = 200;
    })
    .await;
    let mut stream = TcpStream::connect(rig.listen).await.unwrap();
    let head = "POST /v1/chat-messages HTTP/1.1\r\nhost: shop\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n";
    let part = format!("{head}{{\"query\": \"{EMAIL}");
    stream.write_all(part.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    tokio::time::timeout(WITHIN, read).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert_eq!(application.seen(), "");
}

#[tokio::test]
async fn a_long_text_is_masked_beside_the_worker_and_a_query_in_its_parameters() {
    let (application, rig) = start(dify(), |_| {}).await;
    let query = format!("{} I am {EMAIL}", "It is a long story. ".repeat(8_000));
    let answer = post(&rig, "/v1/chat-messages", &turn(&query, "", "blocking")).await;
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["answer"], format!("You said: {query}"));
    let path = format!(
        "/v1/workflows/logs?keyword={}&limit=1",
        EMAIL.replace('@', "%40")
    );
    assert_eq!(get(&rig, &path).await.status(), StatusCode::OK);
    assert!(
        application
            .seen()
            .contains("/v1/workflows/logs?keyword=EMAIL_1&limit=1")
    );
    application.assert_unseen(&[EMAIL]);
}

#[tokio::test]
async fn json_of_any_service_is_masked_on_its_way_to_a_server_of_http2() {
    let service = Service::start_http2("models");
    let application = MaskApplication::Json {
        fields: vec!["/prompt".to_owned(), "/messages/*/text".to_owned()],
        answer_fields: Vec::new(),
    };
    let rig = Rig::start_with(|settings| {
        let mut way = way_to("models");
        way.mask = Some("json".into());
        let mut set = upstream("models", &[service.address]);
        set.protocol = UpstreamProtocol::Http2;
        settings.routing.routes = vec![way];
        settings.routing.upstreams = vec![set];
        settings.routing.masks = vec![mask("json", application)];
    });
    let body =
        json!({"prompt": format!("I am {EMAIL}"), "messages": [{"text": OTHER}], "model": "m"});
    let answer = post(&rig, "/collect", &body).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let seen: Value = serde_json::from_slice(&service.bodies()[0]).unwrap();
    let masked = json!({"prompt": "I am EMAIL_1", "messages": [{"text": "EMAIL_2"}], "model": "m"});
    assert_eq!(seen, masked);
}

#[tokio::test]
async fn a_request_that_names_two_conversations_is_refused() {
    let (application, rig) = start(dify(), |_| {}).await;
    let path = "/v1/chat-messages?conversation%5Fid=one";
    let answer = post(&rig, path, &turn("Hello", "other", "blocking")).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    let request = rig.client.post(rig.url("/v1/chat-messages"));
    let request = request.header("content-type", "application/json");
    let body = r#"{"query": "Hello", "conversation_id": "one", "conversation_id": "other"}"#;
    let answer = request.body(body).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    assert_eq!(application.seen(), "");
}

#[tokio::test]
async fn a_cut_stream_lets_go_what_was_held_back_and_is_cut() {
    let (application, rig) = start(dify(), |_| {}).await;
    application.cut_streams();
    let query = format!("write to {EMAIL}");
    let answer = post(&rig, "/v1/chat-messages", &turn(&query, "", "streaming")).await;
    let mut stream = answer.bytes_stream();
    let mut read = String::new();
    let end = loop {
        match stream.next().await {
            Some(Ok(piece)) => read.push_str(std::str::from_utf8(&piece).unwrap()),
            end => break end,
        }
    };
    assert!(
        matches!(end, Some(Err(_))),
        "the answer is not whole: {read}"
    );
    // The beginning of a placeholder is all that had come.
    assert!(told(&read).ends_with("EMA"), "{read}");
}

#[tokio::test]
async fn counters_tell_what_was_done_and_no_value() {
    let (application, rig) = start(dify(), |_| {}).await;
    let query = format!("I am {EMAIL}");
    post(&rig, "/v1/chat-messages", &turn(&query, "", "blocking")).await;
    let metrics = rig.metrics().await;
    let labels = "mask=\"dify\",mode=\"enforce\"";
    for line in [
        format!("portcullis_masking_requests_total{{{labels}}} 1"),
        format!("portcullis_masking_restored_total{{{labels}}} 1"),
        format!("portcullis_masking_values_total{{{labels},entity=\"EMAIL\",action=\"mask\"}} 1"),
    ] {
        assert!(metrics.contains(&line), "{line} in {metrics}");
    }
    assert!(!metrics.contains(EMAIL));
    application.assert_unseen(&[EMAIL]);
}

#[tokio::test]
async fn shadow_mode_only_counts() {
    let mut config = dify();
    config.mode = portcullis_mask::Mode::Shadow;
    let (application, rig) = start(config, |_| {}).await;
    let query = format!("I am {EMAIL}, or EMAIL_1");
    let answer = post(&rig, "/v1/chat-messages", &turn(&query, "", "blocking")).await;
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["answer"], format!("You said: {query}"));
    assert!(application.seen().contains(&query));
    // What enforcing would refuse passes.
    let unknown = get(&rig, "/v1/unheard-of").await;
    assert_eq!(unknown.status(), StatusCode::OK);
    let metrics = rig.metrics().await;
    let labels = "mask=\"dify\",mode=\"shadow\"";
    for line in [
        format!("portcullis_masking_values_total{{{labels},entity=\"EMAIL\",action=\"mask\"}} 1"),
        format!("portcullis_masking_refusals_total{{{labels},reason=\"masking-unknown-path\"}} 1"),
    ] {
        assert!(metrics.contains(&line), "{line} in {metrics}");
    }
}

/// Settings that keep conversations in a file.
pub(super) fn in_a_file(settings: &mut GatewaySettings) {
    settings.conversations = ConversationSettings {
        keep: ConversationPlace::File { keys: None },
        ..ConversationSettings::default()
    };
}

/// How long a test waits at most.
pub(super) const WITHIN: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_mask_that_blocks_names_the_kind_of_data_and_never_the_value() {
    let mut config = mask("strict", dify().application);
    config.action = portcullis_mask::Action::Block;
    let (application, rig) = start(config, |_| {}).await;
    let query = format!("I am {EMAIL}");
    let answer = post(&rig, "/v1/chat-messages", &turn(&query, "", "blocking")).await;
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let problem = answer.text().await.unwrap();
    assert!(
        problem.contains("EMAIL_ADDRESS") && !problem.contains(EMAIL),
        "{problem}"
    );
    assert!(application.seen().is_empty());
}

//! Requests to Dify and its answers, in both versions.

use std::sync::{Arc, LazyLock};

use portcullis_mask::json::JsonLimits;
use portcullis_mask::wire::{
    Adapter, AnswerPlan, DifyVersion, EventStream, RequestPlan, Wire, WireOptions, mask_json,
    unmask_json,
};
use portcullis_mask::{FieldMasker, FieldRestorers, Mapping, Vocabulary};
use serde_json::{Value, json};

use super::{Case, mapping, masker};

const FLOW: &str = "A conversation with Dify";
const OLD: &str = "Dify 0.15.8";
const NEW: &str = "Dify 1.7.0";

/// Dify 1.x.
pub(super) fn wire() -> &'static Wire {
    static WIRE: LazyLock<Wire> = LazyLock::new(|| of(DifyVersion::V1));
    &WIRE
}

/// Dify 0.15.
fn old() -> &'static Wire {
    static WIRE: LazyLock<Wire> = LazyLock::new(|| of(DifyVersion::V0_15));
    &WIRE
}

fn of(version: DifyVersion) -> Wire {
    Wire::new(&Adapter::Dify(version), &WireOptions::default()).expect("the table fits")
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = flow();
    cases.extend(old_cases());
    cases.extend(new_cases());
    cases
}

fn flow() -> Vec<Case> {
    vec![
        Case {
            group: FLOW,
            given: "My email is john.doe@company.com and I work at Microsoft",
            theirs: "My email is EMAIL_1 and I work at ORG_1",
            ours: "My email is EMAIL_1 and I work at ORG_1",
            why: "",
            run: |query| {
                chat(old(), &json!({"query": query}))["query"]
                    .to_string()
                    .replace('"', "")
            },
        },
        Case {
            group: FLOW,
            given: "I will contact you at EMAIL_1 regarding ORG_1 services",
            theirs: "I will contact you at john.doe@company.com regarding Microsoft services",
            ours: "I will contact you at john.doe@company.com regarding Microsoft services",
            why: "",
            run: flow_answer,
        },
        Case {
            group: FLOW,
            given: r#"{"query":"Analyze data from server 192.168.1.100","inputs":{"prompt":"Server at 10.0.0.1 needs analysis"}}"#,
            theirs: r#"{"query":"Analyze data from server IP_1","inputs":{"prompt":"Server at IP_2 needs analysis"}}"#,
            ours: r#"{"query":"Analyze data from server IP_PRIVATE_1","inputs":{"prompt":"Server at IP_PRIVATE_2 needs analysis"}}"#,
            why: "Private and public addresses have names of their own, as in the plugin's newer table.",
            run: |body| masked_body(old(), "/v1/completion-messages", body, &mut mapping()),
        },
    ]
}

fn old_cases() -> Vec<Case> {
    vec![
        Case {
            group: OLD,
            given: r#"{"query": "My email is john@example.com and my server IP is 192.168.1.100", "user": "test-user", "inputs": {}, "response_mode": "streaming"}"#,
            theirs: r#"{"query": "My email is EMAIL_1 and my server IP is IP_PRIVATE_1", "user": "test-user", "inputs": {}, "response_mode": "streaming"}"#,
            ours: r#"{"query": "My email is EMAIL_1 and my server IP is IP_PRIVATE_1", "user": "test-user", "inputs": {}, "response_mode": "streaming"}"#,
            why: "",
            run: |body| masked_body(old(), "/v1/chat-messages", body, &mut mapping()),
        },
        Case {
            group: OLD,
            given: r#"{"message_id": "msg-123", "conversation_id": "conv-456", "answer": "EMAIL_1"}"#,
            theirs: r#"{"message_id": "msg-123", "conversation_id": "conv-456", "answer": "john@example.com"}"#,
            ours: r#"{"message_id": "msg-123", "conversation_id": "conv-456", "answer": "john@example.com"}"#,
            why: "",
            run: |body| answer(old(), "POST", "/v1/chat-messages", body),
        },
        Case {
            group: OLD,
            given: "data: [DONE]\n\n",
            theirs: "data: [DONE]\n\n",
            ours: "data: [DONE]\n\n",
            why: "",
            run: events,
        },
        Case {
            group: OLD,
            given: "data: {\"event\": \"message\", \"answer\": \"EMA\"}\n\ndata: {\"event\": \"message\", \"answer\": \"IL_1\"}\n\n",
            theirs: "data: {\"event\": \"message\", \"answer\": \"EMA\"}\n\ndata: {\"event\": \"message\", \"answer\": \"IL_1\"}\n\n",
            ours: "data: {\"event\": \"message\", \"answer\": \"\"}\n\ndata: {\"event\": \"message\", \"answer\": \"\"}\n\ndata: {\"event\": \"message\", \"answer\": \"john@example.com\"}\n\n",
            why: "A placeholder that is cut over two events is restored; what was held back at the end goes out in an event of its own.",
            run: events,
        },
        Case {
            group: OLD,
            given: "{ invalid json }",
            theirs: "{ invalid json }",
            ours: "refused: the body is not acceptable as JSON at byte 2: a value, a comma or a bracket was expected",
            why: "A request that nobody can read may hold anything, so it is not forwarded.",
            run: |body| masked_body(old(), "/v1/chat-messages", body, &mut mapping()),
        },
        Case {
            group: OLD,
            given: "/v1/unsupported",
            theirs: "not supported",
            ours: "not supported",
            why: "",
            run: |path| match old()
                .exchange("POST", path, Some("application/json"))
                .request()
            {
                RequestPlan::Unknown => "not supported".to_owned(),
                _ => "supported".to_owned(),
            },
        },
        Case {
            group: OLD,
            given: "/v1/messages?user=abc",
            theirs: "not supported",
            ours: "supported",
            why: "A query is no part of the path.",
            run: |path| match old().exchange("GET", path, None).request() {
                RequestPlan::Unknown => "not supported".to_owned(),
                _ => "supported".to_owned(),
            },
        },
    ]
}

fn new_cases() -> Vec<Case> {
    let kept = r#"{"answer": "", "task_id": "task-123", "created_at": 1640995200, "metadata": {"usage": {"total_tokens": 7}}}"#;
    let resource = r#"{"metadata": {"retriever_resources": [{"content": "Server documentation mentions EMAIL_2 and IP IP_PRIVATE_1"}]}}"#;
    vec![
        Case {
            group: NEW,
            given: kept,
            theirs: kept,
            ours: kept,
            why: "",
            run: |body| answer(wire(), "POST", "/v1/chat-messages", body),
        },
        Case {
            group: NEW,
            given: resource,
            theirs: resource,
            ours: r#"{"metadata": {"retriever_resources": [{"content": "Server documentation mentions admin@test.com and IP 10.0.0.1"}]}}"#,
            why: "The plugin means to restore it and loses the first part of the path.",
            run: |body| answer(wire(), "POST", "/v1/chat-messages", body),
        },
        Case {
            group: NEW,
            given: r#"{"result":"success","data":["What about EMAIL_3?","How to configure server IP_PRIVATE_2?"]}"#,
            theirs: r#"{"result":"success","data":["What about security@company.com?","How to configure server 172.16.0.1?"]}"#,
            ours: r#"{"result":"success","data":["What about security@company.com?","How to configure server 172.16.0.1?"]}"#,
            why: "",
            run: |body| answer(wire(), "GET", "/v1/messages/m/suggested", body),
        },
        Case {
            group: NEW,
            given: r#"{"result":"success"}"#,
            theirs: r#"{"result":"success"}"#,
            ours: r#"{"result":"success"}"#,
            why: "",
            run: |body| answer(wire(), "POST", "/v1/chat-messages/t/stop", body),
        },
        Case {
            group: NEW,
            given: "/v1/chat-messages/m/suggested",
            theirs: "supported",
            ours: "not supported",
            why: "Dify has no such path; its suggestions are at `/messages/{message_id}/suggested`.",
            run: |path| match wire().exchange("GET", path, None).request() {
                RequestPlan::Unknown => "not supported".to_owned(),
                _ => "supported".to_owned(),
            },
        },
        Case {
            group: NEW,
            given: "/v1/audio/speech",
            theirs: "supported",
            ours: "not supported",
            why: "Dify has no such path; it speaks at `/text-to-audio`.",
            run: |path| match wire()
                .exchange("POST", path, Some("application/json"))
                .request()
            {
                RequestPlan::Unknown => "not supported".to_owned(),
                _ => "supported".to_owned(),
            },
        },
        Case {
            group: NEW,
            given: "Test email user@example.com",
            theirs: "Test email EMAIL_1",
            ours: "Test email EMAIL_1",
            why: "",
            run: |query| {
                chat(wire(), &json!({"query": query}))["query"]
                    .to_string()
                    .replace('"', "")
            },
        },
    ]
}

/// A chat's body, masked.
fn chat(wire: &Wire, body: &Value) -> Value {
    let masked = masked_body(wire, "/v1/chat-messages", &body.to_string(), &mut mapping());
    serde_json::from_str(&masked).expect("it is JSON")
}

fn masked_body(wire: &Wire, path: &str, body: &str, mapping: &mut Mapping) -> String {
    let exchange = wire.exchange("POST", path, Some("application/json"));
    let RequestPlan::Json(table) = exchange.request() else {
        return "not supported".to_owned();
    };
    let mut out = Vec::new();
    let mut mask = FieldMasker::new(masker(), mapping);
    match mask_json(
        body.as_bytes(),
        table,
        JsonLimits::default(),
        &mut mask,
        &mut out,
    ) {
        Ok(_) => String::from_utf8(out).expect("JSON is UTF-8"),
        Err(error) => format!("refused: {error}"),
    }
}

/// What the answers of these cases know.
fn restorers(request: &str) -> FieldRestorers {
    let mut mapping = mapping();
    let masked = masker().mask(request, None, &mut mapping);
    masked.expect("nothing is blocked");
    FieldRestorers::new(Vocabulary::of(&mapping, masker().labels()).into())
}

const KNOWN: &str = "john@example.com admin@test.com 10.0.0.1 security@company.com 172.16.0.1";

fn answer(wire: &Wire, method: &str, path: &str, body: &str) -> String {
    restored_answer(wire, method, path, body, &restorers(KNOWN))
}

fn restored_answer(
    wire: &Wire,
    method: &str,
    path: &str,
    body: &str,
    restorers: &FieldRestorers,
) -> String {
    let exchange = wire.exchange(method, path, Some("application/json"));
    match exchange.answer(200, Some("application/json")) {
        AnswerPlan::Json(table) => {
            let mut out = Vec::new();
            unmask_json(
                body.as_bytes(),
                table,
                JsonLimits::default(),
                restorers,
                &mut out,
            )
            .expect("it is JSON");
            String::from_utf8(out).expect("JSON is UTF-8")
        }
        AnswerPlan::Pass => body.to_owned(),
        other => format!("{other:?}"),
    }
}

fn flow_answer(text: &str) -> String {
    let body = json!({"answer": text}).to_string();
    let request = "My email is john.doe@company.com and I work at Microsoft";
    let out = restored_answer(
        old(),
        "POST",
        "/v1/chat-messages",
        &body,
        &restorers(request),
    );
    let out: Value = serde_json::from_str(&out).expect("it is JSON");
    out["answer"].as_str().unwrap_or_default().to_owned()
}

fn events(stream: &str) -> String {
    let exchange = old().exchange("POST", "/v1/chat-messages", Some("application/json"));
    let AnswerPlan::Events(rules) = exchange.answer(200, Some("text/event-stream")) else {
        return "no events".to_owned();
    };
    let mut events = EventStream::new(&Arc::clone(rules), restorers(KNOWN));
    let mut out = Vec::new();
    events
        .push(stream.as_bytes(), &mut out)
        .expect("events are short");
    events.finish(&mut out);
    String::from_utf8(out).expect("events are UTF-8")
}

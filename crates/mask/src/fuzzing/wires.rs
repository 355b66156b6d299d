//! One target for each adapter: its requests, its answers, its events, and a text that a model says again.

use std::sync::{Arc, LazyLock};

use super::Choices;
use super::bodies::{answer, request};
use super::echoes::{self, Echo};
use super::streams::stream;
use super::texts::styles;
use crate::wire::{Adapter, AnswerPlan, DifyVersion, PointerRules, RequestPlan, Wire, WireOptions};

/// A method and a path.
type Call = (&'static str, &'static str);

const DIFY: [Call; 14] = [
    ("POST", "/v1/chat-messages"),
    ("POST", "/v1/completion-messages"),
    ("POST", "/v1/workflows/run"),
    ("GET", "/v1/workflows/run/r"),
    ("GET", "/v1/messages"),
    ("POST", "/v1/messages/m/feedbacks"),
    ("GET", "/v1/messages/m/suggested"),
    ("GET", "/v1/conversations"),
    ("POST", "/v1/conversations/c/name"),
    ("GET", "/v1/conversations/c/variables"),
    ("POST", "/v1/datasets/d/document/create-by-text"),
    ("POST", "/v1/datasets/d/documents/e/segments"),
    ("POST", "/v1/datasets/d/retrieve"),
    ("POST", "/v1/text-to-audio"),
];
const OPENAI_CHAT: [Call; 2] = [
    ("POST", "/v1/chat/completions"),
    ("POST", "/v1/completions"),
];
const OPENAI_RESPONSES: [Call; 2] = [
    ("POST", "/v1/responses"),
    ("GET", "/v1/responses/r/input_items"),
];
const EMBEDDINGS: [Call; 2] = [("POST", "/v1/embeddings"), ("POST", "/v1/rerank")];
const ANTHROPIC: [Call; 2] = [
    ("POST", "/v1/messages"),
    ("POST", "/v1/messages/count_tokens"),
];
const ANY: [Call; 1] = [("POST", "/anything")];

/// Dify 0.15.
pub(crate) fn dify_0_15(bytes: &[u8]) {
    target(dify(DifyVersion::V0_15), &DIFY, Echo::Dify, bytes);
}

/// Dify 1.x.
pub(crate) fn dify_1(bytes: &[u8]) {
    target(dify(DifyVersion::V1), &DIFY, Echo::Dify, bytes);
}

/// Chats and completions.
pub(crate) fn openai_chat(bytes: &[u8]) {
    target(openai(), &OPENAI_CHAT, Echo::Chat, bytes);
}

/// The responses API.
pub(crate) fn openai_responses(bytes: &[u8]) {
    target(openai(), &OPENAI_RESPONSES, Echo::Responses, bytes);
}

/// Embeddings, which have no text in their answers, and texts to be put in order.
pub(crate) fn embeddings(bytes: &[u8]) {
    target(openai(), &EMBEDDINGS, Echo::Embeddings, bytes);
}

/// Anthropic's messages.
pub(crate) fn anthropic(bytes: &[u8]) {
    target(anthropic_wire(), &ANTHROPIC, Echo::Anthropic, bytes);
}

/// JSON of which only pointers are known.
pub(crate) fn pointers(bytes: &[u8]) {
    target(pointer_wire(), &ANY, Echo::Pointers, bytes);
}

/// The table of a version.
pub(crate) fn dify(version: DifyVersion) -> &'static Wire {
    static OLD: LazyLock<Wire> = LazyLock::new(|| wire(Adapter::Dify(DifyVersion::V0_15)));
    static NEW: LazyLock<Wire> = LazyLock::new(|| wire(Adapter::Dify(DifyVersion::V1)));
    if version == DifyVersion::V0_15 {
        &OLD
    } else {
        &NEW
    }
}

/// OpenAI's table.
pub(crate) fn openai() -> &'static Wire {
    static WIRE: LazyLock<Wire> = LazyLock::new(|| wire(Adapter::OpenAi));
    &WIRE
}

/// Anthropic's table.
pub(crate) fn anthropic_wire() -> &'static Wire {
    static WIRE: LazyLock<Wire> = LazyLock::new(|| wire(Adapter::Anthropic));
    &WIRE
}

/// A table of pointers.
pub(crate) fn pointer_wire() -> &'static Wire {
    static WIRE: LazyLock<Wire> = LazyLock::new(|| {
        let all = |pointers: &[&str]| pointers.iter().map(|one| (*one).to_owned()).collect();
        wire(Adapter::Pointers(PointerRules {
            request: all(&["/question", "/more/**"]),
            request_left: all(&["/more/id"]),
            answer: all(&["/text", "/parts/*/t", "/whole/**"]),
            event_pieces: all(&["/parts/*/t"]),
        }))
    });
    &WIRE
}

fn wire(adapter: Adapter) -> Wire {
    Wire::new(&adapter, &WireOptions::default()).unwrap()
}

/// Takes what the bytes are, the path, the style and the cuts from the first bytes.
fn target(wire: &Wire, calls: &[Call], echo: Echo, bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let what = choices.byte() % 4;
    let (method, path) = choices.of(calls);
    let (style, seed) = (choices.of(&styles()), choices.byte());
    let body = choices.rest();
    let exchange = wire.exchange(method, path, Some("application/json"));
    match what {
        0 => {
            if let RequestPlan::Json(table) = exchange.request() {
                request(table, body, style);
            }
        }
        1 => {
            if let AnswerPlan::Json(table) = exchange.answer(200, Some("application/json")) {
                answer(table, body, style);
            }
        }
        2 => {
            if let AnswerPlan::Events(rules) = exchange.answer(200, Some("text/event-stream")) {
                stream(&Arc::clone(rules), body, style, seed);
            }
        }
        _ => echoes::echo(wire, echo, &String::from_utf8_lossy(body), style, seed),
    }
}

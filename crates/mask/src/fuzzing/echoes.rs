//! A text goes to a model, which says it again: as text in pieces, beside another text, within the arguments of a call, and
//! as a whole. The client must read in each of them what it sent.

use serde_json::{Value, json};

use super::streams::through;
use super::texts::holds;
use super::{Room, pieces, text_pieces};
use crate::json::JsonLimits;
use crate::sse::{FrameKind, SseParser};
use crate::wire::{AnswerPlan, RequestPlan, Wire, mask_json};
use crate::{FieldMasker, Limits, Mapping, Style};

/// In whose words the model answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Echo {
    Dify,
    Chat,
    Responses,
    Embeddings,
    Anthropic,
    Pointers,
}

/// What a client read: texts that came in pieces, arguments of calls, and whole texts.
#[derive(Debug, Default)]
struct Heard {
    texts: Vec<String>,
    arguments: Vec<String>,
    whole: Vec<String>,
}

impl Echo {
    /// Every adapter, with its path.
    fn path(self) -> &'static str {
        match self {
            Echo::Dify => "/v1/chat-messages",
            Echo::Chat => "/v1/chat/completions",
            Echo::Responses => "/v1/responses",
            Echo::Embeddings => "/v1/embeddings",
            Echo::Anthropic => "/v1/messages",
            Echo::Pointers => "/ask",
        }
    }

    /// A request that asks this.
    fn request(self, text: &str) -> Value {
        match self {
            Echo::Dify => json!({"inputs": {"a": text}, "query": text, "user": "u"}),
            Echo::Chat => json!({"messages": [{"role": "user", "content": text}]}),
            Echo::Responses | Echo::Embeddings => json!({"input": text}),
            Echo::Anthropic => json!({"messages": [{"role": "user", "content": text}]}),
            Echo::Pointers => json!({"question": text, "more": {"id": text}}),
        }
    }

    /// What the model is asked.
    fn asked(self, request: &Value) -> String {
        let place = match self {
            Echo::Dify => "/query",
            Echo::Chat | Echo::Anthropic => "/messages/0/content",
            Echo::Responses | Echo::Embeddings => "/input",
            Echo::Pointers => "/question",
        };
        let asked = request.pointer(place).and_then(Value::as_str);
        asked.unwrap().to_owned()
    }

    /// The events in which the model says a text twice at the same time, and calls a tool with it.
    fn events(self, text: &str, seed: u8) -> Vec<Value> {
        let call = json!({"q": [text]}).to_string();
        let (one, two) = (text_pieces(text, seed), text_pieces(text, seed ^ 0x55));
        let call = text_pieces(&call, seed);
        let count = one.len().max(two.len()).max(call.len());
        let mut events = Vec::new();
        for at in 0..count {
            for (stream, pieces) in [&one, &two, &call].into_iter().enumerate() {
                if let Some(piece) = pieces.get(at) {
                    events.push(self.piece(stream, piece));
                }
            }
        }
        self.add_ends(text, &mut events);
        events
    }

    /// An event with a piece of the first text, the second one, or the arguments of a call.
    fn piece(self, stream: usize, piece: &str) -> Value {
        match (self, stream) {
            (Echo::Dify, 2) => json!({"event": "ping"}),
            (Echo::Dify, _) => {
                json!({"event": "message", "message_id": "m", "conversation_id": "c", "answer": piece,
                    "from_variable_selector": [format!("node{stream}"), "text"]})
            }
            (Echo::Chat, 2) => {
                json!({"id": "x", "choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0,
                    "function": {"arguments": piece}}]}, "finish_reason": null}]})
            }
            (Echo::Chat, _) => {
                json!({"id": "x", "choices": [{"index": stream, "delta": {"content": piece}, "finish_reason": null}]})
            }
            (Echo::Responses, 2) => {
                json!({"type": "response.function_call_arguments.delta", "item_id": "f", "output_index": 2, "delta": piece})
            }
            (Echo::Responses, _) => {
                json!({"type": "response.output_text.delta", "item_id": "i", "output_index": stream, "content_index": 0, "delta": piece})
            }
            (Echo::Anthropic, 2) => {
                json!({"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": piece}})
            }
            (Echo::Anthropic, _) => {
                json!({"type": "content_block_delta", "index": stream, "delta": {"type": "text_delta", "text": piece}})
            }
            (Echo::Pointers, stream) => {
                let mut parts = [json!({"t": ""}), json!({"t": ""}), json!({})];
                if stream < 2 {
                    parts[stream] = json!({"t": piece});
                }
                json!({"parts": parts})
            }
            (Echo::Embeddings, _) => Value::Null,
        }
    }

    /// The events that end the texts and say them as a whole.
    fn add_ends(self, text: &str, events: &mut Vec<Value>) {
        let call = json!({"q": [text]}).to_string();
        match self {
            Echo::Dify => {
                events.push(json!({"event": "agent_thought", "message_id": "m", "thought": text, "tool_input": call}));
                events.push(json!({"event": "node_finished", "data": {"node_id": "node0", "outputs": {"text": text}}}));
                events.push(json!({"event": "message_end", "message_id": "m", "metadata": {}}));
            }
            Echo::Chat => {
                events.extend((0..2).map(|index| {
                    json!({"id": "x", "choices": [{"index": index, "delta": {}, "finish_reason": "stop"}]})
                }));
            }
            Echo::Responses => {
                for index in 0..2 {
                    events.push(json!({"type": "response.output_text.done", "item_id": "i", "output_index": index,
                        "content_index": 0, "text": text}));
                }
                events.push(json!({"type": "response.function_call_arguments.done", "item_id": "f", "output_index": 2,
                    "arguments": call}));
            }
            Echo::Anthropic => {
                events.extend(
                    (0..3).map(|index| json!({"type": "content_block_stop", "index": index})),
                );
                events.push(json!({"type": "message_stop"}));
            }
            Echo::Pointers => events.push(json!({"text": text, "whole": {"a": [text]}})),
            Echo::Embeddings => {}
        }
    }

    /// What a client makes of an event.
    fn hear(self, event: &Value, heard: &mut Heard) {
        let said = |place: &str| event.pointer(place).and_then(Value::as_str);
        let mut add = |stream: usize, piece: Option<&str>| {
            heard.texts[stream].push_str(piece.unwrap_or_default());
        };
        match self {
            Echo::Dify => {
                let node = said("/from_variable_selector/0");
                add(usize::from(node == Some("node1")), said("/answer"));
                heard.whole.extend(said("/thought").map(str::to_owned));
                heard
                    .whole
                    .extend(said("/data/outputs/text").map(str::to_owned));
                heard
                    .arguments
                    .extend(said("/tool_input").map(str::to_owned));
            }
            Echo::Chat => {
                let index = event.pointer("/choices/0/index").and_then(Value::as_u64);
                add(
                    usize::from(index == Some(1)),
                    said("/choices/0/delta/content"),
                );
                let call = said("/choices/0/delta/tool_calls/0/function/arguments");
                heard.arguments[0].push_str(call.unwrap_or_default());
            }
            Echo::Responses => {
                let index = event["output_index"].as_u64();
                match said("/type") {
                    Some("response.output_text.delta") => {
                        add(usize::from(index == Some(1)), said("/delta"))
                    }
                    // What is held at the end of a text that was interrupted is told in the whole text alone.
                    Some("response.output_text.done") => {
                        heard.whole.extend(said("/text").map(str::to_owned))
                    }
                    Some("response.function_call_arguments.done") => {
                        heard
                            .arguments
                            .extend(said("/arguments").map(str::to_owned));
                    }
                    _ => {}
                }
            }
            Echo::Anthropic => {
                let index = event["index"].as_u64();
                add(usize::from(index == Some(1)), said("/delta/text"));
                heard.arguments[0].push_str(said("/delta/partial_json").unwrap_or_default());
            }
            Echo::Pointers => {
                add(0, said("/parts/0/t"));
                add(1, said("/parts/1/t"));
                heard.whole.extend(said("/text").map(str::to_owned));
                heard.whole.extend(said("/whole/a/0").map(str::to_owned));
            }
            Echo::Embeddings => {}
        }
    }

    /// An empty beginning.
    fn listening(self) -> Heard {
        let joins_calls = matches!(self, Echo::Chat | Echo::Anthropic);
        Heard {
            texts: vec![String::new(); 2],
            arguments: vec![String::new(); usize::from(joins_calls)],
            whole: Vec::new(),
        }
    }
}

/// The text is masked, said again in every way, and read as it was.
pub(crate) fn echo(wire: &Wire, echo: Echo, text: &str, style: Style, seed: u8) {
    holds(Room::All.masker(), text, None, style.clone(), seed);
    let mut mapping = Mapping::new(style, Limits::default());
    let exchange = wire.exchange("POST", echo.path(), Some("application/json"));
    let RequestPlan::Json(table) = exchange.request() else {
        panic!("{echo:?} is not known");
    };
    let mut masked = Vec::new();
    let body = echo.request(text).to_string();
    let mut mask = FieldMasker::new(Room::All.masker(), &mut mapping);
    mask_json(
        body.as_bytes(),
        table,
        JsonLimits::default(),
        &mut mask,
        &mut masked,
    )
    .unwrap();
    let masked: Value = serde_json::from_slice(&masked).unwrap();
    let asked = echo.asked(&masked);
    let AnswerPlan::Events(rules) = exchange.answer(200, Some("text/event-stream")) else {
        assert_eq!(echo, Echo::Embeddings);
        return;
    };

    let mut sent = String::new();
    for event in echo.events(&asked, seed) {
        sent.push_str(&format!("data: {event}\n\n"));
    }
    let got = through(rules, &mapping, &pieces(sent.as_bytes(), seed));
    let heard = heard(echo, &got);
    // The deltas of interrupted texts of the responses API may lack what was held at their end.
    for said in &heard.texts {
        if echo == Echo::Responses {
            assert!(text.starts_with(said.as_str()), "{said:?} of {text:?}");
        } else {
            assert_eq!(said, text, "asked {asked:?}");
        }
    }
    for said in &heard.whole {
        assert_eq!(said, text, "asked {asked:?}");
    }
    for call in &heard.arguments {
        let call: Value = serde_json::from_str(call).unwrap();
        assert_eq!(call["q"][0], text, "asked {asked:?}");
    }
}

/// What a client reads in a stream.
fn heard(echo: Echo, stream: &[u8]) -> Heard {
    let mut heard = echo.listening();
    let mut parser = SseParser::default();
    parser.push(stream);
    while let Some(frame) = parser.next_frame().unwrap() {
        if let (FrameKind::Event, Some(data)) = (frame.kind(), frame.data()) {
            echo.hear(&serde_json::from_slice(&data).unwrap(), &mut heard);
        }
    }
    assert!(parser.finish().is_none());
    heard
}

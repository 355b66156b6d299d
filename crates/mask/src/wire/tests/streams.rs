//! Streams for tests, and what a client makes of them.

use std::sync::Arc;

use serde_json::Value;

use super::stand_in::Knower;
use crate::sse::{FrameKind, SseParser};
use crate::wire::{Adapter, AnswerPlan, EventRules, EventStream, Wire, WireOptions};

/// The rules of the stream that answers `POST path`.
pub(super) fn rules(adapter: Adapter, path: &str) -> Arc<EventRules> {
    let wire = Wire::new(&adapter, &WireOptions::default()).unwrap();
    let exchange = wire.exchange("POST", path, Some("application/json"));
    match exchange.answer(200, Some("text/event-stream; charset=utf-8")) {
        AnswerPlan::Events(rules) => Arc::clone(rules),
        other => panic!("{other:?}"),
    }
}

/// The stream as the client gets it when it comes in these pieces.
pub(super) fn through<'p>(
    rules: &Arc<EventRules>,
    pieces: impl IntoIterator<Item = &'p [u8]>,
) -> String {
    let mut stream = EventStream::new(rules, Knower);
    let mut out = Vec::new();
    for piece in pieces {
        stream.push(piece, &mut out).unwrap();
    }
    stream.finish(&mut out);
    String::from_utf8(out).unwrap()
}

/// The same in one piece, after making sure that it is the same however the bytes are cut.
pub(super) fn through_every_cut(rules: &Arc<EventRules>, stream: &str) -> String {
    let bytes = stream.as_bytes();
    let whole = through(rules, [bytes]);
    for at in 0..=bytes.len() {
        let (left, right) = bytes.split_at(at);
        assert_eq!(through(rules, [left, right]), whole, "cut at byte {at}");
    }
    for size in [1, 2, 3, 7] {
        assert_eq!(
            through(rules, bytes.chunks(size)),
            whole,
            "pieces of {size}"
        );
    }
    whole
}

/// The data of the events, as values; `[DONE]` as a string.
pub(super) fn events(stream: &str) -> Vec<Value> {
    let mut parser = SseParser::default();
    parser.push(stream.as_bytes());
    let mut events = Vec::new();
    while let Some(frame) = parser.next_frame().unwrap() {
        if let (FrameKind::Event, Some(data)) = (frame.kind(), frame.data()) {
            let text = String::from_utf8(data.into_owned()).unwrap();
            events.push(serde_json::from_str(&text).unwrap_or(Value::String(text)));
        }
    }
    if let Some(rest) = parser.finish() {
        panic!("left over: {:?}", String::from_utf8_lossy(rest.bytes()));
    }
    events
}

/// A value as Python's `json.dumps` spells it.
pub(super) fn dumped(value: &Value) -> String {
    let mut out = String::new();
    for char in value.to_string().chars() {
        if char.is_ascii() {
            out.push(char);
        } else {
            for unit in char.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}

/// `data:` lines of these values.
pub(super) fn stream_of(values: &[Value]) -> String {
    values
        .iter()
        .map(|value| match value {
            Value::String(text) => format!("{text}\n\n"),
            value => format!("data: {}\n\n", dumped(value)),
        })
        .collect()
}

/// `event:` and `data:` lines of these values, by their `type`.
pub(super) fn typed_stream_of(values: &[Value]) -> String {
    values
        .iter()
        .map(|value| {
            format!(
                "event: {}\ndata: {value}\n\n",
                value["type"].as_str().unwrap()
            )
        })
        .collect()
}

/// A text in pieces of this many characters.
pub(super) fn cut(text: &str, size: usize) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    chars
        .chunks(size)
        .map(|chunk| chunk.iter().collect())
        .collect()
}

/// All strings at a pointer, joined, of the events that fit.
pub(super) fn joined(events: &[Value], pointer: &str, fits: impl Fn(&Value) -> bool) -> String {
    let fitting = events.iter().filter(|event| fits(event));
    fitting
        .filter_map(|event| event.pointer(pointer).and_then(Value::as_str))
        .collect()
}

//! Chunks of chats and of completions as they were before chats.
//!
//! Texts in pieces, each by the choice's `index`: `content`, `refusal`, `reasoning_content`, `reasoning`, the
//! transcript of spoken answers, the arguments of each tool call (JSON: originals are escaped for it), and `text`. What
//! is left of them goes out with or before the choice's `finish_reason`. An added chunk holds one choice with nothing but
//! the piece: clients join repeated ids, names and roles to longer ones.

use crate::json::Treatment::Text;
use crate::json::{Document, FieldTable, Kind, Value};
use crate::sse::Frame;
use crate::wire::event_stream::{Engine, Piece};
use crate::wire::restoring::{Encoding, Unmasks, drop_value};
use crate::wire::route::Fields;
use crate::wire::texts::{DIVIDER, Tail, key_has};

/// The whole texts of a chunk: errors in the middle of a stream.
pub(in crate::wire) const EVENT: Fields = &[(Text, &["error.message", "error", "message"])];

/// The members of `delta` that are text.
const TEXTS: [&str; 4] = ["content", "refusal", "reasoning_content", "reasoning"];

/// Treats one chunk.
pub(in crate::wire) fn event<U: Unmasks>(
    whole: &FieldTable,
    engine: &mut Engine<U>,
    frame: &Frame<'_>,
    document: &Document<'_>,
    out: &mut Vec<u8>,
) {
    let root = document.root();
    let Some(choices) = root.get("choices") else {
        engine.end(out);
        engine.whole(whole, document);
        engine.emit(frame, document, out);
        return;
    };
    for (position, choice) in choices.elements().enumerate() {
        let index = choice.get("index").and_then(Value::as_u64);
        let finish = choice.get("finish_reason");
        let mut reading = Choice {
            engine,
            frame,
            document,
            index: index.unwrap_or(position as u64),
            is_last: finish.is_some_and(|reason| !reason.is_null()),
            is_changed: false,
            out,
        };
        reading.read(choice);
        let (is_changed, is_last) = (reading.is_changed, reading.is_last);
        let number = reading.index.to_string();
        if let Some(logprobs) = choice.get("logprobs")
            && is_changed
            && !logprobs.is_null()
        {
            drop_value(logprobs, &mut engine.edits);
        }
        if is_last {
            engine.flush(|key| key_has(key, 0, &number), out);
        }
    }
    engine.emit(frame, document, out);
}

/// A choice of a chunk while it is read.
struct Choice<'c, 'f, U: Unmasks> {
    engine: &'c mut Engine<U>,
    frame: &'c Frame<'f>,
    document: &'c Document<'c>,
    index: u64,
    /// Whether the choice ends with this chunk.
    is_last: bool,
    is_changed: bool,
    out: &'c mut Vec<u8>,
}

impl<U: Unmasks> Choice<'_, '_, U> {
    /// Restores all pieces of the choice.
    fn read(&mut self, choice: Value<'_>) {
        if let Some(text) = choice.get("text") {
            self.piece(
                "text",
                Encoding::Text,
                text,
                r#""text":""#,
                "\",\"finish_reason\":null}]",
            );
        }
        let Some(delta) = choice.get("delta") else {
            return;
        };
        for name in TEXTS {
            let Some(value) = delta.get(name) else {
                continue;
            };
            let before = format!("\"delta\":{{\"{name}\":\"");
            self.piece(
                name,
                Encoding::Text,
                value,
                &before,
                "\"},\"finish_reason\":null}]",
            );
            for (number, part) in value.elements().enumerate() {
                if let Some(text) = part.get("text") {
                    let before = format!("\"delta\":{{\"{name}\":[{{\"type\":\"text\",\"text\":\"");
                    let key = format!("{name}{DIVIDER}{number}");
                    self.piece(
                        &key,
                        Encoding::Text,
                        text,
                        &before,
                        "\"}]},\"finish_reason\":null}]",
                    );
                }
            }
        }
        if let Some(transcript) = delta.get("audio").and_then(|audio| audio.get("transcript")) {
            let before = r#""delta":{"audio":{"transcript":""#;
            self.piece(
                "audio",
                Encoding::Text,
                transcript,
                before,
                "\"}},\"finish_reason\":null}]",
            );
        }
        self.read_calls(delta);
    }

    /// Restores the arguments of tool calls.
    fn read_calls(&mut self, delta: Value<'_>) {
        if let Some(call) = delta.get("function_call")
            && let Some(arguments) = call.get("arguments")
        {
            let before = r#""delta":{"function_call":{"arguments":""#;
            self.piece(
                "call",
                Encoding::JsonText,
                arguments,
                before,
                "\"}},\"finish_reason\":null}]",
            );
        }
        let calls = delta
            .get("tool_calls")
            .into_iter()
            .flat_map(Value::elements);
        for (position, call) in calls.enumerate() {
            let index = call.get("index").and_then(Value::as_u64);
            let index = index.unwrap_or(position as u64);
            for (kind, name, encoding) in [
                ("function", "arguments", Encoding::JsonText),
                ("custom", "input", Encoding::Text),
            ] {
                if let Some(value) = call.get(kind).and_then(|inner| inner.get(name)) {
                    let key = format!("{kind}{DIVIDER}{index}");
                    let before = format!(
                        "\"delta\":{{\"tool_calls\":[{{\"index\":{index},\"{kind}\":{{\"{name}\":\""
                    );
                    self.piece(
                        &key,
                        encoding,
                        value,
                        &before,
                        "\"}}]},\"finish_reason\":null}]",
                    );
                }
            }
        }
    }

    /// Restores one piece. `before` and `after` are what stands around it in an added chunk.
    fn piece(
        &mut self,
        name: &str,
        encoding: Encoding,
        value: Value<'_>,
        before: &str,
        after: &'static str,
    ) {
        if value.kind() != Kind::Text {
            return;
        }
        let key = format!("{}{DIVIDER}{name}", self.index);
        let piece = Piece {
            key: &key,
            encoding,
            value,
            document: self.document,
            frame: self.frame,
            tail: Tail::Choice {
                before: format!("[{{\"index\":{},{before}", self.index),
                after,
            },
            is_last: self.is_last,
        };
        self.is_changed |= self.engine.delta(piece, self.out);
    }
}

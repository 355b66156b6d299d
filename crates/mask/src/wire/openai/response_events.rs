//! Events of the responses API.
//!
//! Its events are numbered (`sequence_number`), so none can be added. A delta that ends with what may become a
//! placeholder waits for the next event instead: the `.done` of its text completes it, another delta of its text goes on
//! with what was held back. When an event of something else comes in between, the delta goes out as far as it is
//! settled, and the rest goes into the text's next delta; if there is none, only the whole text of `.done` has it.

use crate::json::{Document, FieldTable, Value};
use crate::sse::{Frame, FrameKind};
use crate::wire::event_stream::{Engine, Held};
use crate::wire::restoring::{Encoding, Unmasks};
use crate::wire::texts::DIVIDER;

/// The texts that come in pieces: the type without `.delta` or `.done`.
const TEXTS: [(&str, Encoding); 13] = [
    ("response.output_text", Encoding::Text),
    ("response.refusal", Encoding::Text),
    ("response.reasoning_text", Encoding::Text),
    ("response.reasoning_summary_text", Encoding::Text),
    ("response.reasoning_summary", Encoding::Text),
    ("response.reasoning", Encoding::Text),
    ("response.custom_tool_call_input", Encoding::Text),
    ("response.code_interpreter_call_code", Encoding::Text),
    ("response.audio.transcript", Encoding::Text),
    ("response.output_audio_transcript", Encoding::Text),
    ("response.function_call_arguments", Encoding::JsonText),
    ("response.mcp_call_arguments", Encoding::JsonText),
    ("response.mcp_call.arguments", Encoding::JsonText),
];

/// Treats one event.
pub(in crate::wire) fn event<U: Unmasks>(
    whole: &FieldTable,
    engine: &mut Engine<U>,
    frame: &Frame<'_>,
    document: &Document<'_>,
    out: &mut Vec<u8>,
) {
    let root = document.root();
    let kind = root.get("type").and_then(Value::as_str).unwrap_or_default();
    let text = kind.rsplit_once('.').and_then(|(stem, end)| {
        let (stem, encoding) = TEXTS.iter().find(|(known, _)| *known == stem)?;
        Some((*stem, *encoding, end))
    });
    engine.number = root.get("sequence_number").and_then(Value::as_u64);
    if let Some(response) = root.get("response") {
        engine.identify_response(response);
    }
    match text {
        Some((stem, encoding, "delta")) => {
            engine.release_held(out);
            delta(engine, &key(stem, root), encoding, frame, document, out);
            return;
        }
        Some((stem, _, "done")) => {
            let key = key(stem, root);
            if engine.held.as_ref().is_some_and(|held| held.key == key) {
                engine.end_held(out);
            }
            engine.release_held(out);
            engine.forget(|known| known == key);
        }
        _ => match &*kind {
            "response.completed" | "response.incomplete" | "response.failed" | "error" => {
                engine.end_held(out);
                engine.forget(|_| true);
            }
            _ => engine.release_held(out),
        },
    }
    engine.whole(whole, document);
    engine.emit(frame, document, out);
}

/// Restores the piece of an event, which waits when something of it is held back.
fn delta<U: Unmasks>(
    engine: &mut Engine<U>,
    key: &str,
    encoding: Encoding,
    frame: &Frame<'_>,
    document: &Document<'_>,
    out: &mut Vec<u8>,
) {
    let Some(value) = document.root().get("delta") else {
        engine.emit(frame, document, out);
        return;
    };
    let Some(said) = value.text() else {
        engine.emit(frame, document, out);
        return;
    };
    let (piece, is_holding) = engine.piece(key, encoding, &said.text);
    if is_holding && frame.kind() == FrameKind::Event {
        engine.held = Some(Held {
            key: key.to_owned(),
            frame: frame.bytes().to_vec(),
            piece,
        });
        return;
    }
    engine.say_delta(document, value, &piece);
    engine.emit(frame, document, out);
}

/// The key of a text.
fn key(stem: &str, root: Value<'_>) -> String {
    let mut key = stem.to_owned();
    for name in ["item_id", "output_index", "content_index", "summary_index"] {
        key.push(DIVIDER);
        key.push_str(root.get(name).map(Value::raw).unwrap_or_default());
    }
    key
}

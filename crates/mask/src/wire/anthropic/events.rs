//! Anthropic's events: the type is the data's `type`, texts in pieces belong to content blocks by `index`.

use crate::json::{Document, FieldTable, Value};
use crate::sse::Frame;
use crate::wire::event_stream::{Engine, Piece, same_place};
use crate::wire::restoring::{Encoding, Unmasks};
use crate::wire::texts::{DIVIDER, key_has};

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
    let index = root.get("index").map(Value::raw).unwrap_or_default();
    match &*kind {
        "content_block_delta" => {
            if let Some(delta) = root.get("delta") {
                piece(engine, index, delta, frame, document, out);
            }
        }
        "content_block_stop" => engine.flush(|key| key_has(key, 0, index), out),
        "message_delta" | "message_stop" | "error" => engine.end(out),
        _ => {}
    }
    engine.whole(whole, document);
    engine.emit(frame, document, out);
}

/// Restores the piece of a delta. Signed thinking is none.
fn piece<U: Unmasks>(
    engine: &mut Engine<U>,
    index: &str,
    delta: Value<'_>,
    frame: &Frame<'_>,
    document: &Document<'_>,
    out: &mut Vec<u8>,
) {
    for (name, encoding) in [
        ("text", Encoding::Text),
        ("partial_json", Encoding::JsonText),
    ] {
        if let Some(value) = delta.get(name).filter(|value| value.text().is_some()) {
            let key = format!("{index}{DIVIDER}{name}");
            let piece = Piece {
                key: &key,
                encoding,
                value,
                document,
                frame,
                tail: same_place(value.range()),
                is_last: false,
            };
            engine.delta(piece, out);
        }
    }
}

//! Dify's events. The type is the data's own `event` member; a `ping` has no data at all.
//!
//! Texts in pieces: `message` and `agent_message` by `message_id`, `text_chunk` by `workflow_run_id`, both also by
//! `from_variable_selector`, since branches run side by side. Everything else holds whole texts. Sound
//! (`tts_message`) passes.

use crate::json::Treatment::{FreeText, Leave, MaybeJson, Text};
use crate::json::{Document, FieldTable, Value};
use crate::sse::Frame;
use crate::wire::event_stream::{Engine, Piece, same_place};
use crate::wire::restoring::{Encoding, Unmasks};
use crate::wire::route::Fields;
use crate::wire::texts::{DIVIDER, key_has};

/// The whole texts of all events.
pub(in crate::wire) const EVENT: Fields = &[
    (
        Leave,
        &[
            "data.inputs.*{transfer_method}.**",
            "data.inputs.*[*]{transfer_method}.**",
            "data.outputs.*{transfer_method}.**",
            "data.outputs.*[*]{transfer_method}.**",
            "data.process_data.*{transfer_method}.**",
            "data.process_data.*[*]{transfer_method}.**",
        ],
    ),
    (
        MaybeJson,
        &[
            "tool_input",
            "observation",
            "data.inputs",
            "data.outputs",
            "data.process_data",
        ],
    ),
    (
        Text,
        &[
            "answer",
            "thought",
            "message",
            "data.text",
            "data.error",
            "data.label",
            "data.inputs.*",
            "data.outputs.*",
            "data.process_data.*",
            "data.pre_iteration_output",
            "data.pre_loop_output",
            "metadata.annotation_reply.account.name",
            "metadata.retriever_resources[*].content",
            "metadata.retriever_resources[*].document_name",
            "metadata.retriever_resources[*].dataset_name",
            "metadata.retriever_resources[*].title",
            "data.execution_metadata.agent_log[*].label",
            "data.execution_metadata.agent_log[*].error",
        ],
    ),
    (
        FreeText,
        &[
            "data.inputs.*.**",
            "data.inputs[*].**",
            "data.outputs.*.**",
            "data.outputs[*].**",
            "data.process_data.*.**",
            "data.pre_iteration_output.**",
            "data.pre_loop_output.**",
            "data.data.**",
            "data.metadata.*.**",
            "data.execution_metadata.agent_log[*].data.**",
            "metadata.retriever_resources[*].doc_metadata.**",
        ],
    ),
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
    engine.identify(root);
    let name = root.get("event").and_then(Value::as_str);
    match name.as_deref().unwrap_or_default() {
        "message" | "agent_message" => {
            let key = key("message", named(root, "message_id"), root);
            delta(engine, &key, root.get("answer"), frame, document, out);
        }
        "text_chunk" => {
            let data = root.get("data").unwrap_or(root);
            let key = key("chunk", named(root, "workflow_run_id"), data);
            delta(engine, &key, data.get("text"), frame, document, out);
        }
        "message_replace" => engine.forget(of("message", named(root, "message_id"))),
        "text_replace" => engine.forget(of("chunk", named(root, "workflow_run_id"))),
        "message_end" | "agent_thought" => {
            engine.flush(of("message", named(root, "message_id")), out);
        }
        "node_finished" | "node_retry" => {
            let node = root.get("data").map(|data| named(data, "node_id"));
            let node = node.unwrap_or_default().to_owned();
            if !node.is_empty() {
                engine.flush(|key| key_has(key, 2, &node), out);
            }
        }
        "workflow_finished" | "error" => engine.end(out),
        "message_file" => {
            engine.emit(frame, document, out);
            return;
        }
        "tts_message" | "tts_message_end" => {
            out.extend_from_slice(frame.bytes());
            return;
        }
        _ => {}
    }
    let is_delta = matches!(
        name.as_deref(),
        Some("message" | "agent_message" | "text_chunk")
    );
    if !is_delta {
        engine.whole(whole, document);
    }
    engine.emit(frame, document, out);
}

/// Restores the piece of an event.
fn delta<U: Unmasks>(
    engine: &mut Engine<U>,
    key: &str,
    value: Option<Value<'_>>,
    frame: &Frame<'_>,
    document: &Document<'_>,
    out: &mut Vec<u8>,
) {
    let Some(value) = value.filter(|value| value.text().is_some()) else {
        return;
    };
    let piece = Piece {
        key,
        encoding: Encoding::Text,
        value,
        document,
        frame,
        tail: same_place(value.range()),
        is_last: false,
    };
    engine.delta(piece, out);
}

/// The key of a text: its kind, what it belongs to, the node it comes from, and the node's variable.
fn key(kind: &str, owner: &str, selected: Value<'_>) -> String {
    let selector = selected.get("from_variable_selector");
    let mut parts = selector.into_iter().flat_map(Value::elements);
    let node = parts.next().map(Value::raw).unwrap_or_default();
    let mut key = format!("{kind}{DIVIDER}{owner}{DIVIDER}{node}");
    for part in parts {
        key.push(DIVIDER);
        key.push_str(part.raw());
    }
    key
}

/// Whether a key is of this kind and owner.
fn of(kind: &str, owner: &str) -> impl Fn(&str) -> bool {
    let start = format!("{kind}{DIVIDER}{owner}{DIVIDER}");
    move |key| key.starts_with(&start)
}

/// The spelling of a member that is an id.
fn named<'d>(value: Value<'d>, name: &str) -> &'d str {
    value.get(name).map(Value::raw).unwrap_or_default()
}

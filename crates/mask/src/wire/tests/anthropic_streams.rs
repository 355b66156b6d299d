use serde_json::{Value, json};

use super::stand_in::{SECRETS, restored};
use super::streams::{
    cut, events, joined, rules, stream_of, through, through_every_cut, typed_stream_of,
};
use crate::wire::{Adapter, Encoding, PointerRules};

const TEXT: &str = "Mail EMAIL_10 and PERSON_2 or EMAIL_1";
const INPUT: &str = r#"{"name":"PERSON_2","to":["EMAIL_1"]}"#;

fn delta(index: u64, delta: Value) -> Value {
    json!({"type": "content_block_delta", "index": index, "delta": delta})
}

fn message(size: usize) -> Vec<Value> {
    let start = |index: u64, block: Value| json!({"type": "content_block_start", "index": index, "content_block": block});
    let stop = |index: u64| json!({"type": "content_block_stop", "index": index});
    let mut all = vec![
        json!({"type": "message_start", "message": {"id": "msg_1", "content": [], "usage": {"input_tokens": 1}}}),
        start(
            0,
            json!({"type": "thinking", "thinking": "", "signature": ""}),
        ),
        json!({"type": "ping"}),
        delta(0, json!({"type": "thinking_delta", "thinking": "EMAIL_1"})),
        delta(
            0,
            json!({"type": "signature_delta", "signature": "EMAIL_1"}),
        ),
        stop(0),
        start(1, json!({"type": "text", "text": ""})),
    ];
    all.extend(
        cut(TEXT, size)
            .iter()
            .map(|piece| delta(1, json!({"type": "text_delta", "text": piece}))),
    );
    all.push(delta(
        1,
        json!({"type": "citations_delta", "citation": {"cited_text": "EMAIL_1", "url": "EMAIL_1"}}),
    ));
    all.push(stop(1));
    all.push(start(
        2,
        json!({"type": "tool_use", "id": "EMAIL_1", "name": "f", "input": {}}),
    ));
    let inputs = cut(INPUT, size);
    all.extend(inputs.iter().map(|piece| {
        delta(
            2,
            json!({"type": "input_json_delta", "partial_json": piece}),
        )
    }));
    all.push(stop(2));
    all.push(json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9}}));
    all.push(json!({"type": "message_stop"}));
    all
}

#[test]
fn a_message_is_restored_the_same_for_every_cut_of_bytes_and_texts() {
    let rules = rules(Adapter::Anthropic, "/v1/messages");
    let whole = restored(Encoding::Text, TEXT);
    for size in 1..=TEXT.len() {
        let stream = typed_stream_of(&message(size));
        let out = if size == 12 {
            through_every_cut(&rules, &stream)
        } else {
            through(&rules, stream.as_bytes().chunks(size))
        };
        assert!(!out.contains("event: content_block_delta\n\n"));
        let out = events(&out);
        assert_eq!(
            joined(&out, "/delta/text", |_| true),
            whole,
            "pieces of {size}"
        );
        assert_eq!(joined(&out, "/delta/thinking", |_| true), "EMAIL_1");
        assert_eq!(joined(&out, "/delta/signature", |_| true), "EMAIL_1");
        assert_eq!(
            joined(&out, "/delta/citation/cited_text", |_| true),
            "jane@example.org"
        );
        assert_eq!(joined(&out, "/delta/citation/url", |_| true), "EMAIL_1");
        let input = joined(&out, "/delta/partial_json", |_| true);
        let input: Value = serde_json::from_str(&input).unwrap();
        assert_eq!(
            input,
            json!({"name": SECRETS[2].0, "to": ["jane@example.org"]})
        );
        let kinds: Vec<&str> = out
            .iter()
            .map(|event| event["type"].as_str().unwrap())
            .collect();
        let stop = kinds
            .iter()
            .rposition(|kind| *kind == "content_block_stop")
            .unwrap();
        let last_delta = kinds
            .iter()
            .rposition(|kind| *kind == "content_block_delta")
            .unwrap();
        assert!(last_delta < stop);
    }
}

#[test]
fn tails_go_out_before_an_error() {
    let stream = typed_stream_of(&[
        delta(0, json!({"type": "text_delta", "text": "EMAIL_1"})),
        json!({"type": "error", "error": {"type": "overloaded_error", "message": "EMAIL_10"}}),
    ]);
    let out = events(&through_every_cut(
        &rules(Adapter::Anthropic, "/v1/messages"),
        &stream,
    ));
    assert_eq!(joined(&out, "/delta/text", |_| true), "jane@example.org");
    assert_eq!(out.last().unwrap()["error"]["message"], "bob@example.net");
}

#[test]
fn pieces_named_by_pointers_are_joined_by_their_order_in_the_event() {
    let adapter = Adapter::Pointers(PointerRules {
        answer: vec!["/done".to_owned()],
        event_pieces: vec!["/out/*/t".to_owned()],
        ..PointerRules::default()
    });
    let rules = rules(adapter, "/any/path");
    let piece = |left: &str, right: &str| json!({"out": [{"t": left}, {"t": right}], "done": null});
    let stream = stream_of(&[
        piece("EMA", "PERS"),
        piece("IL_1", "ON_2"),
        json!({"done": "EMAIL_1"}),
        Value::String("data: [DONE]".to_owned()),
    ]);
    let out = events(&through_every_cut(&rules, &stream));
    assert_eq!(joined(&out, "/out/0/t", |_| true), "jane@example.org");
    assert_eq!(joined(&out, "/out/1/t", |_| true), SECRETS[2].0);
    assert_eq!(joined(&out, "/done", |_| true), "jane@example.org");
}

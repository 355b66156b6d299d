use serde_json::{Value, json};

use super::stand_in::{SECRETS, restored};
use super::streams::{cut, events, joined, rules, through, through_every_cut, typed_stream_of};
use crate::wire::{Adapter, Encoding};

const TEXT: &str = "Mail EMAIL_10 and PERSON_2 or EMAIL_1";
const ARGUMENTS: &str = r#"{"name":"PERSON_2","to":"EMAIL_1"}"#;

/// Numbers the events.
fn numbered(mut all: Vec<Value>) -> Vec<Value> {
    for (number, event) in all.iter_mut().enumerate() {
        event["sequence_number"] = json!(number);
    }
    all
}

fn text_delta(piece: &str) -> Value {
    json!({"type": "response.output_text.delta", "item_id": "msg_1", "output_index": 0, "content_index": 0,
        "delta": piece, "logprobs": [{"token": piece}]})
}

fn text_done() -> Value {
    json!({"type": "response.output_text.done", "item_id": "msg_1", "output_index": 0, "content_index": 0, "text": TEXT})
}

fn arguments_delta(piece: &str) -> Value {
    json!({"type": "response.function_call_arguments.delta", "item_id": "fc_1", "output_index": 1, "delta": piece})
}

fn response(size: usize) -> Vec<Value> {
    let part = json!({"type": "output_text", "text": TEXT, "annotations": []});
    let item = json!({"id": "msg_1", "type": "message", "role": "assistant", "content": [part]});
    let call = json!({"id": "fc_1", "type": "function_call", "call_id": "EMAIL_1", "name": "f", "arguments": ARGUMENTS});
    let mut all = vec![
        json!({"type": "response.created", "response": {"id": "resp_1", "instructions": "Be EMAIL_1", "output": []}}),
        json!({"type": "response.output_item.added", "item": {"id": "msg_1", "type": "message", "content": []}}),
    ];
    all.extend(cut(TEXT, size).iter().map(|piece| text_delta(piece)));
    all.extend([
        text_done(),
        json!({"type": "response.content_part.done", "item_id": "msg_1", "part": part}),
        json!({"type": "response.output_item.done", "item": item}),
    ]);
    all.extend(
        cut(ARGUMENTS, size)
            .iter()
            .map(|piece| arguments_delta(piece)),
    );
    all.extend([
        json!({"type": "response.function_call_arguments.done", "item_id": "fc_1", "output_index": 1,
            "arguments": ARGUMENTS}),
        json!({"type": "response.output_item.done", "item": call}),
        json!({"type": "response.completed", "response": {"id": "resp_1", "instructions": "Be EMAIL_1",
            "output": [item, call]}}),
    ]);
    numbered(all)
}

#[test]
fn all_four_copies_agree_for_every_cut_and_the_numbers_stay() {
    let rules = rules(Adapter::OpenAi, "/v1/responses");
    let whole = restored(Encoding::Text, TEXT);
    let whole_arguments = restored(Encoding::JsonText, ARGUMENTS);
    for size in 1..=TEXT.len() {
        let stream = typed_stream_of(&response(size));
        let out = if size == 12 {
            through_every_cut(&rules, &stream)
        } else {
            through(&rules, stream.as_bytes().chunks(size))
        };
        let out = events(&out);
        for (number, event) in out.iter().enumerate() {
            assert_eq!(event["sequence_number"], number);
        }
        let of = |kind: &'static str| move |event: &Value| event["type"] == kind;
        assert_eq!(
            joined(&out, "/delta", of("response.output_text.delta")),
            whole,
            "{size}"
        );
        assert_eq!(
            joined(&out, "/text", of("response.output_text.done")),
            whole
        );
        assert_eq!(
            joined(&out, "/part/text", of("response.content_part.done")),
            whole
        );
        assert_eq!(joined(&out, "/item/content/0/text", |_| true), whole);
        assert_eq!(
            joined(&out, "/response/output/0/content/0/text", |_| true),
            whole
        );
        let deltas = of("response.function_call_arguments.delta");
        assert_eq!(joined(&out, "/delta", deltas), whole_arguments);
        assert_eq!(joined(&out, "/arguments", |_| true), whole_arguments);
        assert_eq!(joined(&out, "/item/arguments", |_| true), whole_arguments);
        assert_eq!(
            joined(&out, "/response/output/1/arguments", |_| true),
            whole_arguments
        );
        let arguments: Value = serde_json::from_str(&whole_arguments).unwrap();
        assert_eq!(arguments["name"], SECRETS[2].0);
        let last = out.last().unwrap();
        assert_eq!(last["response"]["instructions"], "Be jane@example.org");
        assert_eq!(last["response"]["output"][1]["call_id"], "EMAIL_1");
    }
}

#[test]
fn a_delta_that_waits_goes_out_before_any_other_event() {
    let rules = rules(Adapter::OpenAi, "/v1/responses");
    let stream = typed_stream_of(&numbered(vec![
        text_delta("to EMAIL_1"),
        arguments_delta("{}"),
        text_delta("0"),
        json!({"type": "response.in_progress", "response": {}}),
        text_delta("."),
        text_delta("EMAIL_1"),
        json!({"type": "response.failed", "response": {"error": {"message": "EMAIL_1"}}}),
    ]));
    let out = events(&through_every_cut(&rules, &stream));
    assert_eq!(out.len(), 7);
    let texts: Vec<&str> = out
        .iter()
        .filter_map(|event| event["delta"].as_str())
        .collect();
    assert_eq!(
        texts,
        ["to ", "{}", "bob@example.net", ".", "jane@example.org"]
    );
    // What told the pieces of the placeholder is gone. It stays a list, because clients expect one.
    assert_eq!(out[0]["logprobs"], json!([]));
    assert_eq!(out[4]["logprobs"], json!([{"token": "."}]));
    assert_eq!(out[6]["response"]["error"]["message"], "jane@example.org");
}

#[test]
fn a_delta_that_waits_goes_out_when_the_stream_breaks_off() {
    let rules = rules(Adapter::OpenAi, "/v1/responses");
    let stream = typed_stream_of(&numbered(vec![text_delta("EMAIL_1")]));
    let out = events(&through_every_cut(&rules, &stream));
    assert_eq!(joined(&out, "/delta", |_| true), "jane@example.org");
}

use serde_json::{Value, json};

use super::stand_in::{SECRETS, restored};
use super::streams::{cut, events, joined, rules, stream_of, through, through_every_cut};
use crate::wire::{Adapter, Encoding};

const TEXT: &str = "Write EMAIL_1, EMAIL_10 or PERSON_2 EMAIL_1";
const ARGUMENTS: &str = r#"{"to":"EMAIL_10","name":"PERSON_2","n":[1,"EMAIL_1"]}"#;

fn chunk(choices: Value) -> Value {
    json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt", "choices": choices})
}

fn delta(index: u64, delta: Value) -> Value {
    chunk(json!([{"index": index, "delta": delta, "logprobs": null, "finish_reason": null}]))
}

fn finish(index: u64, reason: &str) -> Value {
    chunk(json!([{"index": index, "delta": {}, "finish_reason": reason}]))
}

fn done() -> Value {
    Value::String("data: [DONE]".to_owned())
}

/// Two choices side by side, one with thoughts, a text and two tool calls.
fn chat(size: usize) -> Vec<Value> {
    let mut all = vec![
        delta(0, json!({"role": "assistant", "content": ""})),
        delta(
            1,
            json!({"role": "assistant", "content": null, "refusal": null}),
        ),
    ];
    for piece in cut(TEXT, size) {
        all.push(delta(0, json!({"reasoning_content": piece})));
        all.push(delta(1, json!({"content": piece})));
        all.push(delta(0, json!({"content": piece})));
        all.push(delta(1, json!({"refusal": piece})));
    }
    for call in 0..2u64 {
        all.push(delta(
            0,
            json!({"tool_calls": [{"index": call, "id": format!("call_{call}"), "type": "function",
            "function": {"name": "send", "arguments": ""}}]}),
        ));
    }
    for piece in cut(ARGUMENTS, size) {
        for call in 0..2u64 {
            let calls = json!([{"index": call, "function": {"arguments": piece}}]);
            all.push(delta(0, json!({"tool_calls": calls})));
        }
    }
    all.push(finish(1, "stop"));
    all.push(finish(0, "tool_calls"));
    all.push(json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [], "usage": {"total_tokens": 9}}));
    all.push(done());
    all
}

/// What a client that joins all strings of the choice's deltas has in the end.
fn accumulated(events: &[Value], index: u64) -> Value {
    let mut whole = json!({});
    for event in events {
        for choice in event["choices"].as_array().into_iter().flatten() {
            if choice["index"] == index {
                merge(&mut whole, &choice["delta"]);
            }
        }
    }
    whole
}

fn merge(whole: &mut Value, delta: &Value) {
    let Some(members) = delta.as_object() else {
        return;
    };
    for (name, value) in members {
        let known = &mut whole[name.as_str()];
        match value {
            Value::String(piece) => {
                let before = known.as_str().unwrap_or_default().to_owned();
                *known = Value::String(before + piece);
            }
            Value::Array(items) => {
                for item in items {
                    let place = item["index"].to_string();
                    merge(&mut known[place.as_str()], item);
                }
            }
            Value::Object(_) => merge(known, value),
            other if name != "index" => *known = other.clone(),
            _ => {}
        }
    }
}

#[test]
fn a_chat_is_restored_the_same_for_every_cut_of_bytes_and_texts() {
    let rules = rules(Adapter::OpenAi, "/v1/chat/completions");
    let whole = restored(Encoding::Text, TEXT);
    for size in 1..=ARGUMENTS.len() {
        let stream = stream_of(&chat(size));
        let out = if size == 17 {
            through_every_cut(&rules, &stream)
        } else {
            through(&rules, stream.as_bytes().chunks(size))
        };
        let out = events(&out);
        let first = accumulated(&out, 0);
        assert_eq!(first["content"], whole, "pieces of {size}");
        assert_eq!(first["reasoning_content"], whole);
        assert_eq!(first["role"], "assistant");
        let second = accumulated(&out, 1);
        assert_eq!(second["content"], whole);
        assert_eq!(second["refusal"], whole);
        for call in ["0", "1"] {
            let call = &first["tool_calls"][call];
            let arguments: Value =
                serde_json::from_str(call["function"]["arguments"].as_str().unwrap()).unwrap();
            let expected = json!({"to": "bob@example.net", "name": SECRETS[2].0, "n": [1, "jane@example.org"]});
            assert_eq!(arguments, expected);
            assert_eq!(call["function"]["name"], "send");
            assert!(["call_0", "call_1"].contains(&call["id"].as_str().unwrap()));
        }
        assert_eq!(out.last().unwrap(), "[DONE]");
    }
}

#[test]
fn a_tail_goes_out_in_a_chunk_of_its_own_before_the_finish_reason() {
    let stream = stream_of(&[
        delta(2, json!({"role": "assistant", "content": "EMAIL_1"})),
        finish(2, "stop"),
        done(),
    ]);
    let out = events(&through_every_cut(
        &rules(Adapter::OpenAi, "/v1/chat/completions"),
        &stream,
    ));
    assert_eq!(out.len(), 4);
    assert_eq!(
        out[1],
        chunk(
            json!([{"index": 2, "delta": {"content": "jane@example.org"}, "finish_reason": null}])
        )
    );
    assert_eq!(out[2]["choices"][0]["finish_reason"], "stop");
}

/// Readers of JSON take the last one of members with the same name.
#[test]
fn the_last_one_of_doubled_members_is_restored() {
    let mut stream = Vec::new();
    for piece in ["EMA", "IL_1 and more"] {
        let one = delta(0, json!({"content": "@", "refusal": null})).to_string();
        let two = format!(r#""content":"-","content":"{piece}""#);
        stream.push(Value::String(format!(
            "data: {}",
            one.replace(r#""content":"@""#, &two)
        )));
    }
    stream.extend([finish(0, "stop"), done()]);
    let out = events(&through_every_cut(
        &rules(Adapter::OpenAi, "/v1/chat/completions"),
        &stream_of(&stream),
    ));
    let said: String = out
        .iter()
        .filter_map(|event| event["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(said, "jane@example.org and more");
}

#[test]
fn a_tail_goes_into_the_last_chunk_when_that_has_a_text() {
    let last = chunk(json!([{"index": 0, "delta": {"content": "L_1"}, "finish_reason": "stop"}]));
    let stream = stream_of(&[delta(0, json!({"content": "EMAI"})), last, done()]);
    let out = events(&through_every_cut(
        &rules(Adapter::OpenAi, "/v1/chat/completions"),
        &stream,
    ));
    assert_eq!(out.len(), 3);
    assert_eq!(out[1]["choices"][0]["delta"]["content"], "jane@example.org");
}

#[test]
fn tails_go_out_before_done_and_before_an_error() {
    let rules = rules(Adapter::OpenAi, "/v1/chat/completions");
    for end in [
        done(),
        json!({"error": {"message": "EMAIL_10 failed", "type": "x"}}),
    ] {
        let stream = stream_of(&[delta(0, json!({"content": "to EMAIL_1"})), end]);
        let out = events(&through_every_cut(&rules, &stream));
        assert_eq!(out.len(), 3);
        assert_eq!(out[1]["choices"][0]["delta"]["content"], "jane@example.org");
        assert_ne!(out[2]["error"]["message"], "EMAIL_10 failed");
    }
}

#[test]
fn completions_lose_probabilities_where_their_text_changes() {
    let rules = rules(Adapter::OpenAi, "/v1/completions");
    let piece = |text: &str| {
        json!({"choices": [{"text": text, "index": 0, "logprobs": {"tokens": [text]},
        "finish_reason": null}]})
    };
    let stream = stream_of(&[
        piece("Hello "),
        piece("EMAIL_1"),
        piece("!"),
        piece(" EMAIL_"),
        done(),
    ]);
    let out = events(&through_every_cut(&rules, &stream));
    let pointer = "/choices/0/text";
    assert_eq!(
        joined(&out, pointer, |_| true),
        "Hello jane@example.org! EMAIL_"
    );
    assert_eq!(out[0]["choices"][0]["logprobs"]["tokens"][0], "Hello ");
    assert!(out[1]["choices"][0]["logprobs"].is_null());
    assert!(out[2]["choices"][0]["logprobs"].is_null());
}

#[test]
fn parts_of_contents_and_transcripts_are_texts_too() {
    let rules = rules(Adapter::OpenAi, "/v1/chat/completions");
    let stream = stream_of(&[
        delta(0, json!({"content": [{"type": "text", "text": "EMAIL"}]})),
        delta(0, json!({"content": [{"type": "text", "text": "_1"}]})),
        delta(
            0,
            json!({"audio": {"id": "a", "transcript": "EMAIL_", "data": "EMAIL_1"}}),
        ),
        delta(0, json!({"audio": {"transcript": "10"}})),
        delta(
            0,
            json!({"function_call": {"name": "f", "arguments": "{\"a\":\"PERSON_2"}}),
        ),
        delta(0, json!({"function_call": {"arguments": "\"}"}})),
        done(),
    ]);
    let out = events(&through_every_cut(&rules, &stream));
    assert_eq!(
        joined(&out, "/choices/0/delta/content/0/text", |_| true),
        "jane@example.org"
    );
    assert_eq!(
        joined(&out, "/choices/0/delta/audio/transcript", |_| true),
        "bob@example.net"
    );
    assert_eq!(out[2]["choices"][0]["delta"]["audio"]["data"], "EMAIL_1");
    let arguments = joined(&out, "/choices/0/delta/function_call/arguments", |_| true);
    let arguments: Value = serde_json::from_str(&arguments).unwrap();
    assert_eq!(arguments["a"], SECRETS[2].0);
}

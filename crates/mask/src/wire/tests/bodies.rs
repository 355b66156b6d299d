use proptest::prelude::*;
use serde_json::{Value, json};

use super::stand_in::{Hider, Knower, SECRETS};
use crate::json::JsonLimits;
use crate::wire::{
    Adapter, AnswerPlan, BodyError, DifyVersion, RequestPlan, TokenArrays, Wire, WireOptions,
    mask_json, mask_query, unmask_json,
};

const JSON: Option<&str> = Some("application/json");

/// A request's body as it is forwarded.
pub(super) fn masked(
    wire: &Wire,
    path: &str,
    body: &str,
) -> Result<String, BodyError<&'static str>> {
    let RequestPlan::Json(table) = wire.exchange("POST", path, JSON).request() else {
        panic!("{path} has no JSON");
    };
    let mut out = Vec::new();
    let limits = JsonLimits::default();
    mask_json(
        body.as_bytes(),
        table,
        limits,
        &mut Hider::default(),
        &mut out,
    )?;
    Ok(String::from_utf8(out).unwrap())
}

/// An answer's body as the client gets it.
pub(super) fn unmasked(wire: &Wire, method: &str, path: &str, body: &Value) -> Value {
    let exchange = wire.exchange(method, path, JSON);
    let AnswerPlan::Json(table) = exchange.answer(200, JSON) else {
        panic!("{path} answers no JSON");
    };
    let mut out = Vec::new();
    let body = body.to_string();
    unmask_json(
        body.as_bytes(),
        table,
        JsonLimits::default(),
        &Knower,
        &mut out,
    )
    .unwrap();
    serde_json::from_slice(&out).unwrap()
}

pub(super) fn dify() -> Wire {
    let options = WireOptions {
        select_inputs: vec!["city.name".to_owned()],
        ..WireOptions::default()
    };
    Wire::new(&Adapter::Dify(DifyVersion::V1), &options).unwrap()
}

pub(super) fn openai() -> Wire {
    Wire::new(&Adapter::OpenAi, &WireOptions::default()).unwrap()
}

#[test]
fn only_the_text_of_a_chat_changes() {
    let body = r#"{ "query": "I am jane@example.org", "user":"jane@example.org",  "response_mode":"streaming",
        "conversation_id": "jane@example.org", "inputs": {"a": "jane@example.org", "n": 1.0, "city.name": "jane@example.org",
        "o": {"jane@example.org": ["bob@example.net", null]}, "jane@example.org": "x", "f": {"transfer_method": "remote_url",
        "url": "https://x/jane@example.org"}, "fs": [{"url": "jane@example.org", "transfer_method": "local_file"}]},
        "files": [{"type": "image", "url": "https://x/jane@example.org"}], "qu\u0065ry": "caf\u00e9 bob@example.net" }"#;
    let expected = r#"{ "query": "I am EMAIL_1", "user":"jane@example.org",  "response_mode":"streaming",
        "conversation_id": "jane@example.org", "inputs": {"a": "EMAIL_1", "n": 1.0, "city.name": "jane@example.org",
        "o": {"EMAIL_1": ["EMAIL_10", null]}, "EMAIL_1": "x", "f": {"transfer_method": "remote_url",
        "url": "https://x/jane@example.org"}, "fs": [{"url": "EMAIL_1", "transfer_method": "local_file"}]},
        "files": [{"type": "image", "url": "https://x/jane@example.org"}], "qu\u0065ry": "caf\u00e9 EMAIL_10" }"#;
    assert_eq!(
        masked(&dify(), "/v1/chat-messages", body).unwrap(),
        expected
    );
}

/// Applications take more shapes than their documents say: what stands where text is expected is text.
#[test]
fn text_in_a_shape_that_nobody_expects_is_masked_all_the_same() {
    let secret = SECRETS[0].0;
    let (dify, openai) = (dify(), openai());
    let cases = [
        (&dify, "/v1/chat-messages", json!({ "query": [secret] })),
        (
            &dify,
            "/v1/chat-messages",
            json!({ "query": { "a": { secret: [secret] } } }),
        ),
        (
            &dify,
            "/v1/chat-messages",
            json!({ "query": "hi", "inputs": [secret] }),
        ),
        (&dify, "/v1/chat-messages", json!([{ "query": secret }])),
        (&dify, "/v1/chat-messages", json!(secret)),
        (
            &dify,
            "/v1/conversations/c-1/name",
            json!({ "name": [secret] }),
        ),
        (
            &openai,
            "/v1/chat/completions",
            json!({ "messages": { "role": "user", "content": secret } }),
        ),
        (
            &openai,
            "/v1/chat/completions",
            json!({ "messages": [{ "content": { "a": secret } }] }),
        ),
        (
            &openai,
            "/v1/chat/completions",
            json!({ "messages": secret }),
        ),
        (
            &openai,
            "/v1/completions",
            json!({ "prompt": { "a": secret } }),
        ),
        (
            &openai,
            "/v1/responses",
            json!({ "input": { "a": secret } }),
        ),
        (
            &openai,
            "/v1/embeddings",
            json!({ "input": [{ "a": secret }] }),
        ),
        (&openai, "/v1/chat/completions", json!([secret])),
    ];
    for (wire, path, body) in cases {
        let sent = masked(wire, path, &body.to_string()).unwrap();
        assert!(!sent.contains(secret), "{body} goes on as {sent}");
    }
}

#[test]
fn a_body_that_cannot_be_looked_at_is_refused_without_its_content() {
    let wire = dify();
    let error = masked(
        &wire,
        "/v1/chat-messages",
        r#"{"query": "jane@example.org""#,
    )
    .unwrap_err();
    assert!(matches!(error, BodyError::Json(_)));
    assert!(!error.to_string().contains("jane"));
    let error = masked(&wire, "/v1/chat-messages", r#"{"query": "forbidden"}"#).unwrap_err();
    assert_eq!(error, BodyError::Refused("forbidden"));
}

#[test]
fn fields_are_named_to_the_masker() {
    let wire = dify();
    let exchange = wire.exchange("POST", "/v1/chat-messages", JSON);
    let RequestPlan::Json(table) = exchange.request() else {
        panic!();
    };
    let mut hider = Hider::default();
    let body = br#"{"query":"x","inputs":{"phone":["1"],"deep":{"mail":"y"}}}"#;
    mask_json(
        body,
        table,
        JsonLimits::default(),
        &mut hider,
        &mut Vec::new(),
    )
    .unwrap();
    assert_eq!(
        hider.fields,
        ["query", "phone", "phone", "deep", "mail", "mail"]
    );
}

#[test]
fn every_kind_of_message_of_a_chat_is_masked() {
    let body = json!({"model": "jane@example.org", "user": "jane@example.org", "messages": [
        {"role": "system", "content": "jane@example.org"},
        {"role": "user", "name": "jane@example.org", "content": [{"type": "text", "text": "bob@example.net"},
            {"type": "image_url", "image_url": {"url": "https://x/jane@example.org"}},
            {"type": "new_kind", "words": "jane@example.org"}]},
        {"role": "assistant", "tool_calls": [{"id": "jane@example.org", "type": "function", "function": {"name": "f",
            "arguments": "{\"to\": \"jane@example.org\", \"q\":\"\\u1ea4n \\\"Q\\\"\\\\\\n\\ud83d\\ude00\"}"}}]},
        {"role": "tool", "tool_call_id": "jane@example.org", "content": "not {json jane@example.org"}],
        "tools": [{"type": "function", "function": {"name": "f", "description": "jane@example.org",
            "parameters": {"type": "object", "properties": {"to": {"enum": ["jane@example.org"]}}, "required": ["to"]}}}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "jane@example.org"}}});
    let out = masked(&openai(), "/v1/chat/completions", &body.to_string()).unwrap();
    let out: Value = serde_json::from_str(&out).unwrap();
    let at = |pointer: &str| out.pointer(pointer).and_then(Value::as_str).unwrap();
    for left in [
        "/model",
        "/user",
        "/messages/2/tool_calls/0/id",
        "/messages/3/tool_call_id",
        "/response_format/json_schema/name",
    ] {
        assert_eq!(at(left), "jane@example.org", "{left}");
    }
    for hidden in [
        "/messages/0/content",
        "/messages/1/name",
        "/messages/1/content/2/words",
        "/tools/0/function/description",
        "/tools/0/function/parameters/properties/to/enum/0",
    ] {
        assert_eq!(at(hidden), "EMAIL_1", "{hidden}");
    }
    assert_eq!(at("/messages/1/content/0/text"), "EMAIL_10");
    assert_eq!(
        at("/messages/1/content/1/image_url/url"),
        "https://x/jane@example.org"
    );
    assert_eq!(
        at("/messages/2/tool_calls/0/function/arguments"),
        r#"{"to": "EMAIL_1", "q":"PERSON_2"}"#
    );
    assert_eq!(at("/messages/3/content"), "not {json EMAIL_1");
}

#[test]
fn token_numbers_are_refused_unless_they_may_pass() {
    let body = r#"{"model": "x", "prompt": [[1, 2], [3]], "input": ["a", [1]]}"#;
    for path in ["/v1/completions", "/v1/embeddings"] {
        let error = masked(&openai(), path, body).unwrap_err();
        assert!(matches!(error, BodyError::Tokens { .. }), "{path}");
    }
    let options = WireOptions {
        token_arrays: TokenArrays::Pass,
        ..WireOptions::default()
    };
    let wire = Wire::new(&Adapter::OpenAi, &options).unwrap();
    assert_eq!(masked(&wire, "/v1/completions", body).unwrap(), body);
    let texts = r#"{"input": ["jane@example.org", "x"]}"#;
    assert_eq!(
        masked(&openai(), "/v1/embeddings", texts).unwrap(),
        r#"{"input": ["EMAIL_1", "x"]}"#
    );
}

#[test]
fn an_input_of_the_responses_api_is_masked() {
    let body = json!({"instructions": "jane@example.org", "previous_response_id": "jane@example.org", "input": [
        {"role": "user", "content": "jane@example.org"},
        {"type": "message", "content": [{"type": "input_text", "text": "jane@example.org"},
            {"type": "input_image", "image_url": "https://x/jane@example.org"}]},
        {"type": "function_call", "call_id": "jane@example.org", "name": "f", "arguments": "{\"a\":\"jane@example.org\"}"},
        {"type": "function_call_output", "call_id": "c", "output": "jane@example.org"},
        {"type": "reasoning", "encrypted_content": "jane@example.org", "summary": []}]});
    let out = masked(&openai(), "/v1/responses", &body.to_string()).unwrap();
    let out: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(out["instructions"], "EMAIL_1");
    assert_eq!(out["previous_response_id"], "jane@example.org");
    assert_eq!(out["input"][0]["content"], "EMAIL_1");
    assert_eq!(out["input"][1]["content"][0]["text"], "EMAIL_1");
    assert_eq!(
        out["input"][1]["content"][1]["image_url"],
        "https://x/jane@example.org"
    );
    assert_eq!(out["input"][2]["arguments"], "{\"a\":\"EMAIL_1\"}");
    assert_eq!(out["input"][2]["call_id"], "jane@example.org");
    assert_eq!(out["input"][3]["output"], "EMAIL_1");
    assert_eq!(out["input"][4]["encrypted_content"], "jane@example.org");
    let plain = masked(
        &openai(),
        "/v1/responses",
        r#"{"input":"jane@example.org"}"#,
    )
    .unwrap();
    assert_eq!(plain, r#"{"input":"EMAIL_1"}"#);
}

#[test]
fn a_conversation_with_anthropic_is_masked_but_for_what_is_signed() {
    let wire = Wire::new(&Adapter::Anthropic, &WireOptions::default()).unwrap();
    let mail = "jane@example.org";
    let body = json!({"system": [{"type": "text", "text": mail}], "metadata": {"user_id": mail}, "messages": [
        {"role": "user", "content": mail},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": mail, "signature": mail},
            {"type": "tool_use", "id": mail, "name": "f", "input": {"to": mail, "deep": {mail: [mail]}}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": mail, "content": [{"type": "text", "text": mail}]},
            {"type": "document", "title": mail, "source": {"type": "text", "media_type": "text/plain", "data": mail}},
            {"type": "image", "source": {"data": "iVBORw0KGgoAAAANSUhEUg==", "type": "base64"}},
            {"type": "image", "source": {"type": "url", "url": "https://x/jane@example.org"}}]}]});
    let out = masked(&wire, "/v1/messages", &body.to_string()).unwrap();
    let out: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(out["system"][0]["text"], "EMAIL_1");
    assert_eq!(out["metadata"]["user_id"], mail);
    let messages = &out["messages"];
    assert_eq!(messages[0]["content"], "EMAIL_1");
    assert_eq!(messages[1]["content"][0], body["messages"][1]["content"][0]);
    assert_eq!(messages[1]["content"][1]["id"], mail);
    assert_eq!(
        messages[1]["content"][1]["input"],
        json!({"to": "EMAIL_1", "deep": {"EMAIL_1": ["EMAIL_1"]}})
    );
    assert_eq!(messages[2]["content"][0]["content"][0]["text"], "EMAIL_1");
    assert_eq!(messages[2]["content"][0]["tool_use_id"], mail);
    assert_eq!(messages[2]["content"][1]["source"]["data"], "EMAIL_1");
    assert_eq!(messages[2]["content"][1]["title"], "EMAIL_1");
    assert_eq!(messages[2]["content"][2], body["messages"][2]["content"][2]);
    assert_eq!(messages[2]["content"][3], body["messages"][2]["content"][3]);
}

#[test]
fn what_tools_say_is_masked_as_json_when_it_is_json() {
    let said = json!({"note": SECRETS[2].0, "n": 1}).to_string();
    let hidden = json!({"note": SECRETS[2].1, "n": 1}).to_string();
    let anthropic = Wire::new(&Adapter::Anthropic, &WireOptions::default()).unwrap();
    for (wire, path, template) in [
        (
            &openai(),
            "/v1/chat/completions",
            r#"{"messages":[{"role":"tool","content":@}]}"#,
        ),
        (
            &openai(),
            "/v1/responses",
            r#"{"input":[{"type":"function_call_output","output":@}]}"#,
        ),
        (
            &anthropic,
            "/v1/messages",
            r#"{"messages":[{"content":[{"type":"tool_result","content":@}]}]}"#,
        ),
    ] {
        for (said, hidden) in [
            (said.as_str(), hidden.as_str()),
            ("at jane@example.org", "at EMAIL_1"),
        ] {
            let body = template.replace('@', &json!(said).to_string());
            let expected = template.replace('@', &json!(hidden).to_string());
            assert_eq!(masked(wire, path, &body).unwrap(), expected, "{path}");
        }
    }
}

#[test]
fn whole_answers_are_restored() {
    let (wire, an) = (dify(), SECRETS[2].0);
    let out = unmasked(
        &wire,
        "POST",
        "/v1/chat-messages",
        &json!({"answer": "EMAIL_1 EMAIL_10", "id": "EMAIL_1",
        "metadata": {"retriever_resources": [{"content": "PERSON_2", "document_id": "EMAIL_1"}]}}),
    );
    assert_eq!(out["answer"], "jane@example.org bob@example.net");
    assert_eq!(out["id"], "EMAIL_1");
    assert_eq!(
        out["metadata"]["retriever_resources"][0],
        json!({"content": an, "document_id": "EMAIL_1"})
    );
    let stored =
        json!({"outputs": "{\"text\": \"PERSON_2\"}", "inputs": {"q": "EMAIL_1"}, "error": null});
    let out = unmasked(&wire, "GET", "/v1/workflows/run/r", &stored);
    let outputs: Value = serde_json::from_str(out["outputs"].as_str().unwrap()).unwrap();
    assert_eq!(outputs["text"], an);
    assert_eq!(out["inputs"]["q"], "jane@example.org");
    let out = unmasked(
        &wire,
        "GET",
        "/v1/messages/m/suggested",
        &json!({"data": ["Mail EMAIL_1?"]}),
    );
    assert_eq!(out["data"][0], "Mail jane@example.org?");
    let out = unmasked(
        &wire,
        "GET",
        "/v1/messages",
        &json!({"data": [{"id": "EMAIL_1", "query": "EMAIL_1",
        "answer": "EMAIL_10", "inputs": {"a": {"b": "EMAIL_1"}}, "agent_thoughts": [{"thought": "EMAIL_1",
        "tool_input": "{\"a\":\"PERSON_2\"}"}]}]}),
    );
    assert_eq!(out["data"][0]["answer"], "bob@example.net");
    assert_eq!(out["data"][0]["id"], "EMAIL_1");
    assert_eq!(out["data"][0]["inputs"]["a"]["b"], "jane@example.org");
    let out = unmasked(
        &openai(),
        "POST",
        "/v1/chat/completions",
        &json!({"id": "EMAIL_1", "choices": [
        {"message": {"role": "assistant", "content": "EMAIL_1", "tool_calls": [{"id": "EMAIL_1", "function":
        {"name": "f", "arguments": "{\"a\":\"PERSON_2\"}"}}]}, "logprobs": {"content": [{"token": "EMAIL"}]}}]}),
    );
    let choice = &out["choices"][0];
    assert_eq!(choice["message"]["content"], "jane@example.org");
    assert!(choice["logprobs"].is_null());
    let arguments = choice["message"]["tool_calls"][0]["function"]["arguments"]
        .as_str()
        .unwrap();
    assert_eq!(serde_json::from_str::<Value>(arguments).unwrap()["a"], an);
    assert_eq!(choice["message"]["tool_calls"][0]["id"], "EMAIL_1");
    let plain = json!({"choices": [{"message": {"content": "no"}, "logprobs": {"content": [1]}}]});
    assert_eq!(
        unmasked(&openai(), "POST", "/v1/chat/completions", &plain),
        plain
    );
    let part = |text: &str, logprobs: Value| json!({"type": "output_text", "text": text, "logprobs": logprobs});
    let out = unmasked(
        &openai(),
        "POST",
        "/v1/responses",
        &json!({"output": [{"content": [part("EMAIL_1", json!([{"token": "EMAIL"}])), part("", json!([])), part("", Value::Null)]}]}),
    );
    let parts = out["output"][0]["content"].as_array().unwrap();
    let probable: Vec<&Value> = parts.iter().map(|part| &part["logprobs"]).collect();
    assert_eq!(probable, [&json!([]), &json!([]), &Value::Null]);
}

#[test]
fn parameters_of_a_query_are_masked_and_the_rest_stays() {
    let mut hider = Hider::default();
    let names = ["keyword"];
    for (query, expected) in [
        ("", ""),
        ("page=1&limit=2", "page=1&limit=2"),
        ("keyword=jane%40example.org", "keyword=EMAIL_1"),
        (
            "a=%2f&keyword=to+jane@example.org&b=jane@example.org&",
            "a=%2f&keyword=to%20EMAIL_1&b=jane@example.org&",
        ),
        (
            "%6beyword=jane@example.org&keyword=bob@example.net",
            "%6beyword=EMAIL_1&keyword=EMAIL_10",
        ),
        ("keyword&keyword=&x=%zz", "keyword&keyword=&x=%zz"),
    ] {
        assert_eq!(mask_query(query, &names, &mut hider).unwrap(), expected);
    }
    assert!(mask_query("keyword=forbidden", &names, &mut hider).is_err());
}

proptest! {
    #[test]
    fn masking_and_restoring_is_the_identity(words in prop::collection::vec(0usize..5, 0..12), deep in any::<bool>()) {
        let text: Vec<&str> = words
            .iter()
            .map(|word| ["jane@example.org", "bob@example.net", SECRETS[2].0, "\u{111}i", "\"\\"][*word])
            .collect();
        let text = text.join(" ");
        let value = if deep { json!({"x": [text]}) } else { json!(text) };
        let body = json!({"query": text, "inputs": {"a": value}}).to_string();
        let wire = dify();
        let hidden = masked(&wire, "/v1/chat-messages", &body).unwrap();
        for (secret, _) in SECRETS {
            let spelled = json!(secret).to_string();
            prop_assert!(!hidden.contains(spelled.trim_matches('"')));
        }
        let hidden: Value = serde_json::from_str(&hidden).unwrap();
        let answer = json!({"answer": hidden["query"], "data": {"outputs": hidden["inputs"]}});
        let out = unmasked(&wire, "POST", "/v1/chat-messages", &answer);
        prop_assert_eq!(out["answer"].as_str().unwrap(), text);
        prop_assert_eq!(&out["data"]["outputs"]["a"], &value);
    }
}

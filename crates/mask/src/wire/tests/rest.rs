//! What no rule names.

use serde_json::{Value, json};

use super::bodies::{dify, masked, openai, unmasked};
use crate::wire::{Adapter, BodyError, PointerRules, Wire, WireOptions};

const MAIL: &str = "jane@example.org";
const CHAT: &str = "/v1/chat/completions";
const RESPONSES: &str = "/v1/responses";
const MESSAGES: &str = "/v1/messages";

fn anthropic() -> Wire {
    Wire::new(&Adapter::Anthropic, &WireOptions::default()).unwrap()
}

fn sent(wire: &Wire, path: &str, body: &Value) -> String {
    masked(wire, path, &body.to_string()).unwrap()
}

#[test]
fn text_that_no_table_names_is_masked() {
    let (openai, anthropic, dify) = (openai(), anthropic(), dify());
    let note = format!("see {MAIL}");
    let schema = json!({"properties": {"a": {"pattern": note, "format": MAIL, "default": {"id": MAIL}}},
        "required": [MAIL], "$ref": note});
    let cases = [
        (
            &openai,
            CHAT,
            json!({"response_format": {"json_schema": {"description": note, "schema": schema}}}),
        ),
        (
            &openai,
            CHAT,
            json!({"tools": [{"custom": {"format": {"grammar": {"definition": note}}}}]}),
        ),
        (
            &openai,
            CHAT,
            json!({"tools": [{"function": {"parameters": schema}}]}),
        ),
        (
            &openai,
            CHAT,
            json!({"web_search_options": {"user_location": {"city": note}}}),
        ),
        (
            &openai,
            CHAT,
            json!({"guided_json": schema, "guided_choice": [MAIL]}),
        ),
        (
            &openai,
            CHAT,
            json!({"guided_json": format!("{{\"a\": \"{MAIL}\"}}")}),
        ),
        (&openai, CHAT, json!({"foo": note, "bar": {MAIL: [MAIL]}})),
        (&openai, CHAT, json!({MAIL: 1, "metadata": {MAIL: "x"}})),
        (
            &openai,
            CHAT,
            json!({"user": {"a": MAIL}, "model": [MAIL], "type": note, "id": note}),
        ),
        (
            &openai,
            CHAT,
            json!({"messages": [{"role": "user", MAIL: 1, "cache_control": {"a": MAIL},
            "content": [{"type": "image_url", "image_url": {"url": note, "detail": MAIL}}]}]}),
        ),
        (
            &openai,
            RESPONSES,
            json!({"text": {"format": {"description": note, "schema": schema}}}),
        ),
        (
            &openai,
            RESPONSES,
            json!({"tools": [{"type": "mcp", "server_description": note},
            {"type": "file_search", "filters": {"key": "a", "value": MAIL, "allowed_domains": [MAIL]}}]}),
        ),
        (
            &openai,
            RESPONSES,
            json!({"prompt": {"id": "p", "variables": {"a": {"type": "input_text", "text": MAIL},
            "b": {"type": "input_file", "file_data": "data:text/plain;base64,amFuZUBleGFtcGxlLm9yZw=="}}}}),
        ),
        (&openai, RESPONSES, json!({"foo": [{"bar": note}]})),
        (
            &openai,
            "/v1/embeddings",
            json!({"input": "x", "foo": note}),
        ),
        (
            &anthropic,
            MESSAGES,
            json!({"tools": [{"input_examples": [{MAIL: MAIL}], "input_schema": schema}]}),
        ),
        (
            &anthropic,
            MESSAGES,
            json!({"context_management": {"edits": [{"type": "x", "note": note}]}}),
        ),
        (
            &anthropic,
            MESSAGES,
            json!({"messages": [{"role": "assistant", "content": [{"type": "tool_use", "input": {MAIL: 1}}]}]}),
        ),
        (&anthropic, MESSAGES, json!({"foo": note})),
        (
            &dify,
            "/v1/chat-messages",
            json!({"query": "x", "foo": note}),
        ),
        (
            &dify,
            "/v1/chat-messages/t/stop",
            json!({"user": "u", "foo": {MAIL: note}}),
        ),
    ];
    for (wire, path, body) in cases {
        let out = sent(wire, path, &body);
        assert!(
            !out.contains(MAIL) && !out.contains("amFuZU"),
            "{body} goes on as {out}"
        );
        let out: Value = serde_json::from_str(&out).unwrap();
        assert!(out.is_object());
    }
}

#[test]
fn what_stays_passes_byte_for_byte() {
    let (openai, anthropic, dify) = (openai(), anthropic(), dify());
    let tool = json!({"type": "function", "name": "f", "function": {"name": "f"}});
    for (wire, path, body) in [
        (
            &openai,
            CHAT,
            json!({"model": MAIL, "user": MAIL, "safety_identifier": MAIL, "prompt_cache_key": MAIL, "foo_id": MAIL,
            "temperature": 0.7, "reasoning_effort": "low", "tools": [tool], "stream_options": {"include_usage": true},
            "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x/a.png"}},
                {"type": "file", "file": {"file_id": "file-6F2ksmvXxt4VdoqmHRw6kL"}}]}]}),
        ),
        (
            &openai,
            RESPONSES,
            json!({"model": MAIL, "user": MAIL, "previous_response_id": MAIL, "prompt": {"id": MAIL},
            "tools": [{"type": "file_search", "vector_store_ids": [MAIL]},
                {"type": "web_search", "filters": {"allowed_domains": ["example.org"]}},
                {"type": "mcp", "authorization": MAIL, "headers": {"Authorization": MAIL}}], "include": ["reasoning.encrypted_content"]}),
        ),
        (
            &anthropic,
            MESSAGES,
            json!({"model": MAIL, "metadata": {"user_id": MAIL}, "mcp_servers": [{"type": "url", "url": "https://x/mcp",
            "authorization_token": MAIL}]}),
        ),
        (
            &dify,
            "/v1/chat-messages",
            json!({"user": MAIL, "conversation_id": MAIL, "response_mode": "streaming",
            "files": [{"type": "image", "transfer_method": "local_file", "upload_file_id": MAIL}]}),
        ),
        (&dify, "/v1/chat-messages/t/stop", json!({"user": MAIL})),
    ] {
        let body = body.to_string();
        assert_eq!(masked(wire, path, &body).unwrap(), body);
    }
}

#[test]
fn files_of_dify_are_decoded_and_have_no_other_members() {
    let coded = "data:text/plain;base64,amFuZUBleGFtcGxlLm9yZw==";
    let hidden = "data:text/plain;base64,RU1BSUxfMQ==";
    let file = |url: &str, text: &str| {
        json!({"type": "document", "transfer_method": "remote_url", "url": url,
        "remote_url": url, "filename": text, "note": {"a": text}, "id": MAIL, "upload_file_id": MAIL, "related_id": MAIL,
        "extension": ".txt", "mime_type": "text/plain", "size": 3})
    };
    let body = |file: Value| json!({"query": "x", "files": [file], "inputs": {"one": file, "many": [file]}});
    let out = sent(&dify(), "/v1/chat-messages", &body(file(coded, MAIL)));
    let out: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(out, body(file(hidden, "EMAIL_1")));
}

#[test]
fn names_of_inputs_come_back_in_answers() {
    let stored = json!({"data": [{"inputs": {"EMAIL_1": "x"}}]});
    let out = unmasked(&dify(), "GET", MESSAGES, &stored);
    assert_eq!(out["data"][0]["inputs"], json!({MAIL: "x"}));
    let answer = json!({"content": [{"type": "tool_use", "name": "f", "input": {"EMAIL_1": 1}}]});
    let out = unmasked(&anthropic(), "POST", MESSAGES, &answer);
    assert_eq!(out["content"][0]["input"], json!({MAIL: 1}));
}

#[test]
fn json_without_any_field_that_is_named_is_not_known() {
    let rules = PointerRules {
        request: vec!["/question".to_owned(), "/deep/**".to_owned()],
        ..PointerRules::default()
    };
    let wire = Wire::new(&Adapter::Pointers(rules), &WireOptions::default()).unwrap();
    let masked = |body: &str| masked(&wire, "/any", body);
    for body in [
        r#"{"q":"jane@example.org"}"#,
        "{}",
        "[]",
        "1",
        r#"[{"other":{"question":1}}]"#,
    ] {
        assert_eq!(masked(body), Err(BodyError::NoField), "{body}");
    }
    assert_eq!(
        masked(r#"{"question":null}"#).unwrap(),
        r#"{"question":null}"#
    );
    assert_eq!(
        masked(r#"{"deep":{"jane@example.org":{"jane@example.org":1}}}"#).unwrap(),
        r#"{"deep":{"EMAIL_1":{"EMAIL_1":1}}}"#
    );
}

#[test]
fn an_answer_may_begin_with_a_byte_order_mark() {
    let wire = dify();
    let exchange = wire.exchange("POST", "/v1/chat-messages", Some("application/json"));
    let crate::wire::AnswerPlan::Json(table) = exchange.answer(200, None) else {
        panic!();
    };
    let mut out = Vec::new();
    let body = "\u{feff}{\"answer\":\"EMAIL_1\"}";
    let limits = crate::json::JsonLimits::default();
    crate::wire::unmask_json(
        body.as_bytes(),
        table,
        limits,
        &super::stand_in::Knower,
        &mut out,
    )
    .unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "\u{feff}{\"answer\":\"jane@example.org\"}"
    );
}

#[test]
fn what_lets_a_tool_in_reaches_it() {
    let (openai, anthropic) = (openai(), anthropic());
    let key = "sk-proj-4f9aK2mQ7xT1vB8nR5cW3yZ6";
    let tool = json!({"type": "mcp", "server_label": "a", "authorization": key, "headers": {"X-Api-Key": key}});
    for (wire, path, body) in [
        (&openai, CHAT, json!({"tools": [tool]})),
        (&openai, RESPONSES, json!({"tools": [tool]})),
        (
            &anthropic,
            MESSAGES,
            json!({"mcp_servers": [{"type": "url", "name": "a", "authorization_token": key}]}),
        ),
    ] {
        assert_eq!(sent(wire, path, &body), body.to_string());
    }
}

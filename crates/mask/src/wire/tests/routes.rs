use crate::wire::{Adapter, AnswerPlan, DifyVersion, PointerRules, RequestPlan, Wire, WireOptions};

const JSON: Option<&str> = Some("application/json; charset=utf-8");

fn wire(adapter: Adapter) -> Wire {
    Wire::new(&adapter, &WireOptions::default()).unwrap()
}

/// What is done with a request, in one word.
fn plan(wire: &Wire, method: &str, path: &str, content_type: Option<&str>) -> &'static str {
    match wire.exchange(method, path, content_type).request() {
        RequestPlan::Json(_) => "json",
        RequestPlan::Form(_) => "form",
        RequestPlan::Nothing => "nothing",
        RequestPlan::Unknown => "unknown",
    }
}

/// The same with JSON, or without a body where none is expected.
fn as_usual(wire: &Wire, method: &str, path: &str, expected: &str) -> &'static str {
    plan(wire, method, path, JSON.filter(|_| expected != "nothing"))
}

#[test]
fn requests_of_dify_are_known_by_method_path_and_prefix() {
    let wire = wire(Adapter::Dify(DifyVersion::V1));
    for (request, expected) in [
        ("POST /v1/chat-messages", "json"),
        ("POST /v1/chat-messages?trace_id=x", "json"),
        ("POST /v1/chat-messages/", "json"),
        ("POST /api/chat-messages", "json"),
        ("POST /console/api/installed-apps/1-2/chat-messages", "json"),
        ("POST /console/api/apps/1-2/workflows/draft/run", "json"),
        ("POST /v1/chat-messages/t-1/stop", "nothing"),
        ("POST /v1/workflows/run", "json"),
        ("GET /v1/workflows/logs?keyword=x", "nothing"),
        ("GET /v1/messages?user=u", "nothing"),
        ("HEAD /v1/messages", "nothing"),
        ("OPTIONS /v1/chat-messages", "json"),
        ("GET /v1/", "nothing"),
        ("GET /v1", "nothing"),
        ("POST /v1/messages/m/feedbacks", "json"),
        ("PATCH /v1/datasets/1", "json"),
        ("GET /v1/chat-messages", "unknown"),
        ("POST /chat-messages", "unknown"),
        ("POST /v2/chat-messages", "unknown"),
        ("POST /v1//chat-messages", "unknown"),
        ("POST /v1/chat%2Dmessages", "unknown"),
        ("POST /v1/chat-messages/../stop", "unknown"),
        ("POST /v1/chat-messages/%2e%2E/stop", "unknown"),
        ("POST /v1/chat-messages/a%2Fb/stop", "unknown"),
        ("POST /v1/audio/speech", "unknown"),
        ("POST v1/chat-messages", "unknown"),
    ] {
        let (method, path) = request.split_once(' ').unwrap();
        assert_eq!(
            as_usual(&wire, method, path, expected),
            expected,
            "{request}"
        );
    }
}

#[test]
fn what_came_with_1_x_is_not_known_to_0_15() {
    let (old, new) = (
        wire(Adapter::Dify(DifyVersion::V0_15)),
        wire(Adapter::Dify(DifyVersion::V1)),
    );
    for (request, before, after) in [
        ("POST /v1/chat-messages", "json", "json"),
        ("GET /v1/app/feedbacks", "unknown", "nothing"),
        ("GET /v1/conversations/c/variables", "unknown", "nothing"),
        ("POST /v1/apps/annotations", "unknown", "json"),
    ] {
        let (method, path) = request.split_once(' ').unwrap();
        assert_eq!(as_usual(&old, method, path, before), before, "{request}");
        assert_eq!(as_usual(&new, method, path, after), after, "{request}");
    }
}

#[test]
fn a_content_type_that_does_not_fit_is_not_known() {
    let wire = wire(Adapter::Dify(DifyVersion::V1));
    let chat = |content_type| plan(&wire, "POST", "/v1/chat-messages", content_type);
    assert_eq!(chat(None), "json");
    assert_eq!(chat(Some("Application/JSON")), "json");
    assert_eq!(chat(Some("text/plain")), "unknown");
    assert_eq!(chat(Some("application/x-www-form-urlencoded")), "unknown");
    let upload = |content_type| plan(&wire, "POST", "/v1/files/upload", content_type);
    assert_eq!(upload(Some("multipart/form-data; boundary=x")), "form");
    assert_eq!(
        upload(Some("Application/x-www-form-urlencoded; charset=utf-8")),
        "form"
    );
    assert_eq!(upload(JSON), "unknown");
    assert_eq!(upload(None), "unknown");
}

#[test]
fn answers_are_known_by_status_and_content_type() {
    let wire = wire(Adapter::Dify(DifyVersion::V1));
    let chat = wire.exchange("POST", "/v1/chat-messages", JSON);
    assert!(matches!(chat.answer(200, JSON), AnswerPlan::Json(_)));
    assert!(matches!(
        chat.answer(200, Some("text/event-stream")),
        AnswerPlan::Events(_)
    ));
    assert!(matches!(chat.answer(400, JSON), AnswerPlan::Json(_)));
    assert!(matches!(
        chat.answer(502, Some("text/html")),
        AnswerPlan::Pass
    ));
    // Some servers say nothing of what their JSON is.
    for said in [None, Some("text/plain"), Some("application/octet-stream")] {
        assert!(matches!(chat.answer(200, said), AnswerPlan::Json(_)));
        assert!(matches!(chat.answer(500, said), AnswerPlan::Json(_)));
    }
    let spoken = wire.exchange("POST", "/v1/text-to-audio", JSON);
    assert!(matches!(
        spoken.answer(200, Some("audio/mpeg")),
        AnswerPlan::Pass
    ));
    let named = wire.exchange("POST", "/v1/conversations/c-7/name", JSON);
    assert_eq!(named.captured("conversation_id"), Some("c-7"));
    assert_eq!(
        named.operation(),
        Some("/conversations/{conversation_id}/name")
    );
    assert_eq!(named.captured("message_id"), None);
    let logs = wire.exchange("GET", "/v1/workflows/logs", None);
    assert_eq!(logs.query(), ["keyword"]);
    assert_eq!(wire.exchange("GET", "/x", None).operation(), None);
}

#[test]
fn requests_of_openai_and_anthropic_are_known() {
    let openai = wire(Adapter::OpenAi);
    for (request, expected) in [
        ("POST /v1/chat/completions", "json"),
        (
            "POST /openai/deployments/gpt/chat/completions?api-version=1",
            "json",
        ),
        ("POST /v1/completions", "json"),
        ("POST /v1/embeddings", "json"),
        ("POST /v1/responses", "json"),
        ("GET /v1/models", "nothing"),
        ("GET /v1/models/org/name", "nothing"),
        ("POST /v1/threads", "unknown"),
        ("POST /v1/batches", "unknown"),
    ] {
        let (method, path) = request.split_once(' ').unwrap();
        assert_eq!(
            as_usual(&openai, method, path, expected),
            expected,
            "{request}"
        );
    }
    let transcript = openai.exchange(
        "POST",
        "/v1/audio/transcriptions",
        Some("multipart/form-data"),
    );
    assert!(matches!(transcript.request(), RequestPlan::Form(form) if form.texts == ["prompt"]));
    assert!(matches!(
        transcript.answer(200, Some("text/plain")),
        AnswerPlan::Text
    ));
    let anthropic = wire(Adapter::Anthropic);
    assert_eq!(plan(&anthropic, "POST", "/v1/messages", JSON), "json");
    assert_eq!(
        plan(&anthropic, "POST", "/v1/messages/count_tokens", JSON),
        "json"
    );
    assert_eq!(
        plan(&anthropic, "POST", "/v1/messages/batches", JSON),
        "unknown"
    );
}

#[test]
fn pointers_hold_for_every_path_and_prefixes_can_be_others() {
    let pointers = wire(Adapter::Pointers(PointerRules {
        request: vec!["/a".to_owned()],
        ..PointerRules::default()
    }));
    assert_eq!(plan(&pointers, "PUT", "/what/ever", JSON), "json");
    assert_eq!(
        plan(&pointers, "PUT", "/what/ever", Some("text/csv")),
        "unknown"
    );
    let bad = Wire::new(
        &Adapter::Pointers(PointerRules {
            answer: vec!["a/b".to_owned()],
            ..PointerRules::default()
        }),
        &WireOptions::default(),
    );
    assert!(bad.unwrap_err().to_string().contains("a/b"));
    let options = WireOptions {
        prefixes: vec!["/llm/{}".to_owned(), String::new()],
        ..WireOptions::default()
    };
    let wire = Wire::new(&Adapter::OpenAi, &options).unwrap();
    assert_eq!(plan(&wire, "POST", "/llm/x/chat/completions", JSON), "json");
    assert_eq!(plan(&wire, "POST", "/chat/completions", JSON), "json");
    assert_eq!(plan(&wire, "POST", "/v1/chat/completions", JSON), "unknown");
}

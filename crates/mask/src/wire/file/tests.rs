use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::json::JsonLimits;
use crate::wire::tests::Hider;
use crate::wire::{
    Adapter, BodyError, BodyOptions, Documents, FormErrorKind, RequestPlan, Wire, WireOptions,
    mask_json,
};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01";
const PDF: &[u8] = b"%PDF-1.7\n1 0 obj jane@example.org";

fn masked_by(
    (adapter, path): (&Adapter, &str),
    body: &Value,
    documents: Documents,
) -> Result<Value, BodyError<&'static str>> {
    let wire = Wire::new(adapter, &WireOptions::default()).unwrap();
    let exchange = wire.exchange("POST", path, Some("application/json"));
    let RequestPlan::Json(table) = exchange.request() else {
        panic!("{path} has no JSON");
    };
    let options = BodyOptions {
        documents,
        json: JsonLimits::default(),
    };
    let mut out = Vec::new();
    let body = body.to_string();
    let changed = mask_json(
        body.as_bytes(),
        table,
        options,
        &mut Hider::default(),
        &mut out,
    )?;
    if changed == 0 {
        assert_eq!(
            out,
            body.as_bytes(),
            "what is not changed passes byte for byte"
        );
    }
    Ok(serde_json::from_slice(&out).unwrap())
}

/// Every place of a request in which a file may stand, with the place's own beginning of a string.
fn places(file: &str) -> Vec<(Adapter, &'static str, &'static str, Value)> {
    let chat = |part: Value| json!({"messages": [{"role": "user", "content": [part]}]});
    let input = |part: Value| json!({"input": [{"role": "user", "content": [part]}]});
    let at = "/messages/0/content/0";
    let inside = "/input/0/content/0";
    let pointer = |base: &str, rest: &str| -> &'static str { format!("{base}{rest}").leak() };
    let (openai, anthropic) = (Adapter::OpenAi, Adapter::Anthropic);
    vec![
        (
            openai.clone(),
            "/v1/chat/completions",
            pointer(at, "/file/file_data"),
            chat(json!({"type": "file", "file": {"filename": "a", "file_data": file}})),
        ),
        (
            openai.clone(),
            "/v1/responses",
            pointer(inside, "/file_data"),
            input(json!({"type": "input_file", "filename": "a", "file_data": file})),
        ),
        (
            openai,
            "/v1/responses",
            "/input/0/output/0/file_data",
            json!({"input": [{"type": "function_call_output", "call_id": "c",
                "output": [{"type": "input_file", "file_data": file}]}]}),
        ),
        (
            anthropic.clone(),
            "/v1/messages",
            pointer(at, "/source/data"),
            chat(json!({"type": "document",
                "source": {"type": "base64", "media_type": "text/plain", "data": file}})),
        ),
        (
            anthropic,
            "/v1/messages",
            pointer(at, "/content/0/source/data"),
            chat(
                json!({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "document",
                "source": {"type": "base64", "media_type": "text/plain", "data": file}}]}),
            ),
        ),
    ]
}

/// What becomes of a string in each place; the same in all of them.
fn file(text: &str, documents: Documents) -> Result<String, FormErrorKind> {
    let mut outcomes = places(text).into_iter().map(|(adapter, path, at, body)| {
        match masked_by((&adapter, path), &body, documents) {
            Ok(out) => Ok(out.pointer(at).unwrap().as_str().unwrap().to_owned()),
            Err(BodyError::File { kind, .. }) => Err(kind),
            Err(other) => panic!("{path}: {other:?}"),
        }
    });
    let first = outcomes.next().unwrap();
    assert!(outcomes.all(|outcome| outcome == first), "{text}");
    first
}

fn refusing(text: &str) -> Result<String, FormErrorKind> {
    file(text, Documents::Refuse)
}

#[test]
fn text_in_files_is_masked_in_the_coding_in_which_it_came() {
    let said = "Contract of jane@example.org?>?";
    let hidden = "Contract of EMAIL_1?>?";
    for engine in [&STANDARD, &URL_SAFE, &STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
        for media in [
            "text/plain",
            "text/markdown;charset=utf-8",
            "text/csv",
            "application/xml",
            "",
            "TEXT/Plain; charset=\"UTF-8\"",
            "application/octet-stream",
        ] {
            let of = |text: &str| format!("data:{media};base64,{}", engine.encode(text));
            let out = refusing(&of(said)).unwrap();
            let (before, data) = out.split_once(',').unwrap();
            assert_eq!(before, format!("data:{media};base64"));
            let lenient = data
                .trim_end_matches('=')
                .replace('-', "+")
                .replace('_', "/");
            assert_eq!(STANDARD_NO_PAD.decode(lenient).unwrap(), hidden.as_bytes());
            let clean = of("nothing to hide ???>>");
            assert_eq!(refusing(&clean).unwrap(), clean);
        }
        let out = refusing(&engine.encode(said)).unwrap();
        let lenient = out
            .trim_end_matches('=')
            .replace('-', "+")
            .replace('_', "/");
        assert_eq!(STANDARD_NO_PAD.decode(lenient).unwrap(), hidden.as_bytes());
    }
    let rows = STANDARD.encode(r#"{"to":"jane@example.org","n":1.50}"#);
    let out = refusing(&format!("DATA:application/json;base64,{rows}")).unwrap();
    let hidden = STANDARD.encode(r#"{"to":"EMAIL_1","n":1.50}"#);
    assert_eq!(out, format!("DATA:application/json;base64,{hidden}"));
}

#[test]
fn white_space_percent_signs_and_plain_data_hide_nothing() {
    let coded = STANDARD.encode("jane@example.org");
    let broken = format!(
        " data:text/plain;base64,{}\r\n {}\n",
        &coded[..7],
        &coded[7..]
    );
    let hidden = STANDARD.encode("EMAIL_1");
    assert_eq!(
        refusing(&broken).unwrap(),
        format!(" data:text/plain;base64,{hidden}")
    );
    let percent = format!(
        "data:text/plain;base64,%{:02X}{}",
        coded.as_bytes()[0],
        &coded[1..]
    );
    let out = refusing(&percent).unwrap();
    assert_eq!(
        out,
        format!("data:text/plain;base64,{}", hidden.replace('=', "%3D"))
    );
    assert_eq!(
        refusing("data:text/plain,mail%20jane%40example.org").unwrap(),
        "data:text/plain,mail%20EMAIL_1"
    );
    assert_eq!(refusing("data:,a%20b").unwrap(), "data:,a%20b");
}

#[test]
fn what_cannot_be_read_is_refused_or_passes_as_documents_of_forms_do() {
    let url = |media: &str, bytes: &[u8]| format!("data:{media};base64,{}", STANDARD.encode(bytes));
    for document in [
        url("application/pdf", PDF),
        url("image/png", PDF),
        url("", b"PK\x03\x04\x14\0\0\0"),
        STANDARD.encode(PDF),
    ] {
        assert_eq!(refusing(&document), Err(FormErrorKind::Document));
        assert_eq!(file(&document, Documents::Pass).unwrap(), document);
    }
    let kinds = [
        (url("text/plain", b"\xe9t\xe9"), FormErrorKind::NotUtf8),
        (url("text/plain", b"\xff\xfej\0"), FormErrorKind::NotUtf8),
        (
            url("text/plain;charset=utf-16", b"ab"),
            FormErrorKind::Charset,
        ),
        (url("application/json", b"{"), FormErrorKind::NotJson),
    ];
    for (text, kind) in kinds {
        assert_eq!(refusing(&text), Err(kind), "{text}");
    }
    for text in [
        "jane@example.org",
        "data:text/plain;base64,jane@example.org",
        "data:text/plain;base64,QUJD=QUJD",
        "data:text/plain;base64,QU-D+UJD",
        "data:text/plain;base64,QUJDR",
        "data:text/plain,jane@example.org base64,QUJD",
        "data:text/plain",
        "https://example.org/jane@example.org",
    ] {
        assert_eq!(refusing(text), Err(FormErrorKind::Base64), "{text}");
        let passed = file(text, Documents::Pass).unwrap();
        assert!(!passed.contains("jane@example.org"), "{passed}");
    }
    let picture = url("image/png", PNG);
    assert_eq!(refusing(&picture).unwrap(), picture);
}

#[test]
fn pictures_and_sound_pass_and_text_in_their_place_is_masked() {
    let openai = Adapter::OpenAi;
    let anthropic = Adapter::Anthropic;
    let chat = "/v1/chat/completions";
    let part = |part: Value| json!({"messages": [{"role": "user", "content": [part]}]});
    let url = |media: &str, bytes: &[u8]| format!("data:{media};base64,{}", STANDARD.encode(bytes));
    let image = |address: &str| part(json!({"type": "image_url", "image_url": {"url": address}}));
    for passes in [
        image("https://x/jane@example.org"),
        image(&url("image/png", PNG)),
        image(&url("image/bmp", b"unknown \xff")),
        part(
            json!({"type": "input_audio", "input_audio": {"data": STANDARD.encode(b"RIFF\0\0\xff"), "format": "wav"}}),
        ),
    ] {
        let out = masked_by((&openai, chat), &passes, Documents::Refuse).unwrap();
        assert_eq!(out, passes);
    }
    let drawn = url("image/svg+xml", b"<svg><text>jane@example.org</text></svg>");
    let out = masked_by((&openai, chat), &image(&drawn), Documents::Refuse).unwrap();
    assert_eq!(
        out,
        image(&url("image/svg+xml", b"<svg><text>EMAIL_1</text></svg>"))
    );
    for document in [url("image/png", PDF), url("application/pdf", PDF)] {
        let error = masked_by((&openai, chat), &image(&document), Documents::Refuse).unwrap_err();
        let kind = FormErrorKind::Document;
        assert!(matches!(error, BodyError::File { kind: found, .. } if found == kind));
    }
    let source = |kind: &str, data: &str| {
        part(
            json!({"type": "image", "source": {"type": kind, "media_type": "image/png", "data": data}}),
        )
    };
    let png = source("base64", &STANDARD.encode(PNG));
    let out = masked_by((&anthropic, "/v1/messages"), &png, Documents::Refuse).unwrap();
    assert_eq!(out, png);
    let disguised = source("base64", &STANDARD.encode("jane@example.org"));
    let out = masked_by((&anthropic, "/v1/messages"), &disguised, Documents::Refuse).unwrap();
    assert_eq!(out, source("base64", &STANDARD.encode("EMAIL_1")));
}

#[test]
fn documents_of_anthropic_that_are_text_or_content_are_masked() {
    let body = |source: Value| json!({"messages": [{"role": "user", "content": [{"type": "document", "source": source}]}]});
    for (given, expected) in [
        (
            json!({"type": "text", "media_type": "text/plain", "data": "to jane@example.org"}),
            json!({"type": "text", "media_type": "text/plain", "data": "to EMAIL_1"}),
        ),
        (
            json!({"type": "content", "content": "to jane@example.org"}),
            json!({"type": "content", "content": "to EMAIL_1"}),
        ),
        (
            json!({"type": "content", "content": [{"type": "text", "text": "jane@example.org"}]}),
            json!({"type": "content", "content": [{"type": "text", "text": "EMAIL_1"}]}),
        ),
    ] {
        let asked = (&Adapter::Anthropic, "/v1/messages");
        let out = masked_by(asked, &body(given), Documents::Refuse).unwrap();
        assert_eq!(out, body(expected));
    }
    // What a tool is given is no file, whatever its members are called.
    let tool = json!({"messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f",
        "input": {"source": {"data": "jane@example.org"}}}]}]});
    let out = masked_by(
        (&Adapter::Anthropic, "/v1/messages"),
        &tool,
        Documents::Refuse,
    )
    .unwrap();
    let input = &out["messages"][0]["content"][0]["input"];
    assert_eq!(*input, json!({"source": {"data": "EMAIL_1"}}));
}

#[test]
fn what_a_model_said_aloud_is_masked_when_it_comes_back() {
    let body = json!({"messages": [{"role": "assistant",
        "audio": {"id": "audio_1", "transcript": "to jane@example.org"}}]});
    let asked = (&Adapter::OpenAi, "/v1/chat/completions");
    let out = masked_by(asked, &body, Documents::Refuse).unwrap();
    let audio = &out["messages"][0]["audio"];
    assert_eq!(*audio, json!({"id": "audio_1", "transcript": "to EMAIL_1"}));
}

use super::*;

const BARE: &str =
    "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\ndate: now\r\n\r\n";

#[test]
fn a_bare_refusal_gets_a_reason() {
    let text = String::from_utf8(explained(BARE.as_bytes()).unwrap()).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{head}");
    assert!(head.contains(&format!("content-length: {}", body.len())));
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["code"], "bad_request");
    assert_eq!(body["request_id"].as_str().unwrap().len(), 16);
    let large = BARE.replace("400 Bad Request", "431 Request Header Fields Too Large");
    let text = String::from_utf8(explained(large.as_bytes()).unwrap()).unwrap();
    assert!(text.contains("head_too_large"), "{text}");
}

#[test]
fn other_answers_stay_as_they_are() {
    for text in [
        BARE.replace("date: now", "x-portcullis-release: 1.0"),
        BARE.replace("content-length: 0", "content-length: 5"),
        BARE.replace("400 Bad Request", "404 Not Found"),
        BARE.replace("\r\n\r\n", "\r\n"),
        format!("{BARE}more"),
        String::new(),
    ] {
        assert!(explained(text.as_bytes()).is_none(), "{text}");
    }
}

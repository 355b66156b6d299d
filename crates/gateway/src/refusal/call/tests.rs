use super::*;

#[test]
fn a_call_is_known_by_its_content_type() {
    let with = |kind: &'static str| {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        is_call(&headers)
    };
    for kind in [
        "application/grpc",
        "application/grpc+proto",
        "application/grpc; charset=x",
        "Application/gRPC",
    ] {
        assert!(with(kind), "{kind}");
    }
    for kind in [
        "",
        "application/grpc-web",
        "application/grpc-web+proto",
        "application/grp",
        "application/json",
    ] {
        assert!(!with(kind), "{kind}");
    }
    assert!(!is_call(&HeaderMap::new()));
}

#[test]
fn every_status_of_a_refusal_has_one_of_grpc() {
    for (status, wanted) in [
        (400, 3),
        (401, 16),
        (403, 7),
        (404, 12),
        (405, 12),
        (408, 4),
        (413, 8),
        (415, 3),
        (421, 12),
        (422, 3),
        (429, 8),
        (500, 13),
        (501, 12),
        (502, 14),
        (503, 14),
        (504, 4),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        let mut headers = HeaderMap::new();
        set_headers(status, "wait 100%\n\u{e9}", &mut headers);
        assert_eq!(headers["grpc-status"], wanted.to_string(), "{status}");
        assert_eq!(headers["grpc-message"], "wait 100%25%0A%C3%A9");
        assert_eq!(headers["content-type"], "application/grpc");
    }
}

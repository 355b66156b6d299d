use http::Version;

use super::*;
use crate::grpc_status::GrpcStatus;
use crate::protect::TraceParent;

fn request() -> RequestSpan {
    RequestSpan {
        own: TraceParent {
            trace_id: 1,
            span_id: 2,
            flags: 3,
        },
        client_span: None,
        state: String::new(),
        started_us: 1_000_000,
        took_us: 500,
        method: "GET".to_owned(),
        is_method_known: true,
        host: "[::1]:8080".to_owned(),
        path: "/".to_owned(),
        is_secure: false,
        version: Version::HTTP_2,
        client: "192.0.2.0".parse().unwrap(),
        route: None,
        release: None,
        request_id: "id".to_owned(),
        status: Some(200),
        grpc_status: None,
        refusal: None,
        is_cut: false,
        bytes_in: 0,
        bytes_out: 0,
        queued_us: None,
        attempts: Vec::new(),
    }
}

fn attempt() -> AttemptSpan {
    AttemptSpan {
        span_id: 9,
        after_us: 100,
        took_us: None,
        is_secure: true,
        address: "models.internal:443".to_owned(),
        path: "/x".to_owned(),
        release: None,
        status: Some(200),
        failure: None,
    }
}

fn spans(request: RequestSpan) -> Vec<Span> {
    let mut message = message(&resource("i"), &[request]);
    message.resource_spans.remove(0).scope_spans.remove(0).spans
}

fn text_of<'a>(span: &'a Span, name: &str) -> Option<&'a str> {
    let attribute = span.attributes.iter().find(|known| known.key == name)?;
    match attribute.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}

#[test]
fn a_made_up_method_makes_no_name_and_is_kept_beside_it() {
    let spans = spans(RequestSpan {
        method: "MADE-UP".to_owned(),
        is_method_known: false,
        route: Some("api".to_owned()),
        attempts: vec![attempt()],
        ..request()
    });
    assert_eq!([&*spans[0].name, &*spans[1].name], ["HTTP api", "HTTP"]);
    for span in &spans {
        assert_eq!(text_of(span, "http.request.method"), Some("_OTHER"));
        let original = text_of(span, "http.request.method_original");
        assert_eq!(original, Some("MADE-UP"));
    }
}

#[test]
fn what_went_wrong_is_said_once_and_the_same_way() {
    let failure = |status, is_cut| {
        let spans = spans(RequestSpan {
            status,
            is_cut,
            ..request()
        });
        let kind = text_of(&spans[0], "error.type").map(str::to_owned);
        assert_eq!(kind.is_some(), spans[0].status.is_some());
        kind
    };
    assert_eq!(failure(Some(200), false), None);
    // An error of the client is none of the server's span.
    assert_eq!(failure(Some(404), false), None);
    assert_eq!(failure(Some(503), false).as_deref(), Some("503"));
    assert_eq!(failure(Some(200), true).as_deref(), Some("answer_cut"));
    assert_eq!(failure(None, true).as_deref(), Some("client_gone"));
}

#[test]
fn an_attempt_whose_answer_is_an_error_is_one_and_one_that_was_given_up_too() {
    let failure = |status, failure| {
        let attempt = AttemptSpan {
            status,
            failure,
            ..attempt()
        };
        let spans = spans(RequestSpan {
            attempts: vec![attempt],
            ..request()
        });
        text_of(&spans[1], "error.type").map(str::to_owned)
    };
    assert_eq!(failure(Some(200), None), None);
    assert_eq!(failure(Some(404), None).as_deref(), Some("404"));
    assert_eq!(
        failure(Some(503), Some("retried")).as_deref(),
        Some("retried")
    );
    assert_eq!(failure(None, None).as_deref(), Some("given_up"));
}

#[test]
fn a_call_of_grpc_that_the_server_failed_is_an_error_and_paths_may_be_absent() {
    let kind = |status: &str| {
        let status = ("grpc-status".parse().unwrap(), status.parse().unwrap());
        let spans = spans(RequestSpan {
            grpc_status: GrpcStatus::of(&http::HeaderMap::from_iter([status])),
            path: String::new(),
            ..request()
        });
        assert_eq!(text_of(&spans[0], "url.path"), None);
        let has_status = |known: &KeyValue| known.key == "portcullis.grpc_status";
        assert!(spans[0].attributes.iter().any(has_status));
        text_of(&spans[0], "error.type").map(str::to_owned)
    };
    assert_eq!(kind("14").as_deref(), Some("14"));
    assert_eq!(kind("5"), None, "the client's fault");
    assert_eq!(kind("0"), None);
}

#[test]
fn times_are_nanoseconds_and_an_open_attempt_ends_with_its_request() {
    let spans = spans(RequestSpan {
        attempts: vec![
            attempt(),
            AttemptSpan {
                took_us: Some(50),
                ..attempt()
            },
        ],
        ..request()
    });
    let times = |span: &Span| (span.start_time_unix_nano, span.end_time_unix_nano);
    assert_eq!(times(&spans[0]), (1_000_000_000, 1_000_500_000));
    assert_eq!(times(&spans[1]), (1_000_100_000, 1_000_500_000));
    assert_eq!(times(&spans[2]), (1_000_100_000, 1_000_150_000));
    assert_eq!(
        text_of(&spans[1], "url.full"),
        Some("https://models.internal:443/x")
    );
    assert_eq!(text_of(&spans[0], "network.protocol.version"), Some("2"));
    assert_eq!(text_of(&spans[0], "server.address"), Some("[::1]"));
    assert!(spans[0].parent_span_id.is_empty());
    assert_eq!(spans[0].flags, 0x103);
}

#[test]
fn a_host_that_is_none_is_left_out() {
    let spans = spans(RequestSpan {
        host: "not a host".to_owned(),
        ..request()
    });
    assert_eq!(text_of(&spans[0], "server.address"), None);
}

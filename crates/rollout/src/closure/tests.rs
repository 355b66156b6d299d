use super::*;

fn closure(to: ClosedTo, reads: &[&str]) -> Closure {
    Closure {
        to,
        of: ClosedFor::Everyone,
        hold_ms: 1000,
        retry_after_s: 30,
        drain_ms: 1000,
        reads: reads.iter().map(|text| text.parse().unwrap()).collect(),
    }
}

#[test]
fn what_may_write_is_kept_out_and_what_reads_is_not() {
    let closure = closure(ClosedTo::Writes, &["POST /search", "POST /v1/lookup/*"]);
    for (method, path, out) in [
        ("GET", "/items", false),
        ("HEAD", "/items", false),
        ("OPTIONS", "/items", false),
        ("POST", "/items", true),
        ("DELETE", "/search", true),
        ("POST", "/search", false),
        ("POST", "/search/more", true),
        ("POST", "/v1/lookup/1", false),
        ("POST", "/v1/look", true),
        // A method that nobody knows may write.
        ("PROPPATCH", "/", true),
    ] {
        assert_eq!(
            closure.keeps_out(closure.may_write(method, path)),
            out,
            "{method} {path}"
        );
    }
}

#[test]
fn a_service_that_is_closed_to_everything_is_closed_to_reads() {
    let closure = closure(ClosedTo::Everything, &["POST /search"]);
    assert!(closure.keeps_out(closure.may_write("GET", "/")));
    assert!(closure.keeps_out(closure.may_write("POST", "/search")));
}

#[test]
fn a_request_that_reads_is_written_as_it_is_read() {
    for text in ["POST /search", "PUT /a/*", "POST /*"] {
        assert_eq!(text.parse::<ReadRequest>().unwrap().to_string(), text);
    }
    for text in [
        "",
        "/search",
        "post /search",
        "POST search",
        "POST /a*b",
        "POST /a?b",
        "POST  /a",
    ] {
        let refused = text.parse::<ReadRequest>().unwrap_err();
        assert!(
            refused.to_string().contains("a method and a path"),
            "{refused}"
        );
    }
}

use proptest::prelude::*;

use super::*;

const GIVEN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn begin(lines: &[(&'static str, &str)]) -> Trace {
    Trace::begin(&headers(lines), || false)
}

fn parse(value: &str) -> Option<TraceParent> {
    TraceParent::parse(&HeaderValue::from_str(value).unwrap())
}

fn sent(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut request = headers(lines);
    begin(lines).set_request(&mut request);
    request
}

#[test]
fn a_request_without_names_gets_some_that_belong_together() {
    let (one, two) = (begin(&[]), begin(&[]));
    assert_ne!(one.request_id, two.request_id);
    assert_ne!(one.parent.trace_id, two.parent.trace_id);
    assert_eq!(one.request_id().len(), 32);
    assert_eq!(one.trace_id, format!("{:032x}", one.parent.trace_id));
    assert_eq!(one.client_span, None);
    assert!(!one.parent.is_sampled());
    assert!(Trace::begin(&HeaderMap::new(), || true).parent.is_sampled());
    assert_eq!(TraceParent::parse(&one.parent.header()), Some(one.parent));
}

#[test]
fn a_gateway_that_makes_no_spans_passes_the_clients_span_on() {
    let request = headers(&[("traceparent", GIVEN), ("tracestate", "a=1")]);
    let trace = Trace::pass(&request);
    let mut sent = request.clone();
    trace.set_request(&mut sent);
    assert_eq!(sent["traceparent"], GIVEN);
    assert_eq!(sent["tracestate"], "a=1");
    assert!(!Trace::pass(&HeaderMap::new()).parent.is_sampled());
}

#[test]
fn a_trace_that_the_client_began_is_not_drawn_again() {
    let request = headers(&[("traceparent", GIVEN)]);
    let trace = Trace::begin(&request, || panic!("asked"));
    assert!(trace.parent.is_sampled());
}

#[test]
fn a_trace_goes_on_with_a_new_span() {
    let lines = [
        ("traceparent", GIVEN),
        ("tracestate", "a=1, b=2"),
        ("tracestate", "c=3"),
    ];
    let request = sent(&lines);
    let told = TraceParent::parse(&request["traceparent"]).unwrap();
    let given = parse(GIVEN).unwrap();
    assert_eq!((told.trace_id, told.flags), (given.trace_id, given.flags));
    assert_ne!(told.span_id, given.span_id);
    assert_eq!(begin(&lines).client_span, Some(0xb7ad_6b71_6920_3331));
    assert_eq!(request["tracestate"], "a=1,b=2,c=3");
    assert_eq!(request["x-trace-id"], "0af7651916cd43dd8448eb211c80319c");
}

#[test]
fn traceparent_is_read_strictly() {
    assert!(parse(GIVEN).unwrap().is_sampled());
    assert_eq!(parse(&GIVEN.replace("-01", "-ff")).unwrap().flags, 3);
    let later = GIVEN.replacen("00", "cc", 1);
    assert_eq!(parse(&later), parse(GIVEN));
    assert_eq!(
        parse(&format!("{later}-what-the-future-will-be-like")),
        parse(GIVEN)
    );
    assert_eq!(parse(&format!("{later}.what")), None);
    for bad in [
        GIVEN.to_uppercase(),
        GIVEN.replacen("00", "ff", 1),
        GIVEN.replacen("00", "0g", 1),
        GIVEN.replace('-', "_"),
        format!("{GIVEN}-00"),
        format!("{GIVEN}0"),
        GIVEN[..54].to_owned(),
        format!("0{}", &GIVEN[..54]),
        format!("00-{}-b7ad6b7169203331-01", "0".repeat(32)),
        format!("00-0af7651916cd43dd8448eb211c80319c-{}-01", "0".repeat(16)),
        GIVEN.replace("-01", "-0x"),
        String::new(),
    ] {
        assert_eq!(parse(&bad), None, "{bad}");
    }
}

#[test]
fn a_bad_or_doubled_traceparent_begins_a_new_trace_without_tracestate() {
    let bad = [("traceparent", "00-xyz"), ("tracestate", "a=1")];
    let twice = [
        ("traceparent", GIVEN),
        ("traceparent", GIVEN),
        ("tracestate", "a=1"),
    ];
    for request in [sent(&bad), sent(&twice), sent(&[("tracestate", "a=1")])] {
        assert!(!request.contains_key("tracestate"));
        let told = TraceParent::parse(&request["traceparent"]).unwrap();
        assert_ne!(told.trace_id, parse(GIVEN).unwrap().trace_id);
        assert_eq!(request.get_all("traceparent").iter().count(), 1);
    }
}

#[test]
fn tracestate_is_left_out_as_a_whole_when_it_is_not_valid() {
    let passed = |state: &str| {
        let request = sent(&[("traceparent", GIVEN), ("tracestate", state)]);
        let state = request.get("tracestate");
        state.map(|state| state.to_str().unwrap().to_owned())
    };
    let tenant = "fw529a3039@dt=FfAxMAA,0a*/_-=~ x!";
    assert_eq!(passed(tenant).as_deref(), Some(tenant));
    assert_eq!(passed(" , a=1\t,, ").as_deref(), Some("a=1"));
    for bad in [
        "",
        "a",
        "a=",
        "=1",
        "A=1",
        "a=1,a=2",
        "a=1=2",
        "_a=1",
        "a =1",
        "a=1,b=\u{7f}",
    ] {
        if let Ok(value) = HeaderValue::from_str(bad) {
            assert_eq!(passed(value.to_str().unwrap_or("A=1")), None, "{bad}");
        }
    }
    let many = |count: usize| {
        (0..count)
            .map(|i| format!("k{i}=v"))
            .collect::<Vec<_>>()
            .join(",")
    };
    assert_eq!(passed(&many(32)), Some(many(32)));
    assert_eq!(passed(&many(33)), None);
}

#[test]
fn a_long_tracestate_loses_long_members_first_and_then_the_last_ones() {
    let long = format!("long={}", "x".repeat(200));
    let short: Vec<_> = (0..10)
        .map(|i| format!("k{i}={}", "y".repeat(37)))
        .collect();
    let all = format!("{},{long},{}", short[0], short[1..].join(","));
    let request = sent(&[("traceparent", GIVEN), ("tracestate", &all)]);
    assert_eq!(request["tracestate"], short.join(","));
    let many: Vec<_> = (0..20)
        .map(|i| format!("k{i:02}={}", "y".repeat(37)))
        .collect();
    let request = sent(&[("traceparent", GIVEN), ("tracestate", &many.join(","))]);
    let kept = request["tracestate"].to_str().unwrap();
    assert!(kept.len() <= TRACESTATE_MAX && many.join(",").starts_with(kept));
}

const TRACESTATE_MAX: usize = crate::protect::bounds::TRACESTATE_BYTES_MAX;

#[test]
fn ids_of_clients_are_kept_when_they_are_sane() {
    let trace = begin(&[
        ("x-request-id", "req/2026:1+a=~@_.-"),
        ("x-trace-id", "my-trace"),
    ]);
    assert_eq!(trace.request_id(), "req/2026:1+a=~@_.-");
    assert_eq!(trace.trace_id, "my-trace");
    let mut answer = HeaderMap::new();
    trace.set_answer(&mut answer);
    assert_eq!(answer["x-request-id"], "req/2026:1+a=~@_.-");
    assert_eq!(answer["x-trace-id"], "my-trace");
    let long = "x".repeat(129);
    for bad in ["", "a b", "a\"b", "a,b", "<a>", long.as_str()] {
        let trace = begin(&[("x-request-id", bad), ("x-trace-id", bad)]);
        assert_eq!(trace.request_id().len(), 32, "{bad}");
        assert_eq!(trace.trace_id.len(), 32, "{bad}");
    }
    let twice = begin(&[("x-request-id", "a"), ("x-request-id", "b")]);
    assert_eq!(twice.request_id().len(), 32);
}

#[test]
fn a_trace_id_of_the_right_form_becomes_the_traces() {
    let id = "0af7651916cd43dd8448eb211c80319c";
    assert_eq!(
        begin(&[("x-trace-id", id)]).parent.trace_id,
        0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c
    );
    let other = begin(&[
        ("x-trace-id", id),
        ("traceparent", &GIVEN.replace("0af7", "1af7")),
    ]);
    assert_eq!(other.trace_id, id);
    assert_eq!(other.parent.trace_id >> 112, 0x1af7);
}

proptest! {
    #[test]
    fn no_bytes_break_it_and_what_is_sent_on_is_valid(
        values in proptest::collection::vec(
            (0_usize..4, proptest::collection::vec(any::<u8>(), 0..80)), 0..8,
        ),
    ) {
        let names = [REQUEST_ID, TRACE_ID, TRACEPARENT, TRACESTATE];
        let mut map = HeaderMap::new();
        for (name, value) in values {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                map.append(names[name].clone(), value);
            }
        }
        Trace::begin(&map, || true).set_request(&mut map);
        prop_assert!(TraceParent::parse(&map["traceparent"]).is_some());
        prop_assert!(is_sane(&map["x-request-id"]) && is_sane(&map["x-trace-id"]));
    }

    #[test]
    fn every_traceparent_is_read_as_it_was_written(
        trace_id in 1_u128..,
        span_id in 1_u64..,
        flags in 0_u8..4,
    ) {
        let parent = TraceParent { trace_id, span_id, flags };
        prop_assert_eq!(TraceParent::parse(&parent.header()), Some(parent));
    }
}

use proptest::prelude::*;

use super::*;

const APP: &str = "https://app.example.org";

fn config(origins: &[&str]) -> CorsConfig {
    let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    CorsConfig {
        origins: texts(origins),
        methods: texts(&["GET", "PUT"]),
        headers: texts(&["content-type", "x-api-key"]),
        expose: texts(&["ratelimit"]),
        credentials: true,
        max_age_s: 600,
    }
}

fn request(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn shown(fields: &[(HeaderName, HeaderValue)]) -> Vec<String> {
    let lines = fields
        .iter()
        .map(|(n, v)| format!("{n}: {}", v.to_str().unwrap()));
    lines.collect()
}

fn preflight(cors: &Cors, origin: &str) -> CorsDecision {
    let lines = [("origin", origin), ("access-control-request-method", "PUT")];
    cors.decide(&Method::OPTIONS, &request(&lines))
}

fn answered(cors: &Cors, lines: &[(&'static str, &str)], answer: HeaderMap) -> Vec<String> {
    let CorsDecision::SendOn(origin) = cors.decide(&Method::PUT, &request(lines)) else {
        panic!("an actual request was not sent on");
    };
    let mut answer = answer;
    cors.set_answer(origin.as_ref(), &mut answer);
    let mut lines: Vec<_> = answer.iter().collect();
    lines.sort_by_key(|(name, _)| name.as_str());
    let lines = lines
        .iter()
        .map(|(n, v)| format!("{n}: {}", v.to_str().unwrap()));
    lines.collect()
}

#[test]
fn a_preflight_of_an_admitted_origin_is_answered() {
    let cors = Cors::new(&config(&[APP, "https://other.example"]));
    let CorsDecision::Preflight(fields) = preflight(&cors, APP) else {
        panic!("the preflight was not answered");
    };
    let expected = [
        "access-control-allow-origin: https://app.example.org",
        "access-control-allow-credentials: true",
        "access-control-allow-methods: GET, PUT",
        "access-control-allow-headers: content-type, x-api-key",
        "access-control-max-age: 600",
        "vary: origin, access-control-request-method, access-control-request-headers",
    ];
    assert_eq!(shown(&fields), expected);
}

#[test]
fn a_preflight_of_another_origin_is_refused_without_cors_fields() {
    let cors = Cors::new(&config(&[APP]));
    for other in [
        "https://app.example.org.evil.example",
        "https://evil.example/https://app.example.org",
        "http://app.example.org",
        "https://app.example.org:8443",
        "https://app.example.org/",
        "null",
        "",
        "*",
    ] {
        let CorsDecision::Refused(denial) = preflight(&cors, other) else {
            panic!("{other} was let in");
        };
        assert_eq!(denial.status, StatusCode::FORBIDDEN);
        assert_eq!(denial.headers.len(), 1);
        assert_eq!(denial.headers[0].0, VARY);
    }
}

#[test]
fn other_options_requests_and_requests_without_origin_are_sent_on() {
    let cors = Cors::new(&config(&[APP]));
    for lines in [
        &[("origin", APP)][..],
        &[("access-control-request-method", "PUT")],
        &[
            ("origin", APP),
            ("origin", APP),
            ("access-control-request-method", "PUT"),
        ],
    ] {
        let decision = cors.decide(&Method::OPTIONS, &request(lines));
        assert!(matches!(decision, CorsDecision::SendOn(_)));
    }
}

/// What a route that takes no `OPTIONS` may be given.
#[test]
fn a_request_that_asks_about_a_method_is_never_sent_on() {
    let about = |method| ("access-control-request-method", method);
    let (app, evil) = (("origin", APP), ("origin", "https://evil.example"));
    let (put, get) = (Method::PUT, Method::GET);
    type Lines<'a> = &'a [(&'static str, &'a str)];
    let cases: [(&Method, Lines<'_>, Option<&Method>); 9] = [
        (&Method::OPTIONS, &[app, about("PUT")], Some(&put)),
        (&Method::OPTIONS, &[evil, about("GET")], Some(&get)),
        (&Method::OPTIONS, &[about("PUT")], None),
        (&Method::OPTIONS, &[app], None),
        (&Method::OPTIONS, &[app, evil, about("PUT")], None),
        (&Method::OPTIONS, &[app, app, about("PUT")], None),
        (&Method::OPTIONS, &[app, about("PUT"), about("GET")], None),
        (&Method::OPTIONS, &[app, about("P T")], None),
        (&Method::GET, &[app, about("PUT")], None),
    ];
    for (method, lines, asked) in cases {
        let headers = request(lines);
        let found = Cors::asked_method(method, &headers);
        assert_eq!(found.as_ref(), asked, "{lines:?}");
        let cors = Cors::new(&config(&[APP]));
        let is_sent_on = matches!(cors.decide(method, &headers), CorsDecision::SendOn(_));
        assert!(asked.is_none() || !is_sent_on, "{lines:?}");
    }
}

#[test]
fn an_answer_tells_an_admitted_origin_and_varies() {
    let cors = Cors::new(&config(&[APP]));
    let expected = [
        "access-control-allow-credentials: true",
        "access-control-allow-origin: https://app.example.org",
        "access-control-expose-headers: ratelimit",
        "vary: origin",
    ];
    assert_eq!(
        answered(&cors, &[("origin", APP)], HeaderMap::new()),
        expected
    );
    assert_eq!(answered(&cors, &[], HeaderMap::new()), ["vary: origin"]);
    let evil = [("origin", "https://evil.example")];
    assert_eq!(answered(&cors, &evil, HeaderMap::new()), ["vary: origin"]);
    let two = [("origin", APP), ("origin", "https://evil.example")];
    assert_eq!(answered(&cors, &two, HeaderMap::new()), ["vary: origin"]);
}

#[test]
fn what_the_release_says_about_cors_does_not_count_and_its_vary_stays() {
    let cors = Cors::new(&config(&[APP]));
    let release = request(&[
        ("access-control-allow-origin", "*"),
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-private-network", "true"),
        ("vary", "accept-encoding"),
    ]);
    let expected = ["vary: accept-encoding", "vary: origin"];
    assert_eq!(answered(&cors, &[], release), expected);
    let release = request(&[("vary", "accept, Origin")]);
    assert_eq!(answered(&cors, &[], release), ["vary: accept, Origin"]);
    let release = request(&[("vary", "*")]);
    assert_eq!(answered(&cors, &[], release), ["vary: *"]);
}

#[test]
fn a_star_admits_all_without_credentials_and_without_vary() {
    let cors = Cors::new(&config(&["*"]));
    for origin in ["https://any.example", "null"] {
        let expected = [
            "access-control-allow-origin: *",
            "access-control-expose-headers: ratelimit",
        ];
        assert_eq!(
            answered(&cors, &[("origin", origin)], HeaderMap::new()),
            expected
        );
        let CorsDecision::Preflight(fields) = preflight(&cors, origin) else {
            panic!("{origin} was refused");
        };
        let fields = shown(&fields);
        assert!(fields.contains(&"access-control-allow-origin: *".to_owned()));
        assert!(!fields.iter().any(|line| line.contains("credentials")));
    }
}

#[test]
fn the_null_origin_is_admitted_only_by_name() {
    let cors = Cors::new(&config(&["null"]));
    let CorsDecision::Preflight(fields) = preflight(&cors, "null") else {
        panic!("null was refused");
    };
    assert_eq!(shown(&fields)[0], "access-control-allow-origin: null");
    assert!(matches!(preflight(&cors, APP), CorsDecision::Refused(_)));
}

#[test]
fn access_to_private_networks_is_never_granted() {
    let cors = Cors::new(&config(&[APP]));
    let lines = [
        ("origin", APP),
        ("access-control-request-method", "PUT"),
        ("access-control-request-private-network", "true"),
    ];
    let CorsDecision::Preflight(fields) = cors.decide(&Method::OPTIONS, &request(&lines)) else {
        panic!("the preflight was not answered");
    };
    assert!(
        !fields
            .iter()
            .any(|(name, _)| *name == ALLOW_PRIVATE_NETWORK)
    );
}

proptest! {
    #[test]
    fn only_listed_origins_are_ever_told_whatever_the_bytes(
        origin in proptest::collection::vec(any::<u8>(), 0..40),
        options in any::<bool>(),
    ) {
        let cors = Cors::new(&config(&[APP]));
        let Ok(origin) = HeaderValue::from_bytes(&origin) else { return Ok(()) };
        let mut headers = request(&[("access-control-request-method", "PUT")]);
        headers.insert("origin", origin.clone());
        let method = if options { Method::OPTIONS } else { Method::GET };
        let admitted = match cors.decide(&method, &headers) {
            CorsDecision::Preflight(_) | CorsDecision::SendOn(Some(_)) => true,
            CorsDecision::Refused(_) | CorsDecision::SendOn(None) => false,
        };
        prop_assert_eq!(admitted, origin == APP);
    }
}

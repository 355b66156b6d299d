//! Synthetic requests.

use portcullis_rollout::{Pace, SyntheticTraffic};

use crate::{least, read, wrong};

const ALL: &str = r#"
[gate.synthetic]
rate = "30/1m"
below = "5/s"
[[gate.synthetic.request]]
path = "/answer?of={release}"
headers = { authorization = "env:TEST_TOKEN", x-tenant = "tests", x-cert = "file:tenant.txt" }
json = { "/version" = "{release}" }
[[gate.synthetic.request]]
method = "POST"
path = "/ask"
body_file = "question.json"
status = 201
timeout = "2s"
"#;

fn traffic(text: &str) -> SyntheticTraffic {
    let config = read(text).unwrap_or_else(|problems| panic!("{problems}"));
    let again = read(&config.to_toml()).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(again.synthetic, config.synthetic, "written and read again");
    config.synthetic.unwrap()
}

#[test]
fn requests_are_read_with_their_pace_and_their_headers() {
    let found = traffic(&least("", ALL));
    let pace = |requests, per_ms| Pace { requests, per_ms };
    assert_eq!(
        (found.rate, found.below),
        (pace(30, 60_000), pace(5, 1_000))
    );
    let [first, second] = found.requests.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(first.check.path, "/answer?of={release}");
    assert_eq!(first.headers["authorization"], "env:TEST_TOKEN");
    assert_eq!(first.headers["x-cert"], "file:/srv/dhash/tenant.txt");
    assert_eq!((second.check.status, second.check.timeout_ms), (201, 2_000));
    let least_of_all = "[gate.synthetic]\nrequest = [{ path = \"/\" }]\n";
    let found = traffic(&least("", least_of_all));
    assert_eq!((found.rate, found.below), (pace(2, 1_000), pace(1, 1_000)));
    assert_eq!(read(&least("", "")).unwrap().synthetic, None);
}

#[test]
fn mistakes_about_synthetic_requests_are_named() {
    let table = |text: &str| least("", &format!("[gate.synthetic]\n{text}\n"));
    let request = |text: &str| table(&format!("[[gate.synthetic.request]]\n{text}"));
    let cases = [
        table(""),
        table("request = []"),
        table("rate = \"500/s\"\nrequest = [{ path = \"/\" }]"),
        table("rate = 5\nrequest = [{ path = \"/\" }]"),
        request("method = \"GET\""),
        request("path = \"/\"\nheaders = { authorization = \"Bearer s3cret\" }"),
        request("path = \"/\"\nheaders = { host = \"other\" }"),
        request("path = \"/\"\nheaders = { \"a b\" = \"x\" }"),
        request("path = \"/{releases}\""),
    ];
    insta::assert_snapshot!(cases.map(|text| wrong(&text)).join("\n\n----\n\n"));
}

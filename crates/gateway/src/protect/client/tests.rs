use proptest::prelude::*;

use super::*;
use crate::protect::bounds::PARAMETERS_MAX;

fn trust(forwarded: bool) -> ClientTrust {
    ClientTrust::new(&ClientsConfig {
        trusted_proxies: vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()],
        forwarded,
        ..ClientsConfig::default()
    })
}

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn found(peer: &str, lines: &[(&'static str, &str)]) -> Option<String> {
    let client = trust(false).client(ip(peer), &headers(lines));
    client.ok().map(|client| client.to_string())
}

fn by(value: &str) -> Option<String> {
    found("10.0.0.1", &[("x-forwarded-for", value)])
}

fn by_forwarded(value: &str) -> Option<String> {
    found("10.0.0.1", &[("forwarded", value)])
}

fn text(address: IpAddr) -> HeaderValue {
    HeaderValue::try_from(address.to_canonical().to_string()).unwrap()
}

#[test]
fn a_peer_that_is_not_trusted_is_the_client_whatever_it_says() {
    let lines = [("x-forwarded-for", "1.2.3.4"), ("forwarded", "for=1.2.3.4")];
    assert_eq!(found("192.0.2.1", &lines).unwrap(), "192.0.2.1");
    assert_eq!(found("::ffff:192.0.2.1", &lines).unwrap(), "192.0.2.1");
    assert_eq!(
        found("192.0.2.1", &[("x-forwarded-for", "?")]).unwrap(),
        "192.0.2.1"
    );
}

#[test]
fn the_last_address_that_is_not_trusted_is_the_clients() {
    assert_eq!(by("1.2.3.4").unwrap(), "1.2.3.4");
    assert_eq!(by("9.9.9.9, 1.2.3.4").unwrap(), "1.2.3.4");
    assert_eq!(by("9.9.9.9, 1.2.3.4, 10.0.0.7").unwrap(), "1.2.3.4");
    assert_eq!(by("nonsense, 1.2.3.4,10.0.0.7").unwrap(), "1.2.3.4");
    assert_eq!(by("10.0.0.9, 10.0.0.8").unwrap(), "10.0.0.9");
    assert_eq!(by("").unwrap(), "10.0.0.1");
    assert_eq!(by(" , 1.2.3.4 , ,").unwrap(), "1.2.3.4");
    assert_eq!(found("10.0.0.1", &[]).unwrap(), "10.0.0.1");
    assert_eq!(
        found("::ffff:10.0.0.1", &[("x-forwarded-for", "1.2.3.4")]).unwrap(),
        "1.2.3.4"
    );
}

#[test]
fn ports_brackets_and_mapped_addresses_are_understood() {
    assert_eq!(by("1.2.3.4:5678").unwrap(), "1.2.3.4");
    assert_eq!(by("2001:db8::1").unwrap(), "2001:db8::1");
    assert_eq!(by("[2001:db8::1]").unwrap(), "2001:db8::1");
    assert_eq!(by("[2001:db8::1]:443").unwrap(), "2001:db8::1");
    assert_eq!(by("[2001:db8::1]:_x").unwrap(), "2001:db8::1");
    assert_eq!(by("1.2.3.4:_x").unwrap(), "1.2.3.4");
    assert_eq!(by("::ffff:1.2.3.4").unwrap(), "1.2.3.4");
    assert_eq!(by("1.2.3.4, ::ffff:10.0.0.3, fd00::1").unwrap(), "1.2.3.4");
}

#[test]
fn what_a_trusted_proxy_says_must_be_readable() {
    for bad in [
        "nonsense",
        "1.2.3",
        "1.2.3.4:",
        "1.2.3.4:x",
        "1.2.3.4:99999",
        "[::1",
        "::1]",
        "[::1]x",
        "[1.2.3.4]",
        "fe80::1%eth0",
        "_",
        "_a b",
        "1.2.3.4 5",
        "\"1.2.3.4\"",
        "256.1.1.1",
        ":",
        "1.2.3.4, 010.0.0.1",
        "9.9.9.9 10.0.0.1",
    ] {
        assert_eq!(by(bad), None, "{bad}");
    }
    let denial = trust(false).client(ip("10.0.0.1"), &headers(&[("x-forwarded-for", "?")]));
    assert_eq!(denial.unwrap_err().status, StatusCode::BAD_REQUEST);
    let many = "10.0.0.2, ".repeat(FORWARDED_HOPS_MAX) + "10.0.0.2";
    assert_eq!(by(&many), None);
    assert_eq!(
        by(&format!("1.2.3.4, {}", "10.0.0.2, ".repeat(63))).unwrap(),
        "1.2.3.4"
    );
}

#[test]
fn a_proxy_that_does_not_name_the_client_is_taken_for_it() {
    assert_eq!(by("1.2.3.4, unknown, 10.0.0.5").unwrap(), "10.0.0.5");
    assert_eq!(by("1.2.3.4, _hidden").unwrap(), "10.0.0.1");
    assert_eq!(
        by_forwarded("for=1.2.3.4, for=Unknown").unwrap(),
        "10.0.0.1"
    );
    assert_eq!(
        by_forwarded("for=1.2.3.4, for=\"_a:80\"").unwrap(),
        "10.0.0.1"
    );
    assert_eq!(
        by_forwarded("for=1.2.3.4, proto=https").unwrap(),
        "10.0.0.1"
    );
}

#[test]
fn many_lines_are_one_list() {
    let lines = [
        ("x-forwarded-for", "9.9.9.9, 1.2.3.4"),
        ("x-forwarded-for", "10.0.0.7"),
    ];
    assert_eq!(found("10.0.0.1", &lines).unwrap(), "1.2.3.4");
    let lines = [
        ("forwarded", "for=9.9.9.9, for=1.2.3.4"),
        ("forwarded", "for=10.0.0.7"),
    ];
    assert_eq!(found("10.0.0.1", &lines).unwrap(), "1.2.3.4");
    let lines = [("forwarded", "for=\"open"), ("forwarded", "for=1.2.3.4")];
    assert_eq!(found("10.0.0.1", &lines).unwrap(), "1.2.3.4");
}

#[test]
fn the_examples_of_rfc_7239_are_read() {
    assert_eq!(by_forwarded("for=\"_gazonk\"").unwrap(), "10.0.0.1");
    let full = "For=\"[2001:db8:cafe::17]:4711\"";
    assert_eq!(by_forwarded(full).unwrap(), "2001:db8:cafe::17");
    let by_203 = "for=192.0.2.60;proto=http;by=203.0.113.43";
    assert_eq!(by_forwarded(by_203).unwrap(), "192.0.2.60");
    assert_eq!(
        by_forwarded("for=192.0.2.43, for=10.51.100.17").unwrap(),
        "192.0.2.43"
    );
    let host = "by=_a;for=192.0.2.1;host=\"a,b;\\\"c\";ext=\"x\"";
    assert_eq!(by_forwarded(host).unwrap(), "192.0.2.1");
    assert_eq!(by_forwarded("for=[2001:db8::1]:80").unwrap(), "2001:db8::1");
}

#[test]
fn a_quote_that_a_client_opens_hides_no_later_element() {
    let names = (0..PARAMETERS_MAX).map(|index| format!(";p{index}=1"));
    let many = format!("for=1.2.3.4{}", names.collect::<String>());
    for bad in [
        "for=\"9.9.9.9, for=1.2.3.4",
        "for=9.9.9.9;x=\", for=1.2.3.4;host=\"a\"",
        "for=\"9.9.9.9\\, for=1.2.3.4",
        "for=9.9.9.9\\, for=1.2.3.4",
        "for=1.2.3.4;for=9.9.9.9",
        "for 1.2.3.4",
        "for=",
        "=1.2.3.4",
        "for=1.2.3.4 for=9.9.9.9",
        "for=1.2.3.4\"x\"",
        many.as_str(),
    ] {
        assert_eq!(by_forwarded(bad), None, "{bad}");
    }
}

#[test]
fn x_forwarded_for_is_read_before_forwarded() {
    let lines = [("x-forwarded-for", "1.2.3.4"), ("forwarded", "for=9.9.9.9")];
    assert_eq!(found("10.0.0.1", &lines).unwrap(), "1.2.3.4");
}

#[test]
fn what_others_than_trusted_proxies_say_is_replaced() {
    let mut sent = headers(&[
        ("x-forwarded-for", "9.9.9.9"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-port", "1"),
        ("x-real-ip", "9.9.9.9"),
        ("forwarded", "for=9.9.9.9"),
    ]);
    let (peer, host) = (ip("192.0.2.1"), HeaderValue::from_static("a.example"));
    trust(false).set_forwarded(
        (peer, &text(peer)),
        peer,
        Scheme::Http,
        Some(&host),
        &mut sent,
    );
    let expected = headers(&[
        ("x-forwarded-for", "192.0.2.1"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", "a.example"),
    ]);
    assert_eq!(sent, expected);
}

#[test]
fn what_trusted_proxies_say_is_kept_and_added_to() {
    let mut sent = headers(&[
        ("x-forwarded-for", "9.9.9.9"),
        ("x-forwarded-for", "1.2.3.4"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "public.example"),
        ("forwarded", "for=1.2.3.4"),
    ]);
    let (peer, client) = (ip("10.0.0.1"), ip("1.2.3.4"));
    let host = HeaderValue::from_static("inside.example");
    let trust = trust(true);
    assert_eq!(trust.scheme(peer, Scheme::Http, &sent), Scheme::Https);
    assert_eq!(trust.scheme(client, Scheme::Http, &sent), Scheme::Http);
    trust.set_forwarded(
        (peer, &text(peer)),
        client,
        Scheme::Http,
        Some(&host),
        &mut sent,
    );
    let forwarded = "for=1.2.3.4, for=10.0.0.1;host=\"public.example\";proto=https";
    let expected = headers(&[
        ("x-forwarded-for", "9.9.9.9, 1.2.3.4, 10.0.0.1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "public.example"),
        ("forwarded", forwarded),
    ]);
    assert_eq!(sent, expected);
    assert_eq!(by_forwarded(forwarded).unwrap(), "1.2.3.4");
}

#[test]
fn forwarded_is_made_from_what_there_is() {
    let line = |peer: &str, said: &[(&'static str, &str)], host: &str| {
        let mut sent = headers(said);
        let trust = trust(true);
        let client = trust.client(ip(peer), &sent).unwrap();
        let host = HeaderValue::from_bytes(host.as_bytes()).unwrap();
        trust.set_forwarded(
            (ip(peer), &text(ip(peer))),
            client,
            Scheme::Https,
            Some(&host),
            &mut sent,
        );
        sent["forwarded"].to_str().unwrap().to_owned()
    };
    let other = line("2001:db8::1", &[("forwarded", "for=9.9.9.9")], "a\"b");
    assert_eq!(other, "for=\"[2001:db8::1]\";host=\"a\\\"b\";proto=https");
    let converted = line("10.0.0.1", &[("x-forwarded-for", "1.2.3.4")], "a:80");
    assert_eq!(
        converted,
        "for=1.2.3.4, for=10.0.0.1;host=\"a:80\";proto=https"
    );
    let bad = [("x-forwarded-for", "1.2.3.4"), ("forwarded", "for=\"open")];
    assert_eq!(
        line("10.0.0.1", &bad, "a"),
        "for=1.2.3.4, for=10.0.0.1;host=\"a\";proto=https"
    );
}

proptest! {
    #[test]
    fn no_bytes_break_it_and_what_is_sent_on_names_the_same_client(
        values in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 0..4),
        forwarded in proptest::collection::vec("[for=,;\"\\\\ 0-9.:_a]{0,40}", 0..4),
        trusted in any::<bool>(),
    ) {
        let mut map = HeaderMap::new();
        for value in values.iter().filter_map(|v| HeaderValue::from_bytes(v).ok()) {
            map.append("x-forwarded-for", value.clone());
            map.append("x-forwarded-proto", value);
        }
        for value in forwarded.iter().filter_map(|v| HeaderValue::from_str(v).ok()) {
            map.append("forwarded", value);
        }
        let peer = if trusted { ip("10.0.0.1") } else { ip("192.0.2.1") };
        let trust = trust(true);
        if let Ok(client) = trust.client(peer, &map) {
            trust.set_forwarded((peer, &text(peer)), client, Scheme::Http, None, &mut map);
            // The next gateway, which trusts this one, finds the same client.
            let next = trust.client(ip("10.0.0.99"), &map);
            prop_assert_eq!(next.unwrap(), client);
        }
    }

    #[test]
    fn nothing_that_a_client_sends_through_a_trusted_proxy_changes_its_address(
        sent in proptest::collection::vec("[for=,;\"\\\\ 0-9.:_a]{0,40}", 0..3),
    ) {
        // The proxy appends the client's address to the last line, or on a line of its own.
        let lines = |name: &'static str, own: &str| {
            let mut apart = HeaderMap::new();
            for line in &sent {
                apart.append(name, HeaderValue::from_str(line).unwrap());
            }
            let mut joined = HeaderMap::new();
            let all = [sent.as_slice(), &[own.to_owned()]].concat().join(", ");
            joined.append(name, HeaderValue::from_str(&all).unwrap());
            apart.append(name, HeaderValue::from_str(own).unwrap());
            [apart, joined]
        };
        let peer = ip("10.0.0.1");
        let both = lines("x-forwarded-for", "1.2.3.4").into_iter();
        for map in both.chain(lines("forwarded", "for=1.2.3.4")) {
            if let Ok(client) = trust(false).client(peer, &map) {
                prop_assert_eq!(client, ip("1.2.3.4"));
            }
        }
    }
}

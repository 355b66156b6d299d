use super::*;
use crate::keys::TextForm;

fn value(text: &str) -> DeValue<'_> {
    DeValue::parse(text).expect("a TOML value").into_inner()
}

fn hint<T: std::fmt::Debug>(result: Result<T, Wrong>) -> String {
    result.expect_err("a problem").hint.unwrap_or_default()
}

#[test]
fn durations_have_one_number_and_one_unit() {
    for (text, ms) in [
        ("250ms", 250),
        ("8s", 8_000),
        ("10m", 600_000),
        ("2h", 7_200_000),
        ("7d", DAYS),
    ] {
        assert_eq!(milliseconds(text), Some(ms), "{text}");
        assert_eq!(duration_text(ms), text);
        assert_eq!(
            duration_ms(Kind::Duration, &value(&format!("{text:?}"))),
            Ok(ms)
        );
    }
    const DAYS: u64 = 7 * 86_400_000;
    for text in [
        "",
        "s",
        "1",
        "1.5s",
        "-1s",
        "+1s",
        "1 s",
        "10M",
        "1m30s",
        "99999999999999999999s",
    ] {
        assert_eq!(milliseconds(text), None, "{text}");
    }
    // Both would overflow if the product were not checked.
    assert_eq!(milliseconds("18446744073709551615d"), None);
    for text in ["0s", "8d", "18446744073709551615ms"] {
        assert!(
            duration_ms(Kind::Duration, &value(&format!("{text:?}"))).is_err(),
            "{text}"
        );
    }
}

#[test]
fn a_slip_in_a_duration_gets_the_right_spelling() {
    let asked = |text: &str| hint(duration_ms(Kind::Duration, &value(text)));
    assert_eq!(
        asked("8"),
        "a number needs a unit: did you mean \"8s\" or \"8ms\"?"
    );
    assert_eq!(
        asked("\"8\""),
        "a number needs a unit: did you mean \"8s\" or \"8ms\"?"
    );
    assert_eq!(asked("\"8 sec\""), "did you mean \"8s\"?");
    assert_eq!(asked("\"10M\""), "did you mean \"10m\"?");
    assert_eq!(asked("\"1.5s\""), "did you mean \"1500ms\"?");
    assert_eq!(asked("\"90 minutes\""), "did you mean \"90m\"?");
    assert_eq!(asked("\"soon\""), "");
}

#[test]
fn rates_are_percentages_or_fractions() {
    let read = |text: &str| limit(&value(text)).and_then(|limit| rate(&limit));
    assert_eq!(read("\"1%\""), Ok(0.01));
    assert_eq!(read("\"0.5 %\""), Ok(0.005));
    assert_eq!(read("0.01"), Ok(0.01));
    assert_eq!(read("0"), Ok(0.0));
    assert_eq!(
        hint(read("1")),
        "did you mean \"1%\"? a bare number is a fraction of 1"
    );
    assert_eq!(
        hint(read("2.5")),
        "did you mean \"2.5%\"? a bare number is a fraction of 1"
    );
    assert_eq!(hint(read("\"1\"")), "did you mean \"1%\"?");
    assert_eq!(hint(read("\"0.01\"")), "write it without quotes: 0.01");
    for text in [
        "\"100%\"", "100", "-0.1", "\"-1%\"", "\"nan%\"", "nan", "inf", "\"%\"", "true",
    ] {
        assert!(read(text).is_err(), "{text}");
    }
}

#[test]
fn latencies_counts_and_figures_have_their_own_units() {
    let read = |text: &str| limit(&value(text)).expect("a limit");
    assert_eq!(latency_ms(&read("\"250ms\"")), Ok(250.0));
    assert_eq!(latency_ms(&read("\"0ms\"")), Ok(0.0));
    assert_eq!(
        hint(latency_ms(&read("250"))),
        "a number needs a unit: did you mean \"250ms\"?"
    );
    assert_eq!(
        hint(latency_ms(&read("\"0.25s\""))),
        "did you mean \"250ms\"?"
    );
    assert_eq!(failures(&read("2")), Ok(2.0));
    assert!(failures(&read("2.5")).is_err() && failures(&read("-1")).is_err());
    assert_eq!(hint(failures(&read("\"2\""))), "write it without quotes: 2");
    assert_eq!(figure(&read("1000")), Ok(1000.0));
    assert_eq!(quantile(&value("0.95")), Ok(0.95));
    assert_eq!(hint(quantile(&value("95"))), "did you mean 0.95?");
    assert_eq!(hint(quantile(&value("\"p99\""))), "did you mean 0.99?");
    assert!(quantile(&value("1.0")).is_err() && quantile(&value("0")).is_err());
}

#[test]
fn addresses_are_written_in_full() {
    let read = |text: &str| address(Kind::Address, &value(text));
    assert_eq!(read("\"127.0.0.1:80\"").map(|a| a.port()), Ok(80));
    assert!(read("\"[::1]:80\"").is_ok());
    for text in [
        "8080",
        "\"8080\"",
        "\":8080\"",
        "\"localhost:8080\"",
        "\"http://localhost:8080\"",
    ] {
        assert_eq!(
            hint(read(text)),
            "did you mean \"127.0.0.1:8080\"?",
            "{text}"
        );
    }
    assert_eq!(hint(read("\"*:8080\"")), "did you mean \"0.0.0.0:8080\"?");
    assert_eq!(hint(read("\"example.com:80\"")), "");
    assert_eq!(listen(&value("\"unix\"")), Ok(None));
    assert!(hint(listen(&value("\"unix:/run/api.sock\""))).contains("state.folder"));
}

#[test]
fn ports_leave_room_for_a_rehearsal() {
    let read = |text: &str| ports(&value(text));
    assert_eq!(
        read("\"21000-21003\"").map(|range| range.ports().count()),
        Ok(4)
    );
    for text in [
        "\"21000-21002\"",
        "\"21003-21000\"",
        "\"0-99\"",
        "\"+1-9\"",
        "\"21000\"",
        "\"1-65536\"",
    ] {
        assert!(read(text).is_err(), "{text}");
    }
    assert_eq!(
        PortRange::new(1, 4).map(|range| range.to_string()),
        Ok("1-4".to_owned())
    );
}

#[test]
fn names_and_paths_are_corrected_where_the_slip_is_plain() {
    let read = |kind, text: &str| plain(kind, &value(text));
    assert_eq!(
        hint(read(Kind::Name, "\"My Service\"")),
        "did you mean \"my-service\"?"
    );
    assert_eq!(
        hint(read(Kind::UrlPath, "\"health\"")),
        "did you mean \"/health\"?"
    );
    assert_eq!(
        hint(read(Kind::Pointer, "\"queue.length\"")),
        "did you mean \"/queue/length\"?"
    );
    assert_eq!(hint(read(Kind::Method, "\"get\"")), "did you mean \"GET\"?");
    assert_eq!(
        hint(read(
            Kind::Choice(&["canary", "blue-green"]),
            "\"bluegreen\""
        )),
        "did you mean \"blue-green\"?"
    );
    assert_eq!(
        hint(read(Kind::Version, "1.0")),
        "write it in quotes: \"1.0\""
    );
    for text in ["\"..\"", "\"1/0\"", "\"\""] {
        assert!(read(Kind::Version, text).is_err(), "{text}");
    }
    assert!(read(Kind::Path, "\"~/data\"").is_err());
    assert_eq!(
        hint(boolean(&value("\"yes\""))),
        "did you mean true, without quotes?"
    );
    assert_eq!(
        hint(weight(&value("0.1"))),
        "did you mean 10? weights are percentages"
    );
    assert_eq!(
        hint(weight(&value("\"10%\""))),
        "did you mean 10? weights are percentages"
    );
}

#[test]
fn sizes_have_one_number_and_one_unit() {
    const KIND: Kind = Kind::Bytes(1, 1 << 40);
    let read = |text: &str| bytes(KIND, &value(text));
    for (text, size) in [
        ("1B", 1),
        ("64KB", 64_000),
        ("64KiB", 65_536),
        ("10MB", 10_000_000),
        ("3MiB", 3 << 20),
        ("2GB", 2_000_000_000),
        ("1024GiB", 1 << 40),
    ] {
        assert_eq!(read(&format!("{text:?}")), Ok(size), "{text}");
        assert_eq!(bytes_text(size), text);
    }
    assert_eq!(
        (bytes_text(0), bytes_text(1_001)),
        ("0B".to_owned(), "1001B".to_owned())
    );
    assert_eq!(hint(read("\"10M\"")), "did you mean \"10MB\"?");
    assert_eq!(hint(read("\"64 kib\"")), "did you mean \"64KiB\"?");
    for text in ["10", "\"10\""] {
        assert!(hint(read(text)).contains("\"10MB\""), "{text}");
    }
    for text in [
        "0B",
        "1025GiB",
        "-1B",
        "1.5MB",
        "",
        "B",
        "18446744073709551615GB",
    ] {
        assert_eq!(hint(read(&format!("{text:?}"))), "", "{text}");
    }
}

#[test]
fn percentages_are_whole_and_keep_their_sign() {
    let read = |text: &str| percent(Kind::Percent(0), &value(text));
    assert_eq!((read("\"0%\""), read("\"100%\"")), (Ok(0), Ok(100)));
    assert_eq!(hint(read("5")), "did you mean \"5%\"?");
    assert_eq!(hint(read("0.05")), "did you mean \"5%\"?");
    assert_eq!(hint(read("\"5\"")), "did you mean \"5%\"?");
    assert_eq!(hint(read("\"5 %\"")), "did you mean \"5%\"?");
    for text in [
        "\"101%\"", "\"-1%\"", "\"1.5%\"", "\"%\"", "true", "\"300%\"",
    ] {
        assert_eq!(hint(read(text)), "", "{text}");
    }
    assert!(percent(Kind::Percent(1), &value("\"0%\"")).is_err());
}

#[test]
fn requests_per_time_have_two_numbers() {
    let read = |text: &str| request_rate(Kind::RequestRate, &value(&format!("{text:?}")));
    for (text, rate) in [
        ("60/1m", (60, 60_000)),
        ("10/1s", (10, 1_000)),
        ("5000/10s", (5_000, 10_000)),
        ("1/250ms", (1, 250)),
    ] {
        assert_eq!(read(text), Ok(rate), "{text}");
        assert_eq!(rate_text(rate.0, rate.1), text);
    }
    assert_eq!(read("10/s"), Ok((10, 1_000)));
    assert_eq!(hint(read("10 / s")), "did you mean \"10/s\"?");
    assert_eq!(hint(read("10 per minute")), "did you mean \"10/m\"?");
    assert_eq!(hint(read("10r/s")), "did you mean \"10/s\"?");
    for text in [
        "0/s",
        "/s",
        "10/",
        "10",
        "+1/s",
        "10/0s",
        "10/8d",
        "4294967296/s",
        "1/2/s",
    ] {
        assert!(read(text).is_err(), "{text}");
    }
    let bare = request_rate(Kind::RequestRate, &value("10"));
    assert!(hint(bare).contains("\"10/s\""));
}

#[test]
fn hosts_urls_and_paths_have_their_forms() {
    let read = |form, text: &str| plain(Kind::Form(form), &value(&format!("{text:?}")));
    let good = |form, text: &str| read(form, text).is_ok_and(|kept| kept == text);
    for host in [
        "a",
        "api.example.org",
        "127.0.0.1",
        "[::1]",
        "*.example.org",
        "xn--bcher-kva.example",
    ] {
        assert!(good(TextForm::HostPattern, host), "{host}");
    }
    assert_eq!(
        read(TextForm::Host, "API.Example.org"),
        Ok("api.example.org".to_owned())
    );
    let long = "a".repeat(64);
    for host in [
        "",
        "-a",
        "a-",
        "a..b",
        "a b",
        "*",
        "*.*.a",
        "a.*",
        "*.127.0.0.1:1",
        "[::g]",
        "a/b",
        &long,
    ] {
        assert!(read(TextForm::HostPattern, host).is_err(), "{host}");
    }
    assert_eq!(
        hint(read(TextForm::HostPattern, "::1")),
        "did you mean \"[::1]\"?"
    );
    assert_eq!(
        hint(read(TextForm::HostPattern, "*.a.org:80")),
        "did you mean \"*.a.org\"?"
    );
    assert!(good(TextForm::HostPort, "[::1]:80") && good(TextForm::HostPort, "a.b:65535"));
    for address in [
        "a",
        "a:",
        "a:0",
        "a:65536",
        "a:+1",
        "::1:80",
        "http://a:80",
        "a:80/x",
    ] {
        assert!(read(TextForm::HostPort, address).is_err(), "{address}");
    }
    for url in [
        "https://example.org/a?b=c",
        "http://127.0.0.1:1",
        "https://[::1]/",
    ] {
        assert!(good(TextForm::Url, url), "{url}");
    }
    for url in [
        "ftp://a",
        "https://",
        "https://u@a",
        "https://u:p@a",
        "https://a/#b",
        "https:/a",
        "HTTPS://a",
        "https://a b",
    ] {
        assert!(read(TextForm::Url, url).is_err(), "{url}");
    }
    assert!(good(TextForm::SecureUrl, "http://localhost:1/x"));
    for url in [
        "http://example.org",
        "http://127.0.0.1.example.org",
        "http://localhost.example.org",
    ] {
        assert!(read(TextForm::SecureUrl, url).is_err(), "{url}");
    }
    for path in ["/", "/v1", "/v1/.well-known", "/a...b"] {
        assert!(
            good(TextForm::RoutePath, path) && good(TextForm::RoutePrefix, path),
            "{path}"
        );
    }
    assert!(good(TextForm::RoutePath, "/v1/") && read(TextForm::RoutePrefix, "/v1/").is_err());
    for path in [
        "",
        "v1",
        "/a/..",
        "/a/./b",
        "/a/%2E%2e/b",
        "/a/.%2e",
        "/a?b",
        "/a;b",
        "/a%2fb",
        "/a%2Fb",
        "/a%3Bb",
        "/a#b",
        "/a b",
        "/a/*",
        "*",
    ] {
        assert!(read(TextForm::RoutePath, path).is_err(), "{path}");
        assert!(read(TextForm::RoutePrefix, path).is_err(), "{path}");
    }
}

#[test]
fn places_of_a_redirect_never_let_a_client_choose_the_host() {
    let read = |text: &str| plain(Kind::Form(TextForm::Location), &value(&format!("{text:?}")));
    for good in [
        "https://{host}{path}{query}",
        "https://a.org{path}",
        "/new{query}",
        "/x{path}",
    ] {
        assert_eq!(read(good), Ok(good.to_owned()));
    }
    for bad in [
        "{path}",
        "{path}{query}",
        "//a.org",
        "{host}",
        "/{",
        "/{paht}",
        "ftp://a",
        "a",
        "/a b",
        "{query}",
    ] {
        assert!(read(bad).is_err(), "{bad}");
    }
}

#[test]
fn networks_have_no_bits_beyond_their_length() {
    let read = |text: &str| network(Kind::Network, &value(&format!("{text:?}")));
    let shown = |text: &str| read(text).map(|network| network.to_string());
    assert_eq!(shown("10.0.0.0/8"), Ok("10.0.0.0/8".to_owned()));
    assert_eq!(shown("2001:db8::1"), Ok("2001:db8::1/128".to_owned()));
    assert_eq!(shown("0.0.0.0/0"), Ok("0.0.0.0/0".to_owned()));
    assert!(hint(read("10.1.2.3/8")).contains("\"10.0.0.0/8\""));
    for text in [
        "10.0.0.0/33",
        "10.0/8",
        "10.0.0.0-10.0.0.9",
        "localhost",
        "",
        "10.0.0.1:80",
    ] {
        assert!(read(text).is_err(), "{text}");
    }
}

#[test]
fn the_password_of_a_url_is_not_quoted() {
    assert_eq!(quoted("redis://u:8461937@h/0"), "\"redis://...@h/0\"");
    assert_eq!(quoted("http://h/a@b"), "\"http://...@b\"");
    assert_eq!(quoted("ops@example.org"), "\"ops@example.org\"");
}

use super::*;

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

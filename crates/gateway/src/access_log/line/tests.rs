use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn line<'a>() -> AccessLine<'a> {
    AccessLine {
        at_ms: 1_763_712_000_042,
        request_id: "0123456789abcdef",
        client: Some("192.0.2.77".parse().expect("an address")),
        method: "GET",
        host: "api.example.org",
        path: "/v1/chat",
        route: Some("api"),
        status: Some(200),
        bytes_out: 12,
        whole_ms: 7,
        ..AccessLine::default()
    }
}

fn text(line: &AccessLine<'_>) -> String {
    let mut bytes = Vec::new();
    assert!(line.append_to(&mut bytes));
    String::from_utf8(bytes).expect("UTF-8")
}

#[test]
fn a_line_is_one_json_object_with_what_is_known() {
    let expected = "{\"time\":\"2025-11-21T08:00:00.042Z\",\"request_id\":\"0123456789abcdef\",\
                    \"client\":\"192.0.2.0\",\"method\":\"GET\",\"host\":\"api.example.org\",\
                    \"path\":\"/v1/chat\",\"route\":\"api\",\"status\":200,\"bytes_in\":0,\
                    \"bytes_out\":12,\"whole_ms\":7}\n";
    assert_eq!(text(&line()), expected);
}

#[test]
fn version_and_masking_are_the_fields_that_dashboards_know_and_absent_without_any() {
    let mut line = line();
    let absent = ["version", "masking_time", "patterns_matched"];
    let value: Value = serde_json::from_str(&text(&line)).expect("JSON");
    assert!(
        absent.iter().all(|name| value.get(name).is_none()),
        "{value}"
    );
    line.version = Some("1.7.0");
    line.masking = Some(MaskingSummary {
        time_us: 250,
        patterns: 3,
    });
    line.retries = 2;
    let value: Value = serde_json::from_str(&text(&line)).expect("JSON");
    assert_eq!(value["version"], "1.7.0");
    assert_eq!(value["masking_time"], 0.25);
    assert_eq!(value["patterns_matched"], 3);
    assert_eq!(value["retries"], 2);
}

#[test]
fn texts_of_clients_are_cut_at_a_character() {
    let long = "/".to_owned() + &"\u{fc}".repeat(4000);
    let mut line = line();
    line.path = &long;
    let value: Value = serde_json::from_str(&text(&line)).expect("JSON");
    assert_eq!(value["path"].as_str().map(str::len), Some(1023));
}

proptest! {
    #[test]
    fn no_text_of_a_client_makes_a_second_line_or_field(
        method in ".{0,20}",
        host in "[\"\\\\\n\r\u{0}\u{2028}{},:a]{0,20}",
        path in ".{1,20}",
        route in "[\"\\\\\n\ra]{0,20}",
        at_ms in any::<u64>(),
    ) {
        let mut line = line();
        (line.method, line.host, line.path) = (&method, &host, &path);
        (line.route, line.at_ms) = (Some(route.as_str()), at_ms);
        let text = text(&line);
        prop_assert_eq!(text.matches('\n').count(), 1);
        prop_assert!(text.ends_with('\n') && !text.contains('\r'));
        let value: Value = serde_json::from_str(&text).expect("JSON");
        prop_assert_eq!(value["method"].as_str(), Some(method.as_str()));
        prop_assert_eq!(value["host"].as_str(), Some(host.as_str()));
        prop_assert_eq!(value["path"].as_str(), Some(path.as_str()));
        prop_assert_eq!(value["route"].as_str(), Some(route.as_str()));
        prop_assert_eq!(value.as_object().map(serde_json::Map::len), Some(11));
    }
}

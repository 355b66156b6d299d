use proptest::prelude::*;

use super::*;

#[test]
fn what_looks_personal_or_secret_is_replaced_by_a_label() {
    let cases = [
        ("/users/jane@example.org/orders", "/users/{email}/orders"),
        ("/users/jane%40example.org", "/users/{email}"),
        ("/users/jane%2540example.org", "/users/{email}"),
        ("/users/;mail=j@x.org;a=1", "/users/{email}"),
        ("/customers/12345678", "/customers/{number}"),
        ("/calls/+49-171-1234567", "/calls/{number}"),
        ("/calls/%2B49%20171%20123%20456", "/calls/{number}"),
        ("/hosts/192.168.100.200", "/hosts/{number}"),
        ("/invoice-20260012345.pdf", "/invoice-{number}.pdf"),
        ("/reset/9f86d081884c7d659a2f", "/reset/{token}"),
        ("/reset/dGhpcyBpcyBhIHNlY3JldCB0b2tlbg", "/reset/{token}"),
        ("/reset/s3_Kq-P2xLr0vNfT5yEw1A", "/reset/{token}"),
        ("/a/qpwoeirutyalskdjfhgzmxncbvqpwoeiruty", "/a/{token}"),
        (
            "/in/eyJhbGciOiJIUzI1NiJ9eyJhIjoxfQ.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
            "/in/{token}.{token}.{token}",
        ),
        ("/a%2525252540b", "/{token}"),
    ];
    for (path, expected) in cases {
        assert_eq!(masked(path), expected, "{path}");
    }
}

#[test]
fn what_programs_and_writers_name_stays_as_it_is() {
    let paths = [
        "/",
        "*",
        "/v1/chat-messages/123456/stop",
        "/conversations/3f2504e0-4f89-41d3-9a0c-0305e82c3301/name",
        "/files/conv-3F2504E0-4F89-41D3-9A0C-0305E82C3301.json",
        "/blog/2026/11/21/how-to-configure-a-reverse-proxy-quickly",
        "/reports/2026-11-21",
        "/release-notes-for-version-2-of-the-api",
        "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        "/shop.Orders/ListOrdersOfCustomerByName",
        "/MAX_LENGTH_OF_ANY_CONSTANT",
        "/caf%C3%A9/men%C3%BC",
        "/stra\u{df}e/internationalization",
        "//a/../b",
    ];
    for path in paths {
        assert_eq!(masked(path), path);
    }
}

#[test]
fn the_settings_say_whether_a_path_is_masked_whole_or_not_there() {
    let path = "/users/jane@example.org";
    assert_eq!(logged(path, LoggedPaths::Masked), "/users/{email}");
    assert_eq!(logged(path, LoggedPaths::Whole), path);
    assert_eq!(logged(path, LoggedPaths::Off), "");
}

/// A text as a client may write it: some of its bytes percent-encoded, perhaps twice.
fn encoded(text: &str, which: &[bool], twice: bool) -> String {
    let mut all = String::new();
    for (place, byte) in text.bytes().enumerate() {
        match which.get(place) {
            Some(true) if twice => all.push_str(&format!("%25{byte:02x}")),
            Some(true) => all.push_str(&format!("%{byte:02X}")),
            _ => all.push(char::from(byte)),
        }
    }
    all
}

proptest! {
    #[test]
    fn a_path_with_an_email_never_shows_it(
        before in "(/[a-z0-9.-]{0,8}){0,3}/[a-z;=]{0,6}",
        user in "[a-z][a-z0-9._+]{2,12}",
        domain in "[a-z]{3,10}\\.(org|com|technology)",
        after in "[;,a-z]{0,4}(/[a-zA-Z0-9%._-]{0,30}){0,3}",
        which in proptest::collection::vec(any::<bool>(), 0..30),
        twice in any::<bool>(),
    ) {
        let email = encoded(&format!("{user}@{domain}"), &which, twice);
        let path = format!("{before}{email}{after}");
        let shown = masked(&path);
        prop_assert!(shown.contains("{email}"), "{path}: {shown}");
        prop_assert!(!shown.contains(&email) && !shown.contains('@'), "{path}: {shown}");
        prop_assert!(!shown.contains("%40") && !shown.contains("%2540"), "{path}: {shown}");
        prop_assert_eq!(shown.matches('/').count(), path.matches('/').count());
    }

    #[test]
    fn a_path_with_a_phone_number_or_a_random_token_never_shows_it(
        number in "\\+?[1-9][0-9]{6,14}",
        token in proptest::collection::vec(any::<u8>(), 16..48),
    ) {
        let token = hex::encode(token);
        prop_assume!(token.bytes().any(|byte| byte.is_ascii_alphabetic()));
        let path = format!("/call/{number}/reset/{token}/now");
        let shown = masked(&path);
        prop_assert!(shown.ends_with("/reset/{token}/now"), "{}", shown);
        prop_assert!(shown.starts_with("/call/{number}/"), "{}", shown);
    }

    #[test]
    fn any_text_is_masked_without_harm_and_the_same_every_time(path in ".{0,80}") {
        let shown = masked(&path);
        prop_assert_eq!(masked(&path), shown.clone());
        prop_assert_eq!(shown.matches('/').count(), path.matches('/').count());
        prop_assert!(!shown.contains('@'));
    }
}

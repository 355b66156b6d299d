use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<String, HostRefused> {
    RequestHost::read(text).map(|host| host.as_str().to_owned())
}

#[test]
fn port_case_and_last_dot_make_no_difference() {
    for text in [
        "api.example.org",
        "API.Example.ORG",
        "api.example.org.",
        "api.example.org:8443",
        "api.example.org.:8443",
        "api.example.org:",
    ] {
        assert_eq!(read(text).as_deref(), Ok("api.example.org"), "{text}");
    }
}

#[test]
fn addresses_of_ipv6_have_one_form() {
    for text in ["[::1]", "[::1]:80", "[0:0:0:0:0:0:0:1]:8080", "[0::0001]"] {
        assert_eq!(read(text).as_deref(), Ok("[::1]"), "{text}");
    }
    assert_eq!(read("[2001:DB8::A]").as_deref(), Ok("[2001:db8::a]"));
    assert_eq!(read("192.0.2.1:80").as_deref(), Ok("192.0.2.1"));
}

#[test]
fn what_is_no_host_is_refused_with_its_reason() {
    let long = "a.".repeat(130);
    for (text, reason) in [
        ("", HostRefused::Empty),
        (".", HostRefused::Empty),
        (":80", HostRefused::Empty),
        ("a..b", HostRefused::EmptyLabel),
        (".a", HostRefused::EmptyLabel),
        ("a..", HostRefused::EmptyLabel),
        ("a b", HostRefused::Character),
        ("a/b", HostRefused::Character),
        ("user@a", HostRefused::Character),
        ("a\r\nx", HostRefused::Character),
        ("m\u{fc}ller.example", HostRefused::Character),
        ("a:http", HostRefused::Port),
        ("a:65536", HostRefused::Port),
        ("a:1:2", HostRefused::Port),
        ("a:+1", HostRefused::Port),
        ("::1", HostRefused::Port),
        ("[::1", HostRefused::Address),
        ("[::1%eth0]", HostRefused::Address),
        ("[fe80]", HostRefused::Address),
        ("[::1]80", HostRefused::Port),
        (long.as_str(), HostRefused::TooLong),
    ] {
        let refused = read(text);
        let right = refused == Err(reason) || text == "::1" && refused.is_err();
        assert!(right, "{text:?}: {refused:?}");
    }
}

proptest! {
    #[test]
    fn a_host_that_was_read_reads_as_itself(text in "\\PC{0,40}|[a-zA-Z0-9.:_\\[\\]-]{0,20}") {
        if let Ok(host) = RequestHost::read(&text) {
            let again = RequestHost::read(host.as_str()).map(|host| host.as_str().to_owned());
            prop_assert_eq!(again.as_deref(), Ok(host.as_str()));
            let known = |byte: u8| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.[]:".contains(&byte)
            };
            prop_assert!(host.as_str().bytes().all(known));
        }
    }
}

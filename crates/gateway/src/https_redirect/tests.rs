use http::Request;
use http::request::Parts;

use super::{HostMissing, https_redirect};

fn head(uri: &str, hosts: &[&str]) -> Parts {
    let mut request = Request::get(uri);
    for host in hosts {
        request = request.header("host", *host);
    }
    request.body(()).unwrap().into_parts().0
}

fn location(uri: &str, host: &str, port: u16) -> String {
    let location = https_redirect(&head(uri, &[host]), port).unwrap();
    location.to_str().unwrap().to_owned()
}

#[test]
fn the_host_the_path_and_the_query_stay() {
    assert_eq!(
        location("/a/b%20c?d=e&f", "shop.example", 443),
        "https://shop.example/a/b%20c?d=e&f"
    );
    assert_eq!(location("/", "shop.example", 443), "https://shop.example/");
    // An URL as a target, which proxies send.
    assert_eq!(
        location("http://shop.example/a", "other.example", 443),
        "https://shop.example/a"
    );
    assert_eq!(location("*", "shop.example", 443), "https://shop.example");
}

#[test]
fn the_port_is_the_one_of_tls() {
    assert_eq!(
        location("/", "shop.example:80", 443),
        "https://shop.example/"
    );
    assert_eq!(
        location("/", "shop.example:8080", 8443),
        "https://shop.example:8443/"
    );
    assert_eq!(location("/", "[::1]:8080", 8443), "https://[::1]:8443/");
}

#[test]
fn a_path_never_becomes_a_host() {
    assert_eq!(
        location("//evil.example/a", "shop.example", 443),
        "https://shop.example//evil.example/a"
    );
}

#[test]
fn a_request_without_one_good_host_is_sent_nowhere() {
    for hosts in [
        &[][..],
        &["a.example", "b.example"],
        &["a.example@evil.example"],
        &["a.example/evil"],
        &[""],
    ] {
        assert_eq!(https_redirect(&head("/", hosts), 443), Err(HostMissing));
    }
}

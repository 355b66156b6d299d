use super::*;

#[test]
fn addresses_are_read() {
    let address = |text| Destination::parse(text);
    assert_eq!(
        address("127.0.0.1:80"),
        Ok(Destination::Address("127.0.0.1:80".parse().unwrap()))
    );
    assert_eq!(
        address("[::1]:80"),
        Ok(Destination::Address("[::1]:80".parse().unwrap()))
    );
    assert_eq!(
        address("app-1.local:80"),
        Ok(Destination::Name("app-1.local:80".to_owned()))
    );
    for wrong in [
        "",
        ":80",
        "app",
        "app:",
        "app:0",
        "127.0.0.1:0",
        "app:65536",
        "http://app:80",
        "a b:80",
    ] {
        assert!(
            address(wrong).unwrap_err().contains(&format!("`{wrong}`")),
            "{wrong}"
        );
    }
}

#[test]
fn an_endpoint_knows_its_address() {
    for address in ["", "a", "a:0", "127.0.0.1:0", "a b:80", "a:b", "\r\n:1"] {
        assert!(
            Endpoint::new(address, UpstreamProtocol::Http1, None).is_err(),
            "{address:?}"
        );
    }
    let named = Endpoint::new("api.example:80", UpstreamProtocol::Http2, None).unwrap();
    assert_eq!(
        named.destination,
        Destination::Name("api.example:80".to_owned())
    );
    assert_eq!(named.host_header, "api.example:80");
    assert_eq!(named.address(), "api.example:80");
    assert!(!named.is_retired());
}

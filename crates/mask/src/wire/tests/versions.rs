use crate::wire::{DifyVersion, version_of_header, version_of_welcome};

#[test]
fn a_version_leads_to_its_table_or_to_the_nearest_one() {
    for (value, version, table, exact) in [
        ("0.15.3", "0.15.3", DifyVersion::V0_15, true),
        ("0.15.8", "0.15.8", DifyVersion::V0_15, true),
        ("1.7.0", "1.7.0", DifyVersion::V1, true),
        (" v1.0.0-beta.1 ", "1.0.0-beta.1", DifyVersion::V1, true),
        ("1.11", "1.11", DifyVersion::V1, true),
        ("0.14.2", "0.14.2", DifyVersion::V0_15, false),
        ("2.0.0", "2.0.0", DifyVersion::V1, false),
    ] {
        let detected = version_of_header(value).unwrap();
        assert_eq!(
            (detected.version.as_str(), detected.table, detected.exact),
            (version, table, exact)
        );
    }
    for value in [
        "",
        "1",
        "latest",
        "nginx/1.7.0",
        "1.x",
        "1..0",
        "+1.2",
        "1.2.3.4.5",
    ] {
        assert_eq!(version_of_header(value), None, "{value}");
    }
}

#[test]
fn the_welcome_of_the_service_names_its_version() {
    let welcome = br#"{"welcome":"Dify OpenAPI","api_version":"v1","server_version":"0.15.3"}"#;
    assert_eq!(
        version_of_welcome(welcome).unwrap().table,
        DifyVersion::V0_15
    );
    assert_eq!(version_of_welcome(br#"{"server_version":"1.7.0"}"#), None);
    assert_eq!(version_of_welcome(b"<html>"), None);
}

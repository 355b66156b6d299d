use http::HeaderMap;
use portcullis_mask::wire::DifyVersion;

use super::ServerVersions;

fn hear(versions: &ServerVersions, route: &str, said: &str) {
    let mut headers = HeaderMap::new();
    headers.insert("x-version", said.parse().unwrap());
    versions.note((&route.into(), "dify"), &headers);
}

#[test]
fn what_a_server_said_last_is_kept_by_route_and_the_newer_table_is_used() {
    let versions = ServerVersions::default();
    assert_eq!(versions.table(), None);
    hear(&versions, "old", "0.15.8");
    assert_eq!(versions.table(), Some(DifyVersion::V0_15));
    hear(&versions, "new", "1.7.0");
    hear(&versions, "old", "0.15.9");
    assert_eq!(versions.table(), Some(DifyVersion::V1));
    let seen = versions.seen();
    let told: Vec<_> = seen
        .iter()
        .map(|one| (&*one.route, &*one.version))
        .collect();
    assert_eq!(told, [("new", "1.7.0"), ("old", "0.15.9")]);
}

#[test]
fn what_is_no_version_or_too_long_is_not_kept() {
    let versions = ServerVersions::default();
    hear(&versions, "one", "latest");
    hear(&versions, "one", &format!("1.7.0-{}", "x".repeat(100)));
    versions.note((&"one".into(), "dify"), &HeaderMap::new());
    assert!(versions.seen().is_empty());
    assert_eq!(versions.table(), None);
}

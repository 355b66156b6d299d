use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderValue};

use super::Tenant;
use crate::protect::Admitted;

fn of(authorization: Option<&'static str>, route: &str) -> [u8; 32] {
    let mut headers = HeaderMap::new();
    if let Some(value) = authorization {
        headers.insert(AUTHORIZATION, HeaderValue::from_static(value));
    }
    let tenant = Tenant::of(&Admitted::Address, &headers, route);
    tenant.bytes().try_into().unwrap()
}

#[test]
fn callers_with_different_credentials_are_different_tenants_on_every_route() {
    let one = of(Some("Bearer app-1"), "chat");
    assert!(one == of(Some("Bearer app-1"), "other"));
    assert!(one != of(Some("Bearer app-2"), "chat"));
    assert!(one != of(None, "chat"));
}

#[test]
fn the_same_credential_in_another_spelling_is_the_same_tenant() {
    let one = of(Some("Bearer app-1"), "chat");
    assert!(one == of(Some("bearer app-1"), "chat"));
    assert!(one == of(Some("BEARER   app-1 "), "chat"));
    assert!(one != of(Some("Bearer APP-1"), "chat"));
    assert!(one != of(Some("Basic app-1"), "chat"));
    assert!(of(Some("app-1"), "chat") != of(Some("APP-1"), "chat"));
    assert!(of(Some("app-1"), "chat") != one);
}

#[test]
fn without_a_credential_the_route_is_the_tenant() {
    assert!(of(None, "chat") == of(None, "chat"));
    assert!(of(None, "chat") != of(None, "other"));
    // The name of a route is no credential of the same text.
    assert!(of(None, "Bearer app-1") != of(Some("Bearer app-1"), "chat"));
}

use http::Uri;
use proptest::prelude::*;

use super::*;

fn redirect(location: &str) -> Result<Redirect, RedirectRefused> {
    Redirect::new(&RedirectConfig {
        location: location.to_owned(),
        status: 308,
    })
}

fn location(template: &str, host: &str, path: &str, query: Option<&str>) -> String {
    let host = RequestHost::read(host).expect("host");
    let path = RequestPath::read(path).expect("path");
    let redirect = redirect(template).expect("redirect");
    let value = redirect.location(&host, &path, query).expect("location");
    value.to_str().expect("text").to_owned()
}

#[test]
fn the_parts_of_the_request_are_put_in() {
    let https = "https://{host}{path}{query}";
    assert_eq!(
        location(https, "A.example:80", "/x/%76", Some("a=b")),
        "https://a.example/x/v?a=b"
    );
    assert_eq!(location(https, "[::1]:80", "/", None), "https://[::1]/");
    assert_eq!(location("/new{path}", "a", "/x", Some("q")), "/new/x");
    assert_eq!(location("{path}?moved", "a", "/x", None), "/x?moved");
    assert_eq!(
        location("https://b.example{query}", "a", "/x", Some("")),
        "https://b.example?"
    );
    assert_eq!(
        location("https://b.example{path}", "a", "*", None),
        "https://b.example/"
    );
}

#[test]
fn templates_that_leave_the_host_to_the_client_are_refused() {
    for template in [
        "/{path}",
        "//{host}/",
        "//evil.example",
        "/\\evil.example",
        "https://{path}",
        "https://{query}",
        "https://a{query}.evil.example",
        "https://{host}{query}x{path}",
        "https://{query}{host}",
        "https:///x",
        "https://",
        "{host}{path}",
        "{query}",
        "",
        "x",
        "javascript:alert(1)",
        "ftp://a.example/",
        "https://user@{host}/",
        "https://{host}@b.example/",
    ] {
        let refused = redirect(template).expect_err(template);
        assert!(
            matches!(
                refused,
                RedirectRefused::Place(_) | RedirectRefused::Character(_)
            ),
            "{template}: {refused}"
        );
    }
}

#[test]
fn templates_with_mistakes_are_refused_with_the_reason() {
    let unknown = RedirectRefused::Placeholder("uri".to_owned());
    assert_eq!(
        redirect("https://a.example{uri}").expect_err("uri"),
        unknown
    );
    assert!(unknown.to_string().contains("`{uri}`"), "{unknown}");
    for template in ["https://a.example/{path", "https://a.example/}"] {
        let refused = redirect(template).expect_err(template);
        assert_eq!(refused, RedirectRefused::Brace(template.to_owned()));
    }
    let broken = redirect("https://a.example/\r\nx: y").expect_err("line break");
    assert!(matches!(broken, RedirectRefused::Character(_)));
    let status = Redirect::new(&RedirectConfig {
        location: "/x".to_owned(),
        status: 304,
    });
    assert_eq!(status.expect_err("304"), RedirectRefused::Status(304));
    let kept = redirect("/x").expect("redirect");
    assert_eq!(kept.status, StatusCode::PERMANENT_REDIRECT);
}

#[test]
fn a_request_without_a_host_is_not_sent_to_nowhere() {
    let path = RequestPath::read("/").expect("path");
    let redirect = redirect("https://{host}/").expect("redirect");
    let missing = redirect.location(&RequestHost::absent(), &path, None);
    assert_eq!(missing, Err(RedirectMissing));
}

proptest! {
    #[test]
    fn no_request_leads_to_another_host_or_breaks_the_line(
        template in prop::sample::select(vec![
            "https://good.example{path}{query}", "{path}{query}", "/new{path}{query}",
            "https://good.example/x?to={path}", "https://good.example{query}",
        ]),
        path in "/\\PC{0,20}|/[/.\\\\%5cCfF2e@:]{0,8}",
        query in prop::option::of("\\PC{0,20}|[\r\n:/@#]{0,6}"),
    ) {
        let Ok(path) = RequestPath::read(&path) else { return Ok(()) };
        let redirect = redirect(template).expect("redirect");
        let host = RequestHost::absent();
        let location = redirect.location(&host, &path, query.as_deref()).expect("location");
        let text = location.to_str().expect("ASCII");
        prop_assert!(text.bytes().all(|byte| byte > b' ' && byte < 0x7f));
        match template.starts_with("https") {
            true => {
                let uri: Uri = text.parse().expect("a URI");
                prop_assert_eq!(uri.host(), Some("good.example"));
            }
            false => prop_assert!(text.starts_with('/') && !text.starts_with("//")),
        }
    }
}

#[test]
fn a_path_and_what_follows_it_never_begin_a_host() {
    let made = |template: &str, path: &str| {
        let redirect = redirect(template).expect(template);
        let host = RequestHost::read("a").expect("host");
        let path = RequestPath::read(path).expect("path");
        redirect.location(&host, &path, None).expect("location")
    };
    assert_eq!(made("{path}/x", "/"), "/x");
    assert_eq!(made("{path}{path}", "/"), "/");
    assert_eq!(made("{path}//x", "/"), "/x");
    assert_eq!(made("{path}/x", "/b"), "/b/x");
}

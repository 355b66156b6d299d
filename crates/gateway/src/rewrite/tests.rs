use proptest::prelude::*;

use super::*;

fn rewrite(pattern: PathPattern, prefix: &str) -> Rewrite {
    let config = RewriteConfig {
        prefix: Some(prefix.to_owned()),
        host: None,
    };
    Rewrite::new(&config, &pattern).expect("rewrite")
}

fn target(rewrite: &Rewrite, path: &str, query: Option<&str>) -> Option<String> {
    let path = RequestPath::read(path).expect("path");
    let target = rewrite.target(&path, query);
    target.map(|target| target.as_str().to_owned())
}

#[test]
fn a_prefix_is_replaced_without_doubling_slashes() {
    for (old, new, path, expected) in [
        ("/v1", "/v2", "/v1", "/v2"),
        ("/v1", "/v2", "/v1/", "/v2/"),
        ("/v1", "/v2", "/v1/x/y", "/v2/x/y"),
        ("/v1", "/v2/", "/v1/x", "/v2/x"),
        ("/v1", "/", "/v1/x", "/x"),
        ("/v1", "/", "/v1", "/"),
        ("/v1", "", "/v1/x", "/x"),
        ("/v1", "", "/v1", "/"),
        ("/v1/", "/v2", "/v1/x", "/v2/x"),
        ("/", "/api", "/x", "/api/x"),
        ("/", "/api", "/", "/api/"),
        ("/v1", "/v2", "/%761/a%2fb", "/v2/a%2Fb"),
        // Not a path of the route: nothing is cut out of the middle of a segment.
        ("/a", "", "/a.", "/a."),
        ("/a", "/b", "/a.x", "/b/a.x"),
    ] {
        let rewrite = rewrite(PathPattern::Prefix(old.to_owned()), new);
        let found = target(&rewrite, path, None);
        assert_eq!(found.as_deref(), Some(expected), "{old} {new} {path}");
    }
}

#[test]
fn without_a_prefix_the_new_one_is_put_before_the_path() {
    let any = rewrite(PathPattern::Any, "/api");
    assert_eq!(
        target(&any, "/x", Some("a=b")).as_deref(),
        Some("/api/x?a=b")
    );
    assert_eq!(target(&any, "*", None), None);
    let exact = rewrite(PathPattern::Exact("/x".to_owned()), "/api");
    assert_eq!(target(&exact, "/x", Some("")).as_deref(), Some("/api/x?"));
}

#[test]
fn nothing_changes_without_a_prefix_of_the_settings() {
    let config = RewriteConfig {
        prefix: None,
        host: Some("api.example.org:8080".to_owned()),
    };
    let rewrite = Rewrite::new(&config, &PathPattern::Any).expect("rewrite");
    assert_eq!(target(&rewrite, "/x", Some("a")), None);
    assert_eq!(rewrite.host.expect("host"), "api.example.org:8080");
}

#[test]
fn prefixes_and_hosts_that_would_do_harm_are_refused() {
    for prefix in ["v2", "//evil", "/a/../b", "/a?b", "*", "/a\r\nx", "/a`b"] {
        let config = RewriteConfig {
            prefix: Some(prefix.to_owned()),
            host: None,
        };
        let refused = Rewrite::new(&config, &PathPattern::Any).expect_err(prefix);
        assert!(
            matches!(refused, RewriteRefused::Prefix { .. }),
            "{refused}"
        );
    }
    for host in ["", "a b", "a\r\nx: y", "a/b"] {
        let config = RewriteConfig {
            prefix: None,
            host: Some(host.to_owned()),
        };
        let refused = Rewrite::new(&config, &PathPattern::Any).expect_err(host);
        assert_eq!(refused, RewriteRefused::Host(host.to_owned()));
    }
}

proptest! {
    #[test]
    fn a_rewritten_target_is_a_path_that_would_be_taken(
        old in "(/[ab]){0,2}/?",
        new in "(/[ab]){0,2}/?",
        path in "(/[ab.%2F]{1,3}){1,4}/?",
        query in prop::option::of("[a-z=&/?]{0,6}"),
    ) {
        let old = if old.is_empty() { PathPattern::Any } else { PathPattern::Prefix(old) };
        let rewrite = rewrite(old, &new);
        if let Ok(path) = RequestPath::read(&path) {
            let target = rewrite.target(&path, query.as_deref()).expect("a target");
            prop_assert!(RequestPath::read(target.path()).is_ok(), "{}", target);
            prop_assert_eq!(target.query(), query.as_deref());
        }
    }
}

//! Redirects and rewrites.

use http::uri::PathAndQuery;
use portcullis_config::{PathPattern, RedirectConfig, RewriteConfig};

use crate::matching::{RequestHost, RequestPath};
use crate::rewrite::Rewrite;
use crate::rewrite::redirect::Redirect;

/// A redirect leads to the host that its template says, whatever the request's path and query; a rewrite
/// makes a path that is one. Lines: template or prefix, host, path, query, the route's prefix.
pub fn redirect(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (template, host, path, query, prefix) = (line(), line(), line(), line(), line());
    // As hyper makes them of a request's target.
    let target = format!("{path}?{query}");
    let Ok(target) = target.parse::<PathAndQuery>() else {
        return;
    };
    let (Ok(host), Ok(path)) = (RequestHost::read(host), RequestPath::read(target.path())) else {
        return;
    };
    let config = RedirectConfig {
        location: template.to_owned(),
        status: 308,
    };
    if let Ok(redirect) = Redirect::new(&config) {
        let root = RequestPath::read("/").unwrap();
        let plain = redirect.location(&host, &root, None).unwrap();
        let full = redirect.location(&host, &path, target.query()).unwrap();
        let (plain, full) = (plain.to_str().unwrap(), full.to_str().unwrap());
        assert!(
            full.bytes()
                .all(|byte| (b'!'..=b'~').contains(&byte) && byte != b'\\')
        );
        assert_eq!(place(full), place(plain), "{template:?}");
        let own = host.as_str();
        if let (Some(place), false) = (place(plain), template.contains("{host}")) {
            let said = template.split("//").nth(1).unwrap();
            let said = said.split(['/', '?', '#', '{']).next().unwrap();
            assert_eq!(place, said, "{template:?} for {own}");
        }
    }
    rewrite(template, prefix, &path, target.query());
}

fn rewrite(new: &str, old: &str, path: &RequestPath<'_>, query: Option<&str>) {
    let config = RewriteConfig {
        prefix: Some(new.to_owned()),
        host: None,
    };
    let pattern = match RequestPath::read(old) {
        Ok(_) => PathPattern::Prefix(old.to_owned()),
        Err(_) => PathPattern::Any,
    };
    let Ok(rewrite) = Rewrite::new(&config, &pattern) else {
        return;
    };
    let Some(target) = rewrite.target(path, query) else {
        assert_eq!(path.as_str(), "*", "only `*` has no other path");
        return;
    };
    let made = RequestPath::read(target.path()).expect("a rewrite makes a path");
    assert_eq!(made.as_str(), target.path(), "in its normal form");
    assert_eq!(target.query(), query);
    let begins = RequestPath::read(new).map_or("/", |_| new.trim_end_matches('/'));
    let begins = RequestPath::read(begins).map_or("/".to_owned(), |path| path.as_str().to_owned());
    assert!(target.path().starts_with(begins.trim_end_matches('/')));
}

/// The host that a browser goes to, `None` for the same one.
fn place(location: &str) -> Option<&str> {
    let rest = location
        .strip_prefix("https://")
        .or_else(|| location.strip_prefix("http://"));
    match rest {
        Some(rest) => {
            let authority = rest.split(['/', '?', '#']).next().unwrap();
            assert!(
                !authority.is_empty() && !authority.contains('@'),
                "{location:?}"
            );
            Some(authority)
        }
        None => {
            let relative = location.starts_with('/') && !location.starts_with("//");
            assert!(relative, "{location:?}");
            None
        }
    }
}

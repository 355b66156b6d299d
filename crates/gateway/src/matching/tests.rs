use http::{HeaderName, HeaderValue};
use portcullis_config::{
    CapacityConfig, HeaderCondition, RetryConfig, RewriteConfig, RouteTarget, RouteTimeouts,
    SecurityHeaders,
};
use proptest::prelude::*;

use super::*;

fn route(name: &str, hosts: &[&str], path: PathPattern) -> RouteConfig {
    let host = |host: &&str| match host.strip_prefix('*') {
        Some(below) => HostPattern::Below(below.to_owned()),
        None => HostPattern::Exact((*host).to_owned()),
    };
    RouteConfig {
        name: name.into(),
        hosts: hosts.iter().map(host).collect(),
        path,
        methods: Vec::new(),
        headers: Vec::new(),
        to: RouteTarget::Service,
        rewrite: RewriteConfig::default(),
        timeouts: RouteTimeouts {
            connect_ms: 1,
            first_byte_ms: 1,
            idle_ms: 1,
            whole_ms: None,
        },
        body_bytes_max: 0,
        retries: RetryConfig {
            attempts_max: 1,
            budget_percent: 0,
            statuses: Vec::new(),
            hedge_after_ms: None,
        },
        capacity: CapacityConfig {
            in_flight_max: None,
            queue_max: 0,
            queue_timeout_ms: 1,
        },
        limits: Vec::new(),
        access: None,
        cors: None,
        security_headers: SecurityHeaders::Off,
        upload: None,
        mask: None,
    }
}

fn prefix(path: &str) -> PathPattern {
    PathPattern::Prefix(path.to_owned())
}

fn exact(path: &str) -> PathPattern {
    PathPattern::Exact(path.to_owned())
}

fn find(index: &RouteIndex, host: &str, path: &str) -> Match {
    find_with(index, host, path, &Method::GET, &HeaderMap::new())
}

fn find_with(
    index: &RouteIndex,
    host: &str,
    path: &str,
    method: &Method,
    headers: &HeaderMap,
) -> Match {
    let host = RequestHost::read(host).expect("host");
    let path = RequestPath::read(path).expect("path");
    index.find(&host, &path, method, headers)
}

#[test]
fn an_exact_host_is_before_a_wildcard_before_none() {
    let index = RouteIndex::new(&[
        route("any", &[], exact("/x")),
        route("short", &["*.org"], PathPattern::Any),
        route("long", &["*.example.org"], PathPattern::Any),
        route("exact", &["api.example.org"], PathPattern::Any),
        route("v6", &["2001:db8::1"], PathPattern::Any),
    ])
    .expect("routes");
    assert_eq!(find(&index, "API.example.org.:443", "/x"), Match::Route(3));
    assert_eq!(find(&index, "b.api.example.org", "/x"), Match::Route(2));
    assert_eq!(find(&index, "example.org", "/x"), Match::Route(1));
    assert_eq!(find(&index, "org", "/x"), Match::Route(0));
    assert_eq!(find(&index, "org", "/y"), Match::NoPath);
    assert_eq!(find(&index, "[2001:DB8:0::1]:80", "/"), Match::Route(4));
}

#[test]
fn an_unknown_host_is_told_from_an_unknown_path() {
    let index = RouteIndex::new(&[
        route("a", &["a.example"], prefix("/v1")),
        route("b", &["*.b.example"], prefix("/v1")),
    ])
    .expect("routes");
    assert_eq!(find(&index, "a.example", "/v2"), Match::NoPath);
    assert_eq!(find(&index, "x.b.example", "/v2"), Match::NoPath);
    assert_eq!(find(&index, "b.example", "/v1"), Match::NoHost);
    assert_eq!(find(&index, "c.example", "/v1"), Match::NoHost);
    let path = RequestPath::read("/v1").expect("path");
    let none = RequestHost::absent();
    let found = index.find(&none, &path, &Method::GET, &HeaderMap::new());
    assert_eq!(found, Match::NoHost);
}

#[test]
fn a_prefix_ends_at_a_slash() {
    let index = RouteIndex::new(&[
        route("v1", &[], prefix("/v1")),
        route("slash", &[], prefix("/v1/")),
        route("deep", &[], prefix("/v1/files")),
        route("exact", &[], exact("/v1/files")),
    ])
    .expect("routes");
    assert_eq!(find(&index, "h", "/v1"), Match::Route(0));
    assert_eq!(find(&index, "h", "/v1/"), Match::Route(1));
    assert_eq!(find(&index, "h", "/v1/filesystem"), Match::Route(1));
    assert_eq!(find(&index, "h", "/v1/files"), Match::Route(3));
    assert_eq!(find(&index, "h", "/v1/files/"), Match::Route(2));
    assert_eq!(find(&index, "h", "/v1/%66iles/x"), Match::Route(2));
    assert_eq!(find(&index, "h", "/v1%2Ffiles"), Match::Ambiguous);
    assert_eq!(find(&index, "h", "/v10"), Match::NoPath);
    assert_eq!(find(&index, "h", "/"), Match::NoPath);
}

#[test]
fn a_path_that_a_server_may_take_for_another_routes_is_ambiguous() {
    let index = RouteIndex::new(&[
        route("rest", &[], PathPattern::Any),
        route("api", &[], prefix("/api")),
        route("admin", &[], prefix("/api/admin")),
        route("objects", &[], prefix("/v1/objects")),
        route("login", &[], exact("/login")),
    ])
    .expect("routes");
    for path in [
        "/api%2Fusers",
        "/api%2fusers",
        "/%2Fapi/users",
        "/api;x=1/users",
        "/api;/users",
        "/api%3Bx=1/users",
        "/api;x=1%2Fusers",
        "/;/api/users",
        "/;x=1/api",
        "/%3B/api",
        "/api/admin;x",
        "/api%2Fadmin",
        "/api/%2Fadmin",
        "/api/;x/admin",
        "/api;x%2Fadmin",
        "/v1%2Fobjects/a",
        "/v1/objects;x/a",
        "/login;jsessionid=1",
    ] {
        assert_eq!(find(&index, "h", path), Match::Ambiguous, "{path}");
    }
    for (path, wanted) in [
        ("/v1/objects/a%2Fb", 3),
        ("/v1/objects/https%3A%2F%2Fexample.org%2F", 3),
        ("/v1/objects/a;b=c/d", 3),
        ("/v1/objects/a%3Bb", 3),
        ("/api/users;x=1", 1),
        ("/api/users;x=/admin", 1),
        ("/a%2Fb;c", 0),
        ("/api%252Fusers", 0),
        ("/API%2Fusers", 0),
    ] {
        assert_eq!(find(&index, "h", path), Match::Route(wanted), "{path}");
    }
}

#[test]
fn hosts_and_conditions_count_for_every_reading_of_a_path() {
    let mut posts = route("posts", &["h"], prefix("/api"));
    posts.methods = vec!["POST".to_owned()];
    let index = RouteIndex::new(&[posts, route("any", &[], prefix("/"))]).expect("routes");
    let headers = HeaderMap::new();
    let find = |host, method| find_with(&index, host, "/api%2Fx", &method, &headers);
    assert_eq!(find("h", Method::POST), Match::Ambiguous);
    assert_eq!(find("h", Method::GET), Match::Route(1));
    assert_eq!(find("other", Method::POST), Match::Route(1));
}

#[test]
fn the_root_prefix_takes_every_path_but_the_star() {
    let index = RouteIndex::new(&[
        route("any", &[], PathPattern::Any),
        route("root", &[], prefix("/")),
    ])
    .expect("routes");
    assert_eq!(find(&index, "h", "/"), Match::Route(1));
    assert_eq!(find(&index, "h", "/a/b"), Match::Route(1));
    assert_eq!(find(&index, "h", "*"), Match::Route(0));
}

#[test]
fn conditions_narrow_and_the_search_goes_on_when_they_do_not_hold() {
    let mut reading = route("reading", &["h"], prefix("/v1"));
    reading.methods = vec!["GET".to_owned(), "HEAD".to_owned()];
    let mut beta = route("beta", &["h"], prefix("/v1"));
    beta.methods = vec!["GET".to_owned()];
    beta.headers = vec![HeaderCondition {
        name: "x-beta".to_owned(),
        value: Some("1".to_owned()),
    }];
    let rest = route("rest", &["h"], prefix("/v1"));
    let all = route("all", &[], PathPattern::Any);
    let index = RouteIndex::new(&[rest, reading, beta, all]).expect("routes");
    let mut headers = HeaderMap::new();
    let get = |headers: &HeaderMap| find_with(&index, "h", "/v1", &Method::GET, headers);
    assert_eq!(get(&headers), Match::Route(1));
    headers.append("x-beta", HeaderValue::from_static("0"));
    assert_eq!(get(&headers), Match::Route(1));
    headers.append("x-beta", HeaderValue::from_static("1"));
    assert_eq!(get(&headers), Match::Route(2));
    let post = find_with(&index, "h", "/v1", &Method::POST, &headers);
    assert_eq!(post, Match::Route(0));
    assert_eq!(find(&index, "h", "/v2"), Match::Route(3));
}

#[test]
fn of_equal_routes_the_earlier_one_is_used() {
    let twice = route("a", &["h", "h"], prefix("/v1"));
    let index = RouteIndex::new(&[twice.clone(), twice]).expect("routes");
    assert_eq!(find(&index, "h", "/v1"), Match::Route(0));
}

#[test]
fn what_no_request_can_match_is_refused_by_name() {
    let bad = |change: fn(&mut RouteConfig)| {
        let mut route = route("shop", &[], PathPattern::Any);
        change(&mut route);
        RouteIndex::new(&[route]).expect_err("refused").to_string()
    };
    let host = bad(|route| route.hosts = vec![HostPattern::Exact("a b".to_owned())]);
    assert!(host.contains("`shop`") && host.contains("`a b`"), "{host}");
    let path = bad(|route| route.path = PathPattern::Prefix("/a/../b".to_owned()));
    assert!(
        path.contains("`shop`") && path.contains("`/a/../b`"),
        "{path}"
    );
    let escaped = bad(|route| route.path = PathPattern::Prefix("/a%2fb".to_owned()));
    assert!(escaped.contains("`/a%2fb`"), "{escaped}");
    let method = bad(|route| route.methods = vec!["G ET".to_owned()]);
    assert!(method.contains("`G ET`"), "{method}");
    let condition = |name: &str, value: Option<&str>| {
        let mut route = route("shop", &[], PathPattern::Any);
        route.headers = vec![HeaderCondition {
            name: name.to_owned(),
            value: value.map(str::to_owned),
        }];
        RouteIndex::new(&[route]).expect_err("refused").to_string()
    };
    let header = condition("a:b", None);
    assert!(header.contains("`a:b`"), "{header}");
    let value = condition("a", Some("x\r\ny"));
    assert!(value.contains("`a`") && !value.contains('\n'), "{value}");
}

/// A request as the naive model sees it.
struct Sent<'a> {
    host: &'a str,
    path: &'a str,
    method: &'a Method,
    headers: &'a HeaderMap,
}

/// How specific a route is for a request; `None` if it does not take it.
fn rank(route: &RouteConfig, sent: &Sent<'_>) -> Option<(usize, usize, usize)> {
    let host = if route.hosts.is_empty() {
        Some(0)
    } else {
        let ranks = route.hosts.iter().filter_map(|pattern| match pattern {
            HostPattern::Exact(name) => (name == sent.host).then_some(usize::MAX),
            HostPattern::Below(name) => {
                let below = sent.host.len() > name.len() && sent.host.ends_with(name.as_str());
                below.then_some(name.len())
            }
        });
        ranks.max()
    }?;
    let path = match &route.path {
        PathPattern::Any => Some(0),
        PathPattern::Exact(path) => (path == sent.path).then_some(usize::MAX),
        PathPattern::Prefix(path) => {
            let rest = sent.path.strip_prefix(path.as_str())?;
            let whole = rest.is_empty() || rest.starts_with('/') || path.ends_with('/');
            whole.then_some(path.len())
        }
    }?;
    let by_method =
        route.methods.is_empty() || route.methods.iter().any(|m| m == sent.method.as_str());
    let by_header = route.headers.iter().all(|condition| {
        let mut lines = sent.headers.get_all(condition.name.as_str()).iter();
        match &condition.value {
            Some(value) => lines.any(|line| line.as_bytes() == value.as_bytes()),
            None => lines.next().is_some(),
        }
    });
    let count = usize::from(!route.methods.is_empty()) + route.headers.len();
    (by_method && by_header).then_some((host, path, count))
}

fn naive(routes: &[RouteConfig], sent: &Sent<'_>) -> Match {
    let mut best: Option<(usize, (usize, usize, usize))> = None;
    for (place, route) in routes.iter().enumerate() {
        let Some(rank) = rank(route, sent) else {
            continue;
        };
        if best.is_none_or(|(_, before)| rank > before) {
            best = Some((place, rank));
        }
    }
    let has_host = routes.iter().any(|route| {
        let mut bare = route.clone();
        bare.path = PathPattern::Any;
        bare.methods.clear();
        bare.headers.clear();
        rank(&bare, sent).is_some()
    });
    match best {
        Some((place, _)) => Match::Route(place),
        None if has_host => Match::NoPath,
        None => Match::NoHost,
    }
}

fn some_routes() -> impl Strategy<Value = Vec<RouteConfig>> {
    let host = prop::sample::select(vec!["a", "a.b", "b", "*.b", "*.a.b", "*.c"]);
    let path = "(/[ab]{1,2}){0,3}/?".prop_filter("a path", |path| path.starts_with('/'));
    let pattern = (path, 0..3u8).prop_map(|(path, kind)| match kind {
        0 => PathPattern::Any,
        1 => PathPattern::Prefix(path),
        _ => PathPattern::Exact(path),
    });
    let method = prop::sample::select(vec!["GET", "POST"]);
    let header = ("x-[ab]", prop::option::of("[01]"));
    let hosts = prop::collection::vec(host, 0..3);
    let methods = prop::collection::vec(method, 0..2);
    let headers = prop::collection::vec(header, 0..3);
    let one = (hosts, pattern, methods, headers).prop_map(|(hosts, path, methods, headers)| {
        let mut route = route("r", &hosts, path);
        route.methods = methods.iter().map(|&method| method.to_owned()).collect();
        let condition = |(name, value)| HeaderCondition { name, value };
        route.headers = headers.into_iter().map(condition).collect();
        route
    });
    prop::collection::vec(one, 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn the_index_agrees_with_looking_at_every_route(
        routes in some_routes(),
        host in prop::sample::select(vec!["a", "b", "a.b", "x.b", "x.a.b", "y.x.a.b", "d"]),
        path in "(/[ab]{1,2}){0,4}/?",
        method in prop::sample::select(vec![Method::GET, Method::POST, Method::PUT]),
        lines in prop::collection::vec(("x-[ab]", "[01]"), 0..3),
    ) {
        let path = if path.is_empty() { "*".to_owned() } else { path };
        let mut headers = HeaderMap::new();
        for (name, value) in &lines {
            let name: HeaderName = name.parse().expect("name");
            headers.append(name, value.parse().expect("value"));
        }
        let index = RouteIndex::new(&routes).expect("routes");
        let found = find_with(&index, host, &path, &method, &headers);
        let sent = Sent { host, path: &path, method: &method, headers: &headers };
        prop_assert_eq!(found, naive(&routes, &sent));
    }

    /// Servers that undo escapes, cut off parameters and merge slashes, in several orders.
    #[test]
    fn a_route_that_was_found_is_the_one_of_every_server(
        routes in some_routes(),
        path in "(/(a|b|%2F|;|%3B){0,3}){1,4}".prop_filter("no path", |path| !path.contains("//")),
    ) {
        let index = RouteIndex::new(&routes).expect("routes");
        let found = find(&index, "a", &path);
        prop_assume!(found != Match::Ambiguous);
        let undo = |path: &str| path.replace("%2F", "/").replace("%3B", ";");
        let cut = |path: &str| {
            let names: Vec<_> = path.split('/').map(|s| s.split(';').next().unwrap_or("")).collect();
            names.join("/")
        };
        let merge = |path: &str| {
            let mut path = path.to_owned();
            while path.contains("//") {
                path = path.replace("//", "/");
            }
            path
        };
        for read in [undo(&path), cut(&path), cut(&undo(&path)), undo(&cut(&path))] {
            let read = merge(&read);
            prop_assert_eq!(find(&index, "a", &read.replace(';', "%3B")), found, "{}", read);
        }
    }
}

//! Hosts, paths and the choice of a route.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use portcullis_config::{HeaderCondition, HostPattern, PathPattern, RouteConfig};

use super::Choices;
use crate::matching::{Match, RequestHost, RequestPath, RouteIndex};

/// A path has one form, and nothing that servers read in different ways is in it.
pub fn request_path(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Ok(path) = RequestPath::read(text) else {
        return;
    };
    let path = path.as_str();
    let again = RequestPath::read(path).expect("a normal path is a path");
    assert_eq!(
        again.as_str(),
        path,
        "the normal form has itself as its form"
    );
    assert!(path == "*" || path.starts_with('/'));
    let plain = unescaped(path);
    assert_eq!(unescaped(text), plain, "the normal form means the same");
    assert!(!path.contains("//") && !plain.contains(&b'\\') && !plain.contains(&0));
    assert!(
        !path
            .bytes()
            .any(|byte| byte <= b' ' || byte == 0x7f || b"?#".contains(&byte))
    );
    // However a server cuts the path, before or after it undoes escapes, no part leads upwards.
    for form in [path.as_bytes(), &plain] {
        for segment in form.split(|byte| *byte == b'/') {
            let name = segment.split(|byte| *byte == b';').next().unwrap();
            assert!(name != b"." && name != b"..", "{path}");
        }
    }
    let escapes = path.match_indices('%');
    for (at, _) in escapes {
        let digits = &path[at + 1..at + 3];
        let value = u8::from_str_radix(digits, 16).unwrap();
        assert_eq!(digits, format!("{value:02X}"), "escapes are in capitals");
        let unreserved = value.is_ascii_alphanumeric() || b"-._~".contains(&value);
        assert!(!unreserved, "what needs no escape has none");
    }
}

/// A host has one form, which other readers take for a host as well.
pub fn request_host(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Ok(host) = RequestHost::read(text) else {
        return;
    };
    let host = host.as_str();
    let read = |text: &str| RequestHost::read(text).map(|host| host.as_str().to_owned());
    assert_eq!(read(host).as_deref(), Ok(host));
    assert_eq!(read(&format!("{host}:8080")).as_deref(), Ok(host));
    assert_eq!(read(&host.to_ascii_uppercase()).as_deref(), Ok(host));
    assert!(!host.is_empty() && host.len() <= 253);
    assert!(
        !host
            .bytes()
            .any(|byte| byte.is_ascii_uppercase() || b"@/\\?#%, ".contains(&byte))
    );
    match host.starts_with('[') {
        true => assert!(host.ends_with(']')),
        false => {
            assert!(!host.contains([':', '[', ']']));
            assert_eq!(read(&format!("{host}.")).as_deref(), Ok(host));
        }
    }
    let authority: http::uri::Authority = host.parse().expect("a host is an authority");
    assert_eq!(authority.host(), host);
    let sent: http::uri::Authority = text.parse().expect("so is what was sent");
    let sent = sent.host().trim_end_matches('.').to_ascii_lowercase();
    assert!(sent == host || host.starts_with('['), "{sent} {host}");
}

const NAMES: [&str; 4] = ["a", "b", "a.b", "c.a.b"];
const PATHS: [&str; 8] = ["/", "/x", "/x/", "/x/y", "/x/y/", "/y", "/%78", "/xy"];
/// The same, and some that servers read in several ways, with those.
const SENT: [(&str, &[&str]); 12] = [
    ("/", &[]),
    ("/x", &[]),
    ("/x/", &[]),
    ("/x/y", &[]),
    ("/x/y/", &[]),
    ("/y", &[]),
    ("/%78", &[]),
    ("/x%2Fy", &["/x/y"]),
    ("/xy", &[]),
    ("/x;y", &["/x"]),
    ("/x%3by", &["/x;y", "/x"]),
    ("/%2fx/y%2F", &["//x/y/", "/x/y/"]),
];
const METHODS: [Method; 3] = [Method::GET, Method::POST, Method::PUT];
const HEADERS: [&str; 2] = ["x-a", "x-b"];
const VALUES: [&str; 2] = ["1", "2"];

/// The index finds the route that the rule of the settings names, looked for one by one.
pub fn route_find(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let host = RequestHost::read(choices.of(&NAMES)).unwrap();
    let (sent, readings) = choices.of(&SENT);
    let path = RequestPath::read(sent).unwrap();
    let method = choices.of(&METHODS);
    let mut headers = HeaderMap::new();
    for _ in 0..choices.below(3) {
        let name = HeaderName::from_static(choices.of(&HEADERS));
        headers.append(name, HeaderValue::from_static(choices.of(&VALUES)));
    }
    let mut routes = Vec::new();
    while !choices.is_empty() && routes.len() < 12 {
        routes.push(route(&mut choices));
    }
    let index = RouteIndex::new(&routes).expect("such routes can be compiled");
    let found = index.find(&host, &path, &method, &headers);
    let best = |path| best(&routes, (host.as_str(), path), &method, &headers);
    let wanted = best(path.as_str());
    match readings.iter().all(|reading| best(reading) == wanted) {
        true => assert_eq!(found, wanted, "{routes:?}"),
        false => assert_eq!(found, Match::Ambiguous, "{routes:?}"),
    }
}

/// What the rule of the settings names, looked for one by one.
fn best(
    routes: &[RouteConfig],
    (host, path): (&str, &str),
    method: &Method,
    headers: &HeaderMap,
) -> Match {
    let takes = |route: &&(usize, &RouteConfig)| {
        let (_, route) = route;
        let methods =
            route.methods.is_empty() || route.methods.iter().any(|m| m == method.as_str());
        let held = route.headers.iter().all(|condition| {
            let mut values = headers.get_all(&condition.name).iter();
            match &condition.value {
                None => values.next().is_some(),
                Some(value) => values.any(|sent| sent == value),
            }
        });
        path_rank(route, path).is_some() && methods && held
    };
    let places: Vec<(usize, &RouteConfig)> = routes.iter().enumerate().collect();
    let of_host: Vec<_> = places
        .into_iter()
        .filter(|(_, route)| host_rank(route, host).is_some())
        .collect();
    let best = of_host.iter().filter(takes).max_by_key(|(place, route)| {
        let conditions = usize::from(!route.methods.is_empty()) + route.headers.len();
        let host = host_rank(route, host);
        let path = path_rank(route, path);
        (host, path, conditions, usize::MAX - place)
    });
    match best {
        Some((place, _)) => Match::Route(*place),
        None if of_host.is_empty() => Match::NoHost,
        None => Match::NoPath,
    }
}

fn route(choices: &mut Choices<'_>) -> RouteConfig {
    let mut route = super::configuration::with_one_route().gateway.routes[0].clone();
    route.hosts = (0..choices.below(3))
        .map(|_| match choices.below(2) {
            0 => HostPattern::Exact(choices.of(&NAMES).to_owned()),
            _ => HostPattern::Below(format!(".{}", choices.of(&NAMES))),
        })
        .collect();
    let path = choices.of(&PATHS).to_owned();
    route.path = match choices.below(3) {
        0 => PathPattern::Any,
        1 => PathPattern::Prefix(path),
        _ => PathPattern::Exact(path),
    };
    route.methods.clear();
    route.headers.clear();
    if choices.below(2) == 1 {
        route.methods = vec![choices.of(&METHODS).to_string()];
    }
    for name in HEADERS.iter().take(choices.below(3)) {
        let value = (choices.below(2) == 1).then(|| choices.of(&VALUES).to_owned());
        route.headers.push(HeaderCondition {
            name: (*name).to_owned(),
            value,
        });
    }
    route
}

/// The best of the route's hosts that takes the host, greater for a better one.
fn host_rank(route: &RouteConfig, host: &str) -> Option<usize> {
    if route.hosts.is_empty() {
        return Some(0);
    }
    let rank = |pattern: &HostPattern| match pattern {
        HostPattern::Exact(name) => (name == host).then_some(usize::MAX),
        HostPattern::Below(name) => {
            let below = host
                .strip_suffix(name.as_str())
                .is_some_and(|label| !label.is_empty());
            below.then_some(name.len())
        }
    };
    route.hosts.iter().filter_map(rank).max()
}

fn path_rank(route: &RouteConfig, path: &str) -> Option<usize> {
    let normal = |path: &String| RequestPath::read(path).unwrap().as_str().to_owned();
    match &route.path {
        PathPattern::Any => Some(0),
        PathPattern::Exact(exact) => (normal(exact) == path).then_some(usize::MAX),
        PathPattern::Prefix(prefix) => {
            let prefix = normal(prefix);
            let rest = path.strip_prefix(prefix.as_str())?;
            let ends = prefix.ends_with('/') || rest.is_empty() || rest.starts_with('/');
            ends.then_some(prefix.len())
        }
    }
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let digits = after
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(value) if *first == b'%' => {
                plain.push(value);
                rest = &after[2..];
            }
            _ => plain.push(*first),
        }
    }
    plain
}

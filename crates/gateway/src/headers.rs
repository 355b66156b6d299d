//! What a proxy does to the header fields of a message (RFC 9110, 7.6; RFC 9112, 6 and 7).

use http::header::{
    CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, HOST, HeaderName, HeaderValue, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, Uri, request, response};

/// Names the release that answered.
pub(crate) const RELEASE: HeaderName = HeaderName::from_static("x-portcullis-release");
/// Asks for the canary when its value is `true`.
pub(crate) const CANARY: HeaderName = HeaderName::from_static("canary");

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// What is wrong with a request's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HeadError {
    /// HTTP/1.1 needs exactly one `Host`.
    #[error("the request needs exactly one valid Host header")]
    Host,
    /// The target has no path.
    #[error("the request's target is not a path")]
    Target,
}

/// Rewrites a client's request for a server: hop-by-hop fields removed, `Host` as the client sent it.
/// `own_host` is the server's own, for a request that has none; with `sets_host` it replaces the client's.
/// The target must have been looked at by [`set_target`].
pub(crate) fn prepare_request(
    head: &mut request::Parts,
    is_stream: bool,
    has_body: bool,
    (own_host, sets_host): (&HeaderValue, bool),
    upgrade: Option<HeaderValue>,
) {
    let headers = &mut head.headers;
    let there = Present::of(headers);
    let unsized_stream = is_stream && has_body && !there.has(Present::CONTENT_LENGTH);
    let chunked = unsized_stream || there.has(Present::TRANSFER_ENCODING);
    let trailers = there.has(Present::TE) && wants_trailers(headers);
    remove_hop_by_hop(headers, there);
    // The gateway itself says `100 Continue` as soon as an arm is there to take the body.
    if there.has(Present::EXPECT) {
        headers.remove(EXPECT);
    }
    if chunked {
        // Said again because hyper would not send the body of a chunked GET otherwise.
        headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    if is_stream && there.has(Present::COOKIE) {
        join_cookies(headers);
    }
    if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    if let Some(protocol) = upgrade {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, protocol);
    }
    // HTTP/1.0 may come without one, but goes on as HTTP/1.1, which may not.
    if sets_host || !there.has(Present::HOST) {
        headers.insert(HOST, own_host.clone());
    }
}

/// Makes a prepared request one of HTTP/2: its target in absolute form, and nothing that belongs to a
/// connection (RFC 9113, 8.2.2 and 8.3.1).
pub(crate) fn for_http2(head: &mut request::Parts, is_secure: bool) -> Result<(), HeadError> {
    let host = head.headers.remove(HOST).ok_or(HeadError::Host)?;
    let authority = host.to_str().ok().and_then(|host| host.parse().ok());
    let authority: Authority = authority.ok_or(HeadError::Host)?;
    let mut target = std::mem::take(&mut head.uri).into_parts();
    target.scheme = Some(match is_secure {
        true => Scheme::HTTPS,
        false => Scheme::HTTP,
    });
    target.authority = Some(authority);
    head.uri = Uri::from_parts(target).map_err(|_| HeadError::Target)?;
    head.headers.remove(CONNECTION);
    head.headers.remove(UPGRADE);
    head.headers.remove(TRANSFER_ENCODING);
    head.version = http::Version::HTTP_2;
    Ok(())
}

/// Rewrites an arm's answer for the client: hop-by-hop fields removed, the release named.
pub(crate) fn prepare_answer(head: &mut response::Parts, release: Option<&HeaderValue>) {
    let there = Present::of(&head.headers);
    if there.has(Present::TRANSFER_ENCODING) {
        head.headers.remove(CONTENT_LENGTH);
    }
    // A client that is not told of trailers to come does not get them.
    remove_hop_by_hop(&mut head.headers, there);
    match release {
        Some(release) => head.headers.insert(RELEASE, release.clone()),
        // A server that is no release does not speak for one.
        None => head.headers.remove(RELEASE),
    };
}

/// The protocol that a request or an answer with `Connection: upgrade` names.
pub(crate) fn upgrade_protocol(headers: &HeaderMap) -> Option<HeaderValue> {
    let protocol = headers.get(UPGRADE)?;
    names(headers)
        .any(|name| name.eq_ignore_ascii_case("upgrade"))
        .then(|| protocol.clone())
}

/// Gives a request its target in origin form and its one `Host`: the client's, or the authority of a target in
/// absolute form.
pub(crate) fn set_target(head: &mut request::Parts) -> Result<(), HeadError> {
    if let Some(authority) = head.uri.authority() {
        // RFC 9112, 3.2.2: the target wins over the Host field.
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_| HeadError::Host)?;
        if head.uri.scheme().is_none() {
            return Err(HeadError::Target);
        }
        if authority.as_str().contains('@') {
            return Err(HeadError::Host);
        }
        head.headers.insert(HOST, host);
        let target = head.uri.path_and_query().cloned();
        let target = target.unwrap_or_else(|| PathAndQuery::from_static("/"));
        head.uri = Uri::from(target);
    }
    if !head.uri.path().starts_with('/') && head.uri.path() != "*" {
        return Err(HeadError::Target);
    }
    let mut hosts = head.headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if host.to_str().is_ok_and(is_host) => Ok(()),
        (None, None) if head.version == http::Version::HTTP_10 => Ok(()),
        _ => Err(HeadError::Host),
    }
}

/// Whether `host` can be a host with an optional port. What an arm makes of anything else is
/// unknown.
fn is_host(host: &str) -> bool {
    host.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-._~:[]%!$&'()*+;=".contains(&byte))
}

fn remove_hop_by_hop(headers: &mut HeaderMap, there: Present) {
    if there.has(Present::CONNECTION) {
        // What frames and addresses the message is not the client's to remove.
        let named: Vec<HeaderName> = names(headers)
            .filter_map(|name| name.parse().ok())
            .filter(|name| ![HOST, CONTENT_LENGTH, TRAILER].contains(name))
            .collect();
        for name in named {
            headers.remove(name);
        }
        headers.remove(CONNECTION);
    }
    if there.has(Present::OTHER_HOP) {
        for name in [KEEP_ALIVE, PROXY_CONNECTION, TE, TRANSFER_ENCODING, UPGRADE] {
            headers.remove(name);
        }
    }
}

/// What `Connection` lists.
fn names(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(CONNECTION).into_iter();
    let lines = lines.filter_map(|line| line.to_str().ok());
    lines
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .filter(|name| !name.is_empty())
}

/// HTTP/2 may send cookies in several fields, which HTTP/1.1 may not (RFC 9113, 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let mut lines = headers.get_all(COOKIE).iter();
    if lines.next().is_none() || lines.next().is_none() {
        return;
    }
    let all: Vec<&[u8]> = headers
        .get_all(COOKIE)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    if let Ok(joined) = HeaderValue::from_bytes(&all.join(&b"; "[..])) {
        headers.insert(COOKIE, joined);
    }
}

fn wants_trailers(headers: &HeaderMap) -> bool {
    let lines = headers
        .get_all(TE)
        .into_iter()
        .filter_map(|line| line.to_str().ok());
    let mut codings = lines.flat_map(|line| line.split(','));
    codings.any(|coding| coding.trim().eq_ignore_ascii_case("trailers"))
}

/// Which of the fields that a proxy looks at a message has: one pass instead of a look-up for each.
#[derive(Debug, Clone, Copy)]
struct Present(u16);

impl Present {
    const CONNECTION: u16 = 1;
    const TE: u16 = 1 << 1;
    const TRANSFER_ENCODING: u16 = 1 << 2;
    const CONTENT_LENGTH: u16 = 1 << 3;
    const EXPECT: u16 = 1 << 4;
    const COOKIE: u16 = 1 << 5;
    const HOST: u16 = 1 << 6;
    /// Any hop-by-hop field but `Connection` itself.
    const OTHER_HOP: u16 = 1 << 7;

    fn of(headers: &HeaderMap) -> Present {
        let bits = headers.keys().map(|name| match *name {
            CONNECTION => Present::CONNECTION,
            TE => Present::TE | Present::OTHER_HOP,
            TRANSFER_ENCODING => Present::TRANSFER_ENCODING | Present::OTHER_HOP,
            UPGRADE => Present::OTHER_HOP,
            CONTENT_LENGTH => Present::CONTENT_LENGTH,
            EXPECT => Present::EXPECT,
            COOKIE => Present::COOKIE,
            HOST => Present::HOST,
            _ if *name == KEEP_ALIVE || *name == PROXY_CONNECTION => Present::OTHER_HOP,
            _ => 0,
        });
        Present(bits.fold(0, |all, bit| all | bit))
    }

    fn has(self, bit: u16) -> bool {
        self.0 & bit != 0
    }
}

#[cfg(test)]
mod tests;

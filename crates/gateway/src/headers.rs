//! What a proxy does to the header fields of a message (RFC 9110, 7.6; RFC 9112, 6 and 7).

use http::header::{
    CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, HOST, HeaderName, HeaderValue, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, Uri, request, response};

use crate::matching::RequestHost;

/// Names the release that answered.
pub(crate) const RELEASE: HeaderName = HeaderName::from_static("x-portcullis-release");
/// Asks for the canary when its value is `true`.
pub(crate) const CANARY: HeaderName = HeaderName::from_static("canary");

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
/// Names an upgrade to HTTP/2 besides `Upgrade` (RFC 7540, 3.2.1; obsolete with RFC 9113).
const HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");
/// Fields that frame or route a message or that servers believe, and others that begin with `x-forwarded-`.
const BELIEVED: [&str; 13] = [
    "connection",
    "content-length",
    "expect",
    "forwarded",
    "host",
    "te",
    "traceparent",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-real-ip",
    "x-request-id",
    "x-trace-id",
];

/// What is wrong with a request's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HeadError {
    /// HTTP/1.1 needs exactly one `Host`.
    #[error("the request needs exactly one valid Host header")]
    Host,
    /// The target has no path, or is not one of HTTP.
    #[error("the request's target is not a path, or not one of http or https")]
    Target,
    /// The body is coded in a way that is not undone here, and cannot be passed on either.
    #[error("the request's Transfer-Encoding is not `chunked` alone; send it as that")]
    Coding,
}

/// Rewrites a client's request for a server: hop-by-hop fields removed, `Host` as the client sent it.
/// `own_host` is the server's own, for a request that has none; with `sets_host` it replaces the client's.
/// The head must have been made plain by [`make_plain`].
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

/// The protocol that a request or an answer with `Connection: upgrade` names. Another HTTP is none: requests
/// in such a tunnel would pass by everything that looks at requests here.
pub(crate) fn upgrade_protocol(headers: &HeaderMap) -> Option<HeaderValue> {
    let protocol = headers.get(UPGRADE)?;
    let lines = headers.get_all(UPGRADE).into_iter();
    let mut words = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    if words.any(is_another_http) {
        return None;
    }
    names(headers)
        .any(|name| name.eq_ignore_ascii_case("upgrade"))
        .then(|| protocol.clone())
}

fn is_another_http(word: &[u8]) -> bool {
    let word = word.trim_ascii().to_ascii_lowercase();
    ["h2", "h3", "http/", "tls/"]
        .iter()
        .any(|http| word.starts_with(http.as_bytes()))
}

/// Only `chunked` can be undone. Another coding before it would be lost on the way, because the body is
/// chunked anew (RFC 9112, 6.1).
fn check_coding(headers: &HeaderMap) -> Result<(), HeadError> {
    let mut lines = headers.get_all(TRANSFER_ENCODING).iter();
    let Some(coding) = lines.next() else {
        return Ok(());
    };
    let is_chunked = coding
        .as_bytes()
        .trim_ascii()
        .eq_ignore_ascii_case(b"chunked");
    match is_chunked && lines.next().is_none() {
        true => Ok(()),
        false => Err(HeadError::Coding),
    }
}

/// Writes a length without zeros in front, which some take for an octal number.
fn set_plain_length(headers: &mut HeaderMap) {
    let length = headers.get(CONTENT_LENGTH).map(HeaderValue::as_bytes);
    if !length.is_some_and(|length| length.len() > 1 && length[0] == b'0') {
        return;
    }
    let length = length.and_then(|length| std::str::from_utf8(length).ok()?.parse::<u64>().ok());
    if let Some(length) = length {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
}

/// Removes fields whose names servers that speak CGI take for others: they read a dash and an underscore
/// alike (RFC 3875, 4.1.18), so `Content_Length` is a second length to them.
fn remove_look_alikes(headers: &mut HeaderMap) {
    let looks_alike = |name: &&HeaderName| {
        name.as_str().contains('_') && {
            let name = name.as_str().replace('_', "-");
            name.starts_with("x-forwarded-") || BELIEVED.contains(&name.as_str())
        }
    };
    let names: Vec<HeaderName> = headers.keys().filter(looks_alike).cloned().collect();
    for name in names {
        headers.remove(name);
    }
}

/// Looks at a request's head, and gives it its target in origin form and its one `Host`: the client's, or the
/// authority of a target in absolute form. What different servers read differently is made plain, or refused.
pub(crate) fn make_plain(head: &mut request::Parts) -> Result<(), HeadError> {
    set_target(head)?;
    let headers = &mut head.headers;
    let there = Present::of(headers);
    if there.has(Present::TRANSFER_ENCODING) {
        check_coding(headers)?;
    }
    if there.has(Present::CONTENT_LENGTH) {
        set_plain_length(headers);
    }
    if there.has(Present::UNDERSCORE) {
        remove_look_alikes(headers);
    }
    Ok(())
}

fn set_target(head: &mut request::Parts) -> Result<(), HeadError> {
    if let Some(authority) = head.uri.authority() {
        // RFC 9112, 3.2.2: the target wins over the Host field.
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_| HeadError::Host)?;
        let scheme = head.uri.scheme_str().unwrap_or_default();
        if !["http", "https"].contains(&scheme) {
            return Err(HeadError::Target);
        }
        // Two are an error also where they do not count.
        if head.headers.get_all(HOST).iter().nth(1).is_some() {
            return Err(HeadError::Host);
        }
        head.headers.insert(HOST, host);
        let target = head.uri.path_and_query().cloned();
        let target = target.unwrap_or_else(|| PathAndQuery::from_static("/"));
        head.uri = Uri::from(target);
    }
    let is_asterisk = head.uri.path() == "*" && head.method == http::Method::OPTIONS;
    if !head.uri.path().starts_with('/') && !is_asterisk {
        return Err(HeadError::Target);
    }
    let mut hosts = head.headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None)
            if host
                .to_str()
                .is_ok_and(|host| RequestHost::read(host).is_ok()) =>
        {
            Ok(())
        }
        (None, None) if head.version == http::Version::HTTP_10 => Ok(()),
        _ => Err(HeadError::Host),
    }
}

fn remove_hop_by_hop(headers: &mut HeaderMap, there: Present) {
    if there.has(Present::CONNECTION) && !says_one_word(headers) {
        // What frames and addresses the message is not the client's to remove; of these words, which nearly all
        // connections say, the first two are no fields, and the others are taken off below.
        let words = ["keep-alive", "close", "upgrade", "te"];
        let named: Vec<HeaderName> = names(headers)
            .filter(|name| !words.iter().any(|word| name.eq_ignore_ascii_case(word)))
            .filter_map(|name| name.parse().ok())
            .filter(|name| ![HOST, CONTENT_LENGTH, TRAILER].contains(name))
            .collect();
        for name in named {
            headers.remove(name);
        }
    }
    if there.has(Present::CONNECTION) {
        headers.remove(CONNECTION);
    }
    if there.has(Present::OTHER_HOP) {
        for name in [
            HTTP2_SETTINGS,
            KEEP_ALIVE,
            PROXY_CONNECTION,
            TE,
            TRANSFER_ENCODING,
            UPGRADE,
        ] {
            headers.remove(name);
        }
    }
}

/// Whether `Connection` is what it nearly always is, and names no field.
fn says_one_word(headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(CONNECTION).iter();
    let line = lines.next().map(HeaderValue::as_bytes).unwrap_or_default();
    let words = [&b"keep-alive"[..], b"close"];
    lines.next().is_none() && words.iter().any(|word| line.eq_ignore_ascii_case(word))
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
    /// A name that servers may take for another one.
    const UNDERSCORE: u16 = 1 << 8;

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
            _ if [HTTP2_SETTINGS, KEEP_ALIVE, PROXY_CONNECTION].contains(name) => {
                Present::OTHER_HOP
            }
            _ if name.as_str().as_bytes().contains(&b'_') => Present::UNDERSCORE,
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

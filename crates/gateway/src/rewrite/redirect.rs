//! Answers that send the client elsewhere.
//!
//! What a client sends ends up in `Location` here, so two things must not happen: a line break in a header,
//! and a redirect to a host of the client's choice. Everything that is not a plain URI character is escaped;
//! a template that leaves the host to the path or the query (`/{path}`, `https://{path}`) is refused when
//! the settings are read. `{host}` is the request's own, without its port: whoever puts a cache in
//! front of such a route should name the route's hosts.

use http::{HeaderValue, StatusCode};
use portcullis_config::RedirectConfig;

use crate::matching::{RequestHost, RequestPath};

/// The redirect of one route.
#[derive(Debug, Clone)]
pub(crate) struct Redirect {
    parts: Vec<Part>,
    /// 301, 302, 303, 307 or 308.
    pub(crate) status: StatusCode,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Host,
    Path,
    Query,
}

/// Why a redirect of the settings cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RedirectRefused {
    /// Braces that mean nothing.
    #[error("`{{{0}}}` is not known in a redirect; use {{host}}, {{path}} and {{query}}")]
    Placeholder(String),
    /// A brace without its partner.
    #[error("a brace has no partner in the redirect `{0}`")]
    Brace(String),
    /// It is not certain to lead where it says.
    #[error(
        "the redirect `{0}` must begin with `http://HOST`, `https://HOST`, one slash and a name, or {{path}}, and \
         the request's path and query may only come after the host"
    )]
    Place(String),
    /// A character that no URI has.
    #[error("the redirect `{0}` has a character that no URI has; escape it with `%`")]
    Character(String),
    /// The status does not send anybody elsewhere.
    #[error("{0} is not a redirect; use 301, 302, 303, 307 or 308")]
    Status(u16),
}

/// The request has no host, and the redirect needs one: 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request has no Host header, which this redirect needs")]
pub(crate) struct RedirectMissing;

impl Redirect {
    /// Compiles a redirect.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn new(config: &RedirectConfig) -> Result<Redirect, RedirectRefused> {
        let status = match config.status {
            301 | 302 | 303 | 307 | 308 => StatusCode::from_u16(config.status).ok(),
            _ => None,
        };
        let status = status.ok_or(RedirectRefused::Status(config.status))?;
        let parts = parts(&config.location)?;
        let plain = |part: &Part| match part {
            Part::Text(text) => text.bytes().all(is_uri_byte),
            _ => true,
        };
        if !parts.iter().all(plain) {
            return Err(RedirectRefused::Character(config.location.clone()));
        }
        match leads_where_it_says(&parts) {
            true => Ok(Redirect { parts, status }),
            false => Err(RedirectRefused::Place(config.location.clone())),
        }
    }

    /// The value of `Location` for a request.
    ///
    /// # Errors
    /// The redirect needs the request's host, and it has none.
    pub(crate) fn location(
        &self,
        host: &RequestHost<'_>,
        path: &RequestPath<'_>,
        query: Option<&str>,
    ) -> Result<HeaderValue, RedirectMissing> {
        let mut location = String::with_capacity(64);
        for part in &self.parts {
            match part {
                Part::Text(text) => location.push_str(text),
                Part::Host if host.as_str().is_empty() => return Err(RedirectMissing),
                Part::Host => location.push_str(host.as_str()),
                // `OPTIONS *` is about the whole server.
                Part::Path if path.as_str() == "*" => location.push('/'),
                Part::Path => push_escaped(&mut location, path.as_str()),
                Part::Query => {
                    if let Some(query) = query {
                        location.push('?');
                        push_escaped(&mut location, query);
                    }
                }
            }
        }
        // The path may be a slash alone, and what follows it may begin with one: together they would begin a
        // host (RFC 3986, 4.2).
        let slashes = location.len() - location.trim_start_matches('/').len();
        location.drain(..slashes.saturating_sub(1));
        // Only URI characters are in it, so it is always a header's value.
        HeaderValue::from_str(&location).map_err(|_| RedirectMissing)
    }
}

/// Cuts a template at its braces.
fn parts(location: &str) -> Result<Vec<Part>, RedirectRefused> {
    let unpaired = || RedirectRefused::Brace(location.to_owned());
    let mut parts = Vec::new();
    let mut rest = location;
    while let Some(open) = rest.find(['{', '}']) {
        let (text, braced) = rest.split_at(open);
        let name = braced.strip_prefix('{').ok_or_else(unpaired)?;
        let (name, after) = name.split_once('}').ok_or_else(unpaired)?;
        if !text.is_empty() {
            parts.push(Part::Text(text.to_owned()));
        }
        parts.push(match name {
            "host" => Part::Host,
            "path" => Part::Path,
            "query" => Part::Query,
            _ => return Err(RedirectRefused::Placeholder(name.to_owned())),
        });
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    Ok(parts)
}

/// Whether the host is settled before anything of the request but its own host follows.
fn leads_where_it_says(parts: &[Part]) -> bool {
    let first = match parts.first() {
        // A path begins with one slash, never two.
        Some(Part::Path) => return true,
        Some(Part::Text(text)) => text.as_str(),
        _ => return false,
    };
    if let Some(rest) = first.strip_prefix('/') {
        // `/` alone before something of the request could become `//`.
        return match rest.bytes().next() {
            Some(b'/' | b'\\') => false,
            Some(_) => true,
            None => matches!(parts, [_] | [_, Part::Host, ..]),
        };
    }
    let Some(authority) = ["https://", "http://"]
        .iter()
        .find_map(|scheme| first.strip_prefix(scheme))
    else {
        return false;
    };
    let end = authority.find(['/', '?', '#']);
    let name = &authority[..end.unwrap_or(authority.len())];
    if name.contains(['@', '\\']) {
        return false;
    }
    if end.is_some() {
        return !name.is_empty();
    }
    // The authority goes on in the next part.
    if !query_leaves_host(parts) {
        return false;
    }
    match parts.get(1) {
        None | Some(Part::Path | Part::Query) => !name.is_empty(),
        Some(Part::Host) => parts[2..].iter().all(|part| match part {
            Part::Text(text) => !text.contains(['@', '\\']),
            _ => true,
        }),
        Some(Part::Text(_)) => false,
    }
}

/// Whether the host is the same with a query and without: what follows `{query}` would be of the host without one,
/// and of the query with one.
fn query_leaves_host(parts: &[Part]) -> bool {
    let ends_host = ['/', '?', '#'];
    let mut after_query = false;
    for part in parts {
        match part {
            Part::Path => return true,
            Part::Query => after_query = true,
            Part::Host if after_query => return false,
            Part::Host => {}
            Part::Text(text) if after_query => return text.starts_with(ends_host),
            Part::Text(text) => {
                let text = text
                    .split_once("://")
                    .map_or(text.as_str(), |(_, rest)| rest);
                if text.contains(ends_host) {
                    return true;
                }
            }
        }
    }
    true
}

/// The characters of RFC 3986, 2.2 and 2.3, and the percent sign.
fn is_uri_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte)
}

/// Adds a text of the request with every other byte, and `#`, escaped.
fn push_escaped(location: &mut String, text: &str) {
    for byte in text.bytes() {
        if is_uri_byte(byte) && byte != b'#' {
            location.push(char::from(byte));
        } else {
            location.push('%');
            for half in [byte >> 4, byte & 15] {
                let digit = char::from_digit(u32::from(half), 16).unwrap_or('0');
                location.push(digit.to_ascii_uppercase());
            }
        }
    }
}

#[cfg(test)]
mod tests;

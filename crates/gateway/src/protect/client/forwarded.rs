//! `Forwarded` (RFC 7239), read and written.
//!
//! A line is read from its beginning, because a comma may stand in a quoted string, and strictly: a
//! client that opens a quote which the next proxy's element would close makes an odd number of quotes,
//! and the line is refused as a whole.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::HeaderValue;

use super::{FORWARDED, FORWARDED_FOR, Hop, Malformed, Scheme, hop};
use crate::protect::bounds::PARAMETERS_MAX;

/// What the lines say, the last element first. Lines are read from the last to the first, each only
/// when it is needed.
pub(super) fn hops(headers: &HeaderMap) -> impl Iterator<Item = Result<Hop, Malformed>> {
    let lines = headers.get_all(FORWARDED).into_iter().rev();
    lines.flat_map(|line| {
        let elements = elements(line.as_bytes());
        let hops: Vec<_> = match elements {
            Ok(elements) => elements.into_iter().rev().map(Ok).collect(),
            Err(Malformed) => vec![Err(Malformed)],
        };
        hops.into_iter()
    })
}

/// The line to send on: the lines of `said`, if they can be read, and an element for `peer` after them.
/// When `said` has `X-Forwarded-For` only, the client that it names comes first (RFC 7239, 7.4).
pub(super) fn line(
    said: Option<&HeaderMap>,
    peer: IpAddr,
    client: IpAddr,
    scheme: Scheme,
    host: Option<&HeaderValue>,
) -> Option<HeaderValue> {
    let mut list: Vec<u8> = Vec::new();
    for line in said.iter().flat_map(|headers| headers.get_all(FORWARDED)) {
        if elements(line.as_bytes()).is_ok_and(|elements| !elements.is_empty()) {
            list.extend_from_slice(line.as_bytes());
            list.extend_from_slice(b", ");
        }
    }
    let named = said.is_some_and(|headers| headers.contains_key(FORWARDED_FOR));
    if list.is_empty() && named && client != peer {
        list.extend_from_slice(node(client).as_bytes());
        list.extend_from_slice(b", ");
    }
    list.extend_from_slice(node(peer).as_bytes());
    if let Some(host) = host.and_then(|host| host.to_str().ok()) {
        list.extend_from_slice(b";host=\"");
        for byte in host.bytes() {
            if matches!(byte, b'"' | b'\\') {
                list.push(b'\\');
            }
            list.push(byte);
        }
        list.push(b'"');
    }
    list.extend_from_slice(b";proto=");
    list.extend_from_slice(scheme.word().as_bytes());
    HeaderValue::from_bytes(&list).ok()
}

fn node(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => format!("for={address}"),
        IpAddr::V6(address) => format!("for=\"[{address}]\""),
    }
}

/// The elements of one line, from the first to the last.
fn elements(line: &[u8]) -> Result<Vec<Hop>, Malformed> {
    let mut reader = Reader { rest: line };
    let mut elements = Vec::new();
    loop {
        reader.skip_spaces();
        match reader.rest.first() {
            None => return Ok(elements),
            // An empty member of the list.
            Some(b',') => {
                reader.rest = &reader.rest[1..];
                continue;
            }
            Some(_) => elements.push(reader.element()?),
        }
        reader.skip_spaces();
        match reader.rest.split_first() {
            None => return Ok(elements),
            Some((b',', rest)) => reader.rest = rest,
            Some(_) => return Err(Malformed),
        }
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }

    /// `name=value;name=value`; no name may come twice (RFC 7239, 4).
    fn element(&mut self) -> Result<Hop, Malformed> {
        let mut names: Vec<String> = Vec::new();
        let mut node = Hop::Unknown;
        loop {
            if matches!(self.rest.first(), Some(b';')) {
                self.rest = &self.rest[1..];
                continue;
            }
            if matches!(self.rest.first(), None | Some(b',' | b' ' | b'\t')) {
                break;
            }
            let name = self.token()?.to_ascii_lowercase();
            self.rest = self.rest.strip_prefix(b"=").ok_or(Malformed)?;
            let value = match self.rest.first() {
                Some(b'"') => self.quoted()?,
                _ => self.token()?,
            };
            if name == "for" {
                node = hop(&value)?;
            }
            if names.len() == PARAMETERS_MAX || names.contains(&name) {
                return Err(Malformed);
            }
            names.push(name);
            if !matches!(self.rest.first(), None | Some(b';' | b',' | b' ' | b'\t')) {
                return Err(Malformed);
            }
        }
        Ok(node)
    }

    /// A token (RFC 9110, 5.6.2), and `:`, `[` and `]`, which many proxies do not quote.
    fn token(&mut self) -> Result<String, Malformed> {
        let is_token =
            |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:[]".contains(byte);
        let length = self.rest.iter().take_while(|byte| is_token(byte)).count();
        let (token, rest) = self.rest.split_at(length);
        self.rest = rest;
        match token.is_empty() {
            true => Err(Malformed),
            false => Ok(String::from_utf8_lossy(token).into_owned()),
        }
    }

    fn quoted(&mut self) -> Result<String, Malformed> {
        let mut text = Vec::new();
        let mut bytes = self.rest.iter().enumerate().skip(1);
        while let Some((index, byte)) = bytes.next() {
            match byte {
                b'"' => {
                    self.rest = &self.rest[index + 1..];
                    return String::from_utf8(text).map_err(|_| Malformed);
                }
                b'\\' => text.push(*bytes.next().ok_or(Malformed)?.1),
                _ => text.push(*byte),
            }
        }
        Err(Malformed)
    }
}

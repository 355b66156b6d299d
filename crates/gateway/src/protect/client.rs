//! Who the client is when other proxies stand in front, and what the release is told about it.
//!
//! Only a peer in the list of trusted proxies is believed. Of the addresses that it and those before it
//! name, the last one that is not a trusted proxy is the client's: everything left of that was written
//! by somebody nobody vouches for.

mod forwarded;

use std::net::{IpAddr, SocketAddr};

use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use ipnet::IpNet;
use portcullis_config::ClientsConfig;

use super::bounds::FORWARDED_HOPS_MAX;
use super::{Denial, address};

const FORWARDED: HeaderName = http::header::FORWARDED;
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
/// What applications believe besides; from a peer that is not trusted it is taken away.
const BELIEVED_TOO: [HeaderName; 5] = [
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("x-forwarded-port"),
    HeaderName::from_static("x-forwarded-prefix"),
    HeaderName::from_static("x-forwarded-server"),
    HeaderName::from_static("x-forwarded-ssl"),
];

/// How a client spoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// In plain text.
    Http,
    /// Under TLS.
    Https,
}

/// Whom the gateway believes about clients.
#[derive(Debug, Clone, Default)]
pub struct ClientTrust {
    trusted: Vec<IpNet>,
    send_forwarded: bool,
}

/// What a proxy says about the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hop {
    Address(IpAddr),
    /// It does not say: `unknown`, or a name of its own (RFC 7239, 6.2 and 6.3).
    Unknown,
}

/// What a proxy says cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Malformed;

impl ClientTrust {
    /// What the settings say.
    #[must_use]
    pub fn new(config: &ClientsConfig) -> ClientTrust {
        ClientTrust {
            trusted: address::canonical(&config.trusted_proxies),
            send_forwarded: config.forwarded,
        }
    }

    /// Whether `address` is one of the trusted proxies.
    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        address::names(&self.trusted, address)
    }

    /// The client's address, for a request that came from `peer`. IPv4 addresses in IPv6 form come out
    /// as IPv4.
    ///
    /// `X-Forwarded-For` is read; `Forwarded` only in a request that has none. A trusted proxy must
    /// therefore set the former, or remove it: whoever sets `Forwarded` alone and passes the other on
    /// lets clients choose their address. Where a trusted proxy does not say who was before it, the
    /// address is that proxy's. When all are trusted, it is the first.
    ///
    /// # Errors
    ///
    /// A trusted proxy said something that is no address, or named more than
    /// 64 trusted proxies: what to answer, so that no rule is applied to a wrong address.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Result<IpAddr, Denial> {
        let peer = peer.to_canonical();
        if !self.trusts(peer) {
            return Ok(peer);
        }
        let found = match headers.contains_key(FORWARDED_FOR) {
            true => self.walk(peer, x_forwarded_for(headers)),
            false => self.walk(peer, forwarded::hops(headers)),
        };
        found.map_err(|Malformed| Denial {
            status: StatusCode::BAD_REQUEST,
            kind: "urn:portcullis:problem:bad-forwarding",
            title: "The request's origin cannot be told",
            detail: "X-Forwarded-For or Forwarded names something that is no address",
            cause: "forwarding",
            headers: Vec::new(),
        })
    }

    /// How the client spoke: as the connection is, or as a trusted peer says.
    #[must_use]
    pub fn scheme(&self, peer: IpAddr, connection: Scheme, headers: &HeaderMap) -> Scheme {
        let said = || said_scheme(headers);
        match self.trusts(peer) {
            true => said().unwrap_or(connection),
            false => connection,
        }
    }

    /// Sets what the release is told: `X-Forwarded-For`, `-Proto` and `-Host`, and `Forwarded` if the
    /// settings ask for it. What a trusted peer said is kept and added to, what another said is
    /// replaced. When a trusted peer names the client in `Forwarded` only, `X-Forwarded-For` begins with that client. The
    /// peer comes with its address as text. `client` is what [`ClientTrust::client`] found, `host` the request's own.
    pub fn set_forwarded(
        &self,
        (peer, own): (IpAddr, &HeaderValue),
        client: IpAddr,
        connection: Scheme,
        host: Option<&HeaderValue>,
        headers: &mut HeaderMap,
    ) {
        let peer = peer.to_canonical();
        let trusted = self.trusts(peer);
        if !trusted {
            return self.set_own(peer, own, (client, connection), host, headers);
        }
        let scheme = self.scheme(peer, connection, headers);
        let said_host = headers.get(FORWARDED_HOST).cloned();
        let forwarded = self.send_forwarded.then(|| {
            let said = Some(&*headers);
            forwarded::line(said, peer, client, scheme, said_host.as_ref().or(host))
        });
        match forwarded.flatten() {
            Some(line) => headers.insert(FORWARDED, line),
            None => headers.remove(FORWARDED),
        };
        let list = match headers.contains_key(FORWARDED_FOR) {
            true => joined(headers, own),
            // Only `Forwarded` named the client, and releases that read the other field are to find it too.
            false if client != peer => {
                HeaderValue::try_from(format!("{client}, {peer}")).unwrap_or_else(|_| own.clone())
            }
            false => own.clone(),
        };
        headers.insert(FORWARDED_FOR, list);
        headers.insert(FORWARDED_PROTO, HeaderValue::from_static(scheme.word()));
        match said_host.or_else(|| host.cloned()) {
            Some(host) => headers.insert(FORWARDED_HOST, host),
            None => headers.remove(FORWARDED_HOST),
        };
    }

    /// What is told of a peer that is not trusted: nothing of what it says.
    fn set_own(
        &self,
        peer: IpAddr,
        own: &HeaderValue,
        (client, scheme): (IpAddr, Scheme),
        host: Option<&HeaderValue>,
        headers: &mut HeaderMap,
    ) {
        // Most requests say nothing of the kind, and one pass is cheaper than seven look-ups.
        let is_said = |name: &HeaderName| {
            *name == FORWARDED || name.as_str().starts_with("x-") && is_believed(name)
        };
        if headers.keys().any(is_said) {
            for name in [FORWARDED, FORWARDED_HOST].iter().chain(&BELIEVED_TOO) {
                headers.remove(name);
            }
        }
        if self.send_forwarded
            && let Some(line) = forwarded::line(None, peer, client, scheme, host)
        {
            headers.insert(FORWARDED, line);
        }
        headers.insert(FORWARDED_FOR, own.clone());
        headers.insert(FORWARDED_PROTO, HeaderValue::from_static(scheme.word()));
        if let Some(host) = host {
            headers.insert(FORWARDED_HOST, host.clone());
        }
    }

    /// Goes from proxy to proxy, beginning with the nearest, as long as they are trusted.
    fn walk(
        &self,
        peer: IpAddr,
        hops: impl Iterator<Item = Result<Hop, Malformed>>,
    ) -> Result<IpAddr, Malformed> {
        let mut last = peer;
        for (index, hop) in hops.enumerate() {
            if index >= FORWARDED_HOPS_MAX {
                return Err(Malformed);
            }
            match hop? {
                Hop::Unknown => return Ok(last),
                Hop::Address(address) => last = address.to_canonical(),
            }
            if !self.trusts(last) {
                return Ok(last);
            }
        }
        Ok(last)
    }
}

impl Scheme {
    /// `http` or `https`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }
}

/// What `X-Forwarded-For` lists, the last first. Empty members are allowed in lists and skipped (RFC
/// 9110, 5.6.1).
fn x_forwarded_for(headers: &HeaderMap) -> impl Iterator<Item = Result<Hop, Malformed>> {
    let lines = headers.get_all(FORWARDED_FOR).into_iter().rev();
    let members = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    let members = members.map(|member| member.trim_ascii());
    let members = members.filter(|member| !member.is_empty());
    members.map(|member| {
        std::str::from_utf8(member)
            .map_err(|_| Malformed)
            .and_then(hop)
    })
}

/// One address with or without a port; an IPv6 address in brackets, or bare without a port.
fn hop(text: &str) -> Result<Hop, Malformed> {
    if text.eq_ignore_ascii_case("unknown") {
        return Ok(Hop::Unknown);
    }
    if let Some(name) = text.strip_prefix('_') {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:".contains(&byte);
        let valid = !name.is_empty() && name.bytes().all(is_name);
        return valid.then_some(Hop::Unknown).ok_or(Malformed);
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(Hop::Address(address));
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(Hop::Address(address.ip()));
    }
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']').ok_or(Malformed)?,
        None => text.split_at(text.find(':').ok_or(Malformed)?),
    };
    let hidden_port = |port: &str| port.strip_prefix(":_").is_some_and(|name| !name.is_empty());
    if !port.is_empty() && !hidden_port(port) {
        return Err(Malformed);
    }
    match text.starts_with('[') {
        true => host.parse().map(|v6| Hop::Address(IpAddr::V6(v6))),
        false => host.parse().map(|v4| Hop::Address(IpAddr::V4(v4))),
    }
    .map_err(|_| Malformed)
}

/// Whether applications believe a field to be about the client.
fn is_believed(name: &HeaderName) -> bool {
    *name == FORWARDED_HOST || BELIEVED_TOO.contains(name)
}

/// What a trusted peer says in the last member of `X-Forwarded-Proto`.
fn said_scheme(headers: &HeaderMap) -> Option<Scheme> {
    let line = headers.get_all(FORWARDED_PROTO).into_iter().next_back()?;
    let word = line.as_bytes().rsplit(|byte| *byte == b',').next()?;
    match word.trim_ascii().to_ascii_lowercase().as_slice() {
        b"http" => Some(Scheme::Http),
        b"https" => Some(Scheme::Https),
        _ => None,
    }
}

/// All lines of `X-Forwarded-For` as one, and `own` after them.
fn joined(headers: &HeaderMap, own: &HeaderValue) -> HeaderValue {
    let mut list = Vec::new();
    for line in headers.get_all(FORWARDED_FOR) {
        if !line.as_bytes().trim_ascii().is_empty() {
            list.extend_from_slice(line.as_bytes());
            list.extend_from_slice(b", ");
        }
    }
    list.extend_from_slice(own.as_bytes());
    HeaderValue::from_bytes(&list).unwrap_or_else(|_| own.clone())
}

#[cfg(test)]
mod tests;

//! Clients' addresses, and the names of traces.

use std::net::IpAddr;

use http::header::{FORWARDED, HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;

use super::Choices;
use crate::protect::{ClientTrust, Scheme, Trace, TraceParent};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PEERS: [&str; 5] = [
    "10.0.0.1",
    "192.0.2.1",
    "::ffff:10.0.0.2",
    "fd00::1",
    "2001:db8::1",
];
const TRUSTED: [&str; 3] = ["10.0.0.0/8", "fd00::/8", "::ffff:172.16.0.0/108"];
/// A proxy of the same house behind this one.
const NEXT: &str = "10.9.9.9";

/// Addresses in the log do not tell hosts apart, and are what they were masked from but for that.
pub fn address(bytes: &[u8]) {
    let address = match bytes.len() {
        4 => IpAddr::from(<[u8; 4]>::try_from(bytes).unwrap()),
        16 => IpAddr::from(<[u8; 16]>::try_from(bytes).unwrap()),
        _ => return,
    };
    let masked = crate::access_log::masked(address);
    assert_eq!(crate::access_log::masked(masked), masked);
    let bits = if masked.is_ipv4() { 24 } else { 48 };
    let site = IpNet::new(address.to_canonical(), bits).unwrap();
    assert_eq!(site.network(), masked);
}

/// The client is the last address that is no trusted proxy, and whoever stands behind this gateway finds the
/// same one. The first byte chooses the peer, the second the header, its lines follow.
pub fn client(bytes: &[u8]) {
    let Some((choices, lines)) = bytes.split_at_checked(2) else {
        return;
    };
    let mut choices = Choices::new(choices);
    let peer: IpAddr = choices.of(&PEERS).parse().unwrap();
    let kind = choices.below(3);
    let mut headers = HeaderMap::new();
    for (index, line) in super::values(lines).enumerate() {
        let is_forwarded = kind == 1 || (kind == 2 && index % 2 == 1);
        headers.append(
            if is_forwarded {
                FORWARDED
            } else {
                FORWARDED_FOR
            },
            line,
        );
    }
    let trust = trust();
    let Ok(found) = trust.client(peer, &headers) else {
        assert!(
            trust.trusts(peer),
            "only what a trusted proxy says is an error"
        );
        return;
    };
    assert_eq!(found, found.to_canonical());
    let peer = peer.to_canonical();
    if !trust.trusts(peer) {
        assert_eq!(found, peer);
    } else if let Some(expected) = plain_walk(&trust, peer, &headers) {
        assert_eq!(found, expected);
    }
    let mut sent = headers.clone();
    let host = HeaderValue::from_static("shop.example");
    let own = HeaderValue::try_from(peer.to_canonical().to_string()).expect("an address");
    trust.set_forwarded((peer, &own), found, Scheme::Https, Some(&host), &mut sent);
    assert_eq!(sent.get_all(FORWARDED_FOR).iter().count(), 1);
    assert_eq!(sent.get_all(FORWARDED).iter().count(), 1);
    if names_as_many_as_are_read(&sent) {
        // With this hop there may be one more than the next one reads.
        return;
    }
    let next: IpAddr = NEXT.parse().unwrap();
    if kind == 0 || !trust.trusts(peer) {
        assert_eq!(trust.client(next, &sent).ok(), Some(found), "{sent:?}");
    }
    if kind < 2 || !trust.trusts(peer) {
        sent.remove(FORWARDED_FOR);
        assert_eq!(trust.client(next, &sent).ok(), Some(found), "{sent:?}");
    }
}

/// Whether a list of hops may be longer than what is read of one.
fn names_as_many_as_are_read(headers: &HeaderMap) -> bool {
    [FORWARDED_FOR, FORWARDED].iter().any(|name| {
        let lines = headers.get_all(name).iter();
        lines
            .map(|line| line.as_bytes().split(|byte| *byte == b',').count())
            .sum::<usize>()
            > 64
    })
}

/// Names of a trace are passed on unchanged or made anew, and the next one behind reads them as they were.
/// Lines: `traceparent`, `x-request-id`, `x-trace-id` and any number of `tracestate`.
pub fn trace(bytes: &[u8]) {
    let names = ["traceparent", "x-request-id", "x-trace-id"];
    let mut headers = HeaderMap::new();
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let name = names.get(index).copied().unwrap_or("tracestate");
        if let (Ok(value), false) = (HeaderValue::from_bytes(line), line.is_empty()) {
            headers.append(name, value);
        }
    }
    let given = headers.get("traceparent").and_then(TraceParent::parse);
    if let Some(given) = given {
        assert_eq!(TraceParent::parse(&given.header()), Some(given));
        assert!(given.trace_id != 0 && given.span_id != 0);
    }
    let here = Trace::begin(&headers, || true);
    assert_eq!(here.client_span, given.map(|given| given.span_id));
    if let Some(given) = given {
        let kept = (here.parent.trace_id, here.parent.flags);
        assert_eq!(kept, (given.trace_id, given.flags));
    }
    assert!(!here.request_id().is_empty());
    let mut sent = headers.clone();
    here.set_request(&mut sent);
    let visible = |byte: &u8| (b'!'..=b'~').contains(byte);
    for name in names {
        assert_eq!(sent.get_all(name).iter().count(), 1);
        assert!(sent[name].as_bytes().iter().all(visible));
    }
    let state = sent.get("tracestate").cloned();
    assert!(state.is_none() || given.is_some());
    assert!(state.as_ref().is_none_or(|state| state.len() <= 512));
    let next = Trace::begin(&sent, || false);
    assert_eq!(next.client_span, Some(here.parent.span_id));
    assert_eq!(next.parent.trace_id, here.parent.trace_id);
    assert_eq!(
        (&next.request_id, &next.trace_id),
        (&here.request_id, &here.trace_id)
    );
    next.set_request(&mut sent);
    assert_eq!(sent.get("tracestate"), state.as_ref());
}

fn trust() -> ClientTrust {
    let mut clients = super::configuration::with_one_route()
        .gateway
        .clients
        .clone();
    clients.trusted_proxies = TRUSTED.map(|network| network.parse().unwrap()).to_vec();
    clients.forwarded = true;
    ClientTrust::new(&clients)
}

/// The client when all that is said in `X-Forwarded-For` are plain addresses.
fn plain_walk(trust: &ClientTrust, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
    let lines: Vec<&str> = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .map(|line| line.to_str().ok())
        .collect::<Option<_>>()?;
    if lines.is_empty() {
        return None;
    }
    let list = lines.join(",");
    let members = list
        .split(',')
        .map(|member| member.trim_matches([' ', '\t']));
    let addresses: Vec<IpAddr> = members
        .filter(|member| !member.is_empty())
        .map(|member| member.parse::<IpAddr>().ok())
        .collect::<Option<_>>()?;
    let chain = [addresses, vec![peer]].concat();
    let chain: Vec<IpAddr> = chain.iter().map(IpAddr::to_canonical).collect();
    let client = chain.iter().rev().find(|address| !trust.trusts(**address));
    client.or(chain.first()).copied()
}

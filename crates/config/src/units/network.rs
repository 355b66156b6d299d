//! Hosts, ports and IP networks.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;
use toml::de::DeValue;

use super::{bad_value, text};
use crate::bounds::{HOST_CHARS_MAX, NAME_CHARS_MAX};
use crate::keys::Kind;
use crate::report::Wrong;

/// An IP network without bits beyond its length; an address alone is a network of one.
pub(crate) fn network(kind: Kind, value: &DeValue<'_>) -> Result<IpNet, Wrong> {
    let text = text(kind, value)?;
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(IpNet::from(address));
    }
    match text.parse::<IpNet>() {
        Ok(network) if network.addr() == network.network() => Ok(network),
        Ok(network) => Err(bad_value(kind, text).hint(format!(
            "did you mean \"{}\", or \"{}\" alone?",
            network.trunc(),
            network.addr()
        ))),
        Err(_) => Err(bad_value(kind, text)),
    }
}

/// A host's name or IP address in lower case; an IPv6 address stands in brackets.
pub(super) fn host(text: &str) -> Result<String, Option<String>> {
    let lower = text.to_ascii_lowercase();
    if is_host(&lower) {
        return Ok(lower);
    }
    if !text.is_ascii() {
        let hint = "write the name as it is asked for, in Punycode (beginning with xn--)";
        return Err(Some(hint.to_owned()));
    }
    let bare = lower
        .trim_start_matches("https://")
        .trim_start_matches("http://")
        .split('/')
        .next()
        .unwrap_or_default()
        .trim_end_matches('.');
    let bare = match (bare.parse::<Ipv6Addr>(), bare.rsplit_once(':')) {
        (Ok(address), _) => format!("[{address}]"),
        (Err(_), Some((host, port))) if port.parse::<u16>().is_ok() => host.to_owned(),
        _ => bare.to_owned(),
    };
    Err(is_host(&bare).then(|| format!("did you mean \"{bare}\"?")))
}

/// A host's name, or that of all hosts below one, in lower case.
pub(super) fn host_pattern(text: &str) -> Result<String, Option<String>> {
    if text == "*" || text.is_empty() {
        let hint = "leave it out to take all hosts";
        return Err(Some(hint.to_owned()));
    }
    let Some(below) = text.strip_prefix("*.") else {
        let hint = text
            .strip_prefix('.')
            .and_then(|below| host(below).ok())
            .map(|below| format!("did you mean \"*.{below}\"?"));
        return host(text).map_err(|own| hint.or(own));
    };
    match host(below) {
        Ok(below) if is_name(&below) => Ok(format!("*.{below}")),
        Ok(_) => Err(None),
        Err(hint) => Err(hint.map(|hint| hint.replacen('"', "\"*.", 1))),
    }
}

/// A name with more than one label, in lower case, for which an authority gives certificates.
pub(super) fn certificate_host(text: &str) -> Result<String, Option<String>> {
    if text.starts_with("*.") {
        let hint =
            "no challenge that the gateway answers can show a name with `*`: write each name";
        return Err(Some(hint.to_owned()));
    }
    let host = host(text)?;
    if is_name(&host) && !is_address(&host) {
        Ok(host)
    } else {
        Err(None)
    }
}

/// A host with or without a port, in lower case.
pub(super) fn host_header(text: &str) -> Result<String, Option<String>> {
    host(text).or_else(|hint| host_port(text).map_err(|_| hint))
}

/// A host with a port, in lower case.
pub(super) fn host_port(text: &str) -> Result<String, Option<String>> {
    let lower = text.to_ascii_lowercase();
    let split = lower.rsplit_once(':');
    let port = split.map(|(_, port)| port).unwrap_or_default();
    let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    if let Some((host, port)) = split
        && is_host(host)
        && digits
        && port.parse::<u16>().is_ok_and(|port| port != 0)
    {
        return Ok(lower);
    }
    let default = if lower.starts_with("https://") {
        443
    } else {
        80
    };
    let bare = lower
        .trim_start_matches("https://")
        .trim_start_matches("http://")
        .trim_end_matches('/');
    let hint = if bare != lower && host_port(bare).is_ok() {
        Some(format!("did you mean \"{bare}\"?"))
    } else if is_host(bare) {
        Some(format!(
            "it needs a port: did you mean \"{bare}:{default}\"?"
        ))
    } else if let Ok(port) = bare.trim_start_matches(':').parse::<u16>() {
        Some(format!("did you mean \"127.0.0.1:{port}\"?"))
    } else {
        None
    };
    Err(hint)
}

/// Whether a text in lower case is a host's name or IP address.
fn is_host(text: &str) -> bool {
    let six = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    match six {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => is_name(text),
    }
}

/// Labels of letters, digits, `_` and `-` with dots between them (RFC 1123, 2.1, and `_` as it is used);
/// an IPv4 address is such a name too.
fn is_name(text: &str) -> bool {
    let label = |label: &str| {
        (1..=NAME_CHARS_MAX).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
    };
    text.len() <= HOST_CHARS_MAX && text.split('.').all(label)
}

/// Whether a host is an IP address rather than a name.
fn is_address(host: &str) -> bool {
    host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
}

//! Names and addresses of networks: e-mail, IP and MAC addresses, URLs, domains.
//!
//! What belongs to something longer is not looked for on its own: the domain of an e-mail address, and whatever stands in
//! a URL, as long as the longer one counts. With URLs turned off, or their threshold set higher, the hosts and addresses in
//! them are found by themselves.

mod domain;
mod email;
mod ipv4;
mod ipv6;
mod mac;
mod name;
mod nearby;
mod suffix;
#[cfg(test)]
mod tests;
mod url;
mod version;

use crate::Entity;
use crate::find::Offers;
use crate::recognize::{Recognizer, RecognizerId, first};

/// E-mail addresses. The ids of this room are the first of all and have the order of [`RECOGNIZERS`].
pub(crate) const EMAIL: RecognizerId = RecognizerId(first::NETWORK);
/// IPv4 addresses of private networks.
pub(crate) const IPV4_PRIVATE: RecognizerId = RecognizerId(first::NETWORK + 1);
/// All other IPv4 addresses of hosts.
pub(crate) const IPV4_PUBLIC: RecognizerId = RecognizerId(first::NETWORK + 2);
/// IPv6 addresses.
pub(crate) const IPV6: RecognizerId = RecognizerId(first::NETWORK + 3);
/// MAC addresses.
pub(crate) const MAC: RecognizerId = RecognizerId(first::NETWORK + 4);
/// Domain names.
pub(crate) const DOMAIN: RecognizerId = RecognizerId(first::NETWORK + 5);
/// URLs.
pub(crate) const URL: RecognizerId = RecognizerId(first::NETWORK + 6);

/// Words that speak for an IP address.
const IP_CONTEXT: &[&str] = &[
    "ip",
    "ips",
    "ipv4",
    "ipv6",
    "ip address",
    "address",
    "addr",
    "inet",
    "inet6",
    "host",
    "server",
    "gateway",
    "subnet",
    "netmask",
    "dns",
    "nameserver",
    "ping",
    "ping6",
    "ssh",
    "firewall",
    "proxy",
    "vpn",
    "router",
    "listen",
    "client",
    "remote",
    "dia chi ip",
    "dia chi",
    "may chu",
    "mang",
];

/// Words that speak against an IP address: four numbers with dots are also versions, sections and telephone numbers.
const IP_AGAINST: &[&str] = &[
    "version",
    "versions",
    "ver",
    "release",
    "firmware",
    "upgrade",
    "upgraded",
    "changelog",
    "section",
    "chapter",
    "clause",
    "phone",
    "tel",
    "fax",
    "phien ban",
    "dien thoai",
    "chuong",
];

/// The facts of this room's recognizers, in the order of their ids.
pub(crate) const RECOGNIZERS: &[Recognizer] = &[
    Recognizer {
        id: "email",
        entity: Entity::EMAIL,
        context: &["email", "e-mail", "mail", "contact", "thu dien tu"],
        against: &[],
    },
    Recognizer {
        id: "ipv4_private",
        entity: Entity::IP_PRIVATE,
        context: IP_CONTEXT,
        against: IP_AGAINST,
    },
    Recognizer {
        id: "ipv4_public",
        entity: Entity::IP_PUBLIC,
        context: IP_CONTEXT,
        against: IP_AGAINST,
    },
    Recognizer {
        id: "ipv6",
        entity: Entity::IPV6,
        context: IP_CONTEXT,
        against: &["namespace", "class", "struct", "module", "enum"],
    },
    Recognizer {
        id: "mac",
        entity: Entity::MAC_ADDRESS,
        context: &[
            "mac",
            "mac address",
            "macs",
            "bssid",
            "ethernet",
            "ether",
            "hwaddr",
            "lladdr",
            "hardware address",
            "physical address",
            "bluetooth",
            "wifi",
            "wi-fi",
            "interface",
            "arp",
            "dhcp",
            "dia chi mac",
            "dia chi vat ly",
        ],
        against: &[
            "fingerprint",
            "sha1",
            "sha256",
            "md5",
            "checksum",
            "product code",
            "product key",
            "license key",
            "licence key",
            "serial",
            "part number",
            "sku",
            "order",
        ],
    },
    Recognizer {
        id: "domain",
        entity: Entity::DOMAIN,
        context: &[
            "visit",
            "website",
            "web site",
            "websites",
            "webpage",
            "homepage",
            "site",
            "host",
            "hosts",
            "hosted",
            "hostname",
            "domain",
            "domains",
            "subdomain",
            "server",
            "dns",
            "nameserver",
            "cname",
            "whois",
            "registrar",
            "browse",
            "url",
            "www",
            "http",
            "https",
            "ping",
            "curl",
            "wget",
            "nslookup",
            "dig",
            "ten mien",
            "trang web",
            "trang chu",
            "truy cap",
            "may chu",
            "ghe tham",
        ],
        against: &[],
    },
    Recognizer {
        id: "url",
        entity: Entity::URL,
        context: &[
            "url",
            "link",
            "website",
            "trang web",
            "duong dan",
            "lien ket",
        ],
        against: &[],
    },
];

/// Up to where the recognizers of this room have looked in the text under way, so that no byte is looked at twice.
#[derive(Default)]
pub(crate) struct Seen {
    /// The end of the last URL or e-mail address that counts: what lies before belongs to it.
    covered: usize,
    /// The end of the last URL that was looked at, whether it counts or not.
    url: usize,
    /// The end of the last run of a name's characters.
    name: usize,
    /// The end of the last run of hexadecimal digits and colons.
    colons: usize,
    /// The end of the last IPv6 or MAC address, which may hold what looks like an IPv4 address.
    address: usize,
    /// The end of the last run of digits and dots.
    dotted: usize,
    /// The end of the last run of groups with hyphens.
    hyphens: usize,
    /// The end of the last IPv4 address: a range or list may go on after it.
    ipv4: usize,
    /// The end of the last version or section: another one is likely to follow in its line.
    version: usize,
    /// The end of the last domain that counts: a list may go on after it.
    domain: usize,
}

/// Looks at an `@`.
pub(crate) fn at_sign(text: &str, at: usize, seen: &mut Seen, offers: &mut Offers<'_>) {
    if at >= seen.covered {
        email::find(text, at, seen, offers);
    }
}

/// Looks at a `:`.
pub(crate) fn colon(text: &str, at: usize, seen: &mut Seen, offers: &mut Offers<'_>) {
    if at < seen.covered {
        return;
    }
    if text.as_bytes()[at + 1..].starts_with(b"//") {
        url::with_scheme(text, at, seen, offers);
    } else if at >= seen.colons {
        ipv6::find(text, at, seen, offers);
    }
}

/// Looks at a dot that a letter or digit follows.
pub(crate) fn dot(text: &str, at: usize, seen: &mut Seen, offers: &mut Offers<'_>) {
    if at < seen.covered || at < seen.name {
        return;
    }
    let mut start = name::start(text, at, seen.name.max(seen.covered));
    if start == at {
        // A dot in front of a name: `*.example.com`.
        start = at + 1;
    }
    let end = name::end(text, start.max(at));
    seen.name = end;
    if mac::dotted(text, start, end, offers) {
        return;
    }
    if url::with_www(text, start, end, seen, offers) {
        return;
    }
    domain::find(text, start, end, seen, offers);
}

/// Looks at `start..end`, a maximal run of ASCII letters and digits with a digit in it. Runs come from left to right, each
/// once.
pub(crate) fn word(text: &str, start: usize, end: usize, seen: &mut Seen, offers: &mut Offers<'_>) {
    if start < seen.covered || start < seen.address {
        return;
    }
    if text[..start].ends_with('%') && text[start..].starts_with("40") {
        email::find_encoded(text, start, seen, offers);
    }
    match (end - start, text.as_bytes().get(end)) {
        (1..=3, Some(b'.')) => ipv4::find(text, start, end, seen, offers),
        (2, _) => mac::hyphens(text, start, end, seen, offers),
        (12, _) => mac::plain(text, start, end, offers),
        _ => {}
    }
}

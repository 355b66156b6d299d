//! Addresses of clients as the log has them: near enough to see where trouble comes from, not near enough to
//! tell who it was.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The address without its last octet (IPv4) or its last 80 bits (IPv6), which leaves what an
/// access provider gives to one site. An IPv4 address written as IPv6 is one of IPv4.
pub(crate) fn masked(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            IpAddr::V4(Ipv4Addr::new(a, b, c, 0))
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests;

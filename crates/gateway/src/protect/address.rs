//! Which addresses are let in.

use std::net::IpAddr;

use http::StatusCode;
use ipnet::{IpNet, Ipv4Net};
use portcullis_config::AccessConfig;

use super::Denial;

/// Networks that are let in and networks that are not. An IPv4 address that is written as IPv6
/// (`::ffff:192.0.2.1`) counts as the IPv4 address, in a request and in the settings.
#[derive(Debug, Clone, Default)]
pub struct AddressRules {
    allow: Vec<IpNet>,
    deny: Vec<IpNet>,
}

impl AddressRules {
    /// The rules of a policy.
    #[must_use]
    pub fn new(config: &AccessConfig) -> AddressRules {
        AddressRules {
            allow: canonical(&config.allow),
            deny: canonical(&config.deny),
        }
    }

    /// Whether `client` is let in: not when `deny` names it; otherwise when `allow` names it or is
    /// empty.
    #[must_use]
    pub fn admits(&self, client: IpAddr) -> bool {
        if names(&self.deny, client) {
            return false;
        }
        self.allow.is_empty() || names(&self.allow, client)
    }

    /// As [`AddressRules::admits`].
    ///
    /// # Errors
    ///
    /// What to answer to a client that is not let in.
    pub fn check(&self, client: IpAddr) -> Result<(), Denial> {
        match self.admits(client) {
            true => Ok(()),
            false => Err(Denial {
                status: StatusCode::FORBIDDEN,
                kind: "urn:portcullis:problem:address-not-admitted",
                title: "Not open to this address",
                detail: "this route is not open to the address that the request comes from",
                cause: "address",
                headers: Vec::new(),
            }),
        }
    }
}

/// The networks, those within `::ffff:0:0/96` as IPv4 networks.
pub(super) fn canonical(networks: &[IpNet]) -> Vec<IpNet> {
    let canonical = networks.iter().map(|network| match network {
        IpNet::V6(v6) => {
            let prefix = v6.prefix_len().checked_sub(96);
            let mapped = v6.network().to_ipv4_mapped();
            let v4 = mapped.zip(prefix);
            let v4 = v4.and_then(|(address, prefix)| Ipv4Net::new(address, prefix).ok());
            v4.map_or(*network, IpNet::V4)
        }
        IpNet::V4(_) => *network,
    });
    canonical.collect()
}

/// Whether one of the networks, as [`canonical`] makes them, has the address.
pub(super) fn names(networks: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}

#[cfg(test)]
mod tests;

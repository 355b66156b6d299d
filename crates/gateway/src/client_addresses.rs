//! How many connections each client address has, over all workers.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// The network that counts as one client: an IPv4 address, or the first 64 bits of an IPv6 address, which
/// one household or machine usually has to itself (RFC 6177).
fn client_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(network))
        }
    }
}

/// Connections by client.
#[derive(Debug, Default)]
pub(crate) struct ClientAddresses {
    open: Mutex<HashMap<IpAddr, u32>>,
}

/// One connection that counts, until it is dropped.
#[derive(Debug)]
pub(crate) struct Counted {
    addresses: Arc<ClientAddresses>,
    client: IpAddr,
}

impl ClientAddresses {
    /// Counts another connection, unless the client has `max` already.
    pub(crate) fn count(self: &Arc<Self>, address: IpAddr, max: u32) -> Option<Counted> {
        let client = client_of(address);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(client).or_default();
        if *count >= max {
            return None;
        }
        *count += 1;
        let addresses = Arc::clone(self);
        Some(Counted { addresses, client })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let open = &self.addresses.open;
        let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests;

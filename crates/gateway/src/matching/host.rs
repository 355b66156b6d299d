//! The host of a request in the one form in which hosts are compared.

use std::borrow::Cow;
use std::net::Ipv6Addr;

/// The longest name that DNS knows (RFC 1035, 2.3.4), without the dot at its end.
const NAME_BYTES_MAX: usize = 253;

/// A host in lower case, without port and without a dot at its end; an IPv6 address in brackets and in
/// its canonical form (RFC 5952). Only letters, digits, `-`, `_` and `.` are in it, and in an address `[`, `]`
/// and `:`; empty for a request of HTTP/1.0 without one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHost<'a>(Cow<'a, str>);

/// Why a text is not a host. RFC 9112, 3.2 asks for 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HostRefused {
    /// Nothing stands where the host should.
    #[error("the host is empty")]
    Empty,
    /// It is longer than a name can be.
    #[error("the host is longer than 253 characters")]
    TooLong,
    /// A part between dots is empty.
    #[error("the host has an empty part between dots")]
    EmptyLabel,
    /// It has a character that no host has.
    #[error("the host has a character other than letters, digits, `-`, `_` and `.`")]
    Character,
    /// What follows the colon is not a port.
    #[error("the host's port is not a number up to 65535")]
    Port,
    /// What stands in brackets is not an IPv6 address.
    #[error("the host is not an IPv6 address in brackets")]
    Address,
}

impl<'a> RequestHost<'a> {
    /// Reads the value of a `Host` header, or an authority: a host with or without a port.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &'a str) -> Result<RequestHost<'a>, HostRefused> {
        if let Some(rest) = text.strip_prefix('[') {
            let (address, rest) = rest.split_once(']').ok_or(HostRefused::Address)?;
            check_port(rest)?;
            let address: Ipv6Addr = address.parse().map_err(|_| HostRefused::Address)?;
            return Ok(RequestHost(Cow::Owned(format!("[{address}]"))));
        }
        let colon = text.bytes().position(|byte| byte == b':');
        let (name, port) = text.split_at(colon.unwrap_or(text.len()));
        check_port(port)?;
        let name = name.strip_suffix('.').unwrap_or(name);
        RequestHost::name(name)
    }

    /// The host of a request that has none, as HTTP/1.0 allows: only routes for all hosts take it.
    pub fn absent() -> RequestHost<'static> {
        RequestHost(Cow::Borrowed(""))
    }

    /// Reads a host of the settings, where an IPv6 address may stand without brackets.
    pub(super) fn of_pattern(text: &'a str) -> Result<RequestHost<'a>, HostRefused> {
        match text.parse::<Ipv6Addr>() {
            Ok(address) => Ok(RequestHost(Cow::Owned(format!("[{address}]")))),
            Err(_) => RequestHost::read(text),
        }
    }

    /// The host.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn name(name: &'a str) -> Result<RequestHost<'a>, HostRefused> {
        if name.is_empty() {
            return Err(HostRefused::Empty);
        }
        if name.len() > NAME_BYTES_MAX {
            return Err(HostRefused::TooLong);
        }
        let mut has_capitals = false;
        let mut before = b'.';
        for byte in name.bytes() {
            match byte {
                b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => {}
                b'A'..=b'Z' => has_capitals = true,
                b'.' if before == b'.' => return Err(HostRefused::EmptyLabel),
                b'.' => {}
                _ => return Err(HostRefused::Character),
            }
            before = byte;
        }
        match (before, has_capitals) {
            (b'.', _) => Err(HostRefused::EmptyLabel),
            (_, true) => Ok(RequestHost(Cow::Owned(name.to_ascii_lowercase()))),
            (_, false) => Ok(RequestHost(Cow::Borrowed(name))),
        }
    }
}

/// Checks what follows the host: nothing, or a colon and a port, which RFC 3986, 3.2.3 allows to be empty.
fn check_port(text: &str) -> Result<(), HostRefused> {
    if text.is_empty() {
        return Ok(());
    }
    let port = text.strip_prefix(':').ok_or(HostRefused::Port)?;
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    match digits && (port.is_empty() || port.parse::<u16>().is_ok()) {
        true => Ok(()),
        false => Err(HostRefused::Port),
    }
}

#[cfg(test)]
mod tests;

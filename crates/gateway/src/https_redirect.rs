//! Requests in plain text that are sent to TLS.
//!
//! Every one of them is, whatever it is for: to serve some in plain text would be what the redirect is to
//! prevent. The status is 308, so the method and the body stay (RFC 9110, 15.4.9). Clients that do not
//! follow redirects (gRPC, WebSocket) see a failure that names the right place. An ACME challenge alone
//! is answered before (RFC 8555, 8.3).

use http::header::{HOST, HeaderValue};
use http::request;

use crate::matching::RequestHost;
use crate::protect::Scheme;
use crate::refusal::Refusal;
use crate::tls::Tls;

/// The port that `https` has by itself.
const HTTPS_PORT: u16 = 443;

/// The request names no host to which it could be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HostMissing;

/// Where a request in plain text is sent; `None` where the settings ask for no redirect, or the client spoke
/// TLS, to the gateway or to a trusted proxy before it.
///
/// # Errors
/// When it cannot be said where to send the request.
pub(crate) fn location(
    tls: Option<&Tls>,
    scheme: Scheme,
    head: &request::Parts,
) -> Result<Option<HeaderValue>, Refusal> {
    let port = tls.and_then(Tls::redirect_port);
    let Some(port) = port.filter(|_| scheme == Scheme::Http) else {
        return Ok(None);
    };
    let location = https_redirect(head, port).map_err(|_| Refusal::HostMissing)?;
    Ok(Some(location))
}

/// The value of `Location` for a request in plain text: its own host, path and query, over TLS at `port`,
/// which is left out if it is 443.
///
/// # Errors
/// When the request has no host, more than one, or one that is none.
pub(crate) fn https_redirect(head: &request::Parts, port: u16) -> Result<HeaderValue, HostMissing> {
    let mut headers = head.headers.get_all(HOST).iter();
    let header = headers.next().and_then(|value| value.to_str().ok());
    if headers.next().is_some() {
        return Err(HostMissing);
    }
    let authority = head.uri.authority().map(|authority| authority.as_str());
    let host = authority.or(header).ok_or(HostMissing)?;
    let host = RequestHost::read(host).map_err(|_| HostMissing)?;
    let mut location = format!("https://{}", host.as_str());
    if port != HTTPS_PORT {
        location.push_str(&format!(":{port}"));
    }
    // `OPTIONS *` is about the whole server, and has no path.
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    if path.starts_with('/') {
        location.push_str(path);
    }
    HeaderValue::from_str(&location).map_err(|_| HostMissing)
}

#[cfg(test)]
mod tests;

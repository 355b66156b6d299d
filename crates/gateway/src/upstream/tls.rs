//! TLS to servers.

/// What TLS connections to the servers of an upstream are made with.
#[derive(Debug)]
pub(crate) struct UpstreamTlsClient;

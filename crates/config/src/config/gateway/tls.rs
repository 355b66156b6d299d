//! TLS towards clients.

use std::net::SocketAddr;
use std::path::PathBuf;

/// TLS towards clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsConfig {
    /// Where clients connect with TLS; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Certificates. Which one a client gets is decided by the name that it asks for; the first one is
    /// for those that ask for none.
    pub certificates: Vec<CertificateConfig>,
    /// Certificates that are fetched and renewed from an authority.
    pub acme: Option<AcmeConfig>,
    /// The oldest version that is spoken.
    pub version_min: TlsVersion,
    /// Certificates of clients.
    pub clients: ClientCertificates,
    /// Whether requests in plain text are answered with a redirect to `https`.
    pub redirect: bool,
}

/// A certificate in files. They are read again when they change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateConfig {
    /// The chain, a PEM file, absolute.
    pub chain_file: PathBuf,
    /// The private key, a PEM file, absolute.
    pub key_file: PathBuf,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    V12,
    /// TLS 1.3 (RFC 8446).
    V13,
}

/// Whether clients show a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientCertificates {
    /// They are not asked.
    Off,
    /// They are asked, and those without one are let in.
    Optional {
        /// The authorities to believe, a PEM file, absolute.
        ca_file: PathBuf,
    },
    /// Those without a good one are not let in.
    Required {
        /// The authorities to believe, a PEM file, absolute.
        ca_file: PathBuf,
    },
}

/// An authority that gives certificates by ACME (RFC 8555).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcmeConfig {
    /// The URL of its directory.
    pub directory: String,
    /// A PEM file with the authorities to believe when it is asked, absolute; `None` takes the system's.
    pub ca_file: Option<PathBuf>,
    /// Whom it may write to, such as `mailto:ops@example.org`.
    pub contact: Option<String>,
    /// The names that the certificate is for; at least one.
    pub hosts: Vec<String>,
    /// How it is shown that they are ours.
    pub challenge: AcmeChallenge,
}

/// How an ACME authority is shown that a name is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcmeChallenge {
    /// A file under `/.well-known/acme-challenge/` on port 80 (RFC 8555, 8.3).
    Http01,
    /// A certificate of its own on port 443 (RFC 8737).
    TlsAlpn01,
}

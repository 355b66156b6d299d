//! What the data path needs: the certificate in force, and the answers to challenges that are open.
//!
//! Handshakes and requests only read here; the keeper alone writes. Without an open challenge a handshake
//! pays one load for it, and a request nothing but a look at the beginning of its path.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use arc_swap::{ArcSwap, ArcSwapOption};
use http::{Method, request};
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::ClientHello;
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use super::error::AcmeError;
use crate::tls::Tls;

/// Where an authority looks for the answer of an HTTP-01 challenge (RFC 8555, 8.3).
const WELL_KNOWN: &str = "/.well-known/acme-challenge/";
/// The protocol that an authority asks for in a TLS-ALPN-01 challenge (RFC 8737).
const ALPN: &[u8] = b"acme-tls/1";
/// The length of a SHA-256.
const DIGEST_BYTES: usize = 32;

/// The certificate in force and the open challenges.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    certificate: ArcSwapOption<CertifiedKey>,
    open: ArcSwap<Open>,
    /// It was told that a handshake was refused for want of a certificate.
    told: AtomicBool,
}

/// Answers to challenges.
#[derive(Debug, Clone, Default)]
struct Open {
    /// HTTP-01: key authorizations by token.
    tokens: HashMap<String, String>,
    /// TLS-ALPN-01: what a handshake is made with, by name.
    names: HashMap<String, Arc<ServerConfig>>,
}

/// The challenges of one order, which are open until this is dropped.
pub(super) struct OpenChallenges<'a>(pub(super) &'a Answers);

impl Answers {
    /// The certificate in force.
    pub(crate) fn certificate(&self) -> Option<Arc<CertifiedKey>> {
        self.certificate.load_full()
    }

    /// Puts a certificate in force.
    pub(super) fn install(&self, pair: Arc<CertifiedKey>) {
        self.certificate.store(Some(pair));
    }

    /// Takes note that a handshake is refused because there is no certificate yet; tells it once.
    pub(crate) fn tell_refused(&self) {
        if !self.told.swap(true, Relaxed) {
            tracing::warn!(
                "TLS handshakes are refused until the ACME authority has given the first certificate"
            );
        }
    }

    /// Whether a handshake may be a challenge's.
    pub(crate) fn may_be_asked(&self) -> bool {
        !self.open.load().names.is_empty()
    }

    /// What a challenge's handshake is made with; `None` for any other handshake.
    ///
    /// An authority offers the one protocol and names the host (RFC 8737, 3).
    pub(crate) fn for_handshake(&self, hello: &ClientHello<'_>) -> Option<Arc<ServerConfig>> {
        let mut protocols = hello.alpn()?;
        if protocols.next() != Some(ALPN) || protocols.next().is_some() {
            return None;
        }
        let name = hello.server_name()?.to_ascii_lowercase();
        self.open.load().names.get(&name).cloned()
    }

    /// What a request for a path gets in answer to a challenge.
    fn for_path(&self, path: &str) -> Option<String> {
        let token = path.strip_prefix(WELL_KNOWN)?;
        self.open.load().tokens.get(token).cloned()
    }

    fn change(&self, change: impl FnOnce(&mut Open)) {
        let mut open = Open::clone(&self.open.load());
        change(&mut open);
        self.open.store(Arc::new(open));
    }
}

impl OpenChallenges<'_> {
    /// Opens an HTTP-01 challenge.
    pub(super) fn answer_http(&self, token: &str, authorization: &str) {
        self.0.change(|open| {
            open.tokens
                .insert(token.to_owned(), authorization.to_owned());
        });
    }

    /// Opens a TLS-ALPN-01 challenge. `digest` is the SHA-256 of its key authorization.
    ///
    /// # Errors
    /// When its certificate cannot be made.
    pub(super) fn answer_tls(&self, host: &str, digest: &[u8]) -> Result<(), AcmeError> {
        let config = Arc::new(challenge_config(host, digest)?);
        let name = host.to_ascii_lowercase();
        self.0.change(|open| {
            open.names.insert(name, config);
        });
        Ok(())
    }
}

impl Drop for OpenChallenges<'_> {
    fn drop(&mut self) {
        self.0.change(|open| *open = Open::default());
    }
}

/// The answer to a request that is an authority's HTTP-01 challenge; `None` for every other request, and
/// for tokens that are not ours, which are the routes' business.
pub(crate) fn answer_challenge(tls: Option<&Tls>, head: &request::Parts) -> Option<String> {
    // Nearly every request ends here.
    let path = head.uri.path();
    if !path.starts_with(WELL_KNOWN) || !matches!(head.method, Method::GET | Method::HEAD) {
        return None;
    }
    let authorization = tls?.answers()?.for_path(path)?;
    tracing::info!("an ACME challenge was asked for and answered");
    Some(authorization)
}

/// What a TLS-ALPN-01 handshake is made with: a certificate of its own, that one protocol, and nothing asked
/// of the client (RFC 8737, 3).
fn challenge_config(host: &str, digest: &[u8]) -> Result<ServerConfig, AcmeError> {
    let make = |error: rcgen::Error| AcmeError::Make(error.into());
    // What makes the extension does not check it.
    if digest.len() != DIGEST_BYTES {
        return Err(AcmeError::Make("the digest is no SHA-256".into()));
    }
    let mut params = CertificateParams::new([host.to_owned()]).map_err(make)?;
    params.distinguished_name = DistinguishedName::new();
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let key = KeyPair::generate().map_err(make)?;
    let certificate = params.self_signed(&key).map_err(make)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let key = ring::sign::any_ecdsa_type(&key).map_err(AcmeError::Tls)?;
    // Not read: the extension is critical, and nobody but ACME knows it.
    let pair = CertifiedKey::new(vec![certificate.der().clone()], key);
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(AcmeError::Tls)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(pair)));
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.send_tls13_tickets = 0;
    Ok(config)
}

#[cfg(test)]
mod tests;

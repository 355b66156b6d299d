//! A certificate that was kept, or that just came.

use std::sync::Arc;

use portcullis_config::AcmeConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;
use webpki::EndEntityCert;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::store::SavedCertificate;

/// A certificate that can be used.
pub(super) struct Certificate {
    pub(super) saved: SavedCertificate,
    /// For handshakes.
    pub(super) pair: Arc<CertifiedKey>,
    /// The beginning of its life, milliseconds since the Unix epoch.
    pub(super) from_ms: u64,
    /// The end of its life.
    pub(super) until_ms: u64,
}

impl Certificate {
    /// Reads the chain and the key.
    ///
    /// # Errors
    /// What is wrong, without anything of the key.
    pub(super) fn read(saved: SavedCertificate) -> Result<Certificate, String> {
        let chain = CertificateDer::pem_slice_iter(saved.chain_pem.as_bytes());
        let chain: Vec<_> = chain
            .collect::<Result<_, _>>()
            .map_err(|_| "the chain is not PEM".to_owned())?;
        let key = PrivateKeyDer::from_pem_slice(saved.key_pem.as_bytes())
            .map_err(|_| "the key is not PEM".to_owned())?;
        let end = chain.first().ok_or("the chain is empty")?;
        let (_, parsed) = X509Certificate::from_der(end)
            .map_err(|error| format!("its certificate cannot be read: {error}"))?;
        let ms = |seconds: i64| u64::try_from(seconds).unwrap_or(0).saturating_mul(1_000);
        let validity = parsed.validity();
        let from_ms = ms(validity.not_before.timestamp());
        let until_ms = ms(validity.not_after.timestamp());
        for host in &saved.hosts {
            if !is_for(end, host) {
                return Err(format!("it is not valid for `{host}`"));
            }
        }
        let pair = CertifiedKey::from_der(chain, key, &ring::default_provider())
            .map_err(|error| format!("the certificate and the key do not fit: {error}"))?;
        Ok(Certificate {
            saved,
            pair: Arc::new(pair),
            from_ms,
            until_ms,
        })
    }

    /// Whether it is what the settings ask for.
    pub(super) fn is_as_asked(&self, config: &AcmeConfig) -> bool {
        self.saved.directory == config.directory && self.saved.hosts == config.hosts
    }

    /// The certificate itself, first of the chain.
    pub(super) fn end(&self) -> Option<&CertificateDer<'static>> {
        self.pair.cert.first()
    }
}

/// Whether a certificate is valid for a name.
fn is_for(end: &CertificateDer<'_>, host: &str) -> bool {
    let Ok(name) = ServerName::try_from(host) else {
        return false;
    };
    EndEntityCert::try_from(end)
        .is_ok_and(|end| end.verify_is_valid_for_subject_name(&name).is_ok())
}

#[cfg(test)]
mod tests;

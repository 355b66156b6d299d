//! Until when certificates are valid.

use portcullis_config::CertificateConfig;
use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::chain;

/// Until when a certificate is valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expiry {
    /// Its file.
    pub(crate) file: String,
    /// Seconds since the Unix epoch.
    pub(crate) not_after_s: i64,
}

/// The certificates of the settings, as their files are now. One that cannot be read is left out.
pub(super) fn expiries(files: &[CertificateConfig]) -> Vec<Expiry> {
    let files = files.iter().map(|pair| &pair.chain_file);
    files
        .filter_map(|file| {
            let chain = chain(file).ok()?;
            Some(Expiry {
                file: file.display().to_string(),
                not_after_s: not_after_s(chain.first()?)?,
            })
        })
        .collect()
}

/// The end of a certificate's life in seconds since the Unix epoch; `None` if it is no certificate.
fn not_after_s(certificate: &CertificateDer<'_>) -> Option<i64> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    Some(certificate.validity().not_after.timestamp())
}

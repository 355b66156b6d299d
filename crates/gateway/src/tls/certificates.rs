//! Which certificate a client gets.

use std::sync::Arc;

use portcullis_config::CertificateConfig;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use webpki::EndEntityCert;

use super::{TlsError, chain, key};

/// Certificates with their keys. The first one that is valid for the name that a client asks for is
/// taken, and the first one of all for clients that ask for none, or for a name that none has: the
/// client then says what it thinks of it.
#[derive(Debug)]
pub(super) struct Certificates(Vec<Arc<CertifiedKey>>);

impl Certificates {
    pub(super) fn read(files: &[CertificateConfig]) -> Result<Certificates, TlsError> {
        let provider = ring::default_provider();
        let mut read = Vec::with_capacity(files.len());
        for CertificateConfig {
            chain_file,
            key_file,
        } in files
        {
            let (chain, key) = (chain(chain_file)?, key(key_file)?);
            let pair = CertifiedKey::from_der(chain, key, &provider);
            read.push(Arc::new(pair.map_err(|source| TlsError::Pair {
                chain: chain_file.clone(),
                key: key_file.clone(),
                source,
            })?));
        }
        if read.is_empty() {
            return Err(TlsError::NoCertificate);
        }
        Ok(Certificates(read))
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let asked = hello
            .server_name()
            .and_then(|name| ServerName::try_from(name).ok());
        let fits = |pair: &&Arc<CertifiedKey>| {
            let (Some(name), Ok(end)) = (&asked, pair.end_entity_cert()) else {
                return false;
            };
            EndEntityCert::try_from(end)
                .is_ok_and(|end| end.verify_is_valid_for_subject_name(name).is_ok())
        };
        self.0.iter().find(fits).or(self.0.first()).cloned()
    }
}

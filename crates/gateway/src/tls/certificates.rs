//! Which certificate a client gets.

use std::path::Path;
use std::sync::Arc;

use portcullis_config::CertificateConfig;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use webpki::EndEntityCert;

use super::{TlsError, chain, key};
use crate::acme::Answers;

/// Certificates with their keys. The first one that is valid for the name that a client asks for is
/// taken, and the first one of all for clients that ask for none, or for a name that none has: the
/// client then says what it thinks of it.
///
/// The one that was fetched by ACME comes first for its own names, and last for all others. Until it is
/// there those in files stand in for it; without any the handshake is refused.
#[derive(Debug)]
pub(super) struct Certificates {
    files: Vec<Arc<CertifiedKey>>,
    fetched: Option<Arc<Answers>>,
}

impl Certificates {
    pub(super) fn read(
        files: &[CertificateConfig],
        fetched: Option<Arc<Answers>>,
    ) -> Result<Certificates, TlsError> {
        let pairs = files.iter();
        let pairs = pairs.map(|files| pair(&files.chain_file, &files.key_file).map(Arc::new));
        let read: Vec<_> = pairs.collect::<Result<_, _>>()?;
        if read.is_empty() && fetched.is_none() {
            return Err(TlsError::NoCertificate);
        }
        Ok(Certificates {
            files: read,
            fetched,
        })
    }
}

/// Reads a certificate with its chain and its key, as the gateway does before it uses them: what fails here would
/// fail there.
///
/// # Errors
/// One of the files cannot be read, is something else, or they do not fit each other.
pub fn examine_certificate(chain_file: &Path, key_file: &Path) -> Result<(), TlsError> {
    pair(chain_file, key_file).map(|_| ())
}

fn pair(chain_file: &Path, key_file: &Path) -> Result<CertifiedKey, TlsError> {
    let (chain, key) = (chain(chain_file)?, key(key_file)?);
    let pair = CertifiedKey::from_der(chain, key, &ring::default_provider());
    pair.map_err(|source| TlsError::Pair {
        chain: chain_file.to_owned(),
        key: key_file.to_owned(),
        source,
    })
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
        let fetched = self.fetched.as_ref();
        let fetched_pair = fetched.and_then(|answers| answers.certificate());
        let by_name = fetched_pair.iter().chain(&self.files).find(fits);
        let chosen = by_name.or(self.files.first()).cloned().or(fetched_pair);
        if let (None, Some(answers)) = (&chosen, fetched) {
            answers.tell_refused();
        }
        chosen
    }
}

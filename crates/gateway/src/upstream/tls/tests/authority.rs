//! An authority of the test's own, and what it signed, as PEM files in a folder.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

pub(crate) struct Authority {
    folder: tempfile::TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Authority {
        let folder = tempfile::tempdir().expect("folder");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "Test authority");
        let key = KeyPair::generate().expect("key");
        let own = params.self_signed(&key).expect("certificate");
        replace(&folder.path().join("ca.pem"), &own.pem());
        let issuer = Issuer::new(params, key);
        Authority { folder, issuer }
    }

    /// The file with the authority's own certificate.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Signs a certificate for a name or an IP address, and writes it and its key.
    pub(crate) fn sign(&self, name: &str) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().expect("key");
        let mut params = CertificateParams::new([name.to_owned()]).expect("name");
        params.distinguished_name.push(DnType::CommonName, name);
        let signed = params.signed_by(&key, &self.issuer).expect("certificate");
        let file = |end: &str| self.folder.path().join(format!("{name}.{end}"));
        let pair = (file("pem"), file("key"));
        replace(&pair.0, &signed.pem());
        replace(&pair.1, &key.serialize_pem());
        pair
    }
}

/// Puts a file in the place of another at once, as tools that renew certificates do.
pub(crate) fn replace(file: &Path, text: &str) {
    let fresh = file.with_extension("fresh");
    std::fs::write(&fresh, text).expect("written");
    std::fs::rename(&fresh, file).expect("renamed");
}

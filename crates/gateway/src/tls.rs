//! TLS towards clients: certificates by name, read again when their files change.
//!
//! - A bad file never takes effect: whoever starts is told, and whoever runs keeps what it has.
//! - Certificates and authorities are replaced as a whole. A handshake sees the old set or the new one;
//!   connections that are open stay as they are.
//! - Session tickets keep their keys over a reload, so clients can resume, but not over a change of whom
//!   certificates of clients are believed from: a resumed session shows no certificate, so it would be believed by
//!   what was true before. A session is resumed only for the name that it was begun for, and one rule for
//!   certificates of clients holds for all names.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use portcullis_config::{ClientCertificates, TlsConfig, TlsVersion};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ProducesTickets, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor};

use crate::acme::Answers;

mod certificates;
mod expiry;

use certificates::Certificates;
pub use certificates::examine_certificate;
use expiry::Life;
pub(crate) use expiry::{EndsTold, Expiry};

/// The protocols that are offered, the better one first (RFC 7301).
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// What of TLS cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or is no PEM file of the right kind.
    #[error("{} cannot be read as {what}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
        /// What is wrong with it.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// A file has nothing in it.
    #[error("{} has no certificate in it", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A key does not belong to its certificate, or cannot be used.
    #[error("the certificate {} and the key {} do not fit", chain.display(), key.display())]
    Pair {
        /// The chain's file.
        chain: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong.
        #[source]
        source: rustls::Error,
    },
    /// An authority's certificate cannot be used.
    #[error("{} has an authority that cannot be used", path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is no certificate.
    #[error("TLS needs at least one certificate")]
    NoCertificate,
    /// The system has no authorities.
    #[error("the system has no authorities to believe; give a PEM file as `ca` under `tls`")]
    NoSystemAuthority,
    /// The TLS library refuses.
    #[error("TLS cannot be set up")]
    Setup(#[source] rustls::Error),
}

/// TLS as all workers share it.
#[derive(Debug)]
pub(crate) struct Tls {
    told: ArcSwap<Told>,
    current: ArcSwap<ServerConfig>,
    /// Of the certificates in files.
    lives: ArcSwap<Vec<Life>>,
    /// What comes from an ACME authority, if one is asked.
    answers: Option<Arc<Answers>>,
    /// The port to which requests in plain text are redirected.
    redirect_port: Option<u16>,
}

/// What it was told to be.
#[derive(Debug)]
struct Told {
    settings: TlsConfig,
    /// Who signs for clients, as it was read from the file.
    authorities: Vec<CertificateDer<'static>>,
    tickets: Arc<dyn ProducesTickets>,
}

/// When each file was changed last, to notice that one was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Versions(Vec<(PathBuf, Option<(SystemTime, u64)>)>);

/// Settings, and what was read for them.
pub(crate) struct Prepared {
    told: Told,
    config: ServerConfig,
}

impl Tls {
    /// Reads certificates, keys and authorities.
    ///
    /// # Errors
    /// When one of them cannot be used.
    pub(crate) fn load(settings: TlsConfig) -> Result<Tls, TlsError> {
        let tickets = ring::Ticketer::new().map_err(TlsError::Setup)?;
        let answers = settings.acme.as_ref().map(|_| Arc::<Answers>::default());
        let told = Told {
            authorities: client_authorities(&settings.clients)?,
            settings,
            tickets,
        };
        let current = configure(&told, answers.clone())?;
        Ok(Tls {
            lives: ArcSwap::from_pointee(expiry::lives(&told.settings.certificates)),
            told: ArcSwap::from_pointee(told),
            current: ArcSwap::from_pointee(current),
            answers,
            redirect_port: None,
        })
    }

    /// Takes note of where TLS is spoken, which is where requests in plain text are redirected to if the
    /// settings say so.
    #[must_use]
    pub(crate) fn at_port(mut self, port: Option<u16>) -> Tls {
        self.redirect_port = port.filter(|_| self.told.load().settings.redirect);
        self
    }

    /// The port to which requests in plain text are redirected; `None` where they are served.
    pub(crate) fn redirect_port(&self) -> Option<u16> {
        self.redirect_port
    }

    /// What comes from an ACME authority, if one is asked.
    pub(crate) fn answers(&self) -> Option<&Arc<Answers>> {
        self.answers.as_ref()
    }

    /// Shakes hands with a client; `None` when it was an ACME authority that wanted no more than that.
    ///
    /// # Errors
    /// When the handshake fails.
    pub(crate) async fn accept(
        &self,
        stream: TcpStream,
    ) -> std::io::Result<Option<TlsStream<TcpStream>>> {
        let answers = self
            .answers
            .as_ref()
            .filter(|answers| answers.may_be_asked());
        let Some(answers) = answers else {
            let accepted = TlsAcceptor::from(self.current.load_full()).accept(stream);
            return accepted.await.map(Some);
        };
        let begun = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream).await?;
        let Some(challenge) = answers.for_handshake(&begun.client_hello()) else {
            let accepted = begun.into_stream(self.current.load_full());
            return accepted.await.map(Some);
        };
        let mut stream = begun.into_stream(challenge).await?;
        tracing::info!("an ACME challenge was asked for and answered");
        // Nothing else may come over it (RFC 8737, 3).
        stream.shutdown().await?;
        Ok(None)
    }

    /// Reads everything again; what cannot be used does not take effect.
    ///
    /// # Errors
    /// As [`Tls::load`].
    pub(crate) fn reload(&self) -> Result<(), TlsError> {
        let settings = self.told.load().settings.clone();
        self.put_in_force(self.prepare(settings)?);
        Ok(())
    }

    /// Whether these settings differ from those in force only in what can be replaced: certificates, the lowest
    /// version, and certificates of clients. The address, the redirect and the ACME authority are for a start.
    pub(crate) fn takes(before: &TlsConfig, settings: &TlsConfig) -> bool {
        let kept =
            |settings: &TlsConfig| (settings.listen, settings.redirect, settings.acme.clone());
        kept(before) == kept(settings)
    }

    /// Reads everything that these settings name. Nothing takes effect yet.
    ///
    /// # Errors
    /// As [`Tls::load`].
    pub(crate) fn prepare(&self, settings: TlsConfig) -> Result<Prepared, TlsError> {
        let before = self.told.load();
        let authorities = client_authorities(&settings.clients)?;
        // Nobody may resume a session that was begun when less was asked of clients, or others were believed.
        let is_same =
            before.settings.clients == settings.clients && before.authorities == authorities;
        let tickets = match is_same {
            true => Arc::clone(&before.tickets),
            false => ring::Ticketer::new().map_err(TlsError::Setup)?,
        };
        let told = Told {
            settings,
            authorities,
            tickets,
        };
        let config = configure(&told, self.answers.clone())?;
        Ok(Prepared { told, config })
    }

    /// From now on handshakes are made with these.
    pub(crate) fn put_in_force(&self, prepared: Prepared) {
        let Prepared { told, config } = prepared;
        let lives = expiry::lives(&told.settings.certificates);
        self.current.store(Arc::new(config));
        self.lives.store(Arc::new(lives));
        self.told.store(Arc::new(told));
    }

    /// Until when the certificates that are shown to clients are valid.
    pub(crate) fn expiries(&self) -> Arc<Vec<Expiry>> {
        Arc::new(self.lives().iter().map(Life::expiry).collect())
    }

    /// Warns of certificates that are nearly over, unless that was done not long ago.
    pub(crate) fn tell_ends(&self, told: &mut EndsTold, now_ms: u64) {
        told.tell(&self.lives(), now_ms);
    }

    /// Of the certificates in files, and of the one that came by ACME.
    fn lives(&self) -> Vec<Life> {
        let answers = self.answers.as_ref();
        let fetched = answers.and_then(|answers| answers.certificate());
        let fetched = fetched.as_ref().and_then(|pair| pair.cert.first());
        let mut lives = Vec::clone(&self.lives.load());
        lives.extend(fetched.and_then(Life::by_acme));
        lives
    }

    /// The files as they are now.
    pub(crate) fn versions(&self) -> Versions {
        let told = self.told.load();
        let settings = &told.settings;
        let pairs = settings.certificates.iter();
        let mut files: Vec<&Path> = pairs
            .flat_map(|pair| [pair.chain_file.as_path(), pair.key_file.as_path()])
            .collect();
        match &settings.clients {
            ClientCertificates::Off => {}
            ClientCertificates::Optional { ca_file } | ClientCertificates::Required { ca_file } => {
                files.push(ca_file);
            }
        }
        Versions::of(files.into_iter())
    }
}

impl Versions {
    /// Some files as they are now.
    pub(crate) fn of<'a>(files: impl Iterator<Item = &'a Path>) -> Versions {
        let version = |file: &Path| {
            let found = std::fs::metadata(file).ok()?;
            Some((found.modified().ok()?, found.len()))
        };
        Versions(files.map(|file| (file.to_owned(), version(file))).collect())
    }
}

fn configure(told: &Told, answers: Option<Arc<Answers>>) -> Result<ServerConfig, TlsError> {
    let settings = &told.settings;
    let versions: &[&SupportedProtocolVersion] = match settings.version_min {
        TlsVersion::V12 => &[&rustls::version::TLS13, &rustls::version::TLS12],
        TlsVersion::V13 => &[&rustls::version::TLS13],
    };
    let certificates = Certificates::read(&settings.certificates, answers)?;
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .map_err(TlsError::Setup)?;
    let mut config = match verifier(&settings.clients, &told.authorities)? {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    }
    .with_cert_resolver(Arc::new(certificates));
    config.alpn_protocols = PROTOCOLS.iter().map(|name| name.to_vec()).collect();
    config.ticketer = Arc::clone(&told.tickets);
    // Some data of a resumed session could be replayed, so none is taken early (RFC 8446, 8).
    config.max_early_data_size = 0;
    Ok(config)
}

/// Who signs for clients; nobody where no certificates are asked for.
fn client_authorities(
    clients: &ClientCertificates,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    match clients {
        ClientCertificates::Off => Ok(Vec::new()),
        ClientCertificates::Optional { ca_file } | ClientCertificates::Required { ca_file } => {
            chain(ca_file)
        }
    }
}

fn verifier(
    clients: &ClientCertificates,
    authorities: &[CertificateDer<'static>],
) -> Result<Option<Arc<dyn ClientCertVerifier>>, TlsError> {
    let (ca_file, optional) = match clients {
        ClientCertificates::Off => return Ok(None),
        ClientCertificates::Optional { ca_file } => (ca_file, true),
        ClientCertificates::Required { ca_file } => (ca_file, false),
    };
    let provider = Arc::new(ring::default_provider());
    let roots = Arc::new(root_store(ca_file, authorities.to_vec())?);
    let mut builder = WebPkiClientVerifier::builder_with_provider(roots, provider);
    if optional {
        builder = builder.allow_unauthenticated();
    }
    let built = builder.build().map_err(|source| TlsError::Authority {
        path: ca_file.clone(),
        source: source.into(),
    })?;
    Ok(Some(built))
}

/// The authorities of a PEM file.
///
/// # Errors
/// When it cannot be read, or has one that cannot be used.
pub(crate) fn authorities(path: &Path) -> Result<RootCertStore, TlsError> {
    root_store(path, chain(path)?)
}

/// What `path` has, as authorities.
fn root_store(
    path: &Path,
    certificates: Vec<CertificateDer<'static>>,
) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots
            .add(certificate)
            .map_err(|source| TlsError::Authority {
                path: path.to_owned(),
                source: source.into(),
            })?;
    }
    Ok(roots)
}

/// The certificates of a PEM file, in its order; at least one.
pub(crate) fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unreadable = |source| TlsError::File {
        path: path.to_owned(),
        what: "a PEM file with certificates",
        source,
    };
    let certificates = CertificateDer::pem_file_iter(path).map_err(unreadable)?;
    let chain: Vec<_> = certificates.collect::<Result<_, _>>().map_err(unreadable)?;
    if chain.is_empty() {
        return Err(TlsError::Empty {
            path: path.to_owned(),
        });
    }
    Ok(chain)
}

/// The private key of a PEM file.
pub(crate) fn key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(path).map_err(|source| TlsError::File {
        path: path.to_owned(),
        what: "a PEM file with a private key",
        source,
    })
}

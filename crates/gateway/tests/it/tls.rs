//! TLS towards clients, with curl as the client and certificates made for the test.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use portcullis_config::{CertificateConfig, ClientCertificates, TlsConfig, TlsVersion};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;

use crate::rig::{Rig, arm};
use crate::service::Service;

/// An authority of the test's own, and what it signed, as PEM files in a folder.
pub(crate) struct Authority {
    folder: tempfile::TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Authority {
        let folder = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "Test authority");
        let key = KeyPair::generate().unwrap();
        let own = params.self_signed(&key).unwrap();
        std::fs::write(folder.path().join("ca.pem"), own.pem()).unwrap();
        let issuer = Issuer::new(params, key);
        Authority { folder, issuer }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Signs a certificate for a name, and writes it and its key.
    pub(crate) fn sign(&self, file: &str, name: &str) -> CertificateConfig {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        let signed = params.signed_by(&key, &self.issuer).unwrap();
        let pair = CertificateConfig {
            chain_file: self.path(&format!("{file}.pem")),
            key_file: self.path(&format!("{file}.key")),
        };
        replace(&pair.chain_file, &signed.pem());
        replace(&pair.key_file, &key.serialize_pem());
        pair
    }

    pub(crate) fn settings(&self, certificates: Vec<CertificateConfig>) -> TlsConfig {
        TlsConfig {
            listen: "127.0.0.1:0".parse().unwrap(),
            certificates,
            acme: None,
            version_min: TlsVersion::V12,
            clients: ClientCertificates::Off,
            redirect: false,
        }
    }

    pub(crate) async fn rig(&self, service: &Service, tls: TlsConfig) -> Rig {
        let rig = Rig::start_with(|settings| settings.tls = Some(tls));
        rig.split(&arm("1.0", service), None, 0).await;
        rig
    }

    /// Asks for a path of `host`; the connection goes to the gateway whatever the name.
    pub(crate) async fn curl(&self, rig: &Rig, host: &str, path: &str, more: &[&str]) -> Output {
        let address = rig.gateway.as_ref().unwrap().tls_address().unwrap();
        let mut command = Command::new("curl");
        command
            .args(["--silent", "--show-error", "--max-time", "20", "--cacert"])
            .arg(self.path("ca.pem"))
            .args(["--connect-to", &format!("::{address}")])
            .args(more)
            .arg(format!("https://{host}{path}"))
            .stdin(Stdio::null());
        let asked = tokio::task::spawn_blocking(move || command.output().unwrap());
        asked.await.unwrap()
    }
}

/// Puts a file in the place of another at once, as tools that renew certificates do.
fn replace(file: &Path, text: &str) {
    let fresh = file.with_extension("fresh");
    std::fs::write(&fresh, text).unwrap();
    std::fs::rename(&fresh, file).unwrap();
}

fn said(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&text).into_owned()
}

/// What curl tells of the connection.
const TOLD: &str = "\n%{http_version} %{http_code}";

#[tokio::test]
async fn both_protocols_are_spoken_over_tls() {
    let (service, authority) = (Service::start("old"), Authority::new());
    let pair = authority.sign("shop", "shop.example");
    let rig = authority
        .rig(&service, authority.settings(vec![pair]))
        .await;
    for (option, version) in [("--http1.1", "1.1"), ("--http2", "2")] {
        let more = [option, "--write-out", TOLD];
        let answer = authority
            .curl(&rig, "shop.example", "/headers", &more)
            .await;
        let said = said(&answer);
        assert!(said.contains("x-forwarded-proto: https\n"), "{said}");
        assert!(said.contains("host: shop.example\n"), "{said}");
        assert!(said.ends_with(&format!("\n{version} 200")), "{said}");
        let more = [option, "--data-binary", "hello"];
        let answer = authority.curl(&rig, "shop.example", "/echo", &more).await;
        assert_eq!(answer.stdout, b"hello");
    }
    // Plain text is served beside it.
    assert_eq!(rig.get("/who").await.text().await.unwrap(), "old");
}

#[tokio::test]
async fn each_name_gets_its_own_certificate() {
    let (service, authority) = (Service::start("old"), Authority::new());
    let pairs = vec![
        authority.sign("shop", "shop.example"),
        authority.sign("wild", "*.wild.example"),
    ];
    let rig = authority.rig(&service, authority.settings(pairs)).await;
    for host in ["shop.example", "a.wild.example", "b.wild.example"] {
        let answer = authority.curl(&rig, host, "/who", &[]).await;
        assert_eq!(answer.stdout, b"old", "{host}: {}", said(&answer));
    }
    // For a name that no certificate has, the client refuses the first one.
    let answer = authority.curl(&rig, "other.example", "/who", &[]).await;
    assert_eq!(answer.status.code(), Some(60), "{}", said(&answer));
}

#[tokio::test]
async fn certificates_are_read_again_and_bad_ones_are_not_used() {
    let (service, authority) = (Service::start("old"), Authority::new());
    let pair = authority.sign("shop", "shop.example");
    let rig = authority
        .rig(&service, authority.settings(vec![pair.clone()]))
        .await;
    let works = async |host: &str| {
        let answer = authority.curl(&rig, host, "/who", &[]).await;
        answer.stdout == b"old"
    };
    assert!(works("shop.example").await);
    // A file that is broken off, and a key that is another certificate's.
    let good = std::fs::read_to_string(&pair.chain_file).unwrap();
    replace(&pair.chain_file, &good[..good.len() / 2]);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(works("shop.example").await);
    replace(&pair.chain_file, &good);
    replace(
        &pair.key_file,
        &KeyPair::generate().unwrap().serialize_pem(),
    );
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(works("shop.example").await);
    // A good pair takes effect.
    authority.sign("shop", "renewed.example");
    let renewed = async {
        while !works("renewed.example").await {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), renewed)
        .await
        .unwrap();
    assert!(!works("shop.example").await);
}

#[tokio::test]
async fn old_versions_are_refused_where_new_ones_are_asked_for() {
    let (service, authority) = (Service::start("old"), Authority::new());
    let pair = authority.sign("shop", "shop.example");
    for (version_min, works) in [(TlsVersion::V12, true), (TlsVersion::V13, false)] {
        let mut settings = authority.settings(vec![pair.clone()]);
        settings.version_min = version_min;
        let rig = authority.rig(&service, settings).await;
        let more = ["--tls-max", "1.2"];
        let answer = authority.curl(&rig, "shop.example", "/who", &more).await;
        assert_eq!(answer.stdout == b"old", works, "{}", said(&answer));
        let answer = authority
            .curl(&rig, "shop.example", "/who", &["--tlsv1.3"])
            .await;
        assert_eq!(answer.stdout, b"old", "{}", said(&answer));
    }
}

#[tokio::test]
async fn certificates_of_clients_are_asked_for_as_configured() {
    let (service, authority) = (Service::start("old"), Authority::new());
    let (pair, client) = (
        authority.sign("shop", "shop.example"),
        authority.sign("client", "client"),
    );
    let stranger = Authority::new();
    let foreign = stranger.sign("client", "client");
    let ca_file = authority.path("ca.pem");
    let own = [
        "--cert",
        client.chain_file.to_str().unwrap(),
        "--key",
        client.key_file.to_str().unwrap(),
    ];
    let others = [
        "--cert",
        foreign.chain_file.to_str().unwrap(),
        "--key",
        foreign.key_file.to_str().unwrap(),
    ];
    let optional = ClientCertificates::Optional {
        ca_file: ca_file.clone(),
    };
    let required = ClientCertificates::Required { ca_file };
    for (clients, without) in [(optional, true), (required, false)] {
        let mut settings = authority.settings(vec![pair.clone()]);
        settings.clients = clients;
        let rig = authority.rig(&service, settings).await;
        let works = async |more: &[&str]| {
            let answer = authority.curl(&rig, "shop.example", "/who", more).await;
            answer.stdout == b"old"
        };
        assert!(works(&own).await);
        assert_eq!(works(&[]).await, without);
        assert!(
            !works(&others).await,
            "an unknown authority is never believed"
        );
    }
}

/// A client that keeps its sessions, for one version of TLS.
fn resuming(
    authority: &Authority,
    pair: &CertificateConfig,
    version: &'static rustls::SupportedProtocolVersion,
) -> TlsConnector {
    let mut roots = rustls::RootCertStore::empty();
    let ca = CertificateDer::from_pem_file(authority.path("ca.pem")).unwrap();
    roots.add(ca).unwrap();
    let chain = vec![CertificateDer::from_pem_file(&pair.chain_file).unwrap()];
    let key = PrivateKeyDer::from_pem_file(&pair.key_file).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key);
    TlsConnector::from(Arc::new(config.unwrap()))
}

/// What came over a new connection.
#[derive(Debug)]
struct Asked {
    text: String,
    /// The gateway's certificate.
    certificate: CertificateDer<'static>,
    is_resumed: bool,
}

async fn ask_over_tls(client: &TlsConnector, rig: &Rig) -> std::io::Result<Asked> {
    let address = rig.gateway.as_ref().unwrap().tls_address().unwrap();
    let stream = tokio::net::TcpStream::connect(address).await?;
    let name = ServerName::try_from("shop.example").unwrap();
    let mut stream = client.connect(name, stream).await?;
    let request = b"GET /who HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    let tls = stream.get_ref().1;
    Ok(Asked {
        text,
        certificate: tls.peer_certificates().unwrap()[0].clone(),
        is_resumed: tls.handshake_kind() == Some(rustls::HandshakeKind::Resumed),
    })
}

async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let limit = Duration::from_secs(20);
    tokio::time::timeout(limit, waiting).await.expect(what);
}

#[tokio::test]
async fn no_session_of_a_client_outlives_the_authority_that_signed_for_it() {
    let service = Service::start("old");
    let (authority, stranger) = (Authority::new(), Authority::new());
    let pair = authority.sign("shop", "shop.example");
    let (before, after) = (
        authority.sign("client", "client"),
        stranger.sign("client", "client"),
    );
    let believed = authority.path("clients.pem");
    let text = |authority: &Authority| std::fs::read_to_string(authority.path("ca.pem")).unwrap();
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        for is_required in [true, false] {
            replace(&believed, &text(&authority));
            let mut settings = authority.settings(vec![pair.clone()]);
            let ca_file = believed.clone();
            settings.clients = match is_required {
                true => ClientCertificates::Required { ca_file },
                false => ClientCertificates::Optional { ca_file },
            };
            let rig = authority.rig(&service, settings).await;
            let known = resuming(&authority, &before, version);
            let first = ask_over_tls(&known, &rig).await.unwrap();
            assert!(first.text.ends_with("old"), "{}", first.text);
            // Another certificate for the gateway itself costs nobody the session.
            authority.sign("shop", "shop.example");
            eventually("the gateway's certificate is replaced", async || {
                let other = resuming(&authority, &before, version);
                ask_over_tls(&other, &rig).await.unwrap().certificate != first.certificate
            })
            .await;
            let again = ask_over_tls(&known, &rig).await.unwrap();
            assert!(again.is_resumed, "{version:?}");
            replace(&believed, &text(&stranger));
            eventually("the other authority is believed", async || {
                let other = resuming(&authority, &after, version);
                ask_over_tls(&other, &rig).await.is_ok()
            })
            .await;
            let asked = ask_over_tls(&known, &rig).await;
            assert!(asked.is_err(), "{version:?}, {is_required}: {asked:?}");
        }
    }
}

#[tokio::test]
async fn sockets_of_both_kinds_are_handed_over() {
    let (service, authority) = (Service::start("old"), Authority::new());
    let pair = authority.sign("shop", "shop.example");
    let folder = tempfile::tempdir().unwrap();
    let mut settings = crate::rig::settings(folder.path().join("splits.json"));
    settings.tls = Some(authority.settings(vec![pair]));
    let mut first = Rig::start_settings(settings.clone());
    first.split(&arm("1.0", &service), None, 0).await;
    let gateway = first.gateway.take().unwrap();
    let addresses = (gateway.listen_address(), gateway.tls_address());
    let sockets = gateway.listeners().unwrap();
    gateway.release_control().await;
    let second = portcullis_gateway::Gateway::start_on(settings, sockets).unwrap();
    assert_eq!((second.listen_address(), second.tls_address()), addresses);
    gateway.stop(Duration::from_secs(5)).await;
    first.gateway = Some(second);
    let answer = authority.curl(&first, "shop.example", "/who", &[]).await;
    assert_eq!(answer.stdout, b"old", "{}", said(&answer));
}

#[test]
fn what_cannot_be_used_is_named() {
    let authority = Authority::new();
    let pair = authority.sign("shop", "shop.example");
    let other = authority.sign("other", "other.example");
    let start = |certificates| {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = crate::rig::settings(folder.path().join("splits.json"));
        settings.tls = Some(authority.settings(certificates));
        let mut error: &dyn std::error::Error =
            &portcullis_gateway::Gateway::start(settings).unwrap_err();
        let mut text = error.to_string();
        while let Some(source) = error.source() {
            text.push_str(&format!(": {source}"));
            error = source;
        }
        text
    };
    let missing = CertificateConfig {
        chain_file: authority.path("nowhere.pem"),
        ..pair.clone()
    };
    let text = start(vec![missing]);
    assert!(
        text.contains("nowhere.pem cannot be read as a PEM file with certificates"),
        "{text}"
    );
    let crossed = CertificateConfig {
        key_file: other.key_file,
        ..pair.clone()
    };
    let text = start(vec![crossed]);
    assert!(
        text.contains("shop.pem") && text.contains("do not fit"),
        "{text}"
    );
    let swapped = CertificateConfig {
        chain_file: pair.key_file.clone(),
        key_file: pair.key_file,
    };
    let text = start(vec![swapped]);
    assert!(text.contains("shop.key has no certificate in it"), "{text}");
    assert!(start(Vec::new()).contains("at least one certificate"));
}

//! Figures over HTTPS, from a real TLS server and a real Prometheus with a password.

use std::path::PathBuf;
use std::sync::Arc;

use portcullis_driver::{CheckClient, PrometheusHistory};
use portcullis_rollout::{Authorization, FigureOrder, FigureSource};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::authority::{Authority, Pair};
use crate::prometheus_server::PrometheusServer;

const HOST: &str = "127.0.0.1";
const OURS: &str = "Test authority";

/// A server over TLS that answers every request with the same document.
struct SecurePages {
    port: u16,
    task: tokio::task::JoinHandle<()>,
}

impl SecurePages {
    async fn start(pair: &Pair) -> SecurePages {
        let chain = CertificateDer::pem_file_iter(&pair.chain).unwrap();
        let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_file(&pair.key).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind((HOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        match stream.read_u8().await {
                            Ok(byte) => head.push(byte),
                            Err(_) => return,
                        }
                    }
                    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n{\"queue\": 7}";
                    let _ = stream.write_all(answer.as_bytes()).await;
                    let _ = stream.shutdown().await;
                });
            }
        });
        SecurePages { port, task }
    }

    fn source(&self, host: &str, ca: Option<PathBuf>) -> FigureSource {
        FigureSource::Json {
            url: format!("https://{host}:{}/page", self.port),
            pointer: "/queue".to_owned(),
            fresh: None,
            authorization: None,
            ca,
        }
    }
}

impl Drop for SecurePages {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn read(source: FigureSource) -> Result<f64, String> {
    let order = FigureOrder {
        name: "figure".to_owned(),
        source,
        timeout_ms: 10_000,
        folder: std::env::temp_dir(),
    };
    CheckClient::new().unwrap().figure(&order).await
}

#[tokio::test]
async fn a_server_whose_authority_is_trusted_gives_a_number() {
    let authority = Authority::new(OURS);
    for host in [HOST, "localhost"] {
        let pages = SecurePages::start(&authority.sign(host)).await;
        let figure = read(pages.source(host, Some(authority.ca()))).await;
        assert_eq!(figure, Ok(7.0), "{host}");
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_right_is_no_data_and_says_why() {
    let authority = Authority::new(OURS);
    let (other, namesake) = (Authority::new("Another"), Authority::new(OURS));
    let pages = SecurePages::start(&authority.sign(HOST)).await;
    let why = async |source| read(source).await.unwrap_err();

    let unknown = why(pages.source(HOST, Some(other.ca()))).await;
    assert!(
        unknown.contains("is of an unknown authority: none of") && unknown.contains("ca.pem"),
        "{unknown}"
    );
    let namesake = why(pages.source(HOST, Some(namesake.ca()))).await;
    assert!(
        namesake.contains("only by one of the same name"),
        "{namesake}"
    );
    // The system's authorities did not sign it either, if it has any.
    let system = why(pages.source(HOST, None)).await;
    assert!(system.contains("with `ca`"), "{system}");

    let named = SecurePages::start(&authority.sign("app.example")).await;
    let named = why(named.source(HOST, Some(authority.ca()))).await;
    assert_eq!(
        named,
        "the certificate of the server is for app.example and not for 127.0.0.1"
    );
    let expired = SecurePages::start(&authority.sign_old(HOST)).await;
    let expired = why(expired.source(HOST, Some(authority.ca()))).await;
    assert_eq!(
        expired,
        "the certificate of 127.0.0.1 has expired on 2020-01-02T00:00:00Z"
    );

    let nothing = why(pages.source(HOST, Some("/nowhere/ca.pem".into()))).await;
    assert!(nothing.starts_with("the authorities in /nowhere/ca.pem cannot be read"));
    let empty = tempfile::NamedTempFile::new().unwrap();
    let empty = why(pages.source(HOST, Some(empty.path().to_owned()))).await;
    assert!(empty.ends_with("has no certificate in it (PEM)"), "{empty}");
}

#[tokio::test]
async fn a_server_without_tls_is_told_from_one_that_is_gone() {
    let listener = TcpListener::bind((HOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let plain = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
        }
    });
    let authority = Authority::new(OURS);
    let source = |port| FigureSource::Json {
        url: format!("https://{HOST}:{port}/"),
        pointer: String::new(),
        fresh: None,
        authorization: None,
        ca: Some(authority.ca()),
    };
    let why = read(source(port)).await.unwrap_err();
    assert_eq!(
        why,
        "127.0.0.1 does not speak TLS there; is it an http:// URL?"
    );
    plain.abort();
    let _ = plain.await;
    let why = read(source(port)).await.unwrap_err();
    assert!(why.starts_with("could not connect: "), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_over_https_with_a_password_gives_figures_and_its_past() {
    let authority = Authority::new(OURS);
    let pages = axum::Router::new().route("/metrics", axum::routing::get(async || "queue 3\n"));
    let listener = TcpListener::bind((HOST, 0)).await.unwrap();
    let target = listener.local_addr().unwrap().to_string();
    let task = tokio::spawn(async move { axum::serve(listener, pages).await.unwrap() });
    let server = PrometheusServer::start_secure(&target, &authority.sign(HOST)).await;
    let source = |authorization, ca| FigureSource::Prometheus {
        url: server.url(),
        query: "queue".to_owned(),
        label: None,
        release: String::new(),
        max_age_ms: Some(60_000),
        authorization,
        ca,
    };
    let ana = Authorization::Basic {
        user: "ana".to_owned(),
        password: "text:s3cret".to_owned(),
    };
    let right = source(Some(ana.clone()), Some(authority.ca()));
    server.until_it_has(&right).await;
    assert_eq!(read(right).await, Ok(3.0));
    let nobody = read(source(None, Some(authority.ca()))).await.unwrap_err();
    assert!(nobody.contains("401"), "{nobody}");
    let untrusted = read(source(Some(ana), None)).await.unwrap_err();
    assert!(untrusted.contains("with `ca`"), "{untrusted}");
    // Asked over plain HTTP it says itself what is wrong.
    let FigureSource::Prometheus { url, .. } = source(None, None) else {
        panic!()
    };
    let plain = FigureSource::Prometheus {
        url: url.replace("https:", "http:"),
        query: "queue".to_owned(),
        label: None,
        release: String::new(),
        max_age_ms: None,
        authorization: None,
        ca: None,
    };
    let plain = read(plain).await.unwrap_err();
    assert!(plain.contains("HTTPS server"), "{plain}");

    // The past, with the user in the URL as `gate backtest` may be given it.
    let with_user = server.url().replace("https://", "https://ana:s3cret@");
    let now_ms = jiff::Timestamp::now().as_millisecond() as u64;
    let range = (now_ms - 60_000, now_ms);
    let history = PrometheusHistory::new(&with_user, None, Some(authority.ca()));
    let series = history.range("queue", range, 1_000).await.unwrap();
    assert_eq!(series.len(), 1);
    assert!(series[0].points.iter().all(|(_, value)| *value == 3.0));
    let history = PrometheusHistory::new(&with_user, None, None);
    let why = history.range("queue", range, 1_000).await.unwrap_err();
    let why = why.to_string();
    assert!(
        why.contains("with `ca`") && !why.contains("s3cret"),
        "{why}"
    );
    task.abort();
}

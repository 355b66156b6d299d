use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

fn answer(headers: &[(&'static str, &str)], body: &str) -> Answer {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(*name, value.parse().unwrap());
    }
    Answer {
        status: StatusCode::OK,
        headers: map,
        body: Bytes::copy_from_slice(body.as_bytes()),
    }
}

const WELCOME: &str = r#"{"welcome":"Dify OpenAPI","api_version":"v1","server_version":"0.15.8"}"#;

#[test]
fn the_header_comes_first_and_a_welcome_that_differs_is_told() {
    let both = answer(&[("x-version", "1.7.0"), ("x-env", "PRODUCTION")], WELCOME);
    let found = of_welcome(&both).unwrap();
    assert_eq!(found.version.as_deref(), Some("1.7.0"));
    assert_eq!(found.source, Some(VersionSource::Header));
    assert_eq!(found.otherwise.as_deref(), Some("0.15.8"));
    let found = of_welcome(&answer(&[], WELCOME)).unwrap();
    assert_eq!(
        (found.source, found.table, found.is_exact),
        (Some(VersionSource::Welcome), DifyVersion::V0_15, true)
    );
}

#[test]
fn a_version_header_alone_is_not_dify() {
    assert_eq!(of_welcome(&answer(&[("x-version", "1.7.0")], "{}")), None);
    assert!(of_welcome(&answer(&[("x-version", "1.7.0"), ("x-env", "P")], "<html>")).is_some());
    let nothing = of_welcome(&answer(&[], r#"{"welcome":"Dify OpenAPI"}"#)).unwrap();
    assert_eq!((nothing.version, nothing.table), (None, DifyVersion::V1));
    assert_eq!(
        of_health(&answer(&[], r#"{"status":"ok","version":"1.7.0"}"#)),
        None
    );
    let health = r#"{"pid":1,"status":"ok","version":"1.7.0"}"#;
    let found = of_health(&answer(&[], health)).unwrap();
    assert_eq!(found.source, Some(VersionSource::Health));
}

#[test]
fn urls_lead_to_the_server_whether_they_name_the_api_or_not() {
    for url in [
        "http://dify:5001",
        "http://dify:5001/",
        "http://dify:5001/v1",
        "http://dify:5001/v1/",
    ] {
        assert_eq!(base(url).unwrap().to_string(), "http://dify:5001/");
    }
    assert_eq!(
        base("https://example.com/ai/v1").unwrap().to_string(),
        "https://example.com/ai/"
    );
    for bad in [
        "dify",
        "ftp://dify",
        "http://dify/?a=b",
        "http://u:secret@dify/",
        "",
    ] {
        let error = base(bad).unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }
}

/// An authority's certificate, and TLS for `localhost` by it.
fn authority() -> (String, TlsAcceptor) {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &Issuer::new(ca, ca_key)).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            key.serialize_der().try_into().unwrap(),
        );
    (ca_pem, TlsAcceptor::from(Arc::new(config.unwrap())))
}

#[tokio::test]
async fn a_server_with_tls_is_believed_by_the_authority_that_is_given_and_by_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let (ca, acceptor) = authority();
    let (ca_file, other_file) = (
        folder.path().join("ca.pem"),
        folder.path().join("other.pem"),
    );
    std::fs::write(&ca_file, ca).unwrap();
    std::fs::write(&other_file, authority().0).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "https://localhost:{}/v1",
        listener.local_addr().unwrap().port()
    );
    let server = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).await;
            let text = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{WELCOME}",
                WELCOME.len()
            );
            let _ = stream.write_all(text.as_bytes()).await;
        }
    });
    let question = |ca_file| DifyQuestion {
        url: &url,
        ca_file: Some(ca_file),
        key: None,
        timeout_ms: 10_000,
    };
    let found = detect_dify(question(&ca_file)).await.unwrap();
    assert_eq!(found.version.as_deref(), Some("0.15.8"));
    let error = detect_dify(question(&other_file)).await.unwrap_err();
    assert!(matches!(error, DetectError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("certificate"), "{error}");
    server.abort();
}

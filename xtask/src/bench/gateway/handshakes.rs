//! A new TLS connection for each request: with a full handshake, or with a resumed session (TLS 1.3).

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, RootCertStore, StreamOwned};

use super::http1::Connection;
use super::saturation::Load;
use super::stand::small;
use crate::bench::clock;
use crate::bench::figures::Spread;

/// Clients at once.
const CLIENTS: usize = 8;
/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a client knows of the proxies' certificate.
///
/// # Errors
/// When the certificate in the folder cannot be read.
pub fn trusting(folder: &Path, protocols: &[&[u8]]) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(
        folder.join("certificate.pem"),
    )?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Ok(config)
}

/// The name in the certificate.
pub fn server_name() -> Result<ServerName<'static>> {
    Ok(ServerName::try_from("localhost")?)
}

/// Opens connections for so many seconds, each for one request.
///
/// # Errors
/// When one fails, or a session is not resumed that should be.
pub fn run(address: SocketAddr, folder: &Path, resumed: bool, seconds: u32) -> Result<Load> {
    let begun = clock::now();
    let end = begun + Duration::from_secs(u64::from(seconds));
    let mut threads = Vec::new();
    for _ in 0..CLIENTS {
        // Sessions of its own for each, so that every client resumes its own.
        let mut config = trusting(folder, &[b"http/1.1"])?;
        if !resumed {
            config.resumption = Resumption::disabled();
        }
        let config = Arc::new(config);
        threads.push(std::thread::spawn(move || {
            shake_hands(address, &config, resumed, end)
        }));
    }
    let mut took_ms = Vec::new();
    for thread in threads {
        let part = thread.join().map_err(|_| anyhow!("a client panicked"))?;
        took_ms.extend(part.context("TLS handshakes")?);
    }
    let seconds = begun.elapsed().as_secs_f64();
    let (requests, spread) = (took_ms.len() as u64, Spread::new(took_ms));
    Ok(Load {
        requests,
        seconds,
        p50_ms: spread.quantile_ms(0.5),
        p99_ms: spread.quantile_ms(0.99),
        errors: None,
    })
}

fn shake_hands(
    address: SocketAddr,
    config: &Arc<ClientConfig>,
    resumed: bool,
    end: Instant,
) -> Result<Vec<f64>> {
    let request = "GET /small HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let expected = small();
    let mut took_ms = Vec::new();
    let mut first = true;
    while clock::now() < end {
        let begun = clock::now();
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let secure = ClientConnection::new(Arc::clone(config), server_name()?)?;
        let mut connection = Connection::new(StreamOwned::new(secure, stream));
        connection.expect(request.as_bytes(), expected.as_bytes())?;
        took_ms.push(clock::ms_since(begun));
        let kind = connection.stream().conn.handshake_kind();
        let was_resumed = kind == Some(HandshakeKind::Resumed);
        // The first of a client has nothing to resume.
        ensure!(
            first || was_resumed == resumed,
            "a handshake was {kind:?}, resumed should be {resumed}"
        );
        first = false;
    }
    Ok(took_ms)
}

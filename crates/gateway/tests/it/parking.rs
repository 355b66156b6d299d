//! Idle connections of HTTP/1.1 are parked after a second: clients must not be able to tell.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::rig::{Rig, arm};
use crate::service::Service;
use crate::tls::Authority;

const GET: &[u8] = b"GET /who HTTP/1.1\r\nHost: shop.example\r\n\r\n";
const POST: &[u8] = b"POST /echo HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 3\r\n\r\nold";

/// Longer than a connection must be idle to be parked, with the time that a busy machine takes.
const LONG_MS: u64 = 1_600;

/// Reads one answer whose body is `old`.
async fn answer(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\nold") {
        let mut byte = [0];
        let read = stream.read(&mut byte).await.unwrap();
        let text = String::from_utf8_lossy(&answer);
        assert!(read > 0, "closed after {text:?}");
        answer.extend_from_slice(&byte);
    }
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    answer
}

async fn pass(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

/// Requests in pieces and in pairs, `idle_ms` after the last answer.
async fn go_on(mut stream: impl AsyncRead + AsyncWrite + Unpin, idle_ms: u64) {
    for round in 0..3 {
        stream.write_all(GET).await.unwrap();
        answer(&mut stream).await;
        pass(idle_ms).await;
        let cut = 1 + (idle_ms as usize + round * 7) % (GET.len() - 1);
        stream.write_all(&GET[..cut]).await.unwrap();
        stream.flush().await.unwrap();
        pass(idle_ms % 3).await;
        let rest = [&GET[cut..], POST, GET, &GET[..cut]].concat();
        stream.write_all(&rest).await.unwrap();
        for _ in 0..3 {
            answer(&mut stream).await;
        }
        // The beginning of a request keeps the connection from being parked, and nothing of it is lost.
        pass(idle_ms).await;
        stream.write_all(&GET[cut..]).await.unwrap();
        answer(&mut stream).await;
        // What is read together with the end of a body is the beginning of a request, too.
        let both = [POST, &GET[..cut]].concat();
        stream.write_all(&both).await.unwrap();
        answer(&mut stream).await;
        pass(idle_ms).await;
        stream.write_all(&GET[cut..]).await.unwrap();
        answer(&mut stream).await;
    }
    pass(idle_ms).await;
    stream.shutdown().await.unwrap();
    assert_eq!(stream.read(&mut [0; 8]).await.unwrap_or(0), 0);
}

/// Moments around the one in which a connection is parked, one for each client.
fn moments_ms() -> impl Iterator<Item = u64> {
    (960..1_160).step_by(4)
}

#[tokio::test]
async fn nothing_is_lost_at_any_moment() {
    let service = Service::start("old");
    let rig = Rig::start();
    rig.split(&arm("1.0", &service), None, 0).await;
    let mut clients = tokio::task::JoinSet::new();
    for idle_ms in moments_ms() {
        let stream = TcpStream::connect(rig.listen).await.unwrap();
        stream.set_nodelay(true).unwrap();
        clients.spawn(go_on(stream, idle_ms));
    }
    while let Some(ended) = clients.join_next().await {
        ended.unwrap();
    }
}

#[tokio::test]
async fn nothing_is_lost_at_any_moment_with_tls() {
    let (service, authority) = (Service::start("old"), Authority::new());
    let pair = authority.sign("shop", "shop.example");
    let rig = authority
        .rig(&service, authority.settings(vec![pair]))
        .await;
    let address = rig.gateway.as_ref().unwrap().tls_address().unwrap();
    let mut roots = rustls::RootCertStore::empty();
    let root = CertificateDer::from_pem_file(authority.path("ca.pem")).unwrap();
    roots.add(root).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let mut clients = tokio::task::JoinSet::new();
    for idle_ms in moments_ms() {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let name = ServerName::try_from("shop.example").unwrap();
        let stream = connector.connect(name, stream).await.unwrap();
        clients.spawn(go_on(stream, idle_ms));
    }
    while let Some(ended) = clients.join_next().await {
        ended.unwrap();
    }
}

#[tokio::test]
async fn a_draining_gateway_answers_a_parked_client_and_closes() {
    let service = Service::start("old");
    let mut rig = Rig::start();
    rig.split(&arm("1.0", &service), None, 0).await;
    let mut streams = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(rig.listen).await.unwrap();
        stream.write_all(GET).await.unwrap();
        answer(&mut stream).await;
        streams.push(stream);
    }
    pass(LONG_MS).await;
    let mut gateway = rig.gateway.take().unwrap();
    gateway.retire(Duration::from_secs(3), Duration::from_secs(60));
    let stopping = tokio::spawn(gateway.stop(Duration::from_secs(60)));
    // Once new connections are refused, the gateway drains.
    while TcpStream::connect(rig.listen).await.is_ok() {
        tokio::task::yield_now().await;
    }
    streams[0].write_all(GET).await.unwrap();
    let last = answer(&mut streams[0]).await;
    assert!(last.contains("connection: close\r\n"), "{last}");
    for stream in &mut streams {
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap_or(0), 0);
    }
    let stopped = tokio::time::timeout(Duration::from_secs(20), stopping).await;
    assert_eq!(stopped.unwrap().unwrap(), 0);
}

#[tokio::test]
async fn parked_connections_count_until_their_client_leaves() {
    let service = Service::start("old");
    let rig = Rig::start_with(|settings| settings.clients.connections_per_address_max = 2);
    rig.split(&arm("1.0", &service), None, 0).await;
    let mut streams = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(rig.listen).await.unwrap();
        stream.write_all(GET).await.unwrap();
        answer(&mut stream).await;
        streams.push(stream);
    }
    pass(LONG_MS).await;
    let mut third = TcpStream::connect(rig.listen).await.unwrap();
    assert_eq!(third.read(&mut [0; 8]).await.unwrap_or(0), 0);
    // The gateway notices in no time, but not in none.
    streams.pop();
    let served = async {
        loop {
            let mut next = TcpStream::connect(rig.listen).await.unwrap();
            let written = next.write_all(GET).await;
            if written.is_ok() && next.read(&mut [0; 8]).await.unwrap_or(0) > 0 {
                break;
            }
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(10), served).await;
    assert!(in_time.is_ok());
}

#[tokio::test]
async fn a_parked_connection_can_change_its_protocol() {
    let service = Service::start("old");
    let rig = Rig::start();
    rig.split(&arm("1.0", &service), None, 0).await;
    let mut stream = TcpStream::connect(rig.listen).await.unwrap();
    stream.write_all(GET).await.unwrap();
    answer(&mut stream).await;
    pass(LONG_MS).await;
    // The first bytes of the new protocol come with the request, as of a client that knows the answer.
    let request = b"GET /switch HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade\r\n\
                    Upgrade: shout\r\n\r\nearly ";
    stream.write_all(request).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        assert_eq!(stream.read(&mut byte).await.unwrap(), 1);
        head.extend_from_slice(&byte);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "));
    // A tunnel is never parked.
    for _ in 0..2 {
        stream.write_all(b"bird").await.unwrap();
        pass(LONG_MS).await;
    }
    let mut answer = [0; 14];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"EARLY BIRDBIRD");
    assert_eq!(rig.arm("1.0").await.in_flight, 1);
    drop(stream);
    rig.arm_when("1.0", |arm| arm.in_flight == 0).await;
}

#[tokio::test]
async fn a_tunnel_counts_as_a_connection() {
    let service = Service::start("old");
    let rig = Rig::start_with(|settings| settings.clients.connections_per_address_max = 1);
    rig.split(&arm("1.0", &service), None, 0).await;
    let mut stream = TcpStream::connect(rig.listen).await.unwrap();
    let request = b"GET /switch HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade\r\n\
                    Upgrade: shout\r\n\r\n";
    stream.write_all(request).await.unwrap();
    assert!(stream.read(&mut [0; 1]).await.unwrap() > 0);
    let mut second = TcpStream::connect(rig.listen).await.unwrap();
    assert_eq!(second.read(&mut [0; 8]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn a_client_that_may_speak_http2_and_says_no_more_is_not_waited_for() {
    let service = Service::start("old");
    let rig = Rig::start_with(|settings| settings.clients.head_timeout_ms = 300);
    rig.split(&arm("1.0", &service), None, 0).await;
    let mut stream = TcpStream::connect(rig.listen).await.unwrap();
    stream.write_all(b"PR").await.unwrap();
    let mut rest = Vec::new();
    let closed = stream.read_to_end(&mut rest);
    let closed = tokio::time::timeout(Duration::from_secs(10), closed).await;
    assert!(closed.is_ok(), "the gateway waits");
}

#[tokio::test]
async fn an_http2_client_that_asks_for_nothing_has_the_idle_timeout() {
    let service = Service::start("old");
    let rig = Rig::start_with(|settings| settings.clients.idle_timeout_ms = 300);
    rig.split(&arm("1.0", &service), None, 0).await;
    let mut stream = TcpStream::connect(rig.listen).await.unwrap();
    // The preface and empty settings (RFC 9113, 3.4).
    let begin = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    stream.write_all(begin).await.unwrap();
    let mut said = Vec::new();
    let closed = stream.read_to_end(&mut said);
    let closed = tokio::time::timeout(Duration::from_secs(10), closed).await;
    assert!(closed.is_ok(), "the gateway waits");
    assert!(!said.is_empty(), "it did begin to speak HTTP/2");
}

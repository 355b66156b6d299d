//! A server that speaks TLS and sends back what it gets.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::{Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::WebPkiClientVerifier;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::super::{authorities, chain, key};

/// Starts a server that lives as long as the runtime; `protocols` is what it agrees to by ALPN. Returns its
/// address.
pub(crate) async fn start(pair: &(PathBuf, PathBuf), protocols: &[&[u8]]) -> String {
    start_asking(pair, protocols, None).await
}

/// [`start`], for clients with a certificate of an authority alone.
pub(crate) async fn start_asking(
    pair: &(PathBuf, PathBuf),
    protocols: &[&[u8]],
    clients: Option<&Path>,
) -> String {
    let acceptor = acceptor(pair, protocols, clients);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listener");
    let address = listener.local_addr().expect("address").to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else {
                    return;
                };
                let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                let (stream, service) = (TokioIo::new(stream), service_fn(answer));
                if is_http2 {
                    let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                    let _ = builder.serve_connection(stream, service).await;
                } else {
                    let builder = hyper::server::conn::http1::Builder::new();
                    let connection = builder.serve_connection(stream, service);
                    let _ = connection.with_upgrades().await;
                }
            });
        }
    });
    address
}

/// Starts a server whose one answer ends with its connection, which it closes as TLS has it or only
/// beneath.
pub(crate) async fn start_cutting(pair: &(PathBuf, PathBuf), says_goodbye: bool) -> String {
    let acceptor = acceptor(pair, &[], None);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listener");
    let address = listener.local_addr().expect("address").to_string();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("accepted");
        let mut stream = acceptor.accept(stream).await.expect("shaken");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            assert!(stream.read_buf(&mut head).await.expect("read") > 0);
        }
        let answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf";
        stream.write_all(answer).await.expect("written");
        stream.flush().await.expect("flushed");
        match says_goodbye {
            true => stream.shutdown().await.expect("ended"),
            false => stream.get_mut().0.shutdown().await.expect("cut"),
        }
    });
    address
}

fn acceptor(pair: &(PathBuf, PathBuf), protocols: &[&[u8]], clients: Option<&Path>) -> TlsAcceptor {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions");
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(ca_file) => {
            let roots = Arc::new(authorities(ca_file).expect("authority"));
            let provider = Arc::new(ring::default_provider());
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).build();
            builder.with_client_cert_verifier(verifier.expect("verifier"))
        }
    };
    let (chain, key) = (chain(&pair.0).expect("chain"), key(&pair.1).expect("key"));
    let mut config = builder.with_single_cert(chain, key).expect("pair");
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

async fn answer(
    mut request: Request<Incoming>,
) -> Result<Response<BoxBody<Bytes, hyper::Error>>, Infallible> {
    if request.uri().path() == "/target" {
        let target = Full::from(request.uri().to_string());
        return Ok(Response::new(
            target.map_err(|never| match never {}).boxed(),
        ));
    }
    if request.uri().path() != "/switch" {
        return Ok(Response::new(request.into_body().boxed()));
    }
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let mut stream = TokioIo::new(upgraded.await.expect("upgraded"));
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(count @ 1..) = stream.read(&mut buffer).await {
            buffer[..count].make_ascii_uppercase();
            if stream.write_all(&buffer[..count]).await.is_err() {
                return;
            }
        }
        let _ = stream.shutdown().await;
    });
    let answer = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header("connection", "upgrade")
        .header("upgrade", "shout");
    let body = Empty::new().map_err(|never| match never {}).boxed();
    Ok(answer.body(body).expect("answer"))
}

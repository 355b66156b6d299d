//! Users of HTTP/2 over TLS: several streams on each connection, and a new connection after some requests or
//! when the gateway says goodbye.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::handshakes::server_name;
use super::http1::Failure;
use super::stand::small;
use super::tally::{Manner, Tally};
use super::users::PATIENCE;

/// Streams at once on a connection.
const STREAMS: usize = 4;
/// Requests on each of them, after which there is a new connection.
const REQUESTS_EACH: u32 = 500;
/// After a failure.
const PAUSE: Duration = Duration::from_millis(10);

type Sender = SendRequest<Empty<Bytes>>;

/// Asks over so many connections until the tally is over.
pub async fn ask(
    address: SocketAddr,
    config: Arc<ClientConfig>,
    connections: usize,
    tally: Arc<Tally>,
) {
    let connector = TlsConnector::from(config);
    let users: Vec<_> = (0..connections)
        .map(|_| tokio::spawn(user(address, connector.clone(), Arc::clone(&tally))))
        .collect();
    for user in users {
        let _ = user.await;
    }
}

async fn user(address: SocketAddr, connector: TlsConnector, tally: Arc<Tally>) {
    while !tally.is_over() {
        let begun_ms = tally.now_ms();
        let opened = tokio::time::timeout(PATIENCE, connect(address, &connector)).await;
        let sender = match opened.unwrap_or_else(|_| Err(anyhow::anyhow!("took too long"))) {
            Ok(sender) => sender,
            Err(error) => {
                let failure = Failure::Unconnected(format!("{error:#}"));
                tally.note(Manner::Http2, begun_ms, Err(failure));
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let streams: Vec<_> = (0..STREAMS)
            .map(|_| tokio::spawn(streams(sender.clone(), Arc::clone(&tally))))
            .collect();
        drop(sender);
        for stream in streams {
            let _ = stream.await;
        }
    }
}

async fn connect(address: SocketAddr, connector: &TlsConnector) -> Result<Sender> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let stream = connector.connect(server_name()?, stream).await?;
    let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
    // How it ends is seen by the requests on it.
    tokio::spawn(async move { connection.await.ok() });
    Ok(sender)
}

async fn streams(mut sender: Sender, tally: Arc<Tally>) {
    let expected = small();
    for _ in 0..REQUESTS_EACH {
        // A connection that is closing takes no more requests: nothing was sent, nothing is lost.
        if tally.is_over() || sender.ready().await.is_err() {
            return;
        }
        let begun_ms = tally.now_ms();
        let asked = tokio::time::timeout(PATIENCE, once(&mut sender, &expected)).await;
        let outcome = asked.unwrap_or_else(|_| Err(Failure::Unanswered("too late".to_owned())));
        match outcome {
            Ok(false) => return,
            Ok(true) => tally.note(Manner::Http2, begun_ms, Ok(())),
            Err(failure) => {
                tally.note(Manner::Http2, begun_ms, Err(failure));
                tokio::time::sleep(PAUSE).await;
                return;
            }
        }
    }
}

/// Asks once; `false` when the request was not sent at all.
async fn once(sender: &mut Sender, expected: &str) -> Result<bool, Failure> {
    let request = Request::get("https://localhost/small").body(Empty::new());
    let request = request.map_err(|error| Failure::Wrong(error.to_string()))?;
    let answer = match sender.try_send_request(request).await {
        Ok(answer) => answer,
        Err(mut error) => {
            if error.take_message().is_some() {
                return Ok(false);
            }
            let error = error.into_error();
            let why = std::error::Error::source(&error).map(ToString::to_string);
            return Err(Failure::Unanswered(format!(
                "{error}: {}",
                why.unwrap_or_default()
            )));
        }
    };
    let status = answer.status();
    let body = answer.into_body().collect().await;
    let body = body.map_err(|error| Failure::Cut(error.to_string()))?;
    match status {
        StatusCode::OK if body.to_bytes() == expected.as_bytes() => Ok(true),
        StatusCode::OK => Err(Failure::Wrong("not the body that was expected".to_owned())),
        other => Err(Failure::Status(other.as_u16())),
    }
}

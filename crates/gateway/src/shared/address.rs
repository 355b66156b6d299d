//! Where the shared server is, and how a connection is made.

use std::path::PathBuf;
use std::sync::Arc;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo};
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use super::SharedError;
use crate::bounds::SHARED_QUEUE_MAX;

/// The server's address and what it is told at the beginning of a connection.
pub(super) struct Address {
    place: Place,
    greeting: RedisConnectionInfo,
    /// Host and port, or the path of a socket.
    pub(super) text: String,
}

enum Place {
    Tcp(String, u16),
    Tls(String, u16, Arc<ClientConfig>),
    Unix(PathBuf),
}

/// A connection, and the future that ends when it does.
pub(super) type Connected = (
    MultiplexedConnection,
    std::pin::Pin<Box<dyn Future<Output = ()> + Send>>,
);

impl Address {
    /// Reads a URL. `roots` are the certificates that a server under `rediss` is checked with; those of the
    /// system when there are none given.
    ///
    /// # Errors
    ///
    /// It is no such URL, or there are no certificates.
    pub(super) fn new(url: &str, roots: Option<RootCertStore>) -> Result<Address, SharedError> {
        let wrong = |reason| SharedError::Url { reason };
        if url.contains('#') {
            return Err(wrong("what follows `#` has no meaning here"));
        }
        // The client library parses `rediss` only with its own TLS.
        let (tls, plain) = match url.split_once("://") {
            Some(("rediss", rest)) => (true, format!("redis://{rest}")),
            Some(("redis" | "redis+unix", _)) => (false, url.to_owned()),
            _ => {
                return Err(wrong(
                    "it has to begin with redis://, rediss:// or redis+unix://",
                ));
            }
        };
        // Its error may quote the URL.
        let info = plain.as_str().into_connection_info();
        let info = info.map_err(|_| wrong("host, port, database or encoding"))?;
        let greeting = info.redis_settings().clone();
        if greeting.db() < 0 {
            return Err(wrong("the number of the database is negative"));
        }
        // It would take one more right on the server.
        let greeting = greeting.set_skip_set_lib_name();
        let (place, text) = match info.addr() {
            ConnectionAddr::Tcp(host, port) => {
                let text = match host.contains(':') {
                    true => format!("[{host}]:{port}"),
                    false => format!("{host}:{port}"),
                };
                let place = match tls {
                    true => Place::Tls(host.clone(), *port, client_config(&text, roots)?),
                    false => Place::Tcp(host.clone(), *port),
                };
                (place, text)
            }
            ConnectionAddr::Unix(path) => (Place::Unix(path.clone()), path.display().to_string()),
            _ => return Err(wrong("the kind of address")),
        };
        Ok(Address {
            place,
            greeting,
            text,
        })
    }

    /// The password, empty without one.
    pub(super) fn password(&self) -> &str {
        self.greeting.password().unwrap_or_default()
    }

    /// Makes a connection and says who we are. Whoever calls bounds the time and drives the future.
    ///
    /// # Errors
    ///
    /// Nobody is there, TLS fails, or the server refuses us.
    pub(super) async fn connect(&self) -> Result<Connected, SharedError> {
        let failed = |source| SharedError::Connect {
            address: self.text.clone(),
            source,
        };
        match &self.place {
            Place::Unix(path) => {
                let stream = UnixStream::connect(path).await.map_err(failed)?;
                self.greet(stream).await
            }
            Place::Tcp(host, port) => {
                let stream = TcpStream::connect((host.as_str(), *port)).await;
                let stream = stream.map_err(failed)?;
                stream.set_nodelay(true).map_err(failed)?;
                self.greet(stream).await
            }
            Place::Tls(host, port, tls) => {
                let stream = TcpStream::connect((host.as_str(), *port)).await;
                let stream = stream.map_err(failed)?;
                stream.set_nodelay(true).map_err(failed)?;
                let name = ServerName::try_from(host.clone());
                let name = name.map_err(|error| failed(std::io::Error::other(error)))?;
                let stream = TlsConnector::from(Arc::clone(tls)).connect(name, stream);
                self.greet(stream.await.map_err(failed)?).await
            }
        }
    }

    async fn greet<S>(&self, stream: S) -> Result<Connected, SharedError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // Whoever asks bounds the time of every answer.
        let config = AsyncConnectionConfig::new()
            .set_response_timeout(None)
            .set_pipeline_buffer_size(SHARED_QUEUE_MAX);
        let connected =
            MultiplexedConnection::new_with_config(&self.greeting, stream, config).await;
        let (connection, driver) =
            connected.map_err(|error| SharedError::refused(&self.text, &error))?;
        Ok((connection, Box::pin(driver)))
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Address").field(&self.text).finish()
    }
}

fn client_config(
    address: &str,
    roots: Option<RootCertStore>,
) -> Result<Arc<ClientConfig>, SharedError> {
    let roots = roots.unwrap_or_else(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots
    });
    if roots.is_empty() {
        return Err(SharedError::NoRoots {
            address: address.to_owned(),
        });
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions();
    let builder = builder.map_err(|source| SharedError::Tls {
        address: address.to_owned(),
        source,
    })?;
    let config = builder.with_root_certificates(roots).with_no_client_auth();
    Ok(Arc::new(config))
}

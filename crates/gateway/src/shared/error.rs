//! Why the shared server is not used.

use redis::RedisError;
use thiserror::Error;

/// Why the shared server cannot be used, or did not answer. No text has the URL, a user's name, a
/// password or what the server said beyond its error code.
#[derive(Debug, Error)]
pub enum SharedError {
    /// The URL is not one of a Redis server.
    #[error(
        "gateway.shared.redis is no URL of a Redis server: {reason}; expected such as \
         redis://USER:PASSWORD@HOST:6379/0, rediss://HOST or redis+unix:///PATH?db=0&user=U&pass=P"
    )]
    Url {
        /// What is wrong, without any part of the URL.
        reason: &'static str,
    },
    /// There are no certificates to check the server with.
    #[error(
        "the system has no root certificates to check {address} with; install them (Debian: ca-certificates)"
    )]
    NoRoots {
        /// The server's address.
        address: String,
    },
    /// TLS cannot be set up.
    #[error("TLS to {address} cannot be set up")]
    Tls {
        /// The server's address.
        address: String,
        /// The reason.
        #[source]
        source: rustls::Error,
    },
    /// No connection comes about.
    #[error("no connection to {address}")]
    Connect {
        /// The server's address.
        address: String,
        /// The reason.
        #[source]
        source: std::io::Error,
    },
    /// The server refused, or the connection broke.
    #[error("{address} does not count: {reason}")]
    Refused {
        /// The server's address.
        address: String,
        /// The server's error code, such as `NOPERM`, or the kind of failure.
        reason: String,
    },
    /// There was no answer in time.
    #[error("{address} did not answer within {timeout_ms} ms")]
    Timeout {
        /// The server's address.
        address: String,
        /// How long was waited.
        timeout_ms: u64,
    },
    /// The connection ended.
    #[error("{address} closed the connection")]
    Closed {
        /// The server's address.
        address: String,
    },
}

impl SharedError {
    /// A failure of the client library. Its own text may quote what the server said.
    pub(crate) fn refused(address: &str, error: &RedisError) -> SharedError {
        let reason = match error.code() {
            Some(code) => code.to_owned(),
            None => error.category().to_owned(),
        };
        SharedError::Refused {
            address: address.to_owned(),
            reason,
        }
    }

    /// The whole chain on one line.
    pub(crate) fn line(&self) -> String {
        use std::error::Error as _;
        let mut line = self.to_string();
        let mut source = self.source();
        while let Some(cause) = source {
            line.push_str(": ");
            line.push_str(&cause.to_string());
            source = cause.source();
        }
        line
    }
}

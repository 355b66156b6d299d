//! The client of the engine's API and of the gateway's admin API.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Problem;

/// How long a connection to the server may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long an answer may take; event streams have no limit.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A Unix socket at this path.
    Unix(PathBuf),
    /// `host:port`, plain HTTP; meant for the loopback interface.
    Tcp(String),
}

/// A client of one server.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    endpoint: Endpoint,
    token: Option<SecretString>,
    /// How long the answer to a `GET` may take.
    look_timeout: Duration,
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody answers at the endpoint.
    #[error("no server answers at {endpoint}")]
    Unreachable {
        /// Where it was tried.
        endpoint: Endpoint,
        /// What the system said.
        #[source]
        source: reqwest::Error,
    },
    /// The server refused, and said why.
    #[error("{0}")]
    Refused(Box<Problem>),
    /// The answer was cut off or is not what the API promises.
    #[error("the server's answer to {what} could not be read")]
    Malformed {
        /// Method and path.
        what: String,
        /// What went wrong.
        #[source]
        source: reqwest::Error,
    },
    /// The client could not be set up.
    #[error("the HTTP client could not be set up")]
    Setup(#[source] reqwest::Error),
}

impl ClientError {
    /// Whether the server was reached and let the time pass without an answer.
    pub fn is_silence(&self) -> bool {
        match self {
            ClientError::Unreachable { source, .. } | ClientError::Malformed { source, .. } => {
                source.is_timeout() && !source.is_connect()
            }
            ClientError::Refused(_) | ClientError::Setup(_) => false,
        }
    }
}

impl ClientError {
    /// A refusal, with what its body says.
    fn refused(status: reqwest::StatusCode, body: &[u8]) -> ClientError {
        let problem = serde_json::from_slice(body).unwrap_or_else(|_| Problem {
            status: status.as_u16(),
            title: status.canonical_reason().unwrap_or("refused").to_owned(),
            ..Problem::default()
        });
        ClientError::Refused(Box::new(problem))
    }
}

impl Client {
    /// A client of the server at `endpoint`, with a bearer token if it wants one.
    ///
    /// # Errors
    /// When the HTTP client cannot be set up.
    pub fn new(endpoint: Endpoint, token: Option<SecretString>) -> Result<Client, ClientError> {
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .no_proxy();
        if let Endpoint::Unix(path) = &endpoint {
            builder = builder.unix_socket(path.as_path() as &Path);
        }
        let http = builder.build().map_err(ClientError::Setup)?;
        Ok(Client {
            http,
            endpoint,
            token,
            look_timeout: ANSWER_TIMEOUT,
        })
    }

    /// This client with less patience: the answer to a `GET` may take so long, and then the server counts as
    /// unreachable. Changes and event streams are not affected.
    #[must_use]
    pub fn looking_for(mut self, at_most: Duration) -> Client {
        self.look_timeout = at_most;
        self
    }

    /// Where this client calls.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// `GET path`, the answer read as JSON.
    ///
    /// # Errors
    /// When the server cannot be reached, refuses, or answers something else.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.call(Method::GET, path, None::<&()>).await
    }

    /// `GET path`, the answer read as JSON whatever its status is: of what says how something stands by its status as
    /// well. A refusal of another form is an error.
    ///
    /// # Errors
    /// As for [`Client::get`].
    pub async fn look<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let request = self.request(Method::GET, path).timeout(self.look_timeout);
        let unreachable = |source| ClientError::Unreachable {
            endpoint: self.endpoint.clone(),
            source,
        };
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let body = response.bytes().await.map_err(unreachable)?;
        serde_json::from_slice(&body).map_err(|_| ClientError::refused(status, &body))
    }

    /// `PUT path` with a JSON body, the answer read as JSON.
    ///
    /// # Errors
    /// As for [`Client::get`].
    pub async fn put<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        self.call(Method::PUT, path, Some(body)).await
    }

    /// `POST path` with a JSON body, the answer read as JSON.
    ///
    /// # Errors
    /// As for [`Client::get`].
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        self.call(Method::POST, path, Some(body)).await
    }

    /// `GET path` as a stream of raw bytes with no time limit: server-sent events.
    ///
    /// # Errors
    /// As for [`Client::get`].
    pub async fn stream(
        &self,
        path: &str,
    ) -> Result<impl Stream<Item = Result<Bytes, reqwest::Error>> + use<>, ClientError> {
        let response = self.send(self.request(Method::GET, path)).await?;
        Ok(response.bytes_stream())
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let base = match &self.endpoint {
            Endpoint::Unix(_) => "http://localhost",
            Endpoint::Tcp(address) => &format!("http://{address}"),
        };
        let mut request = self.http.request(method, format!("{base}{path}"));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose_secret());
        }
        request
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<T, ClientError> {
        let what = format!("{method} {path}");
        let limit = match method {
            Method::GET => self.look_timeout,
            _ => ANSWER_TIMEOUT,
        };
        let mut request = self.request(method, path).timeout(limit);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = self.send(request).await?;
        response
            .json()
            .await
            .map_err(|source| ClientError::Malformed { what, source })
    }

    async fn send(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<reqwest::Response, ClientError> {
        let unreachable = |source| ClientError::Unreachable {
            endpoint: self.endpoint.clone(),
            source,
        };
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = response.bytes().await.unwrap_or_default();
        Err(ClientError::refused(status, &body))
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Endpoint::Unix(path) => write!(f, "{}", path.display()),
            Endpoint::Tcp(address) => f.write_str(address),
        }
    }
}

//! Listening and stopping.

use std::fs::Permissions;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use portcullis_engine::Service;
use secrecy::SecretString;
use tokio::net::{TcpListener, UnixListener};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::auth::require_token;
use crate::bounds::{BODY_BYTES_MAX, STOP_TIMEOUT};
use crate::handlers::{self, Shared};

/// Where the server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// A Unix socket, made with mode 0600.
    Unix(PathBuf),
    /// A TCP address.
    Tcp(SocketAddr),
}

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("the API cannot listen on {place}")]
pub struct ServerError {
    /// Where.
    pub place: String,
    /// What the system said.
    #[source]
    pub source: std::io::Error,
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    stop: CancellationToken,
    task: JoinHandle<std::io::Result<()>>,
    address: Option<SocketAddr>,
}

impl Server {
    /// Listens and answers until [`Server::stop`].
    ///
    /// # Errors
    /// When the socket or address cannot be listened on.
    pub async fn start(
        listen: &Listen,
        token: SecretString,
        service: Service,
        name: String,
        environment: String,
    ) -> Result<Server, ServerError> {
        let router = router(
            token,
            Shared {
                service,
                name,
                environment,
            },
        );
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let failed = |place: String| move |source| ServerError { place, source };
        match listen {
            Listen::Unix(path) => {
                let place = path.display().to_string();
                let listener = bind_unix(path).map_err(failed(place))?;
                let serving = axum::serve(listener, router).with_graceful_shutdown(stopped);
                let task = tokio::spawn(async move { serving.await });
                Ok(Server {
                    stop,
                    task,
                    address: None,
                })
            }
            Listen::Tcp(address) => {
                let place = address.to_string();
                let listener = TcpListener::bind(address)
                    .await
                    .map_err(failed(place.clone()))?;
                let address = listener.local_addr().map_err(failed(place))?;
                let serving = axum::serve(listener, router).with_graceful_shutdown(stopped);
                let task = tokio::spawn(async move { serving.await });
                Ok(Server {
                    stop,
                    task,
                    address: Some(address),
                })
            }
        }
    }

    /// The TCP address it listens on, if it listens on one.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Stops accepting and waits a moment for requests to end; event streams are cut.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if tokio::time::timeout(STOP_TIMEOUT, &mut self.task)
            .await
            .is_err()
        {
            self.task.abort();
        }
    }
}

fn router(token: SecretString, shared: Shared) -> Router {
    let calls = Router::new()
        .route("/status", get(handlers::status))
        .route("/rollouts", get(handlers::rollouts).post(handlers::deploy))
        .route("/rollouts/{id}", get(handlers::rollout))
        .route("/plans", post(handlers::plan))
        .route("/commands", post(handlers::command))
        .route("/rollback", post(handlers::rollback))
        .route("/events", get(handlers::event_stream))
        .fallback(handlers::unknown)
        .with_state(shared);
    Router::new()
        .nest("/api/v1", calls)
        .fallback(handlers::unknown)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn_with_state(Arc::new(token), require_token))
}

/// Binds a socket that only this user may open. A socket that a dead server left is removed; the caller
/// holds the state folder's lock, so no living server uses it.
fn bind_unix(path: &Path) -> std::io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok(listener)
}

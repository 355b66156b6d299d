//! Answering and stopping.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post, put};
use portcullis_api::Client;
use portcullis_api::data::{DataStanding, Loss};
use portcullis_api::engine::ConfigurationStanding;
use portcullis_engine::Service;
use secrecy::SecretString;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::auth::require_token;
use crate::bounds::{BODY_BYTES_MAX, GATEWAY_BYTES_MAX, STOP_TIMEOUT};
use crate::handlers::{self, Shared};
use crate::listener::{Listener, ServerError};
use crate::unread::as_problem;

/// A running server.
#[derive(Debug)]
pub struct Server {
    stop: CancellationToken,
    task: JoinHandle<std::io::Result<()>>,
    address: Option<SocketAddr>,
}

/// What the server knows besides the engine.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The service's name.
    pub name: String,
    /// The environment.
    pub environment: String,
    /// How the configuration file stands.
    pub configuration: watch::Receiver<ConfigurationStanding>,
    /// How the service's data is looked after.
    pub data: watch::Receiver<Option<DataStanding>>,
    /// What going back would lose, while somebody is asked.
    pub loss: watch::Receiver<Option<Loss>>,
    /// The admin API of the engine's own gateway.
    pub gateway: Client,
}

impl Server {
    /// Answers on a listener until [`Server::stop`].
    ///
    /// # Errors
    /// When the listener cannot be used.
    pub fn start(
        listener: Listener,
        token: SecretString,
        service: Service,
        surroundings: Surroundings,
    ) -> Result<Server, ServerError> {
        let place = listener.place();
        let address = listener.address();
        let Surroundings {
            name,
            environment,
            configuration,
            data,
            loss,
            gateway,
        } = surroundings;
        let shared = Shared {
            service,
            name,
            environment,
            configuration,
            data,
            loss,
            gateway,
        };
        let router = router(token, shared);
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let failed = |source| ServerError { place, source };
        let task = match listener {
            Listener::Unix(listener) => {
                let listener = UnixListener::from_std(listener).map_err(failed)?;
                let serving = axum::serve(listener, router).with_graceful_shutdown(stopped);
                tokio::spawn(async move { serving.await })
            }
            Listener::Tcp(listener) => {
                let listener = TcpListener::from_std(listener).map_err(failed)?;
                let serving = axum::serve(listener, router).with_graceful_shutdown(stopped);
                tokio::spawn(async move { serving.await })
            }
        };
        Ok(Server {
            stop,
            task,
            address,
        })
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
        .route("/rollouts/{id}/gates/{gate}", get(handlers::replay))
        .route("/plans", post(handlers::plan))
        .route("/commands", post(handlers::command))
        .route("/rollback", post(handlers::rollback))
        .route("/events", get(handlers::event_stream))
        .route(
            "/gateways/{instance}",
            put(handlers::hear_gateway).layer(DefaultBodyLimit::max(GATEWAY_BYTES_MAX)),
        )
        .fallback(handlers::unknown)
        .with_state(shared);
    Router::new()
        .nest("/api/v1", calls)
        .fallback(handlers::unknown)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn_with_state(Arc::new(token), require_token))
        .layer(from_fn(as_problem))
}

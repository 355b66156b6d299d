//! The service: hashes images that are sent to it and looks hashes up in a library.
//!
//! It answers from a snapshot of the library that is replaced whole. A changed file that is damaged
//! or has a wrong digest is refused, the snapshot stays, and `/health` says so. Hashing takes a
//! thread per core and a bounded queue; what does not fit gets a 503 at once. On SIGTERM the service
//! stops accepting, finishes what it has begun within a bound, and ends with success.

mod fault;
mod handlers;
mod meter;
mod metrics;
mod problem;
mod reload;
mod service;

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::algorithm::Algorithm;
use crate::bounds::DRAIN_TIMEOUT;
use crate::library::LibraryError;
pub use fault::{Fault, FaultError};
use service::Service;

/// How to serve.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// The library file.
    pub library: PathBuf,
    /// The address to listen on.
    pub host: IpAddr,
    /// The port to listen on; 0 takes a free one.
    pub port: u16,
    /// The version with which images are hashed; the library may have another.
    pub algorithm: Algorithm,
    /// What `/health` reports as `version`.
    pub release_version: String,
    /// A misbehaviour to rehearse a rollout with.
    pub fault: Fault,
}

/// Why the service did not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The library cannot be served.
    #[error("cannot serve this library")]
    Library(#[from] LibraryError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: is the port taken by another program?")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The reason.
        #[source]
        source: std::io::Error,
    },
    /// Signals cannot be waited for, or the listener failed.
    #[error("the server ended")]
    Server {
        /// The reason.
        #[source]
        source: std::io::Error,
    },
}

/// Serves until SIGTERM or SIGINT; `ready` is called with the address once it is listened on.
///
/// # Errors
/// [`ServeError`] when it cannot start, or the listener fails.
pub async fn serve(
    options: ServeOptions,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), ServeError> {
    let address = SocketAddr::new(options.host, options.port);
    let service = Arc::new(Service::open(options)?);
    let listen = |source| ServeError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(listen)?;
    let stopped = watch_signals(Arc::clone(&service))?;
    tokio::spawn(reload::watch(Arc::clone(&service)));
    ready(listener.local_addr().map_err(listen)?);

    let app = handlers::router(Arc::clone(&service));
    let server = axum::serve(listener, app).with_graceful_shutdown(stop(stopped.clone()));
    let overdue = async {
        stop(stopped).await;
        tokio::time::sleep(DRAIN_TIMEOUT).await;
    };
    tokio::select! {
        result = server.into_future() => result.map_err(|source| ServeError::Server { source })?,
        () = overdue => {
            tracing::warn!(drain_timeout_s = DRAIN_TIMEOUT.as_secs(), "requests were cut off");
        }
    }
    tracing::info!("stopped");
    Ok(())
}

async fn stop(mut stopped: watch::Receiver<bool>) {
    // An error means that the sender is gone, which only happens when the process ends.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

fn watch_signals(service: Arc<Service>) -> Result<watch::Receiver<bool>, ServeError> {
    let signal = stop_signal().map_err(|source| ServeError::Server { source })?;
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        signal.await;
        tracing::info!("stopping: finishing requests in flight");
        service.stop();
        sender.send_replace(true);
    });
    Ok(receiver)
}

#[cfg(unix)]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}

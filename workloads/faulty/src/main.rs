//! A service that misbehaves as a file says: what gates are tried on. See README.md.

mod behaviour;
mod service;

use std::net::Ipv4Addr;
use std::path::PathBuf;

use clap::Parser;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use service::Service;

/// A service that misbehaves as a file says.
#[derive(Parser)]
struct Arguments {
    /// The port to listen on, on loopback.
    #[arg(long)]
    port: u16,
    /// What `/health` says as `version`.
    #[arg(long)]
    release: String,
    /// The file that says what goes wrong; it is read at each request.
    #[arg(long)]
    behaviour: PathBuf,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    behaviour::Behaviour::read(&arguments.behaviour)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, arguments.port)).await?;
    let mut terminate = signal(SignalKind::terminate())?;
    let service = Service::new(arguments.release, arguments.behaviour);
    let server = axum::serve(listener, service.router()).with_graceful_shutdown(async move {
        terminate.recv().await;
    });
    server.await?;
    Ok(())
}

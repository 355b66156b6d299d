//! Starts and stops the threads.

use std::net::{SocketAddr, TcpListener};
use std::num::NonZero;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use arc_swap::ArcSwap;
use secrecy::ExposeSecret;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{oneshot, watch};

use crate::admin;
use crate::control::Control;
use crate::error::GatewayError;
use crate::listen::{AdminListener, bind_admin, bind_workers};
use crate::route::Table;
use crate::settings::{AdminListen, GatewaySettings, Sticky};
use crate::state_file::SavedState;
use crate::worker::{Orders, Worker};

/// A running gateway. Dropping it stops it at once; [`Gateway::stop`] lets requests finish.
#[derive(Debug)]
pub struct Gateway {
    listen: SocketAddr,
    admin: Option<SocketAddr>,
    orders: watch::Sender<Orders>,
    workers: Vec<RunningThread<usize>>,
    control: Option<RunningThread<()>>,
    /// Dropped to end the control thread, after the workers are done.
    control_end: Option<oneshot::Sender<()>>,
}

/// A thread and the word that it is done.
#[derive(Debug)]
struct RunningThread<T> {
    done: oneshot::Receiver<T>,
    thread: JoinHandle<()>,
}

/// What the control thread needs.
struct ControlStart {
    settings: GatewaySettings,
    workers: usize,
    listen: SocketAddr,
    admin: AdminListener,
    table: Arc<ArcSwap<Table>>,
    orders: watch::Sender<Orders>,
}

impl Gateway {
    /// Binds every address, restores the saved splits, and starts to serve.
    ///
    /// # Errors
    ///
    /// If an address cannot be had, the settings are not valid, or the state file exists and cannot
    /// be used. Nothing is left running then.
    pub fn start(settings: GatewaySettings) -> Result<Gateway, GatewayError> {
        check(&settings)?;
        let cores = || thread::available_parallelism().map_or(1, NonZero::get);
        let count = if settings.workers == 0 {
            cores()
        } else {
            settings.workers
        };
        let (listen, listeners) = bind_workers(settings.listen, count)?;
        let admin_listener = bind_admin(&settings.admin)?;
        let admin = match &admin_listener {
            AdminListener::Tcp(listener) => listener.local_addr().ok(),
            AdminListener::Unix(_) => None,
        };
        let table = Arc::new(ArcSwap::from_pointee(Table::default()));
        let (orders, _) = watch::channel(Orders::default());
        let start = ControlStart {
            settings,
            workers: count,
            listen,
            admin: admin_listener,
            table: Arc::clone(&table),
            orders: orders.clone(),
        };
        let (control, control_end) = start_control(start)?;
        let mut gateway = Gateway {
            listen,
            admin,
            orders,
            workers: Vec::new(),
            control: Some(control),
            control_end: Some(control_end),
        };
        for (index, listener) in listeners.into_iter().enumerate() {
            let worker = start_worker(
                index,
                listener,
                Arc::clone(&table),
                gateway.orders.subscribe(),
            );
            gateway.workers.push(worker?);
        }
        Ok(gateway)
    }

    /// Where clients connect, with the real port.
    pub fn listen_address(&self) -> SocketAddr {
        self.listen
    }

    /// Where the admin API listens, with the real port; `None` for a Unix socket.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin
    }

    /// Stops: no new connections, `Connection: close` on every answer, and at most `drain` for the
    /// requests under way. Returns how many requests and tunnels were cut off at the end of it.
    ///
    /// Idle connections stay open for up to a second of that time, so that requests that are on
    /// their way are still answered. The admin API answers until the end.
    pub async fn stop(mut self, drain: Duration) -> usize {
        self.orders
            .send_modify(|orders| orders.stop_within = Some(drain));
        let mut cut = 0;
        for worker in self.workers.drain(..) {
            cut += worker.finish().await.unwrap_or(0);
        }
        self.control_end = None;
        if let Some(control) = self.control.take() {
            control.finish().await;
        }
        cut
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.orders.send_modify(|orders| {
            orders.stop_within.get_or_insert(Duration::ZERO);
        });
    }
}

impl<T> RunningThread<T> {
    /// Waits for the thread's end without blocking.
    async fn finish(self) -> Option<T> {
        let done = self.done.await.ok();
        // It has said so as its last act, so this does not block; a panic was reported by the
        // thread.
        let _ = self.thread.join();
        done
    }
}

fn check(settings: &GatewaySettings) -> Result<(), GatewayError> {
    let refuse = |text: String| Err(GatewayError::Settings(text));
    if settings.routes.is_empty() {
        return refuse("the gateway has no route: name at least one service".to_owned());
    }
    if let AdminListen::Tcp { token, .. } = &settings.admin
        && token.expose_secret().is_empty()
    {
        return refuse("the admin API on a TCP address needs a token".to_owned());
    }
    for (index, route) in settings.routes.iter().enumerate() {
        let service = &route.service;
        if service.is_empty()
            || settings.routes[..index]
                .iter()
                .any(|r| r.service == *service)
        {
            return refuse(format!("service `{service}` is empty or named twice"));
        }
        if !route.health.path.starts_with('/') || route.health.path.parse::<http::Uri>().is_err() {
            let path = &route.health.path;
            return refuse(format!(
                "service `{service}`: health path `{path}` is not a path"
            ));
        }
        let name = match &route.sticky {
            Sticky::Cookie { name } | Sticky::Header { name } => name,
            Sticky::ClientAddress => continue,
        };
        // A cookie's name and a header's name are both tokens (RFC 6265, 4.1.1).
        if name.parse::<http::HeaderName>().is_err() {
            return refuse(format!(
                "service `{service}`: sticky name `{name}` is not a token"
            ));
        }
    }
    Ok(())
}

fn start_worker(
    index: usize,
    listener: TcpListener,
    table: Arc<ArcSwap<Table>>,
    orders: watch::Receiver<Orders>,
) -> Result<RunningThread<usize>, GatewayError> {
    let (done_sender, done) = oneshot::channel();
    let (ready_sender, ready) = mpsc::channel();
    let body = move || {
        let runtime = match Builder::new_current_thread()
            .enable_all()
            .build_local(LocalOptions::default())
        {
            Ok(runtime) => runtime,
            Err(error) => {
                let _ = ready_sender.send(Err(error));
                return;
            }
        };
        let _ = ready_sender.send(Ok(()));
        let worker = Rc::new(Worker::new(index, table));
        let cut = runtime
            .block_on(worker.run(listener, orders))
            .unwrap_or_else(|error| {
                tracing::error!(%error, index, "a worker could not listen");
                0
            });
        drop(runtime);
        let _ = done_sender.send(cut);
    };
    let thread = thread::Builder::new()
        .name(format!("gateway-{index}"))
        .spawn(body);
    let thread = thread.map_err(GatewayError::Threads)?;
    wait_ready(&ready)?.map_err(GatewayError::Threads)?;
    Ok(RunningThread { done, thread })
}

fn start_control(
    start: ControlStart,
) -> Result<(RunningThread<()>, oneshot::Sender<()>), GatewayError> {
    let (done_sender, done) = oneshot::channel();
    let (end_sender, end) = oneshot::channel();
    let (ready_sender, ready) = mpsc::channel();
    let body = move || {
        let runtime = match Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                let _ = ready_sender.send(Err(GatewayError::Threads(error)));
                return;
            }
        };
        runtime.block_on(run_control(start, end, ready_sender));
        runtime.shutdown_background();
        let _ = done_sender.send(());
    };
    let thread = thread::Builder::new()
        .name("gateway-control".to_owned())
        .spawn(body);
    let thread = thread.map_err(GatewayError::Threads)?;
    wait_ready(&ready)??;
    Ok((RunningThread { done, thread }, end_sender))
}

async fn run_control(
    start: ControlStart,
    end: oneshot::Receiver<()>,
    ready: mpsc::Sender<Result<(), GatewayError>>,
) {
    let saved = SavedState::read(&start.settings.state_file);
    let shared = (start.table, start.orders);
    let listen = start.listen.to_string();
    let token = match &start.settings.admin {
        AdminListen::Tcp { token, .. } => Some(token.clone()),
        AdminListen::Unix(_) => None,
    };
    let control =
        saved.and_then(|saved| Control::new(start.settings, start.workers, listen, saved, shared));
    let control = match control {
        Ok(control) => Arc::new(control),
        Err(error) => {
            let _ = ready.send(Err(error.into()));
            return;
        }
    };
    let router = admin::router(control, token);
    let _ = ready.send(Ok(()));
    let served = async {
        match start.admin {
            AdminListener::Tcp(listener) => {
                axum::serve(tokio::net::TcpListener::from_std(listener)?, router).await
            }
            AdminListener::Unix(listener) => {
                axum::serve(tokio::net::UnixListener::from_std(listener)?, router).await
            }
        }
    };
    tokio::select! {
        served = served => {
            if let Err(error) = served {
                tracing::error!(%error, "the admin API ended");
            }
        }
        // Both an order and the end of whoever gives orders.
        _ = end => {}
    }
}

fn wait_ready<T>(ready: &mpsc::Receiver<T>) -> Result<T, GatewayError> {
    let died = |_| GatewayError::Threads(std::io::Error::other("the thread ended at once"));
    ready.recv().map_err(died)
}

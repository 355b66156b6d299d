//! Starts and stops the threads.

use std::net::{SocketAddr, TcpListener};
use std::num::NonZero;
use std::rc::Rc;
use std::sync::{Arc, Weak, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use arc_swap::ArcSwap;
use portcullis_api::data::DataStanding;
use secrecy::ExposeSecret;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{mpsc as orders_mpsc, oneshot, watch};

use crate::acme::Keeping;
use crate::client_addresses::ClientAddresses;
use crate::control_thread::{ControlOrder, ControlStart, run_control};
use crate::doors::{Door, Doors};
use crate::error::GatewayError;
use crate::listen::{bind_admin, bind_metrics};
use crate::masking::Vault;
use crate::observe::{Observers, WorkerObservers};
use crate::reload::{ReloadDesk, ReloadRequests};
use crate::routing::{Routing, RoutingError};
use crate::settings::{AdminListen, GatewaySettings, ObserveSettings, Sticky};
use crate::shared::{SharedError, SharedServer};
use crate::table::Table;
use crate::tls::Tls;
use crate::traffic::Traffic;
use crate::worker::{Orders, Share, Stop, Worker};

/// A running gateway. Dropping it stops it at once; [`Gateway::stop`] lets requests finish.
#[derive(Debug)]
pub struct Gateway {
    listen: SocketAddr,
    tls_listen: Option<SocketAddr>,
    admin: Option<SocketAddr>,
    metrics: Option<SocketAddr>,
    /// The control thread has the last share of them: dropping it waits for the disk and for a collector.
    observers: Weak<Observers>,
    orders: watch::Sender<Orders>,
    workers: Vec<RunningThread<usize>>,
    control: Option<RunningThread<()>>,
    /// Dropped to end the control thread, after the workers are done.
    control_orders: Option<orders_mpsc::UnboundedSender<ControlOrder>>,
    /// The workers' sockets, to be passed on.
    listeners: Vec<TcpListener>,
    /// Until somebody takes it.
    reload_requests: Option<ReloadRequests>,
}

/// A thread and the word that it is done.
#[derive(Debug)]
struct RunningThread<T> {
    done: oneshot::Receiver<T>,
    thread: JoinHandle<()>,
}

impl Gateway {
    /// Binds every address, restores the saved splits, and starts to serve.
    ///
    /// # Errors
    ///
    /// If an address cannot be had, the settings are not valid, or the state file exists and cannot
    /// be used. Nothing is left running then.
    pub fn start(settings: GatewaySettings) -> Result<Gateway, GatewayError> {
        Gateway::start_on(settings, Vec::new())
    }

    /// Like [`Gateway::start`], but on listening sockets that were opened elsewhere, if there are any:
    /// by systemd, or by the gateway that this one succeeds. The address of the settings is not used
    /// then.
    ///
    /// # Errors
    ///
    /// As for [`Gateway::start`], and if a socket cannot be used.
    pub fn start_on(
        settings: GatewaySettings,
        inherited: Vec<TcpListener>,
    ) -> Result<Gateway, GatewayError> {
        Gateway::start_as(settings, inherited, false)
    }

    /// Like [`Gateway::start_on`], but no connection is accepted before [`Gateway::admit`]. Dropping it
    /// until then costs no client anything.
    ///
    /// # Errors
    ///
    /// As for [`Gateway::start_on`].
    pub fn start_held(
        settings: GatewaySettings,
        inherited: Vec<TcpListener>,
    ) -> Result<Gateway, GatewayError> {
        Gateway::start_as(settings, inherited, true)
    }

    fn start_as(
        settings: GatewaySettings,
        inherited: Vec<TcpListener>,
        held: bool,
    ) -> Result<Gateway, GatewayError> {
        check(&settings)?;
        let count = worker_count(&settings);
        let tls = settings.tls.clone().map(Tls::load).transpose()?;
        let shared = shared_server(&settings)?;
        let (orders, followed) = watch::channel(Orders {
            held,
            ..Orders::default()
        });
        let keeping = Keeping::open(&settings, tls.as_ref(), followed)?;
        let doors = Doors::open(&settings, inherited, count)?;
        let tls_port = doors.tls_listen.map(|address| address.port());
        let tls = tls.map(|tls| Arc::new(tls.at_port(tls_port)));
        let admin_listener = bind_admin(&settings.admin)?;
        let admin = admin_listener.tcp_address();
        let (metrics_listener, metrics) = metrics_door(&settings)?;
        let observers = start_observers(&settings.observe, count)?;
        let routing = routing(&settings, &observers, count)?;
        let table = without_services(&routing);
        let vault = vault(&settings, shared.as_ref());
        let (desk, reload_requests) = ReloadDesk::open();
        let start = ControlStart {
            settings,
            desk,
            routing,
            workers: count,
            listen: doors.listen,
            admin: admin_listener,
            metrics: metrics_listener,
            observers: Arc::clone(&observers),
            table: Arc::clone(&table),
            tls: tls.clone(),
            keeping,
            orders: orders.clone(),
            vault: Arc::clone(&vault),
        };
        let (control, control_orders) = start_control(start)?;
        let mut gateway = Gateway {
            listen: doors.listen,
            tls_listen: doors.tls_listen,
            admin,
            metrics,
            observers: Arc::downgrade(&observers),
            orders,
            workers: Vec::new(),
            control: Some(control),
            control_orders: Some(control_orders),
            listeners: doors.kept,
            reload_requests: Some(reload_requests),
        };
        let share = Share {
            table,
            tls,
            addresses: Arc::new(ClientAddresses::default()),
            server: shared,
            vault,
        };
        for (index, doors) in doors.shares.into_iter().enumerate() {
            let (share, observers) = (share.clone(), Arc::clone(&observers));
            let place = (index, count);
            let worker = move || Worker::new(place, share, WorkerObservers::new(observers, index));
            let worker = start_worker(index, doors, worker, gateway.orders.subscribe());
            gateway.workers.push(worker?);
        }
        Ok(gateway)
    }

    /// Where clients connect, with the real port.
    pub fn listen_address(&self) -> SocketAddr {
        self.listen
    }

    /// Where clients connect with TLS, with the real port; `None` where it is not spoken.
    pub fn tls_address(&self) -> Option<SocketAddr> {
        self.tls_listen
    }

    /// Where the admin API listens, with the real port; `None` for a Unix socket.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin
    }

    /// Where metrics are answered besides the admin API, with the real port.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics
    }

    /// Opens the file of the log of requests anew, after a log rotation has renamed it. Lines that were logged before
    /// still go to the old file. If the new one cannot be opened, the log says so and the old one is written on.
    pub fn reopen_log(&self) {
        if let Some(observers) = self.observers.upgrade() {
            observers.reopen_log();
        }
    }

    /// Stops: no new connections, `Connection: close` on every answer, and at most `drain` for the
    /// requests under way. Returns how many requests and tunnels were cut off at the end of it.
    ///
    /// Idle connections stay open for up to a second of that time, so that requests that are on
    /// their way are still answered. The admin API answers until the end.
    pub async fn stop(mut self, drain: Duration) -> usize {
        self.listeners.clear();
        let stop = Stop::within(drain);
        self.orders.send_modify(|orders| {
            orders.stop.get_or_insert(stop);
        });
        let mut cut = 0;
        for worker in self.workers.drain(..) {
            cut += worker.finish().await.unwrap_or(0);
        }
        self.control_orders = None;
        if let Some(control) = self.control.take() {
            control.finish().await;
        }
        cut
    }

    /// Begins to stop after a successor has taken over the listening sockets: idle connections stay open
    /// for `linger`, all of it takes at most `within`. [`Gateway::stop`] tells how it ended.
    pub fn retire(&mut self, linger: Duration, within: Duration) {
        self.listeners.clear();
        let stop = Stop { linger, within };
        self.orders.send_modify(|orders| orders.stop = Some(stop));
    }

    /// Whether every worker has ended.
    pub fn is_drained(&self) -> bool {
        self.workers
            .iter()
            .all(|worker| worker.thread.is_finished())
    }

    /// Lets a gateway that was started with [`Gateway::start_held`] accept connections.
    pub fn admit(&self) {
        self.orders.send_modify(|orders| orders.held = false);
    }

    /// The sockets that clients connect to, as copies that a successor may listen on. Each has a queue
    /// of its own, so all of them must be passed on.
    ///
    /// # Errors
    ///
    /// If a socket cannot be copied (no free file descriptors).
    pub fn listeners(&self) -> std::io::Result<Vec<TcpListener>> {
        self.listeners.iter().map(TcpListener::try_clone).collect()
    }

    /// Replaces the services' settings, the routes and what clients may do, as a whole: requests and connections
    /// under way go on. What a running gateway cannot change (addresses, the state file, the number of workers,
    /// which services there are) must be as it was.
    ///
    /// # Errors
    ///
    /// The settings are not valid, or one of them cannot be changed; then all stays as it was.
    pub async fn reload(&self, settings: GatewaySettings) -> Result<(), GatewayError> {
        check(&settings)?;
        let gone = || GatewayError::Threads(std::io::Error::other("the control thread has ended"));
        let settings = Box::new(settings);
        self.order(|reply| ControlOrder::Reload(settings, reply))
            .await
            .ok_or_else(gone)
            .flatten()
    }

    /// What the admin API is asked to read again, for the process that has the configuration file; once. Until
    /// somebody has taken it, requests wait; once it is dropped, they are refused.
    pub fn reload_requests(&mut self) -> Option<ReloadRequests> {
        self.reload_requests.take()
    }

    /// Gives up the admin API and the right to change splits, for a successor that is about to start.
    /// Serving goes on; what the successor changes in the state file is followed.
    pub async fn release_control(&self) {
        self.order(ControlOrder::Release).await;
    }

    /// Takes back what [`Gateway::release_control`] gave up, after the successor is gone.
    ///
    /// # Errors
    ///
    /// If the admin API's address cannot be had.
    pub async fn reclaim_control(&self) -> Result<(), GatewayError> {
        let gone = || GatewayError::Threads(std::io::Error::other("the control thread has ended"));
        self.order(ControlOrder::Reclaim)
            .await
            .ok_or_else(gone)
            .flatten()
    }

    /// What is under way, for a successor; nothing once the control thread has ended.
    pub async fn traffic(&self) -> Option<Traffic> {
        self.order(ControlOrder::Traffic).await
    }

    /// Takes note of what a predecessor still has under way: its requests count as in flight, so that
    /// no arm passes for drained too early. `None` when it is gone.
    pub async fn note_predecessor(&self, traffic: Option<Traffic>) {
        self.order(|reply| ControlOrder::Predecessor(traffic, reply))
            .await;
    }

    /// Takes note of how a service's data is looked after, for whoever asks for metrics.
    pub fn note_data(&self, service: &str, data: DataStanding) {
        if let Some(observers) = self.observers.upgrade() {
            observers.note_data(service, data);
        }
    }

    async fn order<T>(&self, make: impl FnOnce(oneshot::Sender<T>) -> ControlOrder) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.control_orders.as_ref()?.send(make(reply)).ok()?;
        answer.await.ok()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.orders.send_modify(|orders| {
            orders.stop.get_or_insert(Stop::within(Duration::ZERO));
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
    if settings.services.is_empty() {
        return refuse("the gateway has nothing to serve: name at least one service".to_owned());
    }
    if let AdminListen::Tcp { token, .. } = &settings.admin
        && token.expose_secret().is_empty()
    {
        return refuse("the admin API on a TCP address needs a token".to_owned());
    }
    for (index, route) in settings.services.iter().enumerate() {
        let service = &route.service;
        if service.is_empty()
            || settings.services[..index]
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

fn worker_count(settings: &GatewaySettings) -> usize {
    match settings.workers {
        0 => thread::available_parallelism().map_or(1, NonZero::get),
        count => count,
    }
}

fn shared_server(settings: &GatewaySettings) -> Result<Option<Arc<SharedServer>>, SharedError> {
    let server = settings.shared.as_ref().map(|shared| {
        SharedServer::new(&shared.url, &shared.prefix, shared.timeout_ms).map(Arc::new)
    });
    server.transpose()
}

/// Where conversations are to be kept; nothing is opened.
fn vault(settings: &GatewaySettings, shared: Option<&Arc<SharedServer>>) -> Arc<Vault> {
    let conversations = settings.conversations.clone();
    Arc::new(Vault::new(
        conversations,
        &settings.state_file,
        shared.cloned(),
        worker_count(settings),
    ))
}

/// Where metrics are answered besides the admin API, if anywhere, with the real port.
fn metrics_door(
    settings: &GatewaySettings,
) -> Result<(Option<TcpListener>, Option<SocketAddr>), GatewayError> {
    let listener = settings.observe.metrics.listen.map(bind_metrics);
    let listener = listener.transpose()?;
    let address = listener.as_ref().and_then(|l| l.local_addr().ok());
    Ok((listener, address))
}

fn start_observers(
    settings: &ObserveSettings,
    workers: usize,
) -> Result<Arc<Observers>, GatewayError> {
    let started = Observers::start(&settings.log, settings.traces.as_ref(), workers);
    let started = started.map_err(|error| GatewayError::Observe(error.into()))?;
    Ok(Arc::new(started))
}

fn routing(
    settings: &GatewaySettings,
    observers: &Observers,
    workers: usize,
) -> Result<Arc<Routing>, RoutingError> {
    let services = &settings.services;
    let sources = (&settings.routing, services.as_slice(), &settings.clients);
    Routing::new(sources, observers, workers, None).map(Arc::new)
}

/// The table until the saved splits are read.
fn without_services(routing: &Arc<Routing>) -> Arc<ArcSwap<Table>> {
    Arc::new(ArcSwap::from_pointee(Table {
        services: Vec::new(),
        routing: Arc::clone(routing),
    }))
}

fn start_worker(
    index: usize,
    doors: Vec<Door<TcpListener>>,
    worker: impl FnOnce() -> Worker + Send + 'static,
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
        let worker = Rc::new(worker());
        let cut = runtime
            .block_on(worker.run(doors, orders))
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
) -> Result<
    (
        RunningThread<()>,
        orders_mpsc::UnboundedSender<ControlOrder>,
    ),
    GatewayError,
> {
    let (done_sender, done) = oneshot::channel();
    let (order_sender, orders) = orders_mpsc::unbounded_channel();
    let (ready_sender, ready) = mpsc::channel();
    let body = move || {
        let runtime = match Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                let _ = ready_sender.send(Err(GatewayError::Threads(error)));
                return;
            }
        };
        let observers = Arc::clone(&start.observers);
        runtime.block_on(run_control(start, orders, ready_sender));
        runtime.shutdown_background();
        // Here, where nothing else waits: lines are written and spans are sent before the gateway has stopped.
        drop(observers);
        let _ = done_sender.send(());
    };
    let thread = thread::Builder::new()
        .name("gateway-control".to_owned())
        .spawn(body);
    let thread = thread.map_err(GatewayError::Threads)?;
    wait_ready(&ready)??;
    Ok((RunningThread { done, thread }, order_sender))
}

fn wait_ready<T>(ready: &mpsc::Receiver<T>) -> Result<T, GatewayError> {
    let died = |_| GatewayError::Threads(std::io::Error::other("the thread ended at once"));
    ready.recv().map_err(died)
}

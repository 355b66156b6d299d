//! The control thread: the admin API, the health checks, and handing both over to a successor.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use portcullis_config::{TlsConfig, UpstreamProtocol};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::access_files::AccessFiles;
use crate::acme::Keeping;
use crate::admin;
use crate::bounds::{BYPASS_LOOK_MS, FOLLOW_MS, MASKING_AUDIT_MS, MASKING_SAMPLE_MS, TLS_LOOK_MS};
use crate::clock;
use crate::control::Control;
use crate::error::GatewayError;
use crate::listen::{AdminListener, bind_admin, bind_metrics};
use crate::masking::Vault;
use crate::observe::{Gathering, Observers, endpoints};
use crate::reload::ReloadDesk;
use crate::routing::Routing;
use crate::settings::{
    AdminListen, ConversationPlace, ConversationSettings, GatewaySettings, SharedSettings,
};
use crate::state_file::SavedState;
use crate::table::Table;
use crate::tls::{EndsTold, Tls, Versions};
use crate::traffic::Traffic;
use crate::worker::Orders;

/// What the control thread needs.
pub(crate) struct ControlStart {
    pub(crate) settings: GatewaySettings,
    pub(crate) routing: Arc<Routing>,
    pub(crate) workers: usize,
    pub(crate) listen: SocketAddr,
    pub(crate) admin: AdminListener,
    pub(crate) metrics: Option<TcpListener>,
    pub(crate) observers: Arc<Observers>,
    pub(crate) table: Arc<ArcSwap<Table>>,
    pub(crate) tls: Option<Arc<Tls>>,
    pub(crate) keeping: Option<Keeping>,
    pub(crate) orders: watch::Sender<Orders>,
    pub(crate) desk: ReloadDesk,
    pub(crate) vault: Arc<Vault>,
}

/// What the control thread is told while it runs. It ends when nobody is left to tell it anything.
#[derive(Debug)]
pub(crate) enum ControlOrder {
    /// Replace the settings.
    Reload(
        Box<GatewaySettings>,
        oneshot::Sender<Result<(), GatewayError>>,
    ),
    /// Close the admin API and change no split any more; follow the state file instead.
    Release(oneshot::Sender<()>),
    /// Open the admin API again, and change splits again.
    Reclaim(oneshot::Sender<Result<(), GatewayError>>),
    /// Say what is under way.
    Traffic(oneshot::Sender<Traffic>),
    /// Take note of what a predecessor has under way.
    Predecessor(Option<Traffic>, oneshot::Sender<()>),
}

/// What the control thread works with.
struct ControlThread {
    addresses: Addresses,
    control: Arc<Control>,
    gathering: Arc<Gathering>,
    /// The tasks that answer; `None` while a successor decides.
    served: Option<Vec<JoinHandle<()>>>,
    certificates: Option<Watched>,
    keeping: Option<Keeping>,
    access: AccessFiles,
    vault: Arc<Vault>,
    /// What the gateway was told so far.
    in_force: GatewaySettings,
}

/// Runs until there is nobody left to give orders.
pub(crate) async fn run_control(
    start: ControlStart,
    mut orders: UnboundedReceiver<ControlOrder>,
    ready: mpsc::Sender<Result<(), GatewayError>>,
) {
    let mut thread = match ControlThread::begin(start).await {
        Ok(thread) => thread,
        Err(error) => {
            let _ = ready.send(Err(error));
            return;
        }
    };
    let _ = ready.send(Ok(()));
    thread.keeping.as_mut().map(Keeping::start);
    let every = |pause_ms| {
        let mut every = tokio::time::interval(Duration::from_millis(pause_ms));
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        every
    };
    let mut follow = every(FOLLOW_MS);
    let mut look = every(TLS_LOOK_MS);
    let mut bypasses = every(BYPASS_LOOK_MS);
    let mut sample = every(MASKING_SAMPLE_MS);
    let mut audit = every(MASKING_AUDIT_MS);
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                None => break,
                Some(order) => thread.carry_out(order).await,
            },
            _ = follow.tick(), if thread.served.is_none() => thread.control.follow().await,
            _ = bypasses.tick() => thread.control.expire_bypasses().await,
            _ = look.tick() => thread.look().await,
            _ = sample.tick() => thread.gathering.masking().sample().await,
            _ = audit.tick() => thread.write_audit().await,
        }
    }
    thread.write_audit().await;
}

impl ControlThread {
    async fn begin(start: ControlStart) -> Result<ControlThread, GatewayError> {
        let addresses = Addresses::of(&start);
        if start.routing.masks_anything() {
            start.vault.open().await?;
        }
        let saved = SavedState::read(&start.settings.state_file)?;
        let orders_told = start.orders.subscribe();
        let shared = (start.table, start.orders);
        let told = (start.routing, Arc::clone(&start.observers));
        let (settings, listen) = (start.settings.clone(), start.listen.to_string());
        let control = Control::new(settings, told, start.workers, listen, saved, shared)?;
        let control = Arc::new(control);
        // Nobody is let in by a key before the keys are read.
        let mut access = AccessFiles::default();
        access.look(&*control.routing().await);
        let tls = start.tls.clone();
        let watched = (orders_told, Arc::clone(&start.vault));
        let gathering = Gathering::start(start.observers, Arc::clone(&control), tls, watched);
        let listeners = (start.admin, start.metrics);
        Ok(ControlThread {
            served: Some(addresses.serve(listeners, &control, &gathering)),
            addresses,
            control,
            gathering,
            certificates: start.tls.map(Watched::new),
            keeping: start.keeping,
            access,
            vault: start.vault,
            in_force: start.settings,
        })
    }

    /// Looks at files that may have changed.
    async fn look(&mut self) {
        if let Some(certificates) = &mut self.certificates {
            certificates.look();
        }
        let routing = self.control.routing().await;
        self.access.look(&routing);
        for set in &routing.upstreams {
            set.look_at_files();
        }
    }

    /// Writes down what was masked.
    async fn write_audit(&self) {
        let audit = Arc::clone(self.vault.audit());
        // It waits for the disk. A panic was told already.
        let _ = tokio::task::spawn_blocking(move || audit.write()).await;
    }

    async fn carry_out(&mut self, order: ControlOrder) {
        match order {
            ControlOrder::Reload(settings, reply) => {
                let changed = (&*self.control, self.certificates.as_mut(), &*self.vault);
                let reloaded = reload(&mut self.in_force, changed, *settings).await;
                let _ = reply.send(reloaded);
            }
            ControlOrder::Release(reply) => {
                self.keeping.as_mut().map(Keeping::pause);
                self.control.release().await;
                close(self.served.take().unwrap_or_default()).await;
                let _ = reply.send(());
            }
            ControlOrder::Reclaim(reply) => {
                let (control, gathering) = (&self.control, &self.gathering);
                let reclaimed = self.addresses.reclaim(control, gathering, &mut self.served);
                if let Ok(true) = reclaimed {
                    self.control.reclaim().await;
                    self.keeping.as_mut().map(Keeping::start);
                }
                let _ = reply.send(reclaimed.map(|_| ()));
            }
            ControlOrder::Traffic(reply) => {
                let _ = reply.send(self.control.traffic().await);
            }
            ControlOrder::Predecessor(traffic, reply) => {
                self.control.note_predecessor(traffic).await;
                let _ = reply.send(());
            }
        }
    }
}

/// Replaces what a running gateway can change; `in_force` is what it was told so far.
async fn reload(
    in_force: &mut GatewaySettings,
    (control, certificates, vault): (&Control, Option<&mut Watched>, &Vault),
    settings: GatewaySettings,
) -> Result<(), GatewayError> {
    let names = |settings: &GatewaySettings| -> Vec<String> {
        let services = settings.services.iter();
        services.map(|service| service.service.clone()).collect()
    };
    let protocols = |settings: &GatewaySettings| -> Vec<UpstreamProtocol> {
        let services = settings.services.iter();
        services.map(|service| service.protocol).collect()
    };
    let fixed = [
        ("gateway.listen", in_force.listen == settings.listen),
        ("the state file", in_force.state_file == settings.state_file),
        (
            "the number of workers",
            in_force.workers == settings.workers,
        ),
        (
            "[gateway.tls], its address, redirect or ACME authority",
            is_same_door(in_force.tls.as_ref(), settings.tls.as_ref()),
        ),
        (
            "[gateway.log], [gateway.metrics] or [gateway.traces]",
            in_force.observe == settings.observe,
        ),
        ("the service's name", names(in_force) == names(&settings)),
        (
            "service.protocol",
            protocols(in_force) == protocols(&settings),
        ),
        (
            "[gateway.shared]",
            is_same_shared(in_force.shared.as_ref(), settings.shared.as_ref()),
        ),
        (
            "[gateway.conversations]",
            is_same_place(&in_force.conversations, &settings.conversations),
        ),
    ];
    let differ: Vec<&str> = fixed
        .into_iter()
        .filter_map(|(what, same)| (!same).then_some(what))
        .collect();
    if !differ.is_empty() {
        let what = differ.join(", ");
        return Err(GatewayError::Restart { what });
    }
    let prepared = match (&certificates, &settings.tls) {
        (Some(watched), Some(tls)) if in_force.tls.as_ref() != Some(tls) => {
            Some(watched.tls.prepare(tls.clone())?)
        }
        _ => None,
    };
    if !settings.routing.masks.is_empty() {
        vault.open().await?;
    }
    let services = settings.services.clone();
    control
        .reload(services, &settings.routing, &settings.clients)
        .await?;
    if let (Some(watched), Some(prepared)) = (certificates, prepared) {
        watched.tls.put_in_force(prepared);
        watched.seen = watched.tls.versions();
    }
    *in_force = settings;
    Ok(())
}

fn is_same_door(one: Option<&TlsConfig>, other: Option<&TlsConfig>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => Tls::takes(one, other),
        _ => false,
    }
}

fn is_same_shared(one: Option<&SharedSettings>, other: Option<&SharedSettings>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => {
            one.url.expose_secret() == other.url.expose_secret()
                && one.prefix == other.prefix
                && one.timeout_ms == other.timeout_ms
        }
        _ => false,
    }
}

/// Whether conversations are kept in the same place, in the same way.
fn is_same_place(one: &ConversationSettings, other: &ConversationSettings) -> bool {
    let keys = |place: &ConversationPlace| match place {
        ConversationPlace::Memory {
            conversations_max,
            bytes_max,
        } => format!("memory {conversations_max} {bytes_max}"),
        ConversationPlace::File { keys: None } => "file".to_owned(),
        ConversationPlace::File { keys: Some(keys) } => format!("file {}", keys.expose_secret()),
        ConversationPlace::Shared { keys } => format!("shared {}", keys.expose_secret()),
    };
    one.ttl_ms == other.ttl_ms
        && one.values_max == other.values_max
        && keys(&one.keep) == keys(&other.keep)
}

/// Certificates, and how their files were when they were read.
struct Watched {
    tls: Arc<Tls>,
    seen: Versions,
    ends_told: EndsTold,
}

impl Watched {
    fn new(tls: Arc<Tls>) -> Watched {
        let seen = tls.versions();
        let ends_told = EndsTold::default();
        Watched {
            tls,
            seen,
            ends_told,
        }
    }

    /// Reads the files again if one has changed. Until they fit each other again, the old ones stay.
    fn look(&mut self) {
        self.tls.tell_ends(&mut self.ends_told, clock::wall_ms());
        let now = self.tls.versions();
        if now == self.seen {
            return;
        }
        self.seen = now;
        match self.tls.reload() {
            Ok(()) => tracing::info!("certificates were read again"),
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(%error, cause, "changed certificates are not used; the old ones stay");
            }
        }
    }
}

/// Where the admin API is. With port 0 the port that was found is the one to come back to.
fn found(asked: &AdminListen, bound: &AdminListener) -> AdminListen {
    let mut listen = asked.clone();
    if let (AdminListener::Tcp(listener), AdminListen::Tcp { address, .. }) = (bound, &mut listen)
        && let Ok(found) = listener.local_addr()
    {
        *address = found;
    }
    listen
}

/// Where the control thread answers.
struct Addresses {
    admin: AdminListen,
    metrics: Option<SocketAddr>,
    /// Where the admin API leaves requests for a reload.
    desk: ReloadDesk,
}

impl Addresses {
    fn of(start: &ControlStart) -> Addresses {
        let metrics = start.metrics.as_ref();
        Addresses {
            admin: found(&start.settings.admin, &start.admin),
            metrics: metrics.and_then(|listener| listener.local_addr().ok()),
            desk: start.desk.clone(),
        }
    }

    /// Answers on sockets that were bound already; the result is a task for each.
    fn serve(
        &self,
        (admin, metrics): (AdminListener, Option<TcpListener>),
        control: &Arc<Control>,
        gathering: &Arc<Gathering>,
    ) -> Vec<JoinHandle<()>> {
        let router = admin::router(
            Arc::clone(control),
            Arc::clone(gathering),
            token_of(&self.admin),
            self.desk.clone(),
        );
        let mut tasks = vec![serve_admin(admin, router)];
        tasks.extend(metrics.map(|listener| serve_metrics(listener, Arc::clone(gathering))));
        tasks
    }

    /// Answers again, unless it does so already; whether it did not.
    fn reclaim(
        &self,
        control: &Arc<Control>,
        gathering: &Arc<Gathering>,
        served: &mut Option<Vec<JoinHandle<()>>>,
    ) -> Result<bool, GatewayError> {
        if served.is_some() {
            return Ok(false);
        }
        let listeners = (
            bind_admin(&self.admin)?,
            self.metrics.map(bind_metrics).transpose()?,
        );
        *served = Some(self.serve(listeners, control, gathering));
        Ok(true)
    }
}

/// Ends tasks that answer; their sockets are closed with them.
async fn close(tasks: Vec<JoinHandle<()>>) {
    for task in tasks {
        task.abort();
        let _ = task.await;
    }
}

/// The token that calls need; a Unix socket is guarded by its mode.
fn token_of(listen: &AdminListen) -> Option<SecretString> {
    match listen {
        AdminListen::Tcp { token, .. } => Some(token.clone()),
        AdminListen::Unix(_) => None,
    }
}

fn serve_metrics(listener: TcpListener, gathering: Arc<Gathering>) -> JoinHandle<()> {
    tokio::spawn(async move {
        match tokio::net::TcpListener::from_std(listener) {
            Ok(listener) => endpoints::serve(listener, gathering).await,
            Err(error) => tracing::error!(%error, "metrics are not answered"),
        }
    })
}

fn serve_admin(listener: AdminListener, router: Router) -> JoinHandle<()> {
    tokio::spawn(async move {
        let served = match listener {
            AdminListener::Tcp(listener) => match tokio::net::TcpListener::from_std(listener) {
                Ok(listener) => axum::serve(listener, router).await,
                Err(error) => Err(error),
            },
            AdminListener::Unix(listener) => match tokio::net::UnixListener::from_std(listener) {
                Ok(listener) => axum::serve(listener, router).await,
                Err(error) => Err(error),
            },
        };
        if let Err(error) = served {
            tracing::error!(%error, "the admin API ended");
        }
    })
}

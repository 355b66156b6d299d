//! The control thread: the admin API, the health checks, and handing both over to a successor.

use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use arc_swap::ArcSwap;
use secrecy::SecretString;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::admin;
use crate::bounds::{BYPASS_LOOK_MS, FOLLOW_MS, TLS_LOOK_MS};
use crate::control::Control;
use crate::error::GatewayError;
use crate::listen::{AdminListener, bind_admin};
use crate::route::Table;
use crate::settings::{AdminListen, GatewaySettings};
use crate::state_file::SavedState;
use crate::tls::{Tls, Versions};
use crate::traffic::Traffic;
use crate::worker::Orders;

/// What the control thread needs.
pub(crate) struct ControlStart {
    pub(crate) settings: GatewaySettings,
    pub(crate) workers: usize,
    pub(crate) listen: SocketAddr,
    pub(crate) admin: AdminListener,
    pub(crate) table: Arc<ArcSwap<Table>>,
    pub(crate) tls: Option<Arc<Tls>>,
    pub(crate) orders: watch::Sender<Orders>,
}

/// What the control thread is told while it runs. It ends when nobody is left to tell it anything.
#[derive(Debug)]
pub(crate) enum ControlOrder {
    /// Close the admin API and change no split any more; follow the state file instead.
    Release(oneshot::Sender<()>),
    /// Open the admin API again, and change splits again.
    Reclaim(oneshot::Sender<Result<(), GatewayError>>),
    /// Say what is under way.
    Traffic(oneshot::Sender<Traffic>),
    /// Take note of what a predecessor has under way.
    Predecessor(Option<Traffic>, oneshot::Sender<()>),
}

/// Runs until there is nobody left to give orders.
pub(crate) async fn run_control(
    start: ControlStart,
    mut orders: UnboundedReceiver<ControlOrder>,
    ready: mpsc::Sender<Result<(), GatewayError>>,
) {
    let saved = SavedState::read(&start.settings.state_file);
    let shared = (start.table, start.orders);
    let mut certificates = start.tls.map(Watched::new);
    let admin_listen = found(&start.settings.admin, &start.admin);
    let token = token_of(&admin_listen);
    let listen = start.listen.to_string();
    let control =
        saved.and_then(|saved| Control::new(start.settings, start.workers, listen, saved, shared));
    let control = match control {
        Ok(control) => Arc::new(control),
        Err(error) => {
            let _ = ready.send(Err(error.into()));
            return;
        }
    };
    let mut admin = Some(serve_admin(start.admin, Arc::clone(&control), token));
    let _ = ready.send(Ok(()));
    let mut follow = tokio::time::interval(Duration::from_millis(FOLLOW_MS));
    let mut look = tokio::time::interval(Duration::from_millis(TLS_LOOK_MS));
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut bypasses = tokio::time::interval(Duration::from_millis(BYPASS_LOOK_MS));
    bypasses.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let order = tokio::select! {
            order = orders.recv() => order,
            _ = follow.tick(), if admin.is_none() => {
                control.follow().await;
                continue;
            }
            _ = bypasses.tick() => {
                control.expire_bypasses().await;
                continue;
            }
            _ = look.tick(), if certificates.is_some() => {
                if let Some(certificates) = &mut certificates {
                    certificates.look();
                }
                continue;
            }
        };
        match order {
            None => return,
            Some(ControlOrder::Release(reply)) => {
                control.release().await;
                if let Some(admin) = admin.take() {
                    admin.abort();
                    // The socket is closed when the task is gone.
                    let _ = admin.await;
                }
                let _ = reply.send(());
            }
            Some(ControlOrder::Reclaim(reply)) => {
                let reclaimed = reclaim(&admin_listen, &control, &mut admin).await;
                let _ = reply.send(reclaimed);
            }
            Some(ControlOrder::Traffic(reply)) => {
                let _ = reply.send(control.traffic().await);
            }
            Some(ControlOrder::Predecessor(traffic, reply)) => {
                control.note_predecessor(traffic).await;
                let _ = reply.send(());
            }
        }
    }
}

/// Certificates, and how their files were when they were read.
struct Watched {
    tls: Arc<Tls>,
    seen: Versions,
}

impl Watched {
    fn new(tls: Arc<Tls>) -> Watched {
        let seen = tls.versions();
        Watched { tls, seen }
    }

    /// Reads the files again if one has changed. Until they fit each other again, the old ones stay.
    fn look(&mut self) {
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

async fn reclaim(
    listen: &AdminListen,
    control: &Arc<Control>,
    admin: &mut Option<JoinHandle<()>>,
) -> Result<(), GatewayError> {
    if admin.is_none() {
        *admin = Some(serve_admin(
            bind_admin(listen)?,
            Arc::clone(control),
            token_of(listen),
        ));
        control.reclaim().await;
    }
    Ok(())
}

/// The token that calls need; a Unix socket is guarded by its mode.
fn token_of(listen: &AdminListen) -> Option<SecretString> {
    match listen {
        AdminListen::Tcp { token, .. } => Some(token.clone()),
        AdminListen::Unix(_) => None,
    }
}

fn serve_admin(
    listener: AdminListener,
    control: Arc<Control>,
    token: Option<SecretString>,
) -> JoinHandle<()> {
    let router = admin::router(control, token);
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

//! What the service manager is told: ready, in which state, alive. Protocol: sd_notify(3). Without a
//! service manager nothing happens.

use std::time::Duration;

use portcullis_api::gateway::GatewayStatus;
use portcullis_api::{Client, Endpoint};
use portcullis_engine::{Engine, Standing};
use sd_notify::NotifyState;
use secrecy::SecretString;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::bounds::ALIVE_CHECK_MAX;

/// The connection to the service manager.
#[derive(Debug)]
pub(super) struct Notifier {
    /// The main process is another one, to which the service manager listens instead.
    silent: bool,
    status: String,
    watchdog: Option<JoinHandle<()>>,
    alive: watch::Sender<Alive>,
}

/// Who must answer for this process to be alive.
#[derive(Clone, Default)]
pub(super) enum Alive {
    /// Nobody: a hand-over is under way, which has bounds of its own.
    #[default]
    HandingOver,
    /// The gateway, and the engine if there is one.
    Serving(Option<Engine>),
}

impl std::fmt::Debug for Alive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Alive::HandingOver => f.write_str("HandingOver"),
            Alive::Serving(engine) => write!(f, "Serving(engine: {})", engine.is_some()),
        }
    }
}

impl Notifier {
    /// A notifier that says nothing before [`Notifier::begin`].
    pub(super) fn new() -> Notifier {
        Notifier {
            silent: true,
            status: String::new(),
            watchdog: None,
            alive: watch::Sender::default(),
        }
    }

    /// Says that this process is ready, with `status`, and begins to give signs of life.
    pub(super) fn begin(&mut self, admin: Endpoint, token: Option<SecretString>) {
        self.silent = false;
        self.tell(&[NotifyState::Ready, NotifyState::Status(&self.status)]);
        if let Some(limit) = sd_notify::watchdog_enabled()
            && self.watchdog.is_none()
        {
            let watchdog = watch_over((admin, token), limit, self.alive.subscribe());
            self.watchdog = Some(tokio::spawn(watchdog));
        }
    }

    /// Whether it says anything.
    pub(super) fn has_begun(&self) -> bool {
        !self.silent
    }

    /// Says who must answer from now on.
    pub(super) fn alive(&self, alive: Alive) {
        self.alive.send_replace(alive);
    }

    /// Shows a sentence; the same one is not sent twice.
    pub(super) fn status(&mut self, sentence: &str) {
        // A line feed would end the assignment.
        let sentence = sentence.replace('\n', " ");
        if self.status != sentence {
            self.status = sentence;
            self.tell(&[NotifyState::Status(&self.status)]);
        }
    }

    /// Says that the configuration is being read again, or that a successor is being started.
    pub(super) fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => self.tell(&[NotifyState::Reloading, now]),
            Err(_) => self.tell(&[NotifyState::Reloading]),
        }
    }

    /// Says that reloading is over.
    pub(super) fn reloaded(&self) {
        self.tell(&[NotifyState::Ready, NotifyState::Status(&self.status)]);
    }

    /// Says that another process is the main one from now on, and says nothing any more.
    pub(super) fn succeeded_by(&mut self, pid: u32) {
        self.tell(&[NotifyState::MainPid(pid), NotifyState::Ready]);
        self.silent = true;
        if let Some(watchdog) = self.watchdog.take() {
            watchdog.abort();
        }
    }

    /// Says that this process stops.
    pub(super) fn stopping(&self) {
        self.tell(&[NotifyState::Stopping]);
    }

    fn tell(&self, states: &[NotifyState<'_>]) {
        if !self.silent
            && let Err(error) = sd_notify::notify(states)
        {
            tracing::debug!(%error, "the service manager could not be told");
        }
    }
}

/// Gives a sign of life in half of the time that is allowed, as long as everybody answers. Whoever does
/// not answer is named in the log; the service manager acts when the time is over.
async fn watch_over(
    (admin, token): (Endpoint, Option<SecretString>),
    limit: Duration,
    alive: watch::Receiver<Alive>,
) {
    let pause = limit / 2;
    let mut interval = tokio::time::interval(pause);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let asked = alive.borrow().clone();
        let patience = (pause / 2).min(ALIVE_CHECK_MAX);
        let answered = tokio::time::timeout(patience, ask(&admin, token.clone(), asked)).await;
        let why = match answered {
            Ok(Ok(())) => {
                if let Err(error) = sd_notify::notify(&[NotifyState::Watchdog]) {
                    tracing::debug!(%error, "the service manager could not be told");
                }
                continue;
            }
            Ok(Err(why)) => why,
            Err(_) => "no answer in time".to_owned(),
        };
        tracing::error!(
            %why,
            "no sign of life is given, because gateway or engine does not answer"
        );
    }
}

async fn ask(admin: &Endpoint, token: Option<SecretString>, alive: Alive) -> Result<(), String> {
    let Alive::Serving(engine) = alive else {
        return Ok(());
    };
    // A connection of its own each time: that new ones are accepted is part of being alive.
    let client = Client::new(admin.clone(), token).map_err(|error| error.to_string())?;
    let answer = client.get::<GatewayStatus>("/v1/gateway").await;
    answer.map_err(|error| format!("gateway: {error}"))?;
    // An engine that had to stop said why, and would stop again: starting anew mends nothing.
    let acting = engine.filter(|engine| engine.standing() == Standing::Acting);
    match acting {
        Some(engine) => match engine.entries(u64::MAX >> 1).await {
            Ok(_) => Ok(()),
            Err(_) if engine.standing() != Standing::Acting => Ok(()),
            Err(error) => Err(format!("engine: {error}")),
        },
        None => Ok(()),
    }
}

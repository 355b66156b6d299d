//! `portcullis serve`: engine, gateway and API in one process.
//!
//! The order matters. The folder's lock comes first: one process acts. The gateway starts from its saved
//! split before anything else, so that users are served while the engine looks at what became of things.
//! Services are adopted before the engine recovers, because it will ask about them.
//!
//! - `alone`, `follower`: the gateway without an engine, following one elsewhere.
//! - `acting`: the half that acts; it can be let go while the gateway serves on.
//! - `standby`, `take_over`: one of several engines that share a journal acts, the others wait for it.
//! - `front`, `sockets`: the gateway, and listening sockets that were opened elsewhere.
//! - `notifier`, `log`: what the service manager and its journal are told.
//! - `scheduler`: backups and drills by schedule.
//! - `continuous`: archives of write-ahead log, from which any moment can be recovered to.
//! - `configuration`, `changes`, `reload`: the file while all this runs.
//! - `upgrade`, `succession`, `program`: a new binary takes over.

use std::path::PathBuf;
use std::sync::Arc;

use portcullis_api::Endpoint;
use portcullis_engine::{Engine, RunnerError, Standing};
use portcullis_gateway::{Gateway, ReloadRequest, ReloadRequests, Traffic};
use portcullis_journal::{Entry, JournalError};
use tokio::sync::{broadcast, watch};
use tokio::time::{Interval, MissedTickBehavior};

use crate::bounds::{
    CONFIGURATION_PAUSE, GATEWAY_DRAIN, RETIRE_LINGER, RETIRE_REPORT_PAUSE, RETIRE_WITHIN,
    STATUS_PAUSE, UPGRADE_SETTLE,
};
use crate::cli::Serve;
use crate::command_error::{CommandError, Exit};
use crate::site::Site;
use crate::state_folder::StateFolder;
use crate::{connect, output};

mod acting;
mod alone;
mod changes;
mod configuration;
mod continuous;
mod follower;
mod front;
mod log;
mod notifier;
mod program;
mod reload;
mod scheduler;
mod signals;
mod sockets;
mod standby;
mod succession;
mod take_over;
mod upgrade;

pub(super) use alone::run as alone;

use acting::{Acting, Grounds, Work};
use configuration::Configuration;
use notifier::{Alive, Notifier};
use signals::Signals;
use sockets::Inherited;
use standby::Turn;
use succession::{Peer, Predecessor};
use upgrade::{Bequest, Successor};

pub(super) fn run(site: &Site, args: &Serve) -> Result<Exit, CommandError> {
    let _log = log::start(args.log_json);
    let program = program::find().map_err(|error| failed(&error))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| CommandError::of(Exit::Internal, &error))?;
    runtime.block_on(async {
        let serving = Serving::start(site, args, program).await?;
        serving.run().await
    })
}

/// What runs, and what it was started with.
struct Serving<'a> {
    site: &'a Site,
    args: &'a Serve,
    program: PathBuf,
    grounds: Grounds,
    signals: Signals,
    configuration: Configuration,
    notifier: Notifier,
    gateway: Gateway,
    /// What the admin API is asked to read again.
    reloads: Option<ReloadRequests>,
    /// `None` only while another process is to take over.
    acting: Option<Acting>,
    /// New journal entries, as long as there is an engine.
    entries: Option<broadcast::Receiver<Entry>>,
    /// The socket of the API that was passed to this process, for later starts.
    api: Option<portcullis_server::Listener>,
    predecessor: Option<Peer>,
}

/// What there is to do next.
enum Next {
    Stop,
    /// By a request, or by a signal.
    Reload(Option<ReloadRequest>),
    LookAtConfiguration,
    Upgrade,
    Entry,
    ShowStatus,
    EngineEnded(Standing),
    Predecessor(Option<Traffic>),
    Turn(Turn),
}

impl<'a> Serving<'a> {
    async fn start(
        site: &'a Site,
        args: &'a Serve,
        program: PathBuf,
    ) -> Result<Serving<'a>, CommandError> {
        // Before anything takes time: an unhandled signal of these would end the process.
        let signals = Signals::new().map_err(|error| failed(&error))?;
        let predecessor = Predecessor::find()?;
        let inherited = Inherited::take()?;
        let config = connect::config(site)?;
        inherited.compare(config.gateway.listen, &config.server.listen);
        let folder = StateFolder::new(&config.state.folder);
        let token = folder.token()?;
        let lock = folder.lock_or_guard()?;
        let mut gateway = front::start_held(&config, &folder, inherited.gateway).await?;
        let file = std::path::absolute(&site.file).map_err(|error| failed(&error))?;
        let configuration =
            Configuration::new(file.clone(), site.environment.clone(), config.clone());
        let grounds = Grounds {
            config,
            file,
            environment: site.environment.clone(),
            folder,
            token,
            configuration: configuration.standing(),
            data: Arc::new(watch::Sender::default()),
        };
        if predecessor.is_some() {
            // Until it has said what it has under way, that may be anything.
            gateway.note_predecessor(Some(Traffic::default())).await;
        } else {
            gateway.admit();
        }
        let kept = inherited.api.as_ref().and_then(|api| api.try_clone().ok());
        let acting = Acting::start(lock, grounds.clone(), inherited.api).await?;
        let mut serving = Serving {
            site,
            args,
            program,
            grounds,
            signals,
            configuration,
            notifier: Notifier::new(),
            reloads: gateway.reload_requests(),
            gateway,
            acting: None,
            entries: None,
            api: kept,
            predecessor: None,
        };
        serving.take_up(acting);
        if let Some(predecessor) = predecessor {
            serving.succeed(predecessor).await?;
        }
        serving.show_status();
        if serving.predecessor.is_none() {
            serving.begin();
        }
        serving.greet();
        Ok(serving)
    }

    /// Takes over from another process, from which this one got its sockets.
    async fn succeed(&mut self, predecessor: Predecessor) -> Result<(), CommandError> {
        let Predecessor { mut peer, acted } = predecessor;
        let acting = self.acting.take();
        if acted
            && acting
                .as_ref()
                .is_some_and(|acting| acting.refusal().is_some())
        {
            // The predecessor's engine acts. It goes on instead of this one.
            let refusal = match acting {
                Some(acting) => acting.stop(false).await,
                None => None,
            };
            return Err(refusal.unwrap_or_else(|| {
                CommandError::new(Exit::Failed, "the engine does not act in this process")
            }));
        }
        self.acting = acting;
        self.gateway.admit();
        peer.say_ready().await.map_err(|error| {
            CommandError::of(Exit::Failed, &error)
                .hint("the process that was to be succeeded is gone")
        })?;
        self.predecessor = Some(peer);
        Ok(())
    }

    /// Begins to talk to the service manager.
    fn begin(&mut self) {
        let admin = &self.grounds.config.gateway.admin;
        let asked_at = match self.gateway.admin_address() {
            Some(address) => {
                let token = self.grounds.token.clone();
                (Endpoint::Tcp(address.to_string()), Some(token))
            }
            None => (connect::endpoint(admin), None),
        };
        self.notifier.begin(asked_at.0, asked_at.1);
    }

    fn greet(&self) {
        let config = &self.grounds.config;
        let address = self.gateway.listen_address();
        if self.engine().is_some() {
            let secure = self.gateway.tls_address();
            let secure = secure.map(|address| format!(" and https://{address}"));
            output::talk(&format!(
                "portcullis serves {} on http://{address}{}; API on {}; stop with Ctrl-C",
                config.service.name,
                secure.unwrap_or_default(),
                config.server.listen,
            ));
        }
    }

    fn engine(&self) -> Option<&Engine> {
        self.acting.as_ref().and_then(Acting::engine)
    }

    /// Takes up an acting half that was started.
    fn take_up(&mut self, mut acting: Acting) {
        if let Some(refusal) = acting.refusal() {
            refusal.report(false);
            output::talk(&format!(
                "the engine does not act; traffic is still served on http://{} from the last saved \
                 routes; stop with Ctrl-C",
                self.gateway.listen_address()
            ));
            acting.stand_by(&self.grounds);
        }
        self.entries = acting.engine().map(Engine::subscribe);
        self.notifier
            .alive(Alive::Serving(acting.engine().cloned()));
        self.acting = Some(acting);
    }

    /// Serves until it is stopped or succeeded. An engine that had to stop does not end this process: the
    /// gateway goes on serving, and `status` says why nothing else happens.
    async fn run(mut self) -> Result<Exit, CommandError> {
        let mut status = every(STATUS_PAUSE);
        let mut look = every(CONFIGURATION_PAUSE);
        let mut stale = false;
        let mut watched = self.engine().cloned();
        loop {
            match self.next(&mut status, &mut look, watched.as_ref()).await {
                Next::Stop => return self.stop().await,
                Next::Reload(request) => {
                    self.notifier.reloading();
                    let folder = &self.grounds.folder;
                    reload::reload(&self.gateway, &mut self.configuration, folder, request).await;
                    self.notifier.reloaded();
                }
                Next::LookAtConfiguration => self.configuration.look(),
                Next::Entry => stale = true,
                Next::ShowStatus => {
                    self.grounds.note_data(&self.gateway);
                    if std::mem::take(&mut stale) {
                        self.show_status();
                    }
                }
                Next::EngineEnded(standing) => {
                    watched = None;
                    stale = true;
                    if let Standing::Failed(why) = standing {
                        output::talk(&format!(
                            "the engine had to stop: {why}; traffic is still served"
                        ));
                    }
                    if let Some(acting) = &mut self.acting {
                        acting.stand_by(&self.grounds);
                    }
                }
                Next::Predecessor(traffic) => self.hear_predecessor(traffic).await,
                Next::Turn(Turn::Act(engine)) => {
                    self.act(engine).await;
                    watched = self.engine().cloned();
                    stale = true;
                }
                Next::Turn(Turn::Wait(why)) => {
                    let shown = format!("standing by: {why}; traffic is still served");
                    self.notifier.status(&shown);
                    output::talk(&format!("standing by: {why}"));
                }
                Next::Upgrade => {
                    match self.upgrade().await {
                        Ok(successor) => return self.retire(successor).await,
                        Err(error) => {
                            error.report(false);
                            output::talk(
                                "the upgrade did not happen; this process goes on as before",
                            );
                            self.notifier.reloaded();
                        }
                    }
                    watched = self.engine().cloned();
                    stale = true;
                }
            }
        }
    }

    async fn next(
        &mut self,
        status: &mut Interval,
        look: &mut Interval,
        watched: Option<&Engine>,
    ) -> Next {
        let signals = &mut self.signals;
        tokio::select! {
            _ = signals.terminate.recv() => Next::Stop,
            _ = signals.interrupt.recv() => Next::Stop,
            _ = signals.hang_up.recv() => Next::Reload(None),
            request = reload::next(&mut self.reloads) => Next::Reload(Some(request)),
            // One hand-over at a time: the predecessor's streams may still be ending.
            _ = signals.upgrade.recv() => Next::Upgrade,
            _ = status.tick() => Next::ShowStatus,
            _ = look.tick() => Next::LookAtConfiguration,
            standing = ended(watched) => Next::EngineEnded(standing),
            _ = new_entry(&mut self.entries) => Next::Entry,
            traffic = hear(&mut self.predecessor) => Next::Predecessor(traffic),
            turn = turn(&mut self.acting) => Next::Turn(turn),
        }
    }

    /// The first report of the predecessor says that the service manager knows of this process.
    async fn hear_predecessor(&mut self, traffic: Option<Traffic>) {
        self.begin_once();
        if traffic.is_none() {
            self.predecessor = None;
            tracing::info!("the process that was succeeded has ended");
        }
        self.gateway.note_predecessor(traffic).await;
    }

    /// This engine's turn has come: another one acted until now, or the journal was out of reach.
    async fn act(&mut self, engine: Engine) {
        let api = self.copy_of_api();
        let Some(acting) = &mut self.acting else {
            return;
        };
        let taken = acting.take_over(engine, self.grounds.clone(), api).await;
        self.entries = acting.engine().map(Engine::subscribe);
        self.notifier
            .alive(Alive::Serving(acting.engine().cloned()));
        match taken {
            Ok(()) => self.greet(),
            Err(error) => error.report(false),
        }
    }

    fn begin_once(&mut self) {
        if !self.notifier.has_begun() {
            self.begin();
        }
    }

    fn show_status(&mut self) {
        let sentence = match (
            self.engine(),
            self.acting.as_ref().and_then(Acting::refusal),
        ) {
            (Some(engine), _) => match engine.standing() {
                Standing::Failed(why) => {
                    format!("the engine had to stop: {why}; traffic is still served")
                }
                _ => {
                    let config = &self.grounds.config.service;
                    let (name, environment) = (config.name.as_str(), config.environment.as_str());
                    portcullis_server::status(
                        name,
                        environment,
                        &engine.history(),
                        portcullis_api::engine::EngineStanding::Acting,
                        engine.epoch(),
                    )
                    .sentence
                }
            },
            (None, Some(refusal)) => {
                format!("the engine does not act: {refusal}; traffic is still served")
            }
            (None, None) => return,
        };
        self.notifier.status(&sentence);
    }

    async fn upgrade(&mut self) -> Result<Successor, CommandError> {
        if self.predecessor.is_some() {
            return Err(CommandError::new(
                Exit::Failed,
                "the process that this one succeeded still ends its streams",
            )
            .hint("ask again when it is gone"));
        }
        tracing::info!(program = %self.program.display(), "an upgrade was asked for");
        self.notifier.reloading();
        upgrade::check(&self.program, self.site, self.configuration.in_force()).await?;
        let Some(acting) = self.acting.take() else {
            return Err(CommandError::new(Exit::Internal, "nothing acts"));
        };
        if let Work::UnderWay(step) = acting.settle(UPGRADE_SETTLE).await {
            self.acting = Some(acting);
            let limit = UPGRADE_SETTLE.as_secs();
            return Err(CommandError::new(
                Exit::Failed,
                format!("the step `{step}` is still under way after {limit} s"),
            )
            .hint("ask again when it is over, or abort the rollout first"));
        }
        self.hand_over(acting).await
    }

    /// Lets go of everything but the traffic, and starts the successor. If that fails, everything is
    /// taken back.
    async fn hand_over(&mut self, acting: Acting) -> Result<Successor, CommandError> {
        let acted = acting
            .engine()
            .is_some_and(|e| e.standing() == Standing::Acting);
        let api = acting.listener().or_else(|| self.copy_of_api());
        self.api = api.as_ref().and_then(|api| api.try_clone().ok());
        self.notifier.alive(Alive::HandingOver);
        self.entries = None;
        acting.stop(false).await;
        self.gateway.release_control().await;
        let bequest = Bequest {
            program: self.program.clone(),
            acted,
            api,
        };
        match upgrade::start(&self.gateway, bequest).await {
            Ok(successor) => Ok(successor),
            Err(error) => {
                if let Err(worse) = self.take_back().await {
                    worse.report(false);
                    output::talk(&format!(
                        "the engine does not act; traffic is still served on http://{}; start this \
                         process anew when the cause is mended",
                        self.gateway.listen_address()
                    ));
                    let sentence = format!(
                        "the engine does not act after a failed upgrade: {worse}; traffic is still served"
                    );
                    self.notifier.status(&sentence);
                    self.notifier.alive(Alive::Serving(None));
                }
                Err(error)
            }
        }
    }

    fn copy_of_api(&self) -> Option<portcullis_server::Listener> {
        self.api.as_ref().and_then(|api| api.try_clone().ok())
    }

    async fn take_back(&mut self) -> Result<(), CommandError> {
        let reclaimed = self.gateway.reclaim_control().await;
        reclaimed.map_err(|error| failed(&error))?;
        let lock = self.grounds.folder.lock_or_guard()?;
        let api = self.copy_of_api();
        let acting = Acting::start(lock, self.grounds.clone(), api).await?;
        self.take_up(acting);
        tracing::info!("this process acts again");
        Ok(())
    }

    /// Ends after a successor has taken over: what is under way ends in peace.
    async fn retire(mut self, successor: Successor) -> Result<Exit, CommandError> {
        let Successor { pid, mut peer } = successor;
        self.notifier.succeeded_by(pid);
        output::talk(&format!(
            "process {pid} has taken over; this one ends the requests and streams that it has"
        ));
        drop(self.api.take());
        self.gateway.retire(RETIRE_LINGER, RETIRE_WITHIN);
        let mut report = every(RETIRE_REPORT_PAUSE);
        while !self.gateway.is_drained() {
            tokio::select! {
                _ = self.signals.terminate.recv() => break,
                _ = self.signals.interrupt.recv() => break,
                _ = report.tick() => {}
            }
            if let Some(traffic) = self.gateway.traffic().await
                && let Err(error) = peer.say_traffic(&traffic).await
            {
                tracing::debug!(%error, "the successor does not listen");
            }
        }
        if !self.gateway.is_drained() {
            return Ok(Exit::Done);
        }
        let cut = self.gateway.stop(GATEWAY_DRAIN).await;
        tracing::info!(cut, "this process was succeeded and ends");
        Ok(Exit::Done)
    }

    async fn stop(mut self) -> Result<Exit, CommandError> {
        self.notifier.stopping();
        self.notifier.alive(Alive::HandingOver);
        let acting = self.acting.take();
        if !self.args.stop_services && acting.as_ref().is_some_and(Acting::has_services) {
            output::talk("services go on running; `portcullis serve` adopts them again");
        }
        let refusal = match acting {
            Some(acting) => acting.stop(self.args.stop_services).await,
            None => Some(CommandError::new(
                Exit::Failed,
                "the engine did not act after a failed upgrade",
            )),
        };
        let cut = self.gateway.stop(GATEWAY_DRAIN).await;
        if cut > 0 {
            output::talk(&format!(
                "{cut} connections were cut after {} s",
                GATEWAY_DRAIN.as_secs()
            ));
        }
        refusal.map_or(Ok(Exit::Done), Err)
    }
}

fn every(pause: std::time::Duration) -> Interval {
    let mut interval = tokio::time::interval(pause);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

async fn ended(engine: Option<&Engine>) -> Standing {
    match engine {
        Some(engine) => engine.ended().await,
        None => std::future::pending().await,
    }
}

async fn new_entry(entries: &mut Option<broadcast::Receiver<Entry>>) {
    let closed = match entries {
        Some(receiver) => matches!(
            receiver.recv().await,
            Err(broadcast::error::RecvError::Closed)
        ),
        None => std::future::pending().await,
    };
    if closed {
        *entries = None;
    }
}

async fn turn(acting: &mut Option<Acting>) -> Turn {
    match acting {
        Some(acting) => acting.turn().await,
        None => std::future::pending().await,
    }
}

async fn hear(predecessor: &mut Option<Peer>) -> Option<Traffic> {
    match predecessor {
        Some(peer) => peer.next_traffic().await,
        None => std::future::pending().await,
    }
}

fn failed(error: &(dyn std::error::Error + 'static)) -> CommandError {
    // The same cause has the same code in every command.
    let journal = match error.downcast_ref() {
        Some(RunnerError::Journal(error)) => Some(error),
        _ => error.downcast_ref::<JournalError>(),
    };
    match journal {
        Some(error) => crate::journal_place::unreadable(error),
        None => CommandError::of(Exit::Failed, error),
    }
}

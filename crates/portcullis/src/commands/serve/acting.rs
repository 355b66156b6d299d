//! The half of `serve` that acts: the right to act, the processes, the engine and its API.
//!
//! It runs on a runtime of its own, so that all of it can be let go while the gateway serves on: once the
//! runtime is gone, nothing is left that could act or that holds a lock.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use portcullis_api::data::DataStanding;
use portcullis_api::engine::ConfigurationStanding;
use portcullis_api::gateway::RouteStatus;
use portcullis_config::{Config, JournalConfig, Listen};
use portcullis_driver::{GatewayDriver, GatewayMeter, LogKeeper, ProcessDriver, SmokeDriver};
use portcullis_engine::{
    DataHand, DataLog, Engine, Hands, Planner, Recorder, RehearsalHand, Runner, RunnerError,
    Service, Standing, WallClock, copies_of,
};
use portcullis_gateway::Gateway;
use portcullis_journal::{Journal, JournalError, Scope, StoredJournal};
use portcullis_rollout::{Run, State};
use portcullis_server::{Listener, Server, Surroundings};
use secrecy::SecretString;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::continuous::Archives;
use super::scheduler::Schedules;
use super::standby::{Standby, Turn};
use super::{failed, take_over};
use crate::bounds::{ACTING_STOP, STOP_TIMEOUT_MS, UPGRADE_SETTLE_PAUSE};
use crate::clock::now_ms;
use crate::command_error::{CommandError, Exit};
use crate::commands::backup::gone;
use crate::state_folder::{Lock, StateFolder};
use crate::{connect, journal_place, output};

mod loss_keeper;
mod split_keeper;

/// What to do when others know more than the journal.
const JOURNAL_LOST: &str = "put the journal back from a copy; if it is lost for good, stop the services, \
                            move the state folder aside and run `portcullis init`";

/// What acting needs.
#[derive(Debug, Clone)]
pub(super) struct Grounds {
    pub(super) config: Config,
    /// The configuration file, absolute.
    pub(super) file: PathBuf,
    /// The environment of it that was asked for.
    pub(super) environment: Option<String>,
    pub(super) folder: StateFolder,
    pub(super) token: SecretString,
    pub(super) configuration: watch::Receiver<ConfigurationStanding>,
    /// How the service's data is looked after, told by the half that acts.
    pub(super) data: Arc<watch::Sender<Option<DataStanding>>>,
}

impl Grounds {
    /// Has the metrics tell how the data is looked after.
    pub(super) fn note_data(&self, gateway: &Gateway) {
        let standing = self.data.borrow().clone();
        if let Some(standing) = standing {
            gateway.note_data(self.config.service.name.as_str(), standing);
        }
    }
}

/// The half of `serve` that acts, or that holds the right to and cannot.
pub(super) struct Acting {
    runtime: Runtime,
    lock: Lock,
    /// `None` where what runs may not be touched either.
    process: Option<ProcessDriver>,
    running: Result<Running, CommandError>,
    /// Where several engines share a journal, and another one acts: the wait for its end.
    standby: Option<Standby>,
}

/// An engine that acts, and its API.
struct Running {
    engine: Engine,
    server: Server,
    listener: Listener,
    /// `None` for a service without data.
    schedules: Option<Schedules>,
    /// `None` for a service without data.
    archives: Option<Archives>,
    /// Cuts the logs of releases while this acts.
    _logs: LogKeeper,
}

/// How the engine's work stands when an upgrade is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Work {
    /// Nothing would be broken off.
    Resting,
    /// A step is under way; its name.
    UnderWay(String),
}

impl Acting {
    /// Adopts the services and starts the engine and its API, on `listener` if there is one.
    ///
    /// # Errors
    /// When the processes cannot be looked after. An engine that cannot act is no error, and neither is a
    /// state folder to which nothing can be written: then nothing is touched at all.
    pub(super) async fn start(
        mut lock: Lock,
        grounds: Grounds,
        listener: Option<Listener>,
    ) -> Result<Acting, CommandError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("acting")
            .enable_all()
            .build();
        let runtime = runtime.map_err(|error| CommandError::of(Exit::Internal, &error))?;
        if let Some(refusal) = lock.take_refusal() {
            return Ok(Acting {
                runtime,
                lock,
                process: None,
                running: Err(refusal),
                standby: None,
            });
        }
        let started = runtime.spawn(start(grounds, listener)).await;
        let started = started.map_err(|error| CommandError::of(Exit::Internal, &error));
        match started.flatten() {
            Ok((process, running)) => Ok(Acting {
                runtime,
                lock,
                process: Some(process),
                running,
                standby: None,
            }),
            Err(error) => {
                end(runtime, lock).await;
                Err(error)
            }
        }
    }

    /// The engine, if it could be started.
    pub(super) fn engine(&self) -> Option<&Engine> {
        self.running.as_ref().ok().map(|running| &running.engine)
    }

    /// Why the engine could not be started.
    pub(super) fn refusal(&self) -> Option<&CommandError> {
        self.running.as_ref().err()
    }

    /// Begins to wait for the right to act, if the journal is one that several engines share and this one
    /// does not act.
    pub(super) fn stand_by(&mut self, grounds: &Grounds) {
        let shared = matches!(grounds.config.state.journal, JournalConfig::Postgres(_));
        let acts = self
            .engine()
            .is_some_and(|engine| engine.standing() == Standing::Acting);
        let Some(process) = self.process.clone() else {
            return;
        };
        if shared && !acts && self.standby.is_none() {
            let known = self.refusal().map(CommandError::sentence);
            let standby = Standby::begin(&self.runtime, grounds.clone(), process, known);
            self.standby = Some(standby);
        }
    }

    /// Waits until this engine may act. Never, if it does not wait for that.
    pub(super) async fn turn(&mut self) -> Turn {
        match &mut self.standby {
            Some(standby) => standby.turn().await,
            None => std::future::pending().await,
        }
    }

    /// Takes up the engine that has got its turn, and its API.
    ///
    /// # Errors
    /// When the API cannot be started.
    pub(super) async fn take_over(
        &mut self,
        engine: Engine,
        grounds: Grounds,
        api: Option<Listener>,
    ) -> Result<(), CommandError> {
        self.standby = None;
        let Some(process) = self.process.clone() else {
            return Ok(());
        };
        let ended = CommandError::new(Exit::Internal, "the engine's API is being started anew");
        let listener = match std::mem::replace(&mut self.running, Err(ended)) {
            Ok(earlier) => {
                if let Some(schedules) = earlier.schedules {
                    schedules.stop().await;
                }
                if let Some(archives) = earlier.archives {
                    archives.stop().await;
                }
                earlier.server.stop().await;
                Some(earlier.listener)
            }
            Err(_) => api,
        };
        let starting = async move { start_server(grounds, &process, engine, listener) };
        let started = self.runtime.spawn(starting).await;
        let started = started.map_err(|error| CommandError::of(Exit::Internal, &error));
        self.running = Ok(started.flatten()?);
        Ok(())
    }

    /// A copy of the API's socket.
    pub(super) fn listener(&self) -> Option<Listener> {
        let running = self.running.as_ref().ok()?;
        running.listener.try_clone().ok()
    }

    /// Whether services run.
    pub(super) fn has_services(&self) -> bool {
        let process = self.process.as_ref();
        process.is_some_and(|process| !process.instances().is_empty())
    }

    /// Waits up to `patience` until no step is under way.
    pub(super) async fn settle(&self, patience: Duration) -> Work {
        let Some(engine) = self.engine() else {
            return Work::Resting;
        };
        let rested = async {
            while self.work(engine) != Work::Resting {
                tokio::time::sleep(UPGRADE_SETTLE_PAUSE).await;
            }
        };
        let _ = tokio::time::timeout(patience, rested).await;
        self.work(engine)
    }

    fn work(&self, engine: &Engine) -> Work {
        let running = self.running.as_ref().ok();
        let schedules = running.and_then(|running| running.schedules.as_ref());
        match schedules.and_then(Schedules::busy) {
            Some(words) => Work::UnderWay(words),
            None => work(engine),
        }
    }

    /// Stops engine and API, lets the services go on unwatched, and gives up the right to act. Returns
    /// why the engine does not act, if it did not.
    pub(super) async fn stop(self, stop_services_too: bool) -> Option<CommandError> {
        let (process, running) = (self.process, self.running);
        drop(self.standby);
        let ended = self.runtime.spawn(async move {
            let refusal = match running {
                Ok(running) => {
                    let standing = running.engine.standing();
                    let schedules = running.schedules.map(Schedules::stop);
                    let archives = running.archives.map(Archives::stop);
                    tokio::join!(
                        async {
                            if let Some(stopping) = schedules {
                                stopping.await
                            }
                        },
                        async {
                            if let Some(stopping) = archives {
                                stopping.await
                            }
                        },
                    );
                    // One that hangs is ended with its runtime, below.
                    let _ = tokio::time::timeout(ACTING_STOP, running.engine.stop()).await;
                    running.server.stop().await;
                    engine_failure(standing)
                }
                Err(refusal) => Some(refusal),
            };
            match process {
                Some(process) if stop_services_too => stop_services(&process).await,
                None if stop_services_too => output::talk(
                    "services that run go on: what becomes of them could not be recorded",
                ),
                _ => {}
            }
            refusal
        });
        let refusal = ended.await.unwrap_or(None);
        end(self.runtime, self.lock).await;
        refusal
    }
}

/// Ends everything that runs on a runtime, and then gives up the right to act.
async fn end(runtime: Runtime, lock: Lock) {
    let ended = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(ACTING_STOP));
    let _ = ended.await;
    drop(lock);
}

fn engine_failure(standing: Standing) -> Option<CommandError> {
    match standing {
        Standing::Failed(why) => Some(
            CommandError::new(Exit::Failed, format!("the engine had to stop: {why}"))
                .hint("nothing was done without a record; mend the cause and start again"),
        ),
        Standing::Acting | Standing::Stopped => None,
    }
}

fn work(engine: &Engine) -> Work {
    let history = engine.history();
    let Some(live) = history.live() else {
        return Work::Resting;
    };
    let rollout = live.rollout();
    match rollout.state() {
        State::Advancing { at, run, .. } | State::Unwinding { at, run, .. }
            if !matches!(run, Run::Resting { .. }) && engine.standing() == Standing::Acting =>
        {
            let step = rollout.plan().steps.get(at.0);
            Work::UnderWay(step.map(|step| step.name.clone()).unwrap_or_default())
        }
        _ => Work::Resting,
    }
}

async fn start(
    grounds: Grounds,
    listener: Option<Listener>,
) -> Result<(ProcessDriver, Result<Running, CommandError>), CommandError> {
    let folder = &grounds.folder;
    let process = ProcessDriver::open_with_checks(
        folder.root().to_owned(),
        connect::checks(&grounds.config)?,
    )
    .map_err(|e| failed(&e))?;
    let adopted = process.adopt().await.map_err(|error| failed(&error))?;
    for instance in &adopted {
        tracing::info!(release = %instance.release, address = %instance.address, "adopted");
    }
    let running = match start_engine(&grounds.config, folder, &process).await {
        Ok(engine) => Ok(start_server(grounds, &process, engine, listener)?),
        Err(error) => Err(error),
    };
    Ok((process, running))
}

fn start_server(
    grounds: Grounds,
    process: &ProcessDriver,
    engine: Engine,
    listener: Option<Listener>,
) -> Result<Running, CommandError> {
    let service = Service::new(
        grounds.file.clone(),
        grounds.environment.clone(),
        Planner::new(process.clone()),
        engine.clone(),
    );
    let listener = match listener {
        Some(listener) => listener,
        None => Listener::bind(&server_listen(&grounds.config.server.listen))
            .map_err(|error| failed(&error))?,
    };
    let kept = listener.try_clone().map_err(|error| failed(&error))?;
    let (loss_out, loss) = watch::channel(None);
    let surroundings = Surroundings {
        name: grounds.config.service.name.to_string(),
        environment: grounds.config.service.environment.clone(),
        configuration: grounds.configuration.clone(),
        data: grounds.data.subscribe(),
        loss,
        gateway: connect::gateway(&grounds.config)?,
    };
    let gateway = GatewayDriver::new(surroundings.gateway.clone()).with_epoch(engine.epoch());
    let server = Server::start(listener, grounds.token.clone(), service, surroundings);
    let server = server.map_err(|error| failed(&error))?;
    tokio::spawn(split_keeper::keep(
        engine.clone(),
        gateway,
        grounds.config.clone(),
    ));
    let config = grounds.config.clone();
    tokio::spawn(loss_keeper::keep(engine.clone(), config, loss_out));
    let has_data = !grounds.config.stores.is_empty();
    let archives = has_data.then(|| Archives::begin(grounds.clone(), engine.clone()));
    let schedules = has_data.then(|| Schedules::begin(grounds, engine.clone()));
    Ok(Running {
        archives,
        schedules,
        engine,
        server,
        listener: kept,
        _logs: process.keep_logs_bounded(),
    })
}

pub(super) async fn start_engine(
    config: &Config,
    folder: &StateFolder,
    process: &ProcessDriver,
) -> Result<Engine, CommandError> {
    let location = journal_place::locate(config).await?;
    let opened = StoredJournal::open(&location).await;
    let journal = opened.map_err(|e| failed(&e))?;
    let scope = Scope::new(config.service.name.as_str()).map_err(|e| failed(&e))?;
    // The folder's lock admits one process, so its name can be stable: after a crash the lease is taken
    // over at once, with a higher epoch. Where engines on several machines share a journal, two folders
    // may have the same path; the engine's name tells them apart.
    let mut holder = format!("serve {}", folder.root().display());
    if location.is_shared() {
        holder = format!("{holder} ({})", folder.engine_name()?);
    }
    let (now, ttl_ms) = (now_ms(), config.state.lease_ttl_ms);
    let opened = Runner::open(journal, scope, &holder, now, ttl_ms).await;
    let runner = opened.map_err(|error| refused(&error))?;
    // Starting the release that serves may take longer than a lease lasts.
    let prepared = tokio::select! {
        prepared = prepare(config, folder, &runner, process) => prepared,
        lost = keep_lease(&runner) => Err(lost),
    };
    match prepared {
        Ok((took_over, hands, meter)) => {
            let started = Engine::start(runner, hands, meter, WallClock).await;
            let engine = started.map_err(|error| failed(&error))?;
            if took_over {
                take_over::end_live(&engine).await;
                folder.note_epoch(engine.epoch())?;
            }
            Ok(engine)
        }
        Err(error) => {
            // Others must not wait for one that cannot.
            if let Err(error) = runner.close().await {
                tracing::warn!(%error, "the lease could not be given up");
            }
            Err(error)
        }
    }
}

/// Renews the lease until that fails: then somebody else has taken over, or the journal is out of reach.
async fn keep_lease(runner: &Runner<StoredJournal>) -> CommandError {
    let pause = Duration::from_millis(runner.ttl_ms() / 4);
    loop {
        tokio::time::sleep(pause).await;
        let (lease, ttl_ms) = (runner.lease(), runner.ttl_ms());
        if let Err(error) = runner.journal().renew(lease, now_ms(), ttl_ms).await {
            return failed(&error);
        }
    }
}

/// Whether another engine acted since this folder's last did. If not, notes that this one acts now; else
/// that is noted when the present is made true here, so that an attempt that fails is made again in full.
fn has_been_away(epoch: u64, folder: &StateFolder) -> Result<bool, CommandError> {
    let last = folder.last_epoch()?.unwrap_or(0);
    if epoch <= last {
        let what = format!(
            "the journal was lost or replaced: its epoch is {epoch}, this engine acted under {last}"
        );
        return Err(CommandError::new(Exit::Failed, what).hint(JOURNAL_LOST));
    }
    let away = epoch > last + 1;
    if !away {
        folder.note_epoch(epoch)?;
    }
    Ok(away)
}

/// Somebody else having the lease, in words for people.
fn refused(error: &RunnerError) -> CommandError {
    let RunnerError::Journal(JournalError::LeaseHeld { scope, holder, .. }) = error else {
        return failed(error);
    };
    CommandError::new(
        Exit::LeaseHeld,
        format!("another engine acts on {scope}: {holder}"),
    )
    .hint("this one stands by and takes over when that one is gone")
}

/// Looks whether the journal can be acted on here, and makes everything that acting needs. Says also
/// whether another engine acted in between.
async fn prepare(
    config: &Config,
    folder: &StateFolder,
    runner: &Runner<StoredJournal>,
    process: &ProcessDriver,
) -> Result<(bool, Hands, GatewayMeter), CommandError> {
    let client = connect::gateway(config)?;
    check_journal_fits(config, runner, process, &client).await?;
    let shared = matches!(config.state.journal, JournalConfig::Postgres(_));
    let took_over = shared && has_been_away(runner.lease().epoch.0, folder)?;
    let checks = connect::checks(config)?;
    let vault = gone::vault_to_act_with(config)
        .await
        .map_err(|e| failed(&e))?;
    let places = copies_of(config).await.map_err(|e| failed(&e))?;
    let required = places.into_iter().filter(|place| place.required);
    let data = DataHand::new(vault)
        .with_required_copies(required.map(|place| place.copies).collect())
        .with_recorder(recorder(runner));
    let trials = process.for_trials();
    let smoke = SmokeDriver::new(checks.clone());
    let rehearsal = RehearsalHand::new(data.clone(), trials, smoke).away_from(&config.stores);
    let gateway = GatewayDriver::new(client.clone()).with_epoch(runner.lease().epoch.0);
    if took_over {
        take_over::make_true(runner, process, &gateway).await?;
    } else {
        // Before the engine looks at anything: a gate that is open measures what the journal says.
        split_keeper::look(&gateway, config, || runner.history().recorded_split(), None).await;
    }
    let hands = Hands::new(process.clone(), gateway, checks.clone(), data, rehearsal);
    let meter = GatewayMeter::new(client, checks);
    Ok((took_over, hands, meter))
}

/// Records backups of rollouts beside those of the schedule, in a chain of their own.
fn recorder(runner: &Runner<StoredJournal>) -> Recorder {
    let records = DataLog::new(runner.journal().clone(), &runner.lease().scope);
    Arc::new(move |record| {
        let records = records.clone();
        Box::pin(async move {
            let recorded = records.append_made(&record, "rollout").await;
            recorded.map_err(|error| connect::in_one_line(&error))
        })
    })
}

/// Refuses a journal that others know more than: it was lost, emptied or replaced, and planning from it
/// would take a service that runs for one that was never released.
async fn check_journal_fits(
    config: &Config,
    runner: &Runner<StoredJournal>,
    process: &ProcessDriver,
    gateway: &portcullis_api::Client,
) -> Result<(), CommandError> {
    let service = config.service.name.as_str();
    let route: RouteStatus = gateway.get(&format!("/v1/routes/{service}")).await?;
    let epoch = runner.lease().epoch.0;
    if route.epoch > epoch {
        let what = format!(
            "the journal was lost or replaced: its epoch is {epoch}, the gateway has seen {}",
            route.epoch
        );
        return Err(CommandError::new(Exit::Failed, what).hint(JOURNAL_LOST));
    }
    let unknown = process
        .instances()
        .into_iter()
        .find(|_| runner.history().is_empty());
    if let Some(instance) = unknown {
        let what = format!(
            "the journal was lost or replaced: release {} runs at {}, but no rollout is recorded",
            instance.release, instance.address
        );
        return Err(CommandError::new(Exit::Failed, what).hint(JOURNAL_LOST));
    }
    Ok(())
}

/// Stops every service, each with a moment to finish. The next `serve` starts them again.
async fn stop_services(process: &ProcessDriver) {
    let patience = Duration::from_millis(STOP_TIMEOUT_MS);
    match process.rest(patience).await {
        Ok(left) => {
            for (release, failure) in left {
                let why = failure.message;
                output::talk(&format!("warning: {release} goes on running: {why}"));
            }
        }
        Err(error) => output::talk(&format!("warning: services go on running: {error}")),
    }
}

fn server_listen(listen: &Listen) -> portcullis_server::Listen {
    match listen {
        Listen::Unix(path) => portcullis_server::Listen::Unix(path.clone()),
        Listen::Tcp(address) => portcullis_server::Listen::Tcp(*address),
    }
}

//! `portcullis serve`: engine, gateway and API in one process.
//!
//! The order matters. The folder's lock comes first: one process acts. The gateway starts from its saved
//! split before anything else, so that users are served while the engine looks at what became of things.
//! Services are adopted before the engine recovers, because it will ask about them.

use std::io::IsTerminal;

use portcullis_api::gateway::RouteStatus;
use portcullis_config::{Config, Listen, StickyConfig};
use portcullis_driver::{
    CheckClient, Driver, GatewayDriver, GatewayMeter, ProcessDriver, SmokeDriver,
};
use portcullis_engine::{
    DataHand, Engine, Hands, Planner, RehearsalHand, Runner, Service, Standing, WallClock,
};
use portcullis_gateway::{
    AdminListen, Gateway, GatewaySettings, HealthSettings, RouteSettings, Sticky, TimeoutSettings,
};
use portcullis_journal::{Scope, SqliteJournal};
use portcullis_rollout::{Action, CutOff, Direction, Op, OpKey, RolloutId, StepIndex, Target};
use portcullis_server::Server;
use secrecy::SecretString;
use tokio::signal::unix::{SignalKind, signal};

use crate::bounds::{GATEWAY_DRAIN, STOP_TIMEOUT_MS};
use crate::cli::Serve;
use crate::clock::now_ms;
use crate::command_error::{CommandError, Exit};
use crate::site::Site;
use crate::state_folder::StateFolder;
use crate::{connect, output};

pub(super) fn run(site: &Site, args: &Serve) -> Result<Exit, CommandError> {
    log_to_stderr(args.log_json);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| CommandError::of(Exit::Internal, &error))?;
    runtime.block_on(serve(site, args))
}

async fn serve(site: &Site, args: &Serve) -> Result<Exit, CommandError> {
    let config = connect::config(site)?;
    let folder = StateFolder::new(&config.state.folder);
    let token = folder.token()?;
    let _lock = folder.lock()?;
    let gateway = start_gateway(&config, &folder, &token)?;
    let process = ProcessDriver::open(folder.root().to_owned()).map_err(|e| failed(&e))?;
    let _logs = process.keep_logs_bounded();
    let adopted = process.adopt().await.map_err(|error| failed(&error))?;
    for instance in &adopted {
        tracing::info!(release = %instance.release, address = %instance.address, "adopted");
    }
    let engine = match start_engine(&config, &folder, &process).await {
        Ok(engine) => engine,
        Err(error) => return serve_without_engine(gateway, error).await,
    };
    let file = std::path::absolute(&site.file).map_err(|error| failed(&error))?;
    let planner = Planner::new(process.clone());
    let service = Service::new(file, site.environment.clone(), planner, engine.clone());
    let server = Server::start(
        &server_listen(&config.server.listen),
        token,
        service,
        config.service.name.to_string(),
        config.service.environment.clone(),
    )
    .await
    .map_err(|error| failed(&error))?;
    output::talk(&format!(
        "portcullis serves {} on http://{}; API on {}; stop with Ctrl-C",
        config.service.name,
        gateway.listen_address(),
        config.server.listen,
    ));
    let end = until_stopped(&engine).await?;
    engine.stop().await;
    server.stop().await;
    if args.stop_services {
        stop_services(&process).await;
    } else if !process.instances().is_empty() {
        output::talk("services go on running; `portcullis serve` adopts them again");
    }
    let cut = gateway.stop(GATEWAY_DRAIN).await;
    if cut > 0 {
        output::talk(&format!(
            "{cut} connections were cut after {} s",
            GATEWAY_DRAIN.as_secs()
        ));
    }
    match end {
        Standing::Failed(why) => Err(CommandError::new(
            Exit::Failed,
            format!("the engine had to stop: {why}"),
        )
        .hint("nothing was done without a record; mend the cause and start again")),
        Standing::Acting | Standing::Stopped => Ok(Exit::Done),
    }
}

/// Goes on serving from the last saved routes when the engine may not act, until interrupted.
async fn serve_without_engine(gateway: Gateway, error: CommandError) -> Result<Exit, CommandError> {
    error.report(false);
    output::talk(&format!(
        "the engine does not act; traffic is still served on http://{} from the last saved routes; \
         stop with Ctrl-C",
        gateway.listen_address()
    ));
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| failed(&error))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| failed(&error))?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    gateway.stop(GATEWAY_DRAIN).await;
    Err(error)
}

/// Waits for an interrupt. An engine that had to stop does not end this process: the gateway goes on
/// serving, and `status` says why nothing else happens.
async fn until_stopped(engine: &Engine) -> Result<Standing, CommandError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| failed(&error))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| failed(&error))?;
    let mut watching = true;
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(engine.standing()),
            _ = interrupt.recv() => return Ok(engine.standing()),
            standing = engine.ended(), if watching => {
                watching = false;
                if let Standing::Failed(why) = standing {
                    output::talk(&format!("the engine had to stop: {why}; traffic is still served"));
                }
            }
        }
    }
}

async fn start_engine(
    config: &Config,
    folder: &StateFolder,
    process: &ProcessDriver,
) -> Result<Engine, CommandError> {
    let journal = SqliteJournal::open(&folder.journal())
        .await
        .map_err(|e| failed(&e))?;
    let scope = Scope::new(config.service.name.as_str()).map_err(|e| failed(&e))?;
    // The folder's lock admits one process, so its name can be stable: after a crash the lease is taken
    // over at once, with a higher epoch.
    let holder = format!("serve {}", folder.root().display());
    let opened = Runner::open(journal, scope, &holder, now_ms(), config.state.lease_ttl_ms).await;
    let runner = opened.map_err(|error| failed(&error))?;
    let client = connect::gateway(config)?;
    check_journal_fits(config, &runner, process, &client).await?;
    let checks = CheckClient::new().map_err(|error| failed(&error))?;
    let vault =
        portcullis_backup::Vault::open_or_create(&config.state.vault).map_err(|e| failed(&e))?;
    let data = DataHand::new(vault);
    let trials = process.for_trials();
    let smoke = SmokeDriver::new(checks.clone());
    let rehearsal = RehearsalHand::new(data.clone(), trials, smoke);
    let gateway = GatewayDriver::new(client.clone()).with_epoch(runner.lease().epoch.0);
    let hands = Hands::new(process.clone(), gateway, checks.clone(), data, rehearsal);
    let meter = GatewayMeter::new(client, checks);
    Engine::start(runner, hands, meter, WallClock)
        .await
        .map_err(|error| failed(&error))
}

/// Refuses a journal that others know more than: it was lost, emptied or replaced, and planning from it
/// would take a service that runs for one that was never released.
async fn check_journal_fits(
    config: &Config,
    runner: &Runner<SqliteJournal>,
    process: &ProcessDriver,
    gateway: &portcullis_api::Client,
) -> Result<(), CommandError> {
    let service = config.service.name.as_str();
    let route: RouteStatus = gateway.get(&format!("/v1/routes/{service}")).await?;
    let epoch = runner.lease().epoch.0;
    let hint = "put the journal back from a copy; if it is lost for good, stop the services, move the \
                state folder aside and run `portcullis init`";
    if route.epoch > epoch {
        let what = format!(
            "the journal was lost or replaced: its epoch is {epoch}, the gateway has seen {}",
            route.epoch
        );
        return Err(CommandError::new(Exit::Failed, what).hint(hint));
    }
    let unknown = process
        .instances()
        .into_iter()
        .find(|_| runner.history().rollouts().is_empty());
    if let Some(instance) = unknown {
        let what = format!(
            "the journal was lost or replaced: release {} runs at {}, but no rollout is recorded",
            instance.release, instance.address
        );
        return Err(CommandError::new(Exit::Failed, what).hint(hint));
    }
    Ok(())
}

fn start_gateway(
    config: &Config,
    folder: &StateFolder,
    token: &SecretString,
) -> Result<Gateway, CommandError> {
    let gateway = &config.gateway;
    let health = &gateway.health;
    let settings = GatewaySettings {
        listen: gateway.listen,
        admin: match &gateway.admin {
            Listen::Unix(path) => AdminListen::Unix(path.clone()),
            Listen::Tcp(address) => AdminListen::Tcp {
                address: *address,
                token: token.clone(),
            },
        },
        state_file: folder.routes(),
        workers: 0,
        routes: vec![RouteSettings {
            service: config.service.name.to_string(),
            sticky: match &gateway.sticky {
                StickyConfig::Cookie { name } => Sticky::Cookie { name: name.clone() },
                StickyConfig::Header { name } => Sticky::Header { name: name.clone() },
                StickyConfig::Address => Sticky::ClientAddress,
            },
            health: HealthSettings {
                path: health.path.clone(),
                interval_ms: health.interval_ms,
                timeout_ms: health.timeout_ms,
                unhealthy_after: health.unhealthy_after,
                healthy_after: health.healthy_after,
            },
            timeouts: TimeoutSettings::default(),
            force_header: gateway.force_header,
        }],
    };
    Gateway::start(settings).map_err(|error| failed(&error))
}

/// Stops every service, each with a moment to finish.
async fn stop_services(process: &ProcessDriver) {
    for instance in process.instances() {
        let order = CutOff {
            service: instance.service.clone(),
            release: instance.release.clone(),
            target: Target {
                name: "local".to_owned(),
                driver: "process".to_owned(),
                address: instance.address.clone(),
            },
            drain_timeout_ms: 0,
            stop_timeout_ms: STOP_TIMEOUT_MS,
        };
        let key = OpKey {
            rollout: RolloutId::new("serve"),
            direction: Direction::Do,
            step: StepIndex(0),
            attempt: 1,
        };
        let op = Op {
            key,
            action: Action::Retire(order),
            deadline_ms: 2 * STOP_TIMEOUT_MS,
        };
        if let Err(failure) = process.apply(&op).await {
            output::talk(&format!(
                "warning: {} goes on running: {}",
                instance.release, failure.message
            ));
        }
    }
}

fn server_listen(listen: &Listen) -> portcullis_server::Listen {
    match listen {
        Listen::Unix(path) => portcullis_server::Listen::Unix(path.clone()),
        Listen::Tcp(address) => portcullis_server::Listen::Tcp(*address),
    }
}

fn log_to_stderr(json: bool) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("PORTCULLIS_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if json {
        builder.json().init();
    } else {
        let coloured = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        builder.with_target(false).with_ansi(coloured).init();
    }
}

fn failed(error: &dyn std::error::Error) -> CommandError {
    CommandError::of(Exit::Failed, error)
}

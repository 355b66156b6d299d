//! `portcullis gateway serve`: the gateway in a process of its own, without an engine.
//!
//! It serves from its last saved split before anything is asked, and whatever becomes of the engine. It has a state
//! folder of its own, with its own lock and its own token; the engine's is somewhere else.

use portcullis_api::Endpoint;
use portcullis_config::Config;
use portcullis_gateway::{Gateway, ReloadRequest, ReloadRequests};
use tokio::time::Interval;

use super::configuration::Configuration;
use super::follower::{Follower, Following, News};
use super::notifier::{Alive, Notifier};
use super::sockets::Inherited;
use super::{Signals, every, failed, front, log, reload};
use crate::bounds::{CONFIGURATION_PAUSE, GATEWAY_DRAIN};
use crate::cli::GatewayServe;
use crate::command_error::{CommandError, Exit};
use crate::site::Site;
use crate::state_folder::{Lock, StateFolder};
use crate::{connect, output};

/// Serves until it is told to stop.
pub(in crate::commands) fn run(site: &Site, args: &GatewayServe) -> Result<Exit, CommandError> {
    let _log = log::start(args.log_json);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| CommandError::of(Exit::Internal, &error))?;
    runtime.block_on(async { Alone::start(site, args).await?.run().await })
}

/// A gateway and whom it follows.
struct Alone {
    signals: Signals,
    folder: StateFolder,
    /// No other process serves from the folder.
    _lock: Lock,
    configuration: Configuration,
    notifier: Notifier,
    gateway: Gateway,
    reloads: Option<ReloadRequests>,
    following: Following,
}

/// What there is to do next.
enum Next {
    Stop,
    Reload(Option<ReloadRequest>),
    LookAtConfiguration,
    NoUpgrade,
    News(News),
}

impl Alone {
    async fn start(site: &Site, args: &GatewayServe) -> Result<Alone, CommandError> {
        let signals = Signals::new().map_err(|error| failed(&error))?;
        let inherited = Inherited::take()?;
        let config = connect::config(site)?;
        inherited.compare(config.gateway.listen, &config.server.listen);
        let folder = StateFolder::new(&config.state.folder);
        let token = match &args.token_file {
            Some(file) => StateFolder::token_in(file)?,
            None => folder.token()?,
        };
        let lock = folder.lock()?;
        let mut gateway = front::start_held(&config, &folder, inherited.gateway).await?;
        gateway.admit();
        let file = std::path::absolute(&site.file).map_err(|error| failed(&error))?;
        let own = connect::gateway(&config)?;
        let name = args.name.clone().unwrap_or_else(machine);
        let service = config.service.name.to_string();
        let follower = Follower::new(own, &args.engine, &token, (name, service))?;
        let mut alone = Alone {
            signals,
            folder,
            _lock: lock,
            configuration: Configuration::new(file, site.environment.clone(), config.clone()),
            notifier: Notifier::new(),
            reloads: gateway.reload_requests(),
            gateway,
            following: follower.start(),
        };
        warn_of_plain_text(&args.engine);
        alone.greet(&config)?;
        Ok(alone)
    }

    fn greet(&mut self, config: &Config) -> Result<(), CommandError> {
        let admin = connect::endpoint(&config.gateway.admin);
        self.notifier.alive(Alive::Serving(None));
        self.notifier.begin(admin, connect::gateway_token(config)?);
        let secure = self.gateway.tls_address();
        let secure = secure.map(|address| format!(" and https://{address}"));
        output::talk(&format!(
            "a gateway without an engine serves {} on http://{}{}; it follows {}; stop with Ctrl-C",
            config.service.name,
            self.gateway.listen_address(),
            secure.unwrap_or_default(),
            self.following.engines,
        ));
        Ok(())
    }

    async fn run(mut self) -> Result<Exit, CommandError> {
        let mut look = every(CONFIGURATION_PAUSE);
        loop {
            match self.next(&mut look).await {
                Next::Stop => return Ok(self.stop().await),
                Next::Reload(request) => {
                    self.notifier.reloading();
                    let file = &mut self.configuration;
                    reload::reload(&self.gateway, file, &self.folder, request).await;
                    self.notifier.reloaded();
                }
                Next::LookAtConfiguration => self.configuration.look(),
                Next::NoUpgrade => tracing::warn!(
                    "a gateway without an engine is not upgraded while it runs; restart it"
                ),
                Next::News(news) => {
                    let sentence = news.to_string();
                    match news {
                        News::Follows { .. } => tracing::info!("{sentence}"),
                        News::Away { .. } | News::Refuses { .. } => tracing::warn!("{sentence}"),
                    }
                    self.notifier.status(&sentence);
                }
            }
        }
    }

    async fn next(&mut self, look: &mut Interval) -> Next {
        let signals = &mut self.signals;
        tokio::select! {
            _ = signals.terminate.recv() => Next::Stop,
            _ = signals.interrupt.recv() => Next::Stop,
            _ = signals.hang_up.recv() => Next::Reload(None),
            _ = signals.upgrade.recv() => Next::NoUpgrade,
            request = reload::next(&mut self.reloads) => Next::Reload(Some(request)),
            _ = look.tick() => Next::LookAtConfiguration,
            news = self.following.news() => Next::News(news),
        }
    }

    async fn stop(self) -> Exit {
        self.notifier.stopping();
        self.notifier.alive(Alive::HandingOver);
        let cut = self.gateway.stop(GATEWAY_DRAIN).await;
        if cut > 0 {
            let limit = GATEWAY_DRAIN.as_secs();
            output::talk(&format!("{cut} connections were cut after {limit} s"));
        }
        Exit::Done
    }
}

fn machine() -> String {
    let found = rustix::system::uname();
    found.nodename().to_string_lossy().into_owned()
}

/// The token goes over the network as it is.
fn warn_of_plain_text(engines: &[Endpoint]) {
    for engine in engines {
        let Endpoint::Tcp(address) = engine else {
            continue;
        };
        let host = address
            .rsplit_once(':')
            .map_or(address.as_str(), |(host, _)| host);
        let host = host.trim_matches(['[', ']']);
        let local = host == "localhost"
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback());
        if !local {
            tracing::warn!(
                engine = address,
                "the engine is asked over the network without encryption, and the token goes with it: use a tunnel"
            );
        }
    }
}

//! The gateway's settings, from the configuration.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;

use portcullis_config::{Config, FileFault, Listen, Problems, StickyConfig};
use portcullis_driver::SecretErrorWhy;
use portcullis_gateway::{
    AdminListen, Gateway, GatewaySettings, HealthSettings, ObserveSettings, RoutingSettings,
    ServiceSettings, SharedSettings, Sticky, TimeoutSettings,
};

use super::failed;
use crate::command_error::{CommandError, Exit};
use crate::gateway_files;
use crate::state_folder::StateFolder;

/// Where the admin API listens when its socket cannot be made.
const ANY_LOOPBACK_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Why there are no settings.
#[derive(Debug)]
pub(super) enum FrontError {
    /// Something that the file names cannot be had.
    Broken(Problems),
    /// Something else is in the way.
    Other(CommandError),
}

impl From<Problems> for FrontError {
    fn from(problems: Problems) -> FrontError {
        FrontError::Broken(problems)
    }
}

impl From<CommandError> for FrontError {
    fn from(error: CommandError) -> FrontError {
        FrontError::Other(error)
    }
}

impl From<FrontError> for CommandError {
    fn from(error: FrontError) -> CommandError {
        match error {
            FrontError::Broken(problems) => problems.into(),
            FrontError::Other(error) => error,
        }
    }
}

/// Starts the gateway from its saved split, on `inherited` sockets if there are any. It accepts no
/// connection before it is told to.
pub(super) async fn start_held(
    config: &Config,
    folder: &StateFolder,
    inherited: Vec<TcpListener>,
) -> Result<Gateway, CommandError> {
    gateway_files::examine_for_start(config)?;
    let settings = settings(config, folder).await?;
    Gateway::start_held(settings, inherited).map_err(|error| failed(&error))
}

/// What the configuration says of the gateway.
pub(super) async fn settings(
    config: &Config,
    folder: &StateFolder,
) -> Result<GatewaySettings, FrontError> {
    let gateway = &config.gateway;
    let health = &gateway.health;
    Ok(GatewaySettings {
        listen: gateway.listen,
        admin: match &gateway.admin {
            // No socket can be made there. Only this process asks then: it must know that the gateway lives.
            Listen::Unix(path) if path.starts_with(folder.root()) && !folder.is_writable() => {
                AdminListen::Tcp {
                    address: ANY_LOOPBACK_PORT,
                    token: folder.token()?,
                }
            }
            Listen::Unix(path) => AdminListen::Unix(path.clone()),
            Listen::Tcp(address) => AdminListen::Tcp {
                address: *address,
                token: folder.token()?,
            },
        },
        state_file: folder.routes(),
        clients: gateway.clients.clone(),
        tls: gateway.tls.clone(),
        observe: ObserveSettings {
            log: gateway.log.clone(),
            metrics: gateway.metrics.clone(),
            traces: gateway.traces.clone(),
        },
        workers: 0,
        services: vec![ServiceSettings {
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
            protocol: config.service.protocol,
            force_header: gateway.force_header,
            canary_users: gateway.canary_users.clone(),
            shadow_percent: gateway.shadow_percent,
        }],
        routing: RoutingSettings {
            routes: gateway.routes.clone(),
            unknown: gateway.unknown,
            upstreams: gateway.upstreams.clone(),
            limits: gateway.limits.clone(),
            access: gateway.access.clone(),
        },
        shared: shared(config).await?,
    })
}

/// The server that several gateways share, with its secrets.
async fn shared(config: &Config) -> Result<Option<SharedSettings>, Problems> {
    let Some(shared) = &config.gateway.shared else {
        return Ok(None);
    };
    let folder = config.file.parent().unwrap_or(Path::new(""));
    let url = portcullis_driver::resolve_secret(shared.redis.expose(), folder).await;
    let url = match url {
        Ok(url) => url,
        Err(error) => {
            let hint = match error.why {
                SecretErrorWhy::NotSet => {
                    "set it where Portcullis is started, for example with EnvironmentFile= of its unit"
                }
                _ => {
                    "give a `redis` URL, or a reference that can be read where Portcullis is started"
                }
            };
            return Err(config.fault(FileFault {
                key: "gateway.shared.redis".to_owned(),
                message: CommandError::of(Exit::Usage, &error).sentence(),
                hint: hint.to_owned(),
            }));
        }
    };
    Ok(Some(SharedSettings {
        url,
        prefix: shared.prefix.clone(),
        timeout_ms: shared.timeout_ms,
    }))
}

//! The gateway's settings, from the configuration.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;

use portcullis_config::{
    Config, ConversationStore, FileFault, Listen, Problems, SecretText, StickyConfig,
};
use portcullis_driver::SecretErrorWhy;
use portcullis_gateway::{
    AdminListen, ConversationPlace, ConversationSettings, Gateway, GatewaySettings, HealthSettings,
    MaskModels, ObserveSettings, RoutingSettings, ServiceSettings, SharedSettings, Sticky,
    TimeoutSettings,
};
use secrecy::SecretString;

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
    Gateway::start_held(settings, inherited).map_err(|error| {
        let hint = error.hint().into_iter();
        hint.fold(failed(&error), CommandError::hint)
    })
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
            masks: gateway.masks.clone(),
            models: models(config).await?,
            default_mask: gateway.default_mask.clone(),
        },
        shared: shared(config).await?,
        conversations: conversations(config).await?,
    })
}

/// The models of masks, read where nobody else waits for it.
async fn models(config: &Config) -> Result<MaskModels, FrontError> {
    if config
        .gateway
        .masks
        .iter()
        .all(|mask| mask.search.model.is_none())
    {
        return Ok(MaskModels::default());
    }
    let config = config.clone();
    let loaded = tokio::task::spawn_blocking(move || crate::models::load_all(&config)).await;
    let loaded = loaded.map_err(|error| CommandError::of(Exit::Internal, &error))?;
    Ok(loaded?)
}

/// Where it is kept what was hidden, with its keys. Without masks no key is looked for: nothing is kept.
async fn conversations(config: &Config) -> Result<ConversationSettings, Problems> {
    let conversations = &config.gateway.conversations;
    let is_needed = !config.gateway.masks.is_empty();
    let keep = match &conversations.keep {
        ConversationStore::Memory {
            conversations_max,
            bytes_max,
        } => ConversationPlace::Memory {
            conversations_max: *conversations_max,
            bytes_max: *bytes_max,
        },
        ConversationStore::File { keys } => ConversationPlace::File {
            keys: match keys.as_ref().filter(|_| is_needed) {
                Some(keys) => Some(mask_keys(config, keys).await?),
                None => None,
            },
        },
        ConversationStore::Shared { keys } if is_needed => ConversationPlace::Shared {
            keys: mask_keys(config, keys).await?,
        },
        ConversationStore::Shared { .. } => ConversationSettings::default().keep,
    };
    Ok(ConversationSettings {
        keep,
        ttl_ms: conversations.ttl_ms,
        values_max: conversations.values_max,
    })
}

/// The keys that seal conversations.
async fn mask_keys(config: &Config, keys: &SecretText) -> Result<SecretString, Problems> {
    let folder = config.file.parent().unwrap_or(Path::new(""));
    let found = portcullis_driver::resolve_secret(keys.expose(), folder).await;
    found.map_err(|error| {
        config.fault(FileFault {
            key: "gateway.conversations.keys".to_owned(),
            message: CommandError::of(Exit::Usage, &error).sentence(),
            hint: "give a reference that can be read where Portcullis is started; `openssl rand -hex 32` makes a key"
                .to_owned(),
        })
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

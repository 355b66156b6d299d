//! From the configuration to a client of the running server.

use std::path::{Path, PathBuf};

use portcullis_api::engine::Status;
use portcullis_api::{Client, ClientError, Endpoint};
use portcullis_config::{Config, Listen, TemplateOptions, UpstreamProtocol, template};
use portcullis_driver::{CheckClient, CheckProtocol};
use portcullis_journal::{Journal, JournalLocation, StoredJournal};
use secrecy::SecretString;
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::bounds::LOOK_PATIENCE;
use crate::command_error::{CommandError, Exit};
use crate::offline;
use crate::output;
use crate::serve_process::ServeProcess;
use crate::site::Site;
use crate::state_folder::StateFolder;

/// The state folder of a configuration that names none.
const DEFAULT_STATE_FOLDER: &str = ".portcullis";
/// The API's socket in it.
const DEFAULT_SOCKET: &str = "api.sock";

/// The configuration, read and validated.
pub(crate) fn config(site: &Site) -> Result<Config, CommandError> {
    let environment = site.environment.as_deref();
    let config = portcullis_config::load_environment(&site.file, environment)?;
    Ok(config)
}

/// A client for checks that speaks what the releases speak.
pub(crate) fn checks(config: &Config) -> Result<CheckClient, CommandError> {
    let protocol = match config.service.protocol {
        UpstreamProtocol::Http1 => CheckProtocol::Http1,
        UpstreamProtocol::Http2 => CheckProtocol::Http2,
    };
    CheckClient::speaking(protocol)
        .map_err(|error| CommandError::new(Exit::Failed, error.to_string()))
}

/// A client of the server that the configuration describes.
pub(crate) fn client(config: &Config) -> Result<Client, CommandError> {
    let token = StateFolder::new(&config.state.folder).token()?;
    let client = Client::new(endpoint(&config.server.listen), Some(token))?;
    Ok(client.looking_for(LOOK_PATIENCE))
}

/// Asks for a change. A server that does not even say how it stands is not waited for: what is asked of it
/// may take its time, for example to read large programs.
///
/// # Errors
/// When the server cannot be reached, does not answer, or refuses.
pub(crate) async fn ask<T: DeserializeOwned>(
    client: &Client,
    path: &str,
    wish: &impl Serialize,
) -> Result<T, ClientError> {
    match client.get::<IgnoredAny>("/api/v1/status").await {
        Err(error @ ClientError::Unreachable { .. }) => Err(error),
        // What it refuses and why is said better about the change itself.
        _ => client.post(path, wish).await,
    }
}

/// Says of an error that no server answers whether one runs all the same, and what to do.
pub(crate) fn explained(error: CommandError, site: &Site) -> CommandError {
    if error.exit() != Exit::Unreachable {
        return error;
    }
    let (folder, listen) = match config(site) {
        Ok(config) => (config.state.folder, config.server.listen),
        Err(_) => {
            let folder = default_folder(site);
            let listen = Listen::Unix(folder.join(DEFAULT_SOCKET));
            (folder, listen)
        }
    };
    match ServeProcess::of(&folder, &listen) {
        found @ ServeProcess::None => error.hint(found.hint()),
        found => error.reworded(found.sentence()).hint(found.hint()),
    }
}

/// A client of the gateway's admin API. On a TCP address, which every local user can reach, it shows the
/// token; on its socket nothing is asked for.
pub(crate) fn gateway(config: &Config) -> Result<Client, CommandError> {
    let token = gateway_token(config)?;
    Ok(Client::new(endpoint(&config.gateway.admin), token)?)
}

/// The token that the gateway's admin API needs; its Unix socket is guarded by its mode.
pub(crate) fn gateway_token(config: &Config) -> Result<Option<SecretString>, CommandError> {
    match &config.gateway.admin {
        Listen::Unix(_) => Ok(None),
        Listen::Tcp(_) => Ok(Some(StateFolder::new(&config.state.folder).token()?)),
    }
}

/// A client of the running server for commands that need nothing else of the configuration: a mistake in
/// the file must not keep anybody from stopping a rollout. Then the default state folder is tried.
pub(crate) fn running(site: &Site) -> Result<Client, CommandError> {
    let problems = match config(site) {
        Ok(config) => return client(&config),
        Err(problems) => problems,
    };
    let folder = default_folder(site);
    let socket = folder.join(DEFAULT_SOCKET);
    if !socket.exists() {
        return Err(problems);
    }
    output::talk(&format!(
        "warning: {} has problems, see `portcullis check`; asking the server at {}",
        site.file.display(),
        socket.display()
    ));
    let token = StateFolder::new(&folder).token()?;
    Ok(Client::new(Endpoint::Unix(socket), Some(token))?.looking_for(LOOK_PATIENCE))
}

/// The configuration for commands that only look at what is there: a mistake in the file must not blind
/// anybody. Where it cannot be used, a configuration that says nothing but the service's name stands in for
/// it: everything is where it is when the file does not say otherwise.
///
/// # Errors
/// The file's problems, when there is no default state folder or it does not tell the service.
pub(crate) async fn config_or_stand_in(site: &Site) -> Result<Config, CommandError> {
    let found = config_or_quiet_stand_in(site).await?;
    if let Found::StandIn(config) = &found {
        output::talk(&format!(
            "warning: {} has problems, see `portcullis check`; looking in {}",
            site.file.display(),
            config.state.folder.display()
        ));
    }
    Ok(found.config())
}

/// A configuration to find what runs by.
pub(crate) enum Found {
    /// The file's.
    File(Config),
    /// One that stands in for it.
    StandIn(Config),
}

impl Found {
    pub(crate) fn config(self) -> Config {
        match self {
            Found::File(config) | Found::StandIn(config) => config,
        }
    }
}

/// The same without a warning, for a command that tells what is wrong with the file itself.
pub(crate) async fn config_or_quiet_stand_in(site: &Site) -> Result<Found, CommandError> {
    let problems = match config(site) {
        Ok(config) => return Ok(Found::File(config)),
        Err(problems) => problems,
    };
    // Whoever mistypes an environment must hear of it.
    let mistyped = site.environment.is_some() && portcullis_config::load(&site.file).is_ok();
    let folder = default_folder(site);
    if mistyped || !folder.is_dir() {
        return Err(problems);
    }
    let Some((service, environment)) = service_of(&folder).await else {
        return Err(problems);
    };
    let text = template(&TemplateOptions {
        service,
        ..TemplateOptions::default()
    });
    let Ok(mut stand_in) = portcullis_config::parse(&text, &site.file) else {
        return Err(problems);
    };
    let environment = match environment {
        Some(environment) => Some(environment),
        None => last_environment(&stand_in).await,
    };
    if let Some(environment) = environment {
        stand_in.service.environment = environment;
    }
    Ok(Found::StandIn(stand_in))
}

/// The environment of the last rollout.
async fn last_environment(config: &Config) -> Option<String> {
    let history = offline::present(config).await.ok()?;
    Some(history.last()?.rollout().plan().environment.to_string())
}

/// The service of a state folder: the server says it with its environment, or the journal's file.
async fn service_of(folder: &Path) -> Option<(String, Option<String>)> {
    if let Ok(token) = StateFolder::new(folder).token()
        && let Ok(client) = Client::new(Endpoint::Unix(folder.join(DEFAULT_SOCKET)), Some(token))
    {
        let client = client.looking_for(LOOK_PATIENCE);
        if let Ok(status) = client.get::<Status>("/api/v1/status").await {
            return Some((status.service, Some(status.environment)));
        }
    }
    let location = JournalLocation::File(StateFolder::new(folder).journal());
    let journal = StoredJournal::open_read_only(&location).await.ok()??;
    // Of several services nobody knows which is meant.
    let mut scopes = journal.scopes().await.ok()?;
    scopes.retain(|scope| !scope.is_of_data());
    match scopes.as_slice() {
        [scope] => Some((scope.to_string(), None)),
        _ => None,
    }
}

/// The state folder of a configuration that cannot be read.
fn default_folder(site: &Site) -> PathBuf {
    let beside = site.file.parent().unwrap_or(Path::new(""));
    beside.join(DEFAULT_STATE_FOLDER)
}

/// An error with its causes, in one line.
pub(crate) fn in_one_line(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

/// Where an API is reached.
pub(crate) fn endpoint(listen: &Listen) -> Endpoint {
    match listen {
        Listen::Unix(path) => Endpoint::Unix(path.clone()),
        Listen::Tcp(address) => Endpoint::Tcp(address.to_string()),
    }
}

/// Who is asking, for the record: the name in `PORTCULLIS_USER`, or the user of this process as the system
/// knows it, with the one who became root by sudo. Other variables say what a shell was started with.
pub(crate) fn user() -> String {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let Some(name) = set("PORTCULLIS_USER") {
        return name;
    }
    let uid = nix::unistd::Uid::current();
    let found = nix::unistd::User::from_uid(uid).ok().flatten();
    let name = found.map_or_else(|| format!("uid {uid}"), |user| user.name);
    match set("SUDO_USER").filter(|_| uid.is_root()) {
        Some(before) => format!("{name} (sudo by {before})"),
        None => name,
    }
}

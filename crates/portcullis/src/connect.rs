//! From the configuration to a client of the running server.

use std::path::Path;

use portcullis_api::{Client, Endpoint};
use portcullis_config::{Config, Listen};

use crate::command_error::CommandError;
use crate::state_folder::StateFolder;

/// The configuration, read and validated.
pub(crate) fn config(file: &Path) -> Result<Config, CommandError> {
    Ok(portcullis_config::load(file)?)
}

/// A client of the server that the configuration describes.
pub(crate) fn client(config: &Config) -> Result<Client, CommandError> {
    let token = StateFolder::new(&config.state.folder).token()?;
    Ok(Client::new(endpoint(&config.server.listen), Some(token))?)
}

/// Where an API is reached.
pub(crate) fn endpoint(listen: &Listen) -> Endpoint {
    match listen {
        Listen::Unix(path) => Endpoint::Unix(path.clone()),
        Listen::Tcp(address) => Endpoint::Tcp(address.to_string()),
    }
}

/// Who is asking, for the record.
pub(crate) fn user() -> String {
    let named = ["PORTCULLIS_USER", "USER", "LOGNAME"];
    let found = named
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    found.unwrap_or_else(|| "operator".to_owned())
}

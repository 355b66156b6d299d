//! The server that several gateways share.

use std::path::Path;

use portcullis_config::Config;
use portcullis_gateway::shared::{SharedError, SharedServer};

use super::finding::Finding;

const ABOUT: &str = "shared server";

/// Whether it would count a request now; nothing without `[gateway.shared]`.
pub(super) async fn examine(config: &Config) -> Option<Finding> {
    let shared = config.gateway.shared.as_ref()?;
    let folder = config.file.parent().unwrap_or(Path::new(""));
    let url = match portcullis_driver::resolve_secret(shared.redis.expose(), folder).await {
        Ok(url) => url,
        Err(error) => {
            let hint = "see gateway.shared.redis";
            return Some(Finding::fail(ABOUT, error.to_string()).hint(hint));
        }
    };
    let server = match SharedServer::new(&url, &shared.prefix, shared.timeout_ms) {
        Ok(server) => server,
        Err(error) => {
            let hint = "`portcullis docs several-gateways` says what is expected";
            return Some(Finding::fail(ABOUT, chain(&error)).hint(hint));
        }
    };
    Some(match server.probe().await {
        Ok(answer_us) => {
            let ms = answer_us as f64 / 1_000.0;
            let address = server.address();
            Finding::ok(ABOUT, format!("{address} counted a request in {ms:.1} ms"))
        }
        Err(error) => {
            let hint = "until it does, each gateway counts its limits alone: `portcullis docs several-gateways`";
            Finding::warn(ABOUT, chain(&error)).hint(hint)
        }
    })
}

fn chain(error: &SharedError) -> String {
    let mut message = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        message = format!("{message}: {cause}");
        source = cause.source();
    }
    message
}

#[cfg(test)]
mod tests;

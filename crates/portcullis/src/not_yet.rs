//! Settings that the file may have and that this version does not carry out yet. Passing over one in
//! silence would leave a gateway open that its owner believes to be guarded.

use portcullis_config::{AccessLogPlace, Config, UnknownRequest};

use crate::command_error::{CommandError, ErrorCode};

/// Refuses a configuration that asks for what is not there.
///
/// # Errors
/// When there is such a setting; all of them are named.
pub(crate) fn refuse(config: &Config) -> Result<(), CommandError> {
    let gateway = &config.gateway;
    let settings = [
        ("[[gateway.route]]", !gateway.routes.is_empty()),
        ("[[gateway.upstream]]", !gateway.upstreams.is_empty()),
        ("[[gateway.limit]]", !gateway.limits.is_empty()),
        ("[[gateway.access]]", !gateway.access.is_empty()),
        ("gateway.canary_users", !gateway.canary_users.is_empty()),
        ("gateway.shadow", gateway.shadow_percent > 0),
        ("gateway.unknown", gateway.unknown == UnknownRequest::Refuse),
        (
            "gateway.clients.trusted_proxies",
            !gateway.clients.trusted_proxies.is_empty(),
        ),
        ("gateway.clients.forwarded", gateway.clients.forwarded),
        ("[gateway.log]", gateway.log.to != AccessLogPlace::Off),
        ("gateway.metrics.listen", gateway.metrics.listen.is_some()),
        ("[gateway.traces]", gateway.traces.is_some()),
        ("[gateway.shared]", gateway.shared.is_some()),
    ];
    let asked = settings.into_iter().filter(|(_, asked)| *asked);
    let names: Vec<&str> = asked.map(|(name, _)| name).collect();
    if names.is_empty() {
        return Ok(());
    }
    let file = config.file.display();
    let what = format!(
        "{file}: this version does not carry out {} yet",
        names.join(", ")
    );
    let hint = "take it out of the file: to pass it over would leave open what you mean to guard";
    Err(CommandError::coded(ErrorCode::Configuration, what).hint(hint))
}

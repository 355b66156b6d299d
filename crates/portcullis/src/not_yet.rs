//! Settings that the file may have and that this version does not carry out yet. Passing over one in
//! silence would leave a gateway open that its owner believes to be guarded.

use portcullis_config::Config;

use crate::command_error::{CommandError, ErrorCode};

/// Refuses a configuration that asks for what is not there.
///
/// # Errors
/// When there is such a setting; all of them are named.
pub(crate) fn refuse(config: &Config) -> Result<(), CommandError> {
    let gateway = &config.gateway;
    let tls = gateway.tls.as_ref();
    let settings = [
        (
            "[gateway.tls.acme]",
            tls.is_some_and(|tls| tls.acme.is_some()),
        ),
        ("gateway.tls.redirect", tls.is_some_and(|tls| tls.redirect)),
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

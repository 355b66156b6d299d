//! `portcullis backup protect` and `unprotect`: what a person wants kept, whatever the rules say.

use portcullis_backup::{Protection, Vault};

use super::{failed, now, parse};
use crate::command_error::{CommandError, Exit};
use crate::{connect, output};

pub(super) fn protect(
    vault: &Vault,
    name: &str,
    reason: &str,
    json: bool,
) -> Result<Exit, CommandError> {
    let name = parse(name)?;
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().any(char::is_control) {
        let what = "--reason must say in one line why the backup is to be kept";
        return Err(CommandError::new(Exit::Usage, what)
            .hint("for example: --reason 'the auditors look at it in May'"));
    }
    let protection = Protection {
        reason: reason.to_owned(),
        by: connect::user(),
        since: now(),
    };
    vault
        .protect(&name, &protection)
        .map_err(|error| failed(&error))?;
    if json {
        output::json(&serde_json::json!({
            "schema": "portcullis.backup-protection/1",
            "name": name.as_str(),
            "protected": true,
            "by": protection.by,
            "reason": protection.reason,
        }));
    } else {
        output::result(&format!(
            "{name} is protected by {}: {reason}",
            protection.by
        ));
        output::talk(&format!(
            "no rule removes it until: portcullis backup unprotect {name}"
        ));
    }
    Ok(Exit::Done)
}

pub(super) fn unprotect(vault: &Vault, name: &str, json: bool) -> Result<Exit, CommandError> {
    let name = parse(name)?;
    let before = vault.unprotect(&name).map_err(|error| failed(&error))?;
    if json {
        output::json(&serde_json::json!({
            "schema": "portcullis.backup-protection/1",
            "name": name.as_str(),
            "protected": false,
            "by": before.as_ref().map(|before| &before.by),
            "reason": before.as_ref().map(|before| &before.reason),
        }));
    } else {
        output::result(&match before {
            Some(before) => format!(
                "{name} is no longer protected (it was by {}: {}); the rules of [backup] decide about it",
                before.by, before.reason
            ),
            None => format!("{name} was not protected"),
        });
    }
    Ok(Exit::Done)
}

//! `portcullis backup key`: making a pair of keys, and saying which key opens which backup.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use portcullis_backup::{NewKey, Vault};
use portcullis_config::Config;
use portcullis_engine::encryption_of;
use secrecy::ExposeSecret;

use super::{failed, now, refused};
use crate::command_error::{CommandError, Exit};
use crate::output;

/// Makes a pair: the secret half goes to a file that only its owner reads, the public one to standard output.
pub(super) fn new(file: &Path, json: bool) -> Result<Exit, CommandError> {
    let key = NewKey::generate(&now().to_string());
    let shown = file.display();
    let opened = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file);
    let written = opened.and_then(|mut out| {
        out.write_all(key.identity_file.expose_secret().as_bytes())?;
        out.sync_all()
    });
    written.map_err(|error| {
        let what = format!("the identity file {shown} cannot be written: {error}");
        CommandError::new(Exit::Failed, what)
            .hint("--file names a file that does not exist yet: nothing is overwritten")
    })?;
    if json {
        output::json(&serde_json::json!({
            "schema": "portcullis.backup-key/1",
            "recipient": key.recipient,
            "file": file,
        }));
    } else {
        output::result(&key.recipient);
        output::talk(&format!(
            "the identity is in {shown}: keep a copy of it away from this machine and from the backups; without it nobody \
             can read them"
        ));
        output::talk(&format!(
            "add to the configuration: [backup.encryption] recipients = [\"{}\"], identities = [\"file:{shown}\"]",
            key.recipient
        ));
    }
    Ok(Exit::Done)
}

/// Says for whom backups are encrypted, and which of them a key that is configured opens.
pub(super) async fn list(config: &Config, vault: &Vault, json: bool) -> Result<Exit, CommandError> {
    let encryption = encryption_of(config)
        .await
        .map_err(|error| refused(&error))?;
    let (recipients, opens) = (encryption.recipients(), encryption.opens_for());
    let backups = vault.list().map_err(|error| failed(&error))?;
    if json {
        let rows: Vec<_> = backups
            .iter()
            .map(|backup| {
                serde_json::json!({
                    "name": backup.name.as_str(),
                    "encrypted": backup.sealed.is_some(),
                    "recipients": backup.sealed.as_ref().map(|sealed| &sealed.recipients),
                    "opens": backup.sealed.as_ref().is_none_or(|sealed| sealed.opens),
                })
            })
            .collect();
        output::json(&serde_json::json!({
            "schema": "portcullis.backup-keys/1",
            "recipients": recipients,
            "identities": opens,
            "backups": rows,
        }));
        return Ok(Exit::Done);
    }
    for recipient in &recipients {
        let word = match opens.contains(recipient) {
            true => "new backups, and read here",
            false => "new backups, not read here",
        };
        output::result(&format!("{recipient}  {word}"));
    }
    for old in opens.iter().filter(|old| !recipients.contains(old)) {
        output::result(&format!("{old}  read here only"));
    }
    if let Err(why) = encryption.reads_what_it_writes() {
        output::talk(&format!(
            "warning: what is written now cannot be read here: {why}"
        ));
    }
    for backup in &backups {
        let words = match &backup.sealed {
            None => "not encrypted".to_owned(),
            Some(sealed) => {
                let for_whom = match sealed.recipients.is_empty() {
                    true => "for somebody who is not noted".to_owned(),
                    false => format!("for {}", sealed.recipients.join(" and ")),
                };
                match sealed.opens {
                    true => format!("opens here, {for_whom}"),
                    false => format!("does not open here, {for_whom}"),
                }
            }
        };
        output::result(&format!("{}  {words}", backup.name));
    }
    Ok(Exit::Done)
}

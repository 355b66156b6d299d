//! `portcullis init`: a configuration to start from, the state folder and the API token.

use std::io::{ErrorKind, Write};
use std::net::SocketAddr;
use std::path::Path;

use portcullis_config::{TemplateOptions, TemplateStore, template};
use portcullis_rollout::StoreKind;

use crate::cli::Init;
use crate::command_error::{CommandError, Exit};
use crate::site::Site;
use crate::state_folder::StateFolder;
use crate::{connect, output};

pub(super) fn run(site: &Site, json: bool, args: &Init) -> Result<Exit, CommandError> {
    let file = &site.file;
    let mut made = Vec::new();
    let written = write_configuration(file, args)?;
    if written {
        made.push(file.display().to_string());
    }
    let config = connect::config(site)?;
    let folder = StateFolder::new(&config.state.folder);
    if folder.create()? {
        made.push(folder.root().display().to_string());
    }
    if folder.create_token()? {
        made.push(format!("{}/token", folder.root().display()));
    }
    if json {
        output::json(&serde_json::json!({
            "schema": "portcullis.init/1",
            "file": file,
            "state_folder": folder.root(),
            "made": made,
        }));
        return Ok(Exit::Done);
    }
    if made.is_empty() {
        output::result("everything was there already; nothing was changed");
    }
    for path in &made {
        output::result(&format!("made {path}"));
    }
    if written {
        output::talk(&format!(
            "next: edit {}, then `portcullis check`",
            file.display()
        ));
    } else {
        output::talk("next: `portcullis serve`, then `portcullis deploy`");
    }
    Ok(Exit::Done)
}

/// Writes a starter configuration unless there is a file. Returns whether it wrote one.
fn write_configuration(file: &Path, args: &Init) -> Result<bool, CommandError> {
    let mut options = TemplateOptions {
        service: args.name.clone(),
        listen: SocketAddr::from(([127, 0, 0, 1], args.port)),
        artifact: format!("releases/1.0/{}", args.name),
        ..TemplateOptions::default()
    };
    if let Some(command) = &args.command {
        let mut words = command.split_whitespace().map(str::to_owned);
        let Some(program) = words.next() else {
            return Err(CommandError::new(Exit::Usage, "--command is empty")
                .hint("for example --command './my-service --port {port}'"));
        };
        options.artifact = program;
        options.command = std::iter::once("{artifact}".to_owned())
            .chain(words)
            .collect();
    }
    if let Some(store) = &args.store {
        let kind = if store.is_dir() {
            StoreKind::Directory
        } else {
            StoreKind::File
        };
        let name = store
            .file_stem()
            .map(|stem| stem.to_string_lossy().to_ascii_lowercase());
        let valid = name.filter(|n| n.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'));
        options.store = Some(TemplateStore {
            name: valid.unwrap_or_else(|| "data".to_owned()),
            kind,
            path: store.display().to_string(),
        });
    }
    let text = template(&options);
    if !file.exists() {
        // Nothing is written that `check` would not accept.
        portcullis_config::parse(&text, file).map_err(|problems| {
            CommandError::from(problems).hint("nothing was written; mend the arguments of `init`")
        })?;
    }
    let made = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(file);
    match made {
        Ok(mut opened) => {
            let written = opened.write_all(text.as_bytes());
            written.map_err(|error| unwritable(file, &error))?;
            Ok(true)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(unwritable(file, &error)),
    }
}

fn unwritable(file: &Path, error: &std::io::Error) -> CommandError {
    CommandError::new(
        Exit::Failed,
        format!("{} cannot be written: {error}", file.display()),
    )
    .hint("run this in a folder of yours, or name a file with --file")
}

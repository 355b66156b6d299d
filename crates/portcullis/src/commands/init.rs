//! `portcullis init`: a configuration to start from, the state folder and the API token.
//!
//! What the file says is guessed from what lies in the folder, in a documented order, and every guess is
//! told with its source. Options override guesses. Nothing is written that `check` would not accept, and
//! nothing that exists is changed.

use std::io::{ErrorKind, Write};
use std::path::Path;

use crate::cli::Init;
use crate::command_error::{CommandError, ErrorCode, Exit};
use crate::site::Site;
use crate::state_folder::StateFolder;
use crate::{connect, output};

mod choice;
mod draft;
mod guess;
mod scan;
mod sources;
mod start;
mod stores;

pub(super) fn run(site: &Site, json: bool, args: &Init) -> Result<Exit, CommandError> {
    let file = &site.file;
    let mut made = Vec::new();
    let mut told = Vec::new();
    if !file.exists() {
        let draft = draft::draft(&folder_of(file), args)?;
        // Nothing is written that `check` would not accept.
        portcullis_config::parse(&draft.text, file)
            .and_then(|config| config.check_files())
            .map_err(|problems| {
                CommandError::from(problems)
                    .hint("nothing was written; mend the arguments of `init`")
            })?;
        told = draft.told;
        if args.dry_run {
            told.iter().for_each(|line| output::talk(line));
            output::result(draft.text.trim_end());
            return Ok(Exit::Done);
        }
        if write_new(file, &draft.text)? {
            made.push(file.display().to_string());
        }
    } else if args.dry_run {
        output::talk(&format!(
            "{} is there already and would be kept",
            file.display()
        ));
        return Ok(Exit::Done);
    }
    let written = !made.is_empty();
    let config = connect::config(site)?;
    let folder = StateFolder::new(&config.state.folder);
    if folder.create()? {
        made.push(folder.root().display().to_string());
    }
    if written {
        // The configuration's first line names it, for editors.
        let schema = folder.root().join("schema.json");
        if write_new(&schema, &portcullis_config::schema())? {
            made.push(schema.display().to_string());
        }
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
            "told": told,
        }));
        return Ok(Exit::Done);
    }
    told.iter().for_each(|line| output::talk(line));
    tell(file, &made, written);
    Ok(Exit::Done)
}

/// Says what was made, and what comes next.
fn tell(file: &Path, made: &[String], written: bool) {
    if made.is_empty() {
        output::result("everything was there already; nothing was changed");
    }
    for path in made {
        output::result(&format!("made {path}"));
    }
    if written {
        output::talk(&format!(
            "next: look at {}, then `portcullis check` and `portcullis serve`",
            file.display()
        ));
    } else {
        output::talk("next: `portcullis serve`, then `portcullis deploy`");
    }
}

/// The folder of a file, also of one that is named without a folder.
fn folder_of(file: &Path) -> std::path::PathBuf {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => std::path::PathBuf::from("."),
    }
}

/// Writes the file unless there is one. Returns whether it wrote it.
fn write_new(file: &Path, text: &str) -> Result<bool, CommandError> {
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
    CommandError::coded(
        ErrorCode::FileUnwritable,
        format!("{} cannot be written: {error}", file.display()),
    )
    .hint("run this in a folder of yours, or name a file with --file")
}

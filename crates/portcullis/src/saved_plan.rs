//! A plan saved for review: the view as JSON, with the hash of the plan in it.
//!
//! The hash is over the plan's content, so a file that was edited is noticed before anything is asked of
//! the server. Whether the world is still the one that the plan was made for, the engine decides.

use std::io::{Read, Write};
use std::path::Path;

use portcullis_api::engine::PlanView;

use crate::bounds::SAVED_PLAN_BYTES_MAX;
use crate::command_error::{CommandError, Exit};

/// Writes a plan. What is there already is replaced, whole or not at all.
pub(crate) fn save(file: &Path, view: &PlanView) -> Result<(), CommandError> {
    let unwritable = |error: &dyn std::error::Error| {
        let what = format!("the plan cannot be saved to {}", file.display());
        CommandError::because(Exit::Failed, what, error)
            .hint("name a file in a folder that you may write to")
    };
    let text = serde_json::to_string_pretty(view).map_err(|error| unwritable(&error))?;
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    // The library's words name a file that nobody asked for; the kind of the error is what counts.
    let mut beside =
        tempfile::NamedTempFile::new_in(folder).map_err(|error| match folder.is_dir() {
            true => unwritable(&std::io::Error::from(error.kind())),
            false => unwritable(&std::io::Error::other(format!(
                "there is no folder {}",
                folder.display()
            ))),
        })?;
    let written = writeln!(beside, "{text}").and_then(|()| beside.as_file().sync_all());
    written.map_err(|error| unwritable(&error))?;
    beside
        .persist(file)
        .map_err(|error| unwritable(&error.error))?;
    Ok(())
}

/// Reads a saved plan and checks that it is the one that was saved.
pub(crate) fn read(file: &Path) -> Result<PlanView, CommandError> {
    let name = file.display();
    let unreadable = |error: &dyn std::error::Error| {
        let hint = match file.exists() {
            true => "`portcullis plan --out FILE` saves a plan".to_owned(),
            // Who brings out a release often names it first.
            false => format!(
                "`portcullis deploy --release {name}` brings out the release {name}; an argument without a name \
                 is a plan that `portcullis plan --out FILE` saved"
            ),
        };
        CommandError::because(Exit::Usage, format!("{name} cannot be read"), error).hint(hint)
    };
    let opened = std::fs::File::open(file).map_err(|error| unreadable(&error))?;
    let mut text = String::new();
    opened
        .take(SAVED_PLAN_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .map_err(|error| unreadable(&error))?;
    if text.len() as u64 > SAVED_PLAN_BYTES_MAX {
        let what =
            format!("{name} is larger than {SAVED_PLAN_BYTES_MAX} bytes, so it is no saved plan");
        return Err(CommandError::new(Exit::Usage, what));
    }
    let view: PlanView = serde_json::from_str(&text).map_err(|error| {
        CommandError::because(Exit::Usage, format!("{name} is no saved plan"), &error).hint(
            "`portcullis plan --out FILE` saves a plan; `--json` output of `plan` is the same",
        )
    })?;
    let found = view.plan.hash();
    if found != view.hash {
        let what = format!(
            "{name} was changed after it was saved: its plan has the hash {found}, it was saved with {}",
            view.hash
        );
        return Err(CommandError::new(Exit::Failed, what)
            .hint("a plan is reviewed as it is; change the configuration and save a new one"));
    }
    Ok(view)
}

//! `portcullis completions` and `portcullis man`, from the one table of commands.

use std::path::Path;

use clap::{Command, CommandFactory};
use clap_complete::Shell;

use crate::cli::{Cli, Completions, Man};
use crate::command_error::{CommandError, ErrorCode, Exit};
use crate::output;

mod pages;
mod reference;

pub(super) use reference::markdown;

pub(super) fn completions(args: &Completions) -> Result<Exit, CommandError> {
    let shell: Shell = args.shell.parse().map_err(|why: String| {
        CommandError::coded(
            ErrorCode::BadValue,
            format!("there is no shell {}", args.shell),
        )
        .cause(why)
    })?;
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "portcullis", &mut text);
    output::result(String::from_utf8_lossy(&text).trim_end());
    Ok(Exit::Done)
}

pub(super) fn man(args: &Man) -> Result<Exit, CommandError> {
    let command = built();
    let Some(folder) = &args.out else {
        output::result(pages::page(&command).trim_end());
        return Ok(Exit::Done);
    };
    std::fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
    let mut count = 0;
    for command in all(&command) {
        let file = folder.join(pages::file_name(command));
        std::fs::write(&file, pages::page(command)).map_err(|error| unwritable(&file, &error))?;
        count += 1;
    }
    output::result(&format!("wrote {count} man pages to {}", folder.display()));
    output::talk(&format!("read one: man {}/portcullis.1", folder.display()));
    Ok(Exit::Done)
}

/// The table of commands, with the names that each is called by.
fn built() -> Command {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    command
}

/// A command and all below it.
fn all(command: &Command) -> Vec<&Command> {
    let below = command
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .flat_map(all);
    std::iter::once(command).chain(below).collect()
}

fn unwritable(path: &Path, error: &std::io::Error) -> CommandError {
    CommandError::coded(
        ErrorCode::FileUnwritable,
        format!("{} cannot be written", path.display()),
    )
    .cause(error.to_string())
}

#[cfg(test)]
mod tests;

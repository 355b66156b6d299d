//! `portcullis docs`: the documentation in the terminal.

use crate::cli::Docs;
use crate::command_error::{CommandError, Exit};

pub(super) fn run(_json: bool, _plain: bool, _args: &Docs) -> Result<Exit, CommandError> {
    Err(CommandError::new(Exit::Internal, "not there yet"))
}

//! `portcullis completions` and `portcullis man`, from the one table of commands.

use crate::cli::{Completions, Man};
use crate::command_error::{CommandError, Exit};

pub(super) fn completions(_args: &Completions) -> Result<Exit, CommandError> {
    Err(CommandError::new(Exit::Internal, "not there yet"))
}

pub(super) fn man(_args: &Man) -> Result<Exit, CommandError> {
    Err(CommandError::new(Exit::Internal, "not there yet"))
}

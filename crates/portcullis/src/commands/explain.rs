//! `portcullis explain`: what an error code means.

use crate::cli::Explain;
use crate::command_error::{CommandError, Exit};

pub(super) fn run(_json: bool, _args: &Explain) -> Result<Exit, CommandError> {
    Err(CommandError::new(Exit::Internal, "not there yet"))
}

//! `portcullis config`: where each value came from.

use crate::cli::ConfigCommand;
use crate::command_error::{CommandError, Exit};
use crate::site::Site;

pub(super) fn run(
    _site: &Site,
    _json: bool,
    _command: &ConfigCommand,
) -> Result<Exit, CommandError> {
    Err(CommandError::new(Exit::Internal, "not there yet"))
}

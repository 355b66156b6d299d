//! `portcullis gateway`: routes and splits.

use crate::cli::Gateway;
use crate::command_error::{CommandError, Exit};
use crate::site::Site;

pub(super) async fn run(
    _site: &Site,
    _json: bool,
    _command: &Gateway,
) -> Result<Exit, CommandError> {
    Err(CommandError::new(Exit::Internal, "not there yet"))
}

//! `portcullis watch`: a rollout on a live screen.

use crate::cli::Watch;
use crate::command_error::{CommandError, Exit};
use crate::site::Site;

pub(super) async fn run(
    _site: &Site,
    _json: bool,
    _plain: bool,
    _args: &Watch,
) -> Result<Exit, CommandError> {
    Err(CommandError::new(Exit::Internal, "not there yet"))
}

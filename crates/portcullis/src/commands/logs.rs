//! `portcullis logs`: what a service's releases wrote.

use crate::cli::Logs;
use crate::command_error::{CommandError, Exit};
use crate::site::Site;

pub(super) async fn run(_site: &Site, _json: bool, _args: &Logs) -> Result<Exit, CommandError> {
    Err(CommandError::new(Exit::Internal, "not there yet"))
}

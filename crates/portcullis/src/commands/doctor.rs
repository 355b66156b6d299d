//! `portcullis doctor`: what would keep a release from going well.

use crate::command_error::{CommandError, Exit};
use crate::site::Site;

pub(super) async fn run(_site: &Site, _json: bool) -> Result<Exit, CommandError> {
    Err(CommandError::new(Exit::Internal, "not there yet"))
}

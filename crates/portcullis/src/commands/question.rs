//! A question to whoever sits at a terminal.

use std::io::{BufRead, IsTerminal};

use crate::command_error::{CommandError, Exit};
use crate::output;

/// Whether somebody is at a terminal, who sees the question and can answer it.
pub(super) fn can_be_asked() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks a question that is answered with yes or no.
///
/// # Errors
/// Everything but a yes; `refused` says what that means.
pub(super) fn agreed(question: &str, refused: &str) -> Result<(), CommandError> {
    output::ask(&format!("{question} [y/N] "));
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    match (read, line.trim()) {
        (Ok(_), "y" | "Y" | "yes") => Ok(()),
        _ => Err(CommandError::new(Exit::Failed, refused)),
    }
}

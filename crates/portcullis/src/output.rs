//! The one place that writes to the terminal: results to standard output, talk to standard error.

use std::io::Write;

/// Writes a line of result. A reader that has gone away is no error.
pub(crate) fn result(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Writes a line of a result that may have no end; whoever writes one must hear that its reader has gone
/// away.
pub(crate) fn stream(line: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout().lock(), "{line}")
}

/// Writes a line of talk.
pub(crate) fn talk(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Writes a result as JSON.
pub(crate) fn json(value: &impl serde::Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => result(&text),
        Err(error) => talk(&format!(
            "error: the result cannot be written as JSON: {error}"
        )),
    }
}

//! The one place that writes to the terminal: results to standard output, talk to standard error.

use std::io::Write;

/// Writes a line of result. A reader that has gone away is no error.
pub(crate) fn result(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Writes a line of talk.
pub(crate) fn talk(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Writes a question without ending the line.
pub(crate) fn ask(question: &str) {
    let mut stream = std::io::stderr().lock();
    let _ = write!(stream, "{question}").and_then(|()| stream.flush());
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

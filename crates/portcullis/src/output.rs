//! The one place that writes to the terminal: results to standard output, talk to standard error. It also
//! decides how things may look.

use std::ffi::OsString;
use std::io::{ErrorKind, IsTerminal, Write};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::bounds::{PROSE_WIDTH_MAX, TALK_HANG};

/// How things may look on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    /// Colours may be used, always beside a word and never instead of one.
    pub(crate) colour: bool,
    /// A screen may be redrawn in place.
    pub(crate) live: bool,
    /// Icons and bars outside ASCII can be shown.
    pub(crate) unicode: bool,
}

mod wrap;

use wrap::fitted;
pub(crate) use wrap::wrap;

static LOOK: OnceLock<Look> = OnceLock::new();

impl Look {
    /// The policy: `--plain`, then a `NO_COLOR` that is not empty, then `CLICOLOR_FORCE`, then whether
    /// standard output is a terminal that is more than a `TERM=dumb`.
    fn decide(plain: bool, terminal: bool, variable: impl Fn(&str) -> Option<OsString>) -> Look {
        let filled = |name: &str| variable(name).filter(|value| !value.is_empty());
        let capable = terminal && filled("TERM").is_none_or(|term| term != "dumb");
        let forced = filled("CLICOLOR_FORCE").is_some_and(|value| value != "0");
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(filled);
        let locale = locale.map(|name| name.to_string_lossy().to_ascii_lowercase());
        let is_utf8 = |name: String| name.contains("utf-8") || name.contains("utf8");
        Look {
            colour: !plain && filled("NO_COLOR").is_none() && (forced || capable),
            live: !plain && capable,
            unicode: !plain && locale.is_some_and(is_utf8),
        }
    }
}

/// Settles how things look, once, from what was typed.
pub(crate) fn settle(plain: bool) {
    let terminal = std::io::stdout().is_terminal();
    let _ = LOOK.set(Look::decide(plain, terminal, |name| std::env::var_os(name)));
}

/// How things look. Before it is settled: words alone.
pub(crate) fn look() -> Look {
    LOOK.get().copied().unwrap_or(Look {
        colour: false,
        live: false,
        unicode: false,
    })
}

/// The terminal's columns and rows; `None` when standard output is no terminal.
pub(crate) fn size() -> Option<(usize, usize)> {
    let (width, height) = terminal_size::terminal_size_of(std::io::stdout())?;
    Some((usize::from(width.0), usize::from(height.0)))
}

/// The first failure to write a result, other than a reader that has gone away.
static UNWRITTEN: OnceLock<std::io::Error> = OnceLock::new();

/// Why a result could not be written as a whole, once all of it should be. A reader that has gone away is no
/// failure; a full disk is.
pub(crate) fn unwritten() -> Option<&'static std::io::Error> {
    note(std::io::stdout().lock().flush());
    UNWRITTEN.get()
}

/// Keeps what became of a write of a result, for [`unwritten`].
pub(crate) fn note(written: std::io::Result<()>) {
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            let _ = UNWRITTEN.set(error);
        }
        _ => {}
    }
}

/// Writes a line of result. A reader that has gone away is no error; for others see [`unwritten`].
pub(crate) fn result(line: &str) {
    note(writeln!(std::io::stdout().lock(), "{line}"));
}

/// Writes a piece of a result as it is, without ending the line. A reader that has gone away is no error.
pub(crate) fn text(text: &str) {
    note(std::io::stdout().lock().write_all(text.as_bytes()));
}

/// Writes a line of a result that may have no end; whoever writes one must hear that its reader has gone
/// away.
pub(crate) fn stream(line: &str) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}").inspect_err(|error| {
        note(Err(std::io::Error::new(error.kind(), error.to_string())));
    })
}

/// Writes a result that is prose: broken at the width of the terminal, if standard output is one.
pub(crate) fn prose(text: &str) {
    let width = size().map(|(width, _)| width.min(PROSE_WIDTH_MAX));
    result(&fitted(text, width, 0));
}

/// Writes a line of talk: broken at the width of the terminal, if standard error is one.
pub(crate) fn talk(line: &str) {
    let size = terminal_size::terminal_size_of(std::io::stderr());
    let width = size.map(|(width, _)| usize::from(width.0).min(PROSE_WIDTH_MAX));
    talk_unbroken(&fitted(line, width, TALK_HANG));
}

/// Where talk goes while there is a log: one that nobody reads must hold up nobody who serves.
static ASIDE: Mutex<Option<Box<dyn Write + Send>>> = Mutex::new(None);

/// Gives talk to a writer that never waits, or, with `None`, to standard error itself again.
pub(crate) fn talk_aside(writer: Option<Box<dyn Write + Send>>) {
    *ASIDE.lock().unwrap_or_else(PoisonError::into_inner) = writer;
}

/// Writes a line of talk whose columns mean something, such as a place in a file.
pub(crate) fn talk_unbroken(line: &str) {
    let mut aside = ASIDE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(aside) = &mut *aside {
        let _ = aside.write_all(format!("{line}\n").as_bytes());
        return;
    }
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Writes a frame of a screen, all of it at once so that no half of it is ever seen.
pub(crate) fn paint(frame: &str) {
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(frame.as_bytes());
    note(written.and_then(|()| stdout.flush()));
}

/// Writes a question without ending the line.
pub(crate) fn ask(question: &str) {
    let mut stream = std::io::stderr().lock();
    let _ = write!(stream, "{question}").and_then(|()| stream.flush());
}

/// Writes a result as JSON.
pub(crate) fn json(value: &impl serde::Serialize) {
    written(serde_json::to_string_pretty(value));
}

/// Writes a result as JSON in one line.
pub(crate) fn json_line(value: &impl serde::Serialize) {
    written(serde_json::to_string(value));
}

fn written(text: Result<String, serde_json::Error>) {
    match text {
        Ok(text) => result(&text),
        Err(error) => talk(&format!(
            "error: the result cannot be written as JSON: {error}"
        )),
    }
}

#[cfg(test)]
mod tests;

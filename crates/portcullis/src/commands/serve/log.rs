//! The log of `serve`: for a person, as JSON lines, or as the journal of systemd wants it.
//!
//! A thread of its own writes to standard error. A terminal that is stopped, or a reader that hangs, holds up that
//! thread and nobody who serves: when more lines wait than may, further ones are lost, and once it goes on
//! again the log says how many.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, OnceLock};

use crate::output;
use tracing::{Event, Level, Subscriber};
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::bounds::LOG_LINES_WAITING_MAX;

/// Keeps the log open. Dropping it writes the lines that wait, for a second at most.
#[must_use]
pub(super) struct Log {
    _thread: WorkerGuard,
}

/// Standard error, as the log's thread writes it.
struct Drain<W> {
    to: W,
    /// How many lines were lost; set once the thread runs.
    lost: Arc<OnceLock<ErrorCounter>>,
    /// How many of them the log has told.
    told: usize,
}

/// Begins to log to standard error.
pub(super) fn start(json: bool) -> Log {
    let filter = tracing_subscriber::EnvFilter::try_from_env("PORTCULLIS_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,object_store=warn"));
    let (lines, thread) = drained(io::stderr(), LOG_LINES_WAITING_MAX);
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(lines.clone());
    output::talk_aside(Some(Box::new(lines)));
    if json {
        builder.json().init();
    } else if goes_to_journal() {
        builder.with_ansi(false).event_format(JournalFormat).init();
    } else {
        let coloured = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        builder.with_target(false).with_ansi(coloured).init();
    }
    Log { _thread: thread }
}

impl Drop for Log {
    fn drop(&mut self) {
        // What is said after the log's end is said at once.
        output::talk_aside(None);
    }
}

/// Where lines are left for a thread that writes them; more than `waiting_max` do not wait.
fn drained(to: impl Write + Send + 'static, waiting_max: usize) -> (NonBlocking, WorkerGuard) {
    let lost = Arc::default();
    let drain = Drain {
        to,
        lost: Arc::clone(&lost),
        told: 0,
    };
    let (lines, thread) = NonBlockingBuilder::default()
        .buffered_lines_limit(waiting_max)
        .lossy(true)
        .thread_name("log")
        .finish(drain);
    let _ = lost.set(lines.error_counter());
    (lines, thread)
}

impl<W: Write> Write for Drain<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.to.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        let lost = self.lost.get().map_or(0, ErrorCounter::dropped_lines);
        if lost > self.told {
            self.told = lost;
            // It waits behind the others. Should it be lost as well, the next one has the whole number.
            tracing::warn!(
                lost,
                "lines of this log were lost, counted since the start: they could not be written fast enough"
            );
        }
        self.to.flush()
    }
}

/// Lines for the journal of systemd, which adds the time itself and reads the level from a prefix such as
/// `<3>` (sd-daemon(3)).
struct JournalFormat;

impl<S, N> FormatEvent<S, N> for JournalFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let priority = priority(*event.metadata().level());
        let mut text = String::new();
        context
            .field_format()
            .format_fields(Writer::new(&mut text), event)?;
        // Each line is an entry of its own, and needs a priority of its own.
        for line in text.lines() {
            writeln!(writer, "<{priority}>{line}")?;
        }
        Ok(())
    }
}

/// The priority of syslog(3) for a level.
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    }
}

/// Whether standard error is the stream that the service manager has connected to its journal:
/// `JOURNAL_STREAM` names it by device and inode (systemd.exec(5)).
fn goes_to_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    let found = std::fs::metadata("/proc/self/fd/2");
    found.is_ok_and(|found| stream == format!("{}:{}", found.dev(), found.ino()))
}

#[cfg(test)]
mod tests;

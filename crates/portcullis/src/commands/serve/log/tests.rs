use std::sync::Mutex;
use std::time::Duration;

use super::*;

/// What was written, once nobody holds it.
#[derive(Clone, Default)]
struct Held(Arc<Mutex<String>>);

impl Write for Held {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut text = self.0.lock().unwrap();
        text.push_str(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn who_logs_never_waits_and_the_log_says_how_many_lines_were_lost() {
    const LINES: usize = 1_000;
    let held = Held::default();
    let (lines, thread) = drained(held.clone(), 4);
    let subscriber = tracing_subscriber::fmt().with_writer(lines);
    subscriber.with_ansi(false).init();
    let stopped = held.0.lock().unwrap();
    // Would never end if anybody waited: the text cannot be written meanwhile.
    (0..LINES).for_each(|number| tracing::info!(number, "a line"));
    drop(stopped);
    let written = || held.0.lock().unwrap().clone();
    for _ in 0..10_000 {
        if written().contains("lines of this log were lost") {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let text = written();
    let told = text.split("lost=").nth(1).unwrap_or_default().trim();
    let lost: usize = told.parse().unwrap();
    assert_eq!(lost + text.matches("a line").count(), LINES, "{text}");
    drop(thread);
}

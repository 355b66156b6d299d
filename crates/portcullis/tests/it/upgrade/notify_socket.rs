//! The service manager's end of the notification socket (sd_notify(3)).

use std::cell::RefCell;
use std::collections::VecDeque;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct NotifySocket {
    socket: UnixDatagram,
    folder: TempDir,
    /// What was said and not asked for yet.
    lines: RefCell<VecDeque<String>>,
}

impl NotifySocket {
    pub(super) fn new() -> NotifySocket {
        let folder = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        NotifySocket {
            socket,
            folder,
            lines: RefCell::default(),
        }
    }

    /// What a service is started with, which must give a sign of life within `watchdog`.
    pub(super) fn environment(&self, watchdog: Duration) -> Vec<(&'static str, String)> {
        let socket = self.folder.path().join("notify");
        vec![
            ("NOTIFY_SOCKET", socket.display().to_string()),
            ("WATCHDOG_USEC", watchdog.as_micros().to_string()),
        ]
    }

    /// Waits for a line that begins with `words`. The lines before it are forgotten.
    pub(super) fn until(&self, words: &str) {
        let begun = Instant::now();
        let mut passed = Vec::new();
        while begun.elapsed() < PATIENCE {
            let next = self.lines.borrow_mut().pop_front();
            match next {
                Some(line) if line.starts_with(words) => return,
                Some(line) => passed.push(line),
                None => {
                    let message = self.hear(Duration::from_millis(200));
                    let lines = message.lines().map(str::to_owned);
                    self.lines.borrow_mut().extend(lines);
                }
            }
        }
        panic!("`{words}` never came; heard: {passed:#?}");
    }

    /// Everything that is said within a time.
    pub(super) fn hear_for(&self, time: Duration) -> String {
        let begun = Instant::now();
        let mut heard = String::new();
        while begun.elapsed() < time {
            heard.push_str(&self.hear(Duration::from_millis(100)));
        }
        heard
    }

    /// Forgets what was said until now.
    pub(super) fn forget(&self) {
        self.lines.borrow_mut().clear();
        while !self.hear(Duration::from_millis(1)).is_empty() {}
    }

    fn hear(&self, patience: Duration) -> String {
        self.socket.set_read_timeout(Some(patience)).unwrap();
        let mut message = [0; 4096];
        let length = self.socket.recv(&mut message).unwrap_or(0);
        String::from_utf8_lossy(&message[..length]).into_owned()
    }
}

//! The binary in a real pseudo-terminal.

use std::io::{Read, Write};
use std::num::NonZero;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::rig::Rig;

const COLUMNS: u16 = 120;
const ROWS: u16 = 50;
/// What ends a frame: the terminal may show it now.
const FRAME_END: &[u8] = b"\x1b[?2026l";
/// The leader of the terminal's session: says how the program has ended, in words that no screen shows, and stays.
/// A leader that exits hangs its terminal up, and the system then throws away what nobody has read from it yet.
const LEADER: &str = r#"trap : INT; "$0" "$@"; printf '\033]9;ended %d\007' $?; exec sleep 600"#;
const ENDED: &[u8] = b"\x1b]9;ended ";
/// How long anything that is waited for may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a terminal showed.
#[derive(Default)]
struct Shown {
    frames: Vec<Frame>,
    all: String,
    /// What came after the last frame, as it came.
    unframed: String,
    closed: bool,
    /// How the program has ended.
    code: Option<u32>,
}

/// A frame of a screen that is redrawn.
#[derive(Clone)]
pub(crate) struct Frame {
    pub(crate) text: String,
    pub(crate) since_start: Duration,
}

/// The binary in a terminal of its own.
pub(crate) struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    shown: Arc<(Mutex<Shown>, Condvar)>,
    reader: JoinHandle<()>,
}

impl Terminal {
    pub(crate) fn open(rig: &Rig, args: &[&str]) -> Terminal {
        let size = PtySize {
            rows: ROWS,
            cols: COLUMNS,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new("sh");
        command.args(["-c", LEADER, env!("CARGO_BIN_EXE_portcullis")]);
        command.args(args);
        command.cwd(rig.folder.path());
        command.env("TERM", "xterm-256color");
        command.env("LC_ALL", "C.UTF-8");
        command.env_remove("NO_COLOR");
        let started = Instant::now();
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let bytes = pair.master.try_clone_reader().unwrap();
        let shown = Arc::new((Mutex::new(Shown::default()), Condvar::new()));
        let there = shown.clone();
        let reader = std::thread::spawn(move || read(bytes, &there, started));
        Terminal {
            child,
            master: pair.master,
            shown,
            reader,
        }
    }

    /// Waits for a frame that has all of these words.
    pub(crate) fn until(&self, words: &[&str]) -> Frame {
        let (lock, changed) = &*self.shown;
        let mut shown = lock.lock().unwrap();
        let begun = Instant::now();
        loop {
            let has = |frame: &&Frame| words.iter().all(|word| frame.text.contains(word));
            if let Some(frame) = shown.frames.iter().find(has) {
                return frame.clone();
            }
            let last = shown.frames.last().map(|frame| frame.text.clone());
            assert!(
                !shown.closed && begun.elapsed() < PATIENCE,
                "no frame with {words:?}; the last one:\n{}\n{}",
                last.unwrap_or_default(),
                shown.all
            );
            (shown, _) = changed
                .wait_timeout(shown, Duration::from_millis(100))
                .unwrap();
        }
    }

    /// Waits until the newest frame has all of these words, and not that one.
    pub(crate) fn until_last(&self, words: &[&str], without: &str) {
        let (lock, changed) = &*self.shown;
        let mut shown = lock.lock().unwrap();
        let begun = Instant::now();
        loop {
            let last = shown.frames.last().map(|frame| frame.text.clone());
            let last = last.unwrap_or_default();
            if words.iter().all(|word| last.contains(word)) && !last.contains(without) {
                return;
            }
            assert!(!shown.closed && begun.elapsed() < PATIENCE, "{last}");
            (shown, _) = changed
                .wait_timeout(shown, Duration::from_millis(100))
                .unwrap();
        }
    }

    /// Waits for words that are in no frame.
    pub(crate) fn until_said(&self, words: &str) {
        let (lock, changed) = &*self.shown;
        let mut shown = lock.lock().unwrap();
        let begun = Instant::now();
        while !shown.unframed.contains(words) {
            let said = &shown.unframed;
            assert!(!shown.closed && begun.elapsed() < PATIENCE, "{said}");
            (shown, _) = changed
                .wait_timeout(shown, Duration::from_millis(100))
                .unwrap();
        }
    }

    /// Types keys. That can be done once: what is typed ends there.
    pub(crate) fn press(&self, keys: &[u8]) {
        self.master.take_writer().unwrap().write_all(keys).unwrap();
    }

    /// Waits for the end: the exit code, every frame, and all that was on the terminal.
    pub(crate) fn end(mut self) -> (u32, Vec<Frame>, String) {
        self.reader.join().unwrap();
        self.child.kill().unwrap();
        let shown = std::mem::take(&mut *self.shown.0.lock().unwrap());
        (shown.code.unwrap(), shown.frames, shown.all)
    }
}

fn read(mut bytes: Box<dyn Read + Send>, shown: &(Mutex<Shown>, Condvar), started: Instant) {
    let mut terminal = vt100::Parser::new(nonzero(ROWS), nonzero(COLUMNS), 0);
    let mut waiting = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        // A terminal whose last program has ended answers with an error.
        let read = bytes.read(&mut buffer).unwrap_or(0);
        waiting.extend_from_slice(&buffer[..read]);
        let mut end = waiting
            .windows(FRAME_END.len())
            .position(|w| w == FRAME_END);
        let mut shown_now = shown.0.lock().unwrap();
        while let Some(at) = end {
            let frame: Vec<u8> = waiting.drain(..at + FRAME_END.len()).collect();
            terminal.process(&frame);
            for row in 0..ROWS {
                assert!(!terminal.screen().row_wrapped(row), "row {row} is too long");
            }
            shown_now.frames.push(Frame {
                text: terminal.screen().contents(),
                since_start: started.elapsed(),
            });
            end = waiting
                .windows(FRAME_END.len())
                .position(|w| w == FRAME_END);
        }
        shown_now.unframed = String::from_utf8_lossy(&waiting).into_owned();
        shown_now.code = ended(&waiting);
        shown_now.closed = read == 0 || shown_now.code.is_some();
        if shown_now.closed {
            terminal.process(&waiting);
        }
        shown_now.all = terminal.screen().contents();
        shown.1.notify_all();
        if shown_now.closed {
            return;
        }
    }
}

/// With which exit code the program has ended, once its leader says so.
fn ended(bytes: &[u8]) -> Option<u32> {
    let at = bytes.windows(ENDED.len()).position(|w| w == ENDED)?;
    let digits = bytes[at + ENDED.len()..].split(|byte| *byte == 7);
    // What was only read in part has no end yet.
    let [digits, _, ..] = digits.collect::<Vec<_>>()[..] else {
        return None;
    };
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn nonzero(number: u16) -> NonZero<u16> {
    NonZero::new(number).unwrap()
}

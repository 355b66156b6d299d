//! The live screen, in a real pseudo-terminal, while a release is rolled back.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use serde_json::Value;

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

/// The document that the recorded session goes into.
const RECORD: &str = "PORTCULLIS_RECORD";

/// What a terminal showed.
#[derive(Default)]
struct Shown {
    frames: Vec<Frame>,
    all: String,
    closed: bool,
    /// How the program has ended.
    code: Option<u32>,
}

#[derive(Clone)]
struct Frame {
    text: String,
    since_start: Duration,
}

/// The binary in a terminal of its own.
struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    shown: Arc<(Mutex<Shown>, Condvar)>,
    reader: JoinHandle<()>,
}

impl Terminal {
    fn open(rig: &Rig, args: &[&str]) -> Terminal {
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
    fn until(&self, words: &[&str]) -> Frame {
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
    fn until_last(&self, words: &[&str], without: &str) {
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

    fn press(&self, key: u8) {
        self.master
            .take_writer()
            .unwrap()
            .write_all(&[key])
            .unwrap();
    }

    /// Waits for the end: the exit code, every frame, and all that was on the terminal.
    fn end(mut self) -> (u32, Vec<Frame>, String) {
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

#[test]
fn a_rollback_is_watched_to_its_end_and_an_interrupt_only_detaches() {
    let rig = Rig::serving("errors:0.2");
    let users = rig.users();
    assert_eq!(rig.exit(&["deploy", "--release", "1.1", "--wait"]), 0);
    rig.edit("window = \"2s\"", "window = \"12s\"");
    rig.edit("requests_min = 20", "requests_min = 250");
    rig.ok(&["deploy", "--release", "1.2"]);

    let watcher = Terminal::open(&rig, &["watch"]);
    watcher.until(&["Holding at 20 %"]);
    let visitor = Terminal::open(&rig, &["watch", "dhash-3"]);
    visitor.until(&["dhash-3"]);
    visitor.press(3);
    let (code, _, all) = visitor.end();
    assert_eq!(code, 130, "{all}");
    assert!(
        all.contains("portcullis watch dhash-3") && all.contains("portcullis abort dhash-3"),
        "{all}"
    );
    assert!(!rig.json(&["show", "dhash-3"])["over"].as_bool().unwrap());

    let (code, frames, all) = watcher.end();
    assert_eq!(code, 3, "{all}");
    assert_eq!(users.stop(), 0, "requests were dropped");
    let last = &frames.last().unwrap().text;
    let sentence = rig.json(&["show", "dhash-3"])["sentence"].clone();
    let sentence = sentence.as_str().unwrap();
    assert_eq!(last.lines().next(), Some(sentence), "{last}");
    assert!(all.contains(sentence), "the last frame stays");
    let bar = |frame: &&Frame| {
        let bar = frame.text.lines().find(|line| line.starts_with("traffic"));
        bar.is_some_and(|bar| bar.contains('█') && bar.contains("20 % to 1.2"))
    };
    assert!(
        frames.iter().any(|frame| bar(&frame)),
        "no traffic was seen"
    );
    assert!(last.contains("0 % to 1.2"), "{last}");
    told_to_programs_and_screen_readers(&rig);
    if let Some(path) = std::env::var_os(RECORD) {
        record(Path::new(&path), &rig, &frames);
    }
}

/// Chosen frames of a session, as a document.
fn record(path: &Path, rig: &Rig, frames: &[Frame]) {
    let find = |words: &[&str]| {
        let has = |frame: &&Frame| words.iter().all(|word| frame.text.contains(word));
        frames.iter().find(has)
    };
    let end = frames.last();
    let chosen = [
        ("At the start", frames.first()),
        ("A gate opens", find(&["Holding at 20 %", "too few"])),
        ("The gate still needs requests", {
            let open = |frame: &&Frame| frame.text.starts_with("Holding at 20 %");
            frames.iter().rfind(open)
        }),
        (
            "The gate has failed, the way back",
            find(&["Going back", "undoing"]),
        ),
        ("The end, exit code 3", end),
    ];
    let mut text = String::from(DOCUMENT_HEAD);
    for (title, frame) in chosen {
        let Some(frame) = frame else { continue };
        let shown = frame
            .text
            .replace(&rig.folder.path().display().to_string(), "/srv/dhash");
        let seconds = frame.since_start.as_secs_f64();
        write!(
            text,
            "\n## {title} ({seconds:.2} s)\n\n```text\n{}\n```\n",
            shown.trim_end()
        )
        .unwrap();
    }
    std::fs::write(path, text).unwrap();
}

const DOCUMENT_HEAD: &str = "# A session of `portcullis watch`

Release 1.2 of dhash answers one request in five with an error. This is what `portcullis watch` showed on a
terminal of 120 columns while the release was rolled back, without the colours. The frames are recorded by the
test `a_rollback_is_watched_to_its_end_and_an_interrupt_only_detaches` with `PORTCULLIS_RECORD=FILE`; the time in
each title is since `watch` began.
";

fn nonzero(number: u16) -> NonZero<u16> {
    NonZero::new(number).unwrap()
}

fn told_to_programs_and_screen_readers(rig: &Rig) {
    let output = rig.run(&["watch", "dhash-3", "--json"]);
    assert_eq!(output.status.code(), Some(3));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(
        lines
            .iter()
            .all(|line| line["schema"] == "portcullis.watch/1")
    );
    let (last, moments) = lines.split_last().unwrap();
    assert!(moments.len() > 10 && moments.iter().all(|line| line["kind"] == "moment"));
    assert_eq!(
        (&last["kind"], &last["exit_code"]),
        (&"rollout".into(), &3.into())
    );

    let (code, frames, all) = Terminal::open(rig, &["watch", "--plain"]).end();
    assert_eq!((code, frames.len()), (3, 0), "{all}");
    assert!(all.contains("=> Rolled back to 1.1"), "{all}");
}

#[test]
fn a_server_that_restarts_is_waited_for() {
    let mut rig = Rig::serving("none");
    rig.edit("window = \"2s\"", "window = \"1h\"");
    rig.ok(&["deploy", "--release", "1.1"]);
    let watcher = Terminal::open(&rig, &["watch"]);
    watcher.until(&["Holding at 20 %"]);
    rig.kill();
    watcher.until(&["no server answers; trying again"]);
    rig.start();
    watcher.until_last(
        &["Holding at 20 %", "portcullis abort dhash-2"],
        "no server answers",
    );
    rig.ok(&["abort", "--reason", "seen enough"]);
    let (code, frames, all) = watcher.end();
    assert_eq!(code, 1, "{all}");
    let last = &frames.last().unwrap().text;
    assert!(
        last.starts_with("Rolled back to 1.0: aborted by tester (seen enough)"),
        "{last}"
    );
}

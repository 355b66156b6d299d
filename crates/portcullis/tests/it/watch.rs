//! The live screen, in a real pseudo-terminal, while a release is rolled back.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use crate::rig::Rig;
use crate::terminal::{Frame, Terminal};

/// The document that the recorded session goes into.
const RECORD: &str = "PORTCULLIS_RECORD";

#[test]
fn a_rollback_is_watched_to_its_end() {
    let rig = Rig::serving("errors:0.2");
    let users = rig.users();
    assert_eq!(rig.exit(&["deploy", "--release", "1.1", "--wait"]), 0);
    rig.edit("window = \"2s\"", "window = \"12s\"");
    rig.edit("requests_min = 20", "requests_min = 250");
    rig.ok(&["deploy", "--release", "1.2"]);

    let watcher = Terminal::open(&rig, &["watch"]);
    watcher.until(&["Holding at 20 %"]);
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
test `a_rollback_is_watched_to_its_end` with `PORTCULLIS_RECORD=FILE`; the time in
each title is since `watch` began.
";

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
fn an_interrupt_only_detaches() {
    let rig = Rig::serving("none");
    rig.edit("window = \"2s\"", "window = \"1h\"");
    rig.ok(&["deploy", "--release", "1.1"]);
    let visitor = Terminal::open(&rig, &["watch", "dhash-2"]);
    visitor.until(&["Holding at 20 %"]);
    visitor.press(&[3]);
    let (code, _, all) = visitor.end();
    assert_eq!(code, 130, "{all}");
    assert!(
        all.contains("portcullis watch dhash-2") && all.contains("portcullis abort dhash-2"),
        "{all}"
    );
    assert!(!rig.json(&["show", "dhash-2"])["over"].as_bool().unwrap());
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
